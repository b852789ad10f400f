"""Make an environment of others' libraries: ``python requirements/install_libraries.py .venv/integrations/torch``.

The last part of the path names the set, ``integrations-<set>.txt`` beside this file. Of it, wandb goes into the folder
``client`` of the environment, which is on nobody's path: the libraries are tried without wandb and with it, and are
installed once. Nothing outside of the list is installed, and all of it by its hash, but for one thing: where pip is
told of a place that has PyTorch built for CPUs alone, that build is taken, and what is for GPUs is left out.
"""

import os
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

HERE = Path(__file__).parent
FOR_GPUS = re.compile(r"(nvidia-(?!ml-py)|cuda-|triton\b)")
PINNED_TORCH = re.compile(r"^torch==(\S+)", re.MULTILINE)


def main(folder: str) -> None:
    """Make the environment, or bring it up to the list."""
    environment = Path(folder)
    pinned = blocks((HERE / f"integrations-{environment.name}.txt").read_text("utf-8"))
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        venv.create(environment, with_pip=True)
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
    print(f"installing the libraries of {environment.name}", flush=True)
    client = {name: text for name, text in pinned.items() if name == "wandb"}
    libraries = {name: text for name, text in pinned.items() if name != "wandb"}
    if "torch" not in libraries or installed_for_cpus(pip, libraries["torch"]):
        libraries = {name: text for name, text in libraries.items() if name != "torch" and not FOR_GPUS.match(name)}
    install(pip, libraries)
    install([*pip, "--upgrade", "--target", str(environment / "client")], client)
    subprocess.run([*pip, "--no-build-isolation", "--editable", str(HERE.parent)], check=True)
    environment.with_suffix(".done").touch()


def blocks(lock: str) -> dict[str, str]:
    """The pinned packages of a list: name → its lines."""
    found: dict[str, str] = {}
    name = ""
    for line in lock.splitlines(keepends=True):
        if not line.startswith((" ", "#")):
            name = line.partition("==")[0]
        found[name] = found.get(name, "") + line
    return found


def installed_for_cpus(pip: list[str], torch: str) -> bool:
    """Whether pip knew of the pinned release of PyTorch as a build for CPUs alone, and has installed it."""
    match = PINNED_TORCH.search(torch)
    assert match is not None, torch
    return subprocess.run([*pip, f"torch=={match[1]}+cpu"], stderr=subprocess.DEVNULL, check=False).returncode == 0


def install(pip: list[str], pinned: dict[str, str]) -> None:
    """Install packages by their hashes."""
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder, "pinned.txt")
        lines.write_text("".join(pinned.values()), "utf-8")
        subprocess.run([*pip, "--require-hashes", "--requirement", str(lines)], check=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
