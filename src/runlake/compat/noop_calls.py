"""Calls that W&B scripts make and that have little to do here: logging in, and saying something on the terminal."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any, NamedTuple

from runlake.errors import UsageError
from runlake.sdk.process.active import session
from runlake.sdk.run.run import Run
from runlake.settings import Settings, current_folder, resolve

patched: dict[str, list[Any]] = {"gym": [], "keras": [], "tensorboard": []}
"""What integrations have patched, by library; theirs to write."""


def login(*args: Any, **kwargs: Any) -> bool:
    """Answer True and ask nothing: a folder needs no account, and a key for W&B's server is not read."""
    return True


class Setup(NamedTuple):
    """What `setup` answers."""

    settings: Settings


def setup(settings: Any = None) -> Setup:
    """The settings in force, in its `settings`; nothing has to be prepared before `init`."""
    return Setup(resolve({} if settings is None else {"settings": settings}, os.environ, current_folder()))


def ensure_configured() -> None:
    """Do nothing: settings are read when they are needed."""


def sagemaker_auth(overrides: Any = None, path: str = ".") -> None:
    """Do nothing: it hands W&B's key to jobs of SageMaker, and there is none."""


def attach(attach_id: str | None = None, run_id: str | None = None, *, run: Run | None = None) -> Run:
    """The active run, where that is the one that is meant; raises `UsageError` where it is another's.

    What another process began is gone on with by ``init(id=…, resume="must")``, or written by both with
    ``mode="shared"``.
    """
    active = run if run is not None else session.run
    wanted = run_id or attach_id
    if active is None or (wanted is not None and active.id != wanted):
        raise UsageError(
            f'no run {wanted or ""} is active in this process; go on with one by init(id=..., resume="must"), or let '
            'several processes write it with init(id=..., mode="shared")'
        )
    return active


def restore(name: str, run_path: str | None = None, replace: bool = False, root: str | None = None) -> Any:
    """Copy a file of the run at `run_path`, else of the active one, and open it: see `runlake.restore`."""
    if session.run is not None:
        return session.run.restore(name, run_path, replace, root)
    return import_module("runlake.api.restore").restore(name, run_path, replace, root)


def teardown(exit_code: int | None = None) -> None:
    """Do nothing: `finish`, or the end of the program, closes each run."""


def require(*args: Any, **kwargs: Any) -> None:
    """Do nothing: it chooses between implementations that W&B has had over the years."""


def termsetup(settings: Any = None, logger: Any = None) -> None:
    """Do nothing: the functions below print to stderr."""


def termlog(string: str = "", newline: bool = True, repeat: bool = True, prefix: bool = True) -> None:
    """Print a line to stderr."""
    _print("", string, newline=newline, prefix=prefix)


def termwarn(string: str, newline: bool = True, repeat: bool = True, prefix: bool = True) -> None:
    """Print a warning to stderr."""
    _print("WARNING ", string, newline=newline, prefix=prefix)


def termerror(string: str, newline: bool = True, repeat: bool = True, prefix: bool = True) -> None:
    """Print an error to stderr."""
    _print("ERROR ", string, newline=newline, prefix=prefix)


def _print(level: str, string: str, *, newline: bool, prefix: bool) -> None:
    before = f"runlake: {level}" if prefix else level
    for line in string.split("\n"):
        print(before + line, end="\n" if newline else "", file=sys.stderr)
