"""Pieces of objects as files of a folder that may be deleted at any time, at most so many bytes of them together.

Any number of processes share the folder. A block is written beside its place and takes its name whole; it says itself
how long it is and what its bytes come to, so that what a disk made of it is found out and left. What was used longest
ago goes first, by the times of the files, which are set anew once a minute at most. So often a process proves
a block that it reads again and again: the sums of what is read are a fifth of reading a run.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

import numpy as np

from runlake.errors import warn
from runlake.lru import LruCache
from runlake.store import disk

_MAGIC = b"rlblock1"
_TRAILER_BYTES = len(_MAGIC) + 8
_USED_AGAIN_S = 60.0
_KNOWN_COUNT = 65_536
_KEPT_SHARE = 0.9
_LOOKS_PER_LIMIT = 32
_STALE_S = 3600.0
_LOCK_NAME = f"{disk.TEMPORARY_PREFIX}clearing"


class _Found(NamedTuple):
    used_at: float
    size_bytes: int
    file: Path


class BlockFiles:
    """The blocks in one folder, which is made when the first one is written. Threads may share it.

    Several processes may have a thirty-second of the limit more in it, each.
    """

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self._folder, self._limit_bytes = folder, limit_bytes
        self._lock = threading.Lock()
        self._unseen_bytes = limit_bytes  # nobody has looked yet
        self._has_warned = False
        self._proven: LruCache[str, tuple[int, int]] = LruCache(_KNOWN_COUNT)

    def read(self, name: str, size_bytes: int, target: memoryview, offset: int = 0) -> bool:
        """Read bytes of the block of this name and size into memory; no where it is not there as it was written.

        It is read whole where this process has not proven it lately.
        """
        file = self._place_of(name)
        try:
            disk.announce("read", file)
            with file.open("rb", buffering=0) as stream:
                status = os.fstat(stream.fileno())
                is_due = abs(time.time() - status.st_mtime) > _USED_AGAIN_S
                stamp, is_whole = (status.st_ino, status.st_mtime_ns), status.st_size == size_bytes + _TRAILER_BYTES
                if is_whole and (is_due or self._proven.get(name) != stamp):
                    is_whole = _read_proven(stream, size_bytes, target, offset)
                elif is_whole:
                    stream.seek(offset)
                    is_whole = _fill(stream, target)
        except OSError:
            return False
        if not is_whole:
            disk.discard(file)
            return False
        self._proven.put(name, stamp)
        if is_due:
            self._mark_used(file)
        return True

    def has(self, name: str) -> bool:
        """Whether there is such a block, as far as can be told without reading it."""
        return self._place_of(name).exists()

    def keep(self, name: str, block: bytes | memoryview) -> None:
        """Keep a block, if the disk takes it: what cannot be kept is fetched again, and a warning says so once."""
        file = self._place_of(name)
        content = b"".join((block, _trailer_of(block)))
        try:
            try:
                disk.replace_file(file, content)
            except FileNotFoundError:
                disk.make_folder(file.parent)
                disk.replace_file(file, content)
        except OSError as error:
            self._warn(error)
            return
        with self._lock:
            self._unseen_bytes += len(content)
            is_due = self._unseen_bytes * _LOOKS_PER_LIMIT >= self._limit_bytes
            if is_due:
                self._unseen_bytes = 0
        if is_due:
            self.clear_away()

    def clear_away(self) -> None:
        """Remove what was used longest ago until the limit is kept, unless another process is at it."""
        with disk.only_one(self._folder / _LOCK_NAME, is_waiting=False) as is_only:
            if not is_only:
                return
            found = sorted(self._list())
            size_bytes = sum(each.size_bytes for each in found)
            if size_bytes <= self._limit_bytes:
                return
            for each in found:
                if size_bytes <= self._limit_bytes * _KEPT_SHARE:
                    return
                disk.discard(each.file)
                size_bytes -= each.size_bytes

    def _list(self) -> Iterator[_Found]:
        """Every block, and what a killed process left half written."""
        for folder in disk.list_names(self._folder):
            for name in disk.list_names(self._folder / folder):
                file = self._folder / folder / name
                try:
                    status = file.stat()
                except OSError:
                    continue  # removed by somebody else meanwhile
                is_left = name.startswith(disk.TEMPORARY_PREFIX) and time.time() - status.st_mtime > _STALE_S
                yield _Found(0.0 if is_left else status.st_mtime, status.st_size, file)

    def _place_of(self, name: str) -> Path:
        return self._folder / name[:2] / name

    def _mark_used(self, file: Path) -> None:
        try:
            disk.touch(file)
        except OSError:
            pass  # cleared away at this moment, or the folder may only be read

    def _warn(self, error: OSError) -> None:
        if not self._has_warned:
            self._has_warned = True
            warn(f"the cache {self._folder} takes nothing, so everything is fetched each time: {error}")


def _read_proven(stream: FileIO, size_bytes: int, target: memoryview, offset: int) -> bool:
    """Read a block, whole, and some of it into memory; whether it is as it was written."""
    block = target if len(target) == size_bytes else np.empty(size_bytes, np.uint8).data
    is_whole = _fill(stream, block) and stream.read(_TRAILER_BYTES) == _trailer_of(block)
    if block is not target:
        target[:] = block[offset : offset + len(target)]
    return is_whole


def _fill(stream: FileIO, memory: memoryview) -> bool:
    """Whether a file has so many bytes from where it is on, which are in this memory then."""
    while memory and (taken := stream.readinto(memory)):
        memory = memory[taken:]
    return not memory


def _trailer_of(block: bytes | memoryview) -> bytes:
    return _MAGIC + crc32(block).to_bytes(4, "little") + len(block).to_bytes(4, "little")
