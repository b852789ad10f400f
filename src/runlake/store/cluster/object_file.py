"""An object of a bucket as a file that is open for reading."""

from __future__ import annotations

import io
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future

import numpy as np

from runlake.lru import LruCache
from runlake.store.cluster.object_cache import ObjectBlocks

_FARTHEST_AHEAD = 16
_STREAM_COUNT = 8
_BLOCKS_IN_MEMORY = 4
_LITTLE_BYTES = 64 << 10
"""Who reads less of a block is likely to read more of it: it is kept in memory as a whole."""


class ObjectFile(io.RawIOBase):
    """The bytes of an object: whoever goes on where a read ended finds more and more fetched ahead.

    Threads may share `read_at`. `lost` makes the error for an object that should be in the bucket, and is not.
    """

    etag: str
    """Says which content it is, for who keeps a copy."""

    def __init__(self, blocks: ObjectBlocks, lost: Callable[[], Exception] = FileNotFoundError) -> None:
        super().__init__()
        self._blocks, self._lost, self.etag = blocks, lost, blocks.name
        self._position = 0
        self._lock = threading.Lock()
        self._in_memory: LruCache[int, memoryview] = LruCache(_BLOCKS_IN_MEMORY)
        self._ahead: dict[int, Future[memoryview]] = {}
        self._ahead_count = 1
        self._ends: deque[int] = deque(maxlen=_STREAM_COUNT)

    @property
    def size_bytes(self) -> int:
        return self._blocks.size_bytes

    def read_at(self, size_bytes: int, start: int) -> memoryview:
        """The bytes from `start` on; fewer at the end of the object."""
        end = min(start + size_bytes, self._blocks.size_bytes)
        if start >= end:
            return memoryview(b"")
        block_bytes = self._blocks.block_bytes
        numbers = range(start // block_bytes, (end - 1) // block_bytes + 1)
        target = np.empty(end - start, np.uint8).data
        places = {
            number: (max(start, number * block_bytes), min(end, (number + 1) * block_bytes)) for number in numbers
        }
        coming: dict[int, Future[memoryview] | None] = {}
        for number, (first, last) in places.items():
            with self._lock:
                ahead = self._ahead.pop(number, None)
            if ahead is not None or not self._read_here(number, target[first - start : last - start], first):
                coming[number] = ahead
        if coming:
            fetched = self._blocks.fetch([number for number, ahead in coming.items() if ahead is None])
            self._fetch_ahead(numbers)
            for number, future in (coming | fetched).items():
                assert future is not None
                first, last = places[number]
                block = self._come(number, future)
                target[first - start : last - start] = block[first - number * block_bytes : last - number * block_bytes]
        with self._lock:
            self._ends.append(numbers[-1])
        return target

    def _read_here(self, number: int, target: memoryview, first: int) -> bool:
        """Copy what is wanted of a block that is on this machine."""
        size_bytes, offset = self._blocks.size_of(number), first - number * self._blocks.block_bytes
        block = self._in_memory.get(number)
        if block is None and (len(target) > _LITTLE_BYTES or len(target) == size_bytes):
            return self._blocks.read(number, target, offset)
        if block is None:
            block = np.empty(size_bytes, np.uint8).data
            if not self._blocks.read(number, block):
                return False
            self._in_memory.put(number, block)
        target[:] = block[offset : offset + len(target)]
        return True

    def _come(self, number: int, future: Future[memoryview]) -> memoryview:
        try:
            block = future.result()
        except FileNotFoundError:
            raise self._lost() from None
        self._in_memory.put(number, block)
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

    def read_buffer(self, size: int) -> memoryview:
        """The same without a copy."""
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


class SharedFile:
    """An object as Arrow reads it, from several threads at once.

    Arrow seeks and then reads, or seeks to the end and asks where that is, and holds a lock for the first of the two
    only. So each thread has a place of its own: with one for all, a file seems to end where another thread reads.
    """

    closed = False

    def __init__(self, file: ObjectFile) -> None:
        self._file, self._places = file, threading.local()

    def read_buffer(self, size: int) -> memoryview:
        """The next bytes of this thread."""
        data = self._file.read_at(size, self.tell())
        self._places.start = self.tell() + len(data)
        return data

    def read(self, size: int) -> bytes:
        return bytes(self.read_buffer(size))

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.tell(), io.SEEK_END: self._file.size_bytes}[whence]
        self._places.start = max(0, base + offset)
        return self.tell()

    def tell(self) -> int:
        start: int = getattr(self._places, "start", 0)
        return start

    def close(self) -> None:
        """Nothing is held open."""
