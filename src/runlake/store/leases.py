"""Work that one process at a time is to do: to seal a run, to merge files, to mend a store.

A lease spares work, and nothing rests on it: where nothing can be locked, everybody holds it. What must not happen
twice is held by what is made once (`disk.create_once`, `disk.create_to_append`).
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from runlake.store.disk import only_one


class Leases(Protocol):
    """Leases by name."""

    def hold(self, name: str, *, is_waiting: bool) -> AbstractContextManager[bool]:
        """Whether nobody else is within a block of that name, as far as can be told; for as long as the block lasts.

        Waiting for the others, it is always so. A process that dies holds nothing. Not to be held twice by one thread.
        """
        ...


class FolderLeases:
    """Leases as lock files of a folder, which stay there, empty."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def hold(self, name: str, *, is_waiting: bool) -> AbstractContextManager[bool]:
        return only_one(self._folder / name, is_waiting=is_waiting)


class MemoryLeases:
    """Leases among the threads of one process: the other side of the seam."""

    def __init__(self) -> None:
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    @contextmanager
    def hold(self, name: str, *, is_waiting: bool) -> Iterator[bool]:
        lock = self._locks[name]
        is_only = lock.acquire(blocking=is_waiting)
        try:
            yield is_only
        finally:
            if is_only:
                lock.release()
