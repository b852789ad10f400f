"""Make the virtual environment and install a pinned set into it: ``python requirements/install.py .venv test``.

Sets are the files beside this one. The set is installed with its hashes, then the checkout itself, editable; of a set
``wandb…`` or ``peer-…``, a version of the official client or another tracker, nothing but itself.
"""

import os
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).parent
STANDS_ALONE = ("wandb", "peer-")


def main(folder: str, name: str) -> None:
    """Install the set `name` into the environment `folder`, making it if need be."""
    if sys.version_info < (3, 11):  # noqa: UP036 (this file is what an older Python meets first)
        sys.exit(f"runlake needs Python 3.11 or newer; this is {sys.version.split()[0]}: make PYTHON=python3.12 …")
    environment = Path(folder)
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        print(f"making a virtual environment in {folder}", flush=True)
        try:
            venv.create(environment, with_pip=True)
        except subprocess.CalledProcessError:
            sys.exit("this Python has no pip to make an environment with; on Debian: apt install python3-venv")
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    print(f"installing the pinned packages for {name}", flush=True)
    subprocess.run([*pip, "--require-hashes", "--requirement", str(HERE / f"{name}.txt")], check=True)
    if not name.startswith(STANDS_ALONE):
        subprocess.run([*pip, "--no-deps", "--no-build-isolation", "--editable", str(HERE.parent)], check=True)
    (environment / f"{name}.done").touch()


if __name__ == "__main__":
    main(*sys.argv[1:])
