"""How `import wandb` finds runlake's package first.

A package folder on ``PYTHONPATH`` is not enough: Python looks beside the script before it looks there, so a folder
``./wandb`` (the official client leaves one behind wherever it ran) would win. An entry of ``sys.meta_path`` is
asked before any folder is.

This file stands alone. ``wandb_package/sitecustomize.py`` loads it by its location at the start of every Python
process below ``runlake exec``, where importing runlake itself would cost time and could fail.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

WANDB_VERSION = "0.31.0+runlake"
"""The wandb whose behaviour the package follows; libraries that ask for a minimum version read it."""

HERE = Path(__file__).absolute().parent

PACKAGE_FOLDER = HERE / "wandb_package"
"""The folder that holds the package `wandb`, and the `sitecustomize` of child processes."""

COMMAND_FOLDER = HERE / "bin"
"""The folder that holds the command `wandb`, for shell scripts."""

SOURCE_FOLDER = HERE.parent.parent
"""The folder that holds runlake itself."""

_METADATA = f"""\
Metadata-Version: 2.1
Name: wandb
Version: {WANDB_VERSION}
Summary: runlake, answering to the name wandb
"""


UNLESS_INSTALLED = "RUNLAKE_WANDB_UNLESS_INSTALLED"
"""The variable by which a Python below an agent keeps the wandb that is installed for it, if there is one."""


class PackageFinder:
    """Finds one top-level package in one folder; everything else is left to the other finders."""

    def __init__(self, name: str, folder: Path, metadata: str | None = None) -> None:
        self.name = name
        self.folder = folder
        self.metadata = metadata

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The package's spec; its submodules are found in the usual way, through its ``__path__``."""
        return PathFinder.find_spec(fullname, [str(self.folder)], target) if fullname == self.name else None

    def find_distributions(self, context: Any = None) -> Iterable[Any]:
        """What ``importlib.metadata.version(name)`` reads.

        Only a question by name is answered, never a listing: ``pip freeze`` must not write a package down that
        no index has.
        """
        if self.metadata is None or getattr(context, "name", None) != self.name:
            return []
        return [_distribution(self.metadata, self.folder)]


def _distribution(metadata: str, folder: Path) -> Any:
    from importlib.metadata import Distribution  # every child process would pay for it at its start

    class NamedDistribution(Distribution):
        def read_text(self, filename: str) -> str | None:
            return metadata if filename == "METADATA" else None

        def locate_file(self, path: Any) -> Any:
            return folder / path

    return NamedDistribution()


def put_first() -> None:
    """Make `import wandb` give runlake's package in this process; doing it twice changes nothing."""
    # Another copy of this class may have done it: `sitecustomize` loads this file under a name of its own.
    if all(getattr(finder, "folder", None) != PACKAGE_FOLDER for finder in sys.meta_path):
        sys.meta_path.insert(0, PackageFinder("wandb", PACKAGE_FOLDER, _METADATA))


def steps_aside() -> bool:
    """Leave `import wandb` alone where a wandb is installed, if the environment says so; whether it was done.

    A folder ``./wandb`` that the official client left behind is none: it has no ``__init__.py``.
    """
    if not os.environ.get(UNLESS_INSTALLED):
        return False
    others = [entry for entry in sys.path if entry != str(PACKAGE_FOLDER)]
    spec = PathFinder.find_spec("wandb", others)
    if spec is None or spec.origin is None:
        return False
    sys.path[:] = others
    return True


def keep_runlake_reachable() -> None:
    """Find runlake where this file lies when nothing else knows it, as in a checkout that is not installed."""
    sys.meta_path.append(PackageFinder("runlake", SOURCE_FOLDER))
