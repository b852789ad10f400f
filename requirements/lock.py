"""Pin each set of packages, with hashes, for every Python and platform: ``python requirements/lock.py``.

``python requirements/lock.py libraries`` pins those that `make test-integrations` trains with, and nothing else does.
"""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
CHECKOUT = ["pyproject.toml", "requirements/build.in"]
SETS = {"demo": ["demo", "ui"], "test": ["test"], "check": ["check"]}
LIBRARIES = ["integrations-torch", "integrations-vision", "integrations-tables"]
SAME_AS_HEADLESS = "opencv-python"


def main(which: str = "all") -> None:
    """Write ``<set>.txt`` for every set: the base packages, the set's extras, and what builds the checkout."""
    if which == "libraries":
        for name in LIBRARIES:
            pin(name, *CHECKOUT, f"requirements/{name}.in", f"--no-emit-package={SAME_AS_HEADLESS}")
        return
    for name, extras in SETS.items():
        pin(name, *CHECKOUT, *(f"--extra={extra}" for extra in extras))
    pin("page", "requirements/page.in")
    for name in ("browser", "deploy"):
        pin(name, f"requirements/{name}.in", "--constraint=requirements/test.txt")
    for file in sorted([*HERE.glob("wandb*.in"), *HERE.glob("peer-*.in")]):
        pin(file.stem, f"requirements/{file.name}")


def pin(name: str, *arguments: str) -> None:
    """Write the set `name`, out of what uv is to compile it from."""
    command = ["uv", "pip", "compile", *arguments, "--universal", "--generate-hashes", "--python-version", "3.11"]
    command += ["--no-header", "--no-emit-index-url", "--quiet", "--upgrade"]
    subprocess.run([*command, "--output-file", f"requirements/{name}.txt"], cwd=HERE.parent, check=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
