"""A journal in memory: for tests, and wherever a run shall leave nothing behind."""

from __future__ import annotations

import time
from collections.abc import Callable

from runlake.store.journal.journal import Part, PartName


class MemoryPart:
    """A part as a bytearray. Being held ends with `close`, as a file's lock does."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.is_held = True
        self.last_write_at = time.time()

    @property
    def write(self) -> Callable[[bytes], int]:
        return self._write

    def _write(self, data: bytes) -> int:
        self.data += data
        self.last_write_at = time.time()
        return len(data)

    def size_bytes(self) -> int:
        return len(self.data)

    def truncate(self, size_bytes: int) -> None:
        del self.data[size_bytes:]

    def close(self) -> None:
        self.is_held = False


class MemoryJournal:
    """The parts of one run as bytes of this process; `store.journal.journal.Journal` says what each method does."""

    def __init__(self) -> None:
        self._parts: dict[PartName, MemoryPart] = {}

    def claim(self, name: PartName) -> Part:
        part = MemoryPart()
        if self._parts.setdefault(name, part) is not part:
            raise FileExistsError(f"there is a part {name} already")
        return part

    def list_parts(self) -> list[tuple[PartName, int]]:
        return sorted((name, len(part.data)) for name, part in list(self._parts.items()))

    def read(self, name: PartName, offset: int = 0, limit: int | None = None) -> bytes:
        return bytes(self._part(name).data[offset : None if limit is None else offset + limit])

    def is_held(self, name: PartName) -> bool | None:
        part = self._parts.get(name)
        return None if part is None else part.is_held

    def last_write_at(self, name: PartName) -> float:
        return self._part(name).last_write_at

    def sync(self, name: PartName) -> None:
        self._part(name)

    def drop(self, name: PartName) -> None:
        self._parts.pop(name, None)

    def _part(self, name: PartName) -> MemoryPart:
        part = self._parts.get(name)
        if part is None:
            raise FileNotFoundError(f"there is no part {name}")
        return part
