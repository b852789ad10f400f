"""Which prefix the tags of a log directory get: its path below the root.

The root is the one that was named. Where none was, it is the folder that the first two log directories have in common,
or the only one there is. A prefix that was given out stays: keys never change in the midst of a run.
"""

from __future__ import annotations

import os
from pathlib import Path


class Namespaces:
    """The log directories of one run."""

    def __init__(self, root: str | os.PathLike[str] | None = None) -> None:
        self._root = Path(os.path.abspath(root)) if root else None  # noqa: PTH100 (symbolic links stay as named)
        self._waiting: list[Path] = []

    def add(self, folder: str | os.PathLike[str]) -> Path:
        """A directory that is written to; answers its absolute path."""
        absolute = Path(os.path.abspath(folder))  # noqa: PTH100
        if self._root is None and absolute not in self._waiting:
            self._waiting.append(absolute)
            if len(self._waiting) == 2:
                self.settle()
        return absolute

    @property
    def is_settled(self) -> bool:
        """Whether prefixes can be told."""
        return self._root is not None

    def settle(self) -> None:
        """Wait for no further directory."""
        if self._root is None and self._waiting:
            self._root = Path(os.path.commonpath(self._waiting))

    def base_of(self, folder: Path) -> Path:
        """The folder below which the path of `folder` is its prefix: the root, or what one outside has in common."""
        assert self._root is not None, "asked before settle()"
        try:
            return Path(os.path.commonpath([self._root, folder]))
        except ValueError:  # on another drive
            return folder

    def prefix_of(self, folder: Path) -> str:
        """The prefix of its tags, without the slash; empty for the root itself."""
        relative = folder.relative_to(self.base_of(folder)).as_posix()
        return "" if relative == "." else relative
