"""Served writers as files beside their parts; `store.journal.served` says what each method does.

Of each there is ``<writer>.served``, whose lock is the turn and whose time is the last sign of life, and
``<writer>.seen`` with what its client said last.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from runlake.store import disk
from runlake.store.journal.journal import SERVED_SUFFIX, PartName
from runlake.store.journal.served import Served, decode_served, encode_served, gone


class ServedFiles:
    """The served writers of a run, in the folder of its journal."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def mark(self, writer: str, served: Served) -> None:
        disk.replace_file(self.place_of(writer), encode_served(served))

    def read(self, writer: str) -> Served | None:
        try:
            return decode_served(disk.read_whole(self.place_of(writer)))
        except FileNotFoundError:
            return None

    def list(self) -> list[str]:
        names = disk.list_names(self._folder)
        return sorted(name.removesuffix(SERVED_SUFFIX) for name in names if name.endswith(SERVED_SUFFIX))

    appends_at_once = False
    """A turn costs a few calls of the system."""

    def append_at_once(
        self, name: PartName, data: bytes, end: int, said: bytes | None = None
    ) -> Sequence[tuple[PartName, int]] | None:
        return None

    @contextmanager
    def turn(self, writer: str) -> Iterator[Served]:
        file = self.place_of(writer)
        while True:
            try:
                fd = disk.open_to_change(file)
            except FileNotFoundError:
                raise gone(writer) from None
            try:
                disk.wait_for_lock(fd, file)  # on Windows a server runs one worker, whose own lock is enough
                try:
                    if os.stat(file).st_ino != os.fstat(fd).st_ino:  # noqa: PTH116
                        continue  # replaced while we waited
                    disk.touch(file)
                except FileNotFoundError:
                    continue  # moved away while we waited
                yield decode_served(os.read(fd, 1 << 24))
                return
            finally:
                os.close(fd)

    def read_said(self, writer: str) -> bytes:
        try:
            return disk.read_whole(self._said_file(writer))
        except FileNotFoundError:
            return b""

    def keep_said(self, writer: str, content: bytes) -> None:
        disk.overwrite(self._said_file(writer), content)

    def place_of(self, writer: str) -> Path:
        """Where the file of a writer lies, for those who care for files as such."""
        return self._folder / f"{writer}{SERVED_SUFFIX}"

    def _said_file(self, writer: str) -> Path:
        return self._folder / f"{writer}.seen"
