"""Copies of what is added to an artifact, until a run keeps it.

They lie in the folder of the active run, on the disk on which they are to stay, under names that mark them as
temporary.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from runlake.sdk.active_run import KeepingRun
from runlake.store.disk import TEMPORARY_PREFIX


class Staging:
    """Places for copies, in the folder of `run` while that is written; `OSError` where none can be made."""

    def __init__(self, run: KeepingRun | None) -> None:
        self._pid = os.getpid()
        self._files: set[Path] = set()
        self._folder = None if run is None else _folder_of(run)
        self._own_folder: Path | None = None
        if self._folder is None:
            self._folder = self._own_folder = Path(tempfile.mkdtemp(prefix="runlake-artifact-"))

    def place(self) -> Path:
        """A place that is free."""
        assert self._folder is not None
        file = self._folder / f"{TEMPORARY_PREFIX}{os.getpid()}-{os.urandom(8).hex()}"
        self._files.add(file)
        return file

    def holds(self, file: Path) -> bool:
        """Whether a file is one of these copies."""
        return file in self._files

    def clear(self) -> None:
        """Remove what is still there, but for a forked child: the copies are its parent's."""
        if os.getpid() != self._pid:
            return
        for file in self._files:
            file.unlink(missing_ok=True)
        if self._own_folder is not None:
            self._own_folder.rmdir()


def _folder_of(run: KeepingRun) -> Path | None:
    return Path(run.dir) if run.state == "running" and run.settings.mode != "disabled" else None
