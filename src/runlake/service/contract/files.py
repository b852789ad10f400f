"""The verbs of the files of runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO, Protocol

from runlake.incoming import Incoming
from runlake.model import FileInfo, RunPath


class FileVerbs(Protocol):
    """The files of runs, by name."""

    def list_files(
        self, path: RunPath, *, names: Iterable[str] | None = None, after: str = "", limit: int | None = None
    ) -> list[FileInfo]:
        """The files of the run, by name: all, or those called one of `names`, or at most `limit` behind `after`."""
        ...

    def count_files(self, path: RunPath) -> int:
        """How many files the run has."""
        ...

    def open_file(self, path: RunPath, name: str) -> BinaryIO:
        """The bytes of one file, for reading. The caller closes it."""
        ...

    def file_url(self, path: RunPath, name: str, valid_s: float) -> str | None:
        """An address from which whoever has it fetches this one file, as it is now, for so many seconds.

        None where the store has none that others reach: then `open_file` is the way.
        """
        ...

    def put_file(self, path: RunPath, name: str, content: BinaryIO) -> FileInfo:
        """Store a file under `name`, replacing an older one in one step."""
        ...

    def receive_file(self, path: RunPath, name: str) -> Incoming[FileInfo]:
        """The same for a file of which a server gets piece after piece, with no thread that waits for the next."""
        ...

    def delete_file(self, path: RunPath, name: str) -> None:
        """Remove one file."""
        ...
