"""An object of a bucket as a file that is open for reading."""

from __future__ import annotations

import io
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future

from runlake.lru import LruCache
from runlake.store.cluster.object_cache import ObjectBlocks

_FARTHEST_AHEAD = 16
_STREAM_COUNT = 8
_BLOCKS_IN_MEMORY = 4


class ObjectFile(io.RawIOBase):
    """The bytes of an object: whoever goes on where a read ended finds more and more fetched ahead.

    Threads may share `read_at`. `lost` makes the error for an object that should be in the bucket, and is not.
    """

    def __init__(self, blocks: ObjectBlocks, lost: Callable[[], Exception] = FileNotFoundError) -> None:
        super().__init__()
        self._blocks, self._lost = blocks, lost
        self._position = 0
        self._lock = threading.Lock()
        self._in_memory: LruCache[int, memoryview] = LruCache(_BLOCKS_IN_MEMORY)
        self._ahead: dict[int, Future[memoryview]] = {}
        self._ahead_count = 1
        self._ends: deque[int] = deque(maxlen=_STREAM_COUNT)

    def read_at(self, size_bytes: int, start: int) -> bytes | memoryview:
        """The bytes from `start` on; fewer at the end of the object."""
        end = min(start + size_bytes, self._blocks.size_bytes)
        if start >= end:
            return b""
        block_bytes = self._blocks.block_bytes
        numbers = range(start // block_bytes, (end - 1) // block_bytes + 1)
        pieces = [
            block[max(0, start - number * block_bytes) : end - number * block_bytes]
            for number, block in zip(numbers, self._read(numbers), strict=True)
        ]
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _read(self, numbers: range) -> list[memoryview]:
        found = {number: self._at_hand(number) for number in numbers}
        missing = [number for number, block in found.items() if block is None]
        if missing or any(isinstance(block, Future) for block in found.values()):
            found |= self._blocks.fetch(missing)
            self._fetch_ahead(numbers)
        with self._lock:
            self._ends.append(numbers[-1])
        blocks = [self._come(block) for block in found.values()]
        for number, block in zip(numbers, blocks, strict=True):
            self._in_memory.put(number, block)
        return blocks

    def _at_hand(self, number: int) -> memoryview | Future[memoryview] | None:
        with self._lock:
            coming = self._ahead.pop(number, None)
        return coming or self._in_memory.get(number) or self._blocks.find(number)

    def _come(self, block: memoryview | Future[memoryview] | None) -> memoryview:
        try:
            if isinstance(block, Future):
                block = block.result()
        except FileNotFoundError:
            raise self._lost() from None
        assert block is not None
        return block

    def _fetch_ahead(self, numbers: range) -> None:
        """Ask for the blocks behind these, if they follow on what was read before: twice as many each time."""
        with self._lock:
            goes_on = not {numbers[0] - 1, numbers[0]}.isdisjoint(self._ends)
            self._ahead_count = min(2 * self._ahead_count, _FARTHEST_AHEAD) if goes_on else 1
            if not goes_on:
                return
            end = -(-self._blocks.size_bytes // self._blocks.block_bytes)
            behind = range(numbers[-1] + 1, min(numbers[-1] + 1 + self._ahead_count, end))
            if 2 * sum(number in self._ahead for number in behind) > len(behind):
                return  # many at once are fewer requests
            wanted = [number for number in behind if number not in self._ahead and not self._blocks.is_here(number)]
            self._ahead |= self._blocks.fetch(wanted)

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self.read_buffer(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def read(self, size: int = -1) -> bytes:
        """As of every file, and never fewer bytes than there are."""
        return bytes(self.read_buffer(size if size >= 0 else self._blocks.size_bytes))

    def read_buffer(self, size: int) -> bytes | memoryview:
        """The same without a copy: what Arrow asks for."""
        data = self.read_at(size, self._position)
        self._position += len(data)
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._blocks.size_bytes}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        return self._position

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True
