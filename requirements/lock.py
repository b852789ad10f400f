"""Pin each set of packages, with hashes, for every Python and platform: ``python requirements/lock.py``."""

import subprocess
from pathlib import Path

HERE = Path(__file__).parent
SETS = {"demo": ["demo"], "test": ["test"], "check": ["check"]}


def main() -> None:
    """Write ``<set>.txt`` for every set: the base packages, the set's extras, and what builds the checkout."""
    for name, extras in SETS.items():
        command = ["uv", "pip", "compile", "pyproject.toml", "requirements/build.in"]
        command += ["--universal", "--generate-hashes"]
        command += ["--python-version", "3.11", "--no-header", "--no-emit-index-url", "--quiet", "--upgrade"]
        command += [f"--extra={extra}" for extra in extras]
        subprocess.run([*command, "--output-file", f"requirements/{name}.txt"], cwd=HERE.parent, check=True)
    command = ["uv", "pip", "compile", "requirements/wandb.in", "--universal", "--generate-hashes"]
    command += ["--python-version", "3.11", "--no-header", "--no-emit-index-url", "--quiet", "--upgrade"]
    subprocess.run([*command, "--output-file", "requirements/wandb.txt"], cwd=HERE.parent, check=True)


if __name__ == "__main__":
    main()
