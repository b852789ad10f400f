"""Objects of a bucket, read through blocks of them that are kept on the disk of this machine.

An object never changes under its key, so what was fetched once is right for ever. Whoever reads gets any bytes of an
object: what is here comes from the disk, the rest in one round of requests, and for who goes on where they ended, more
and more is fetched ahead. Several who want the same bytes at once fetch them once.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from zlib import crc32

from runlake.errors import CorruptError, TruncatedError
from runlake.store.cluster.block_files import BlockFiles
from runlake.store.cluster.bucket import Bucket
from runlake.store.cluster.bucket_errors import OtherRangeError
from runlake.store.cluster.counts import Counts

BLOCK_BYTES = 1 << 20
SUM_BYTES = 4
_BLOCKS_A_REQUEST = 4
_REQUEST_COUNT = 8
_PAUSES_S = (0.0, 0.02, 0.1, 0.3)
_SMALLEST_CROWD = 8
"""What is larger than this part of the cache would drive out everything else, and is not kept."""


def sum_of(block: bytes | memoryview) -> bytes:
    """What a block comes to: its CRC-32."""
    return crc32(block).to_bytes(SUM_BYTES, "little")


class ObjectCache:
    """The blocks of objects in one folder, at most `limit_bytes` of them. Threads share it, processes the folder."""

    def __init__(self, folder: Path, limit_bytes: int, *, block_bytes: int = BLOCK_BYTES) -> None:
        self.block_bytes = block_bytes
        self._limit_bytes = limit_bytes
        self._files = BlockFiles(folder, limit_bytes)
        self.counts = Counts()
        self._fetching: dict[str, Future[memoryview]] = {}
        self._lock = threading.Lock()
        self._requests = ThreadPoolExecutor(_REQUEST_COUNT, thread_name_prefix="runlake-fetch")

    def object(self, bucket: Bucket, key: str, size_bytes: int, sums: bytes | None = None) -> ObjectBlocks:
        """The blocks of one object, whose size is known, and the sum of each (None where nobody has read it).

        Nothing is asked of the bucket yet.
        """
        return ObjectBlocks(self, bucket, key, size_bytes, sums)

    def close(self) -> None:
        """Wait for what is being fetched. What is read afterwards is an error."""
        self._requests.shutdown()

    def read(self, name: str, size_bytes: int, target: memoryview, offset: int) -> bool:
        """Read bytes of a block of this size into memory, if it is here."""
        if not self._files.read(name, size_bytes, target, offset):
            return False
        self.counts.add("cache_hits")
        self.counts.add("cache_hit_bytes", len(target))
        return True

    def has(self, name: str) -> bool:
        """Whether a block is here, as far as can be told without reading it."""
        return self._files.has(name)

    def fetch(self, whole: ObjectBlocks, numbers: Sequence[int]) -> dict[int, Future[memoryview]]:
        """Blocks that are not here, when they come from the bucket; each is asked for by one thread only."""
        mine: list[int] = []
        coming: dict[int, Future[memoryview]] = {}
        with self._lock:
            for number in numbers:
                name = whole.name_of(number)
                if name not in self._fetching:
                    self._fetching[name] = Future()
                    mine.append(number)
                coming[number] = self._fetching[name]
        for request in _neighbours(mine, _BLOCKS_A_REQUEST):
            self._requests.submit(self._fetch, whole, request)
        return coming

    def keep(self, whole: ObjectBlocks, number: int, block: bytes | memoryview) -> None:
        """Keep a block, unless its object is too large for the cache, or nothing tells what was put there."""
        if whole.has_sums and whole.size_bytes * _SMALLEST_CROWD <= self._limit_bytes:
            self._files.keep(whole.name_of(number), block)

    def _fetch(self, whole: ObjectBlocks, numbers: Sequence[int]) -> None:
        """Blocks that follow each other, by one request; whoever waits for one of them gets it, or the error."""
        names = [whole.name_of(number) for number in numbers]
        try:
            blocks = whole.ask(numbers)
            for number, block in zip(numbers, blocks, strict=True):
                self.keep(whole, number, block)
        except BaseException as error:
            for name in names:
                self._taken(name).set_exception(error)
            return
        self.counts.add("cache_misses", len(blocks))
        self.counts.add("cache_miss_bytes", sum(map(len, blocks)))
        for name, block in zip(names, blocks, strict=True):
            self._taken(name).set_result(block)

    def _taken(self, name: str) -> Future[memoryview]:
        with self._lock:
            return self._fetching.pop(name)


class ObjectBlocks:
    """One object as blocks, wherever they are. Threads may share it."""

    def __init__(self, cache: ObjectCache, bucket: Bucket, key: str, size_bytes: int, sums: bytes | None) -> None:
        self.size_bytes, self.block_bytes = size_bytes, cache.block_bytes
        self._cache, self._bucket, self._key, self._sums = cache, bucket, key, sums
        self.name = hashlib.sha256(f"{bucket.url}\0{key}\0{cache.block_bytes}".encode()).hexdigest()[:40]

    @property
    def has_sums(self) -> bool:
        """Whether it can be told which bytes were put there."""
        return self._sums is not None

    def name_of(self, number: int) -> str:
        """What a block is called in every cache of this bucket."""
        return f"{self.name}-{number}"

    def read(self, number: int, target: memoryview, offset: int = 0) -> bool:
        """Read bytes of a block into memory, if it is on this machine."""
        return self._cache.read(self.name_of(number), self.size_of(number), target, offset)

    def is_here(self, number: int) -> bool:
        """Whether it is, as far as can be told without reading it."""
        return self._cache.has(self.name_of(number))

    def fetch(self, numbers: Sequence[int]) -> dict[int, Future[memoryview]]:
        """Blocks that are not, when they come. FileNotFoundError in them when the object is gone."""
        return self._cache.fetch(self, numbers)

    def adopt(self, file: Path) -> None:
        """Keep a copy of the object on this machine: its bytes are those of a file that was put into the bucket."""
        with file.open("rb") as stream:
            for number in range(-(-self.size_bytes // self.block_bytes)):
                self._cache.keep(self, number, stream.read(self.block_bytes))

    def ask(self, numbers: Sequence[int]) -> list[memoryview]:
        """Blocks that follow each other, from the bucket: those that were put there, and nothing else.

        What stands between may change, cut or deny them now and then, so they are asked for some times before it is
        believed. FileNotFoundError, TruncatedError, CorruptError or OtherRangeError then.
        """
        for pause_s in _PAUSES_S:
            with suppress(FileNotFoundError, TruncatedError, CorruptError, OtherRangeError):
                return self._ask_once(numbers)
            time.sleep(pause_s)
        return self._ask_once(numbers)

    def _ask_once(self, numbers: Sequence[int]) -> list[memoryview]:
        start, sizes = numbers[0] * self.block_bytes, [self.size_of(number) for number in numbers]
        (found,) = self._bucket.get_ranges(self._key, [(start, sum(sizes))])
        offsets = [(number - numbers[0]) * self.block_bytes for number in numbers]
        blocks = [found[offset : offset + size] for offset, size in zip(offsets, sizes, strict=True)]
        if not self._are_whole(numbers, blocks):
            raise CorruptError(
                f"the object {self._key} in {self._bucket.url} does not have the bytes that were put there (from byte "
                f"{start} on); restore it from a backup"
            )
        return blocks

    def _are_whole(self, numbers: Sequence[int], blocks: Sequence[memoryview]) -> bool:
        """Whether these are the bytes that were put there."""
        if self._sums is None:
            return True
        wanted = (self._sums[number * SUM_BYTES : (number + 1) * SUM_BYTES] for number in numbers)
        return all(sum_of(block) == each for block, each in zip(blocks, wanted, strict=True))

    def size_of(self, number: int) -> int:
        """All blocks but the last are of one size."""
        return min(self.block_bytes, self.size_bytes - number * self.block_bytes)


def _neighbours(numbers: Sequence[int], most: int) -> Iterator[list[int]]:
    """Runs of numbers that follow each other, none longer than `most`."""
    run: list[int] = []
    for number in numbers:
        if run and (number != run[-1] + 1 or len(run) == most):
            yield run
            run = []
        run.append(number)
    if run:
        yield run
