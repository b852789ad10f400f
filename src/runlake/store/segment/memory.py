"""Segments in memory: the other side of the seam, for tests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pyarrow as pa

from runlake.store.segment.segments import META_SUFFIX


class MemorySegments:
    """The files of segments as bytes of this process; `store.segment.segments.Segments` says what each method does.

    `shared` are the files that runs share: a reference with a slash in it names one of these.
    """

    def __init__(self, shared: MemorySegments | None = None) -> None:
        self._shared = shared
        self._files: dict[str, tuple[bytes, float]] = {}
        self._changed_at: float | None = None
        self._lock = threading.Lock()

    def list_names(self, suffix: str = META_SUFFIX) -> set[str]:
        return {name.removesuffix(suffix) for name in list(self._files) if name.endswith(suffix)}

    def read(self, file: str) -> bytes:
        return self._found(file)[0]

    def open(self, file: str) -> pa.NativeFile:
        return pa.BufferReader(self.read(file))

    def url_of(self, file: str, signed_for_s: float | None = None) -> str:
        return f"memory:///{file}"

    def size_bytes(self, file: str) -> int:
        return len(self.read(file))

    def written_at(self, file: str) -> float:
        return self._found(file)[1]

    def changed_at(self) -> float | None:
        return self._changed_at

    def prepare(self) -> None:
        pass

    @contextmanager
    def create(self, file: str, named_by: str | None = None) -> Iterator[pa.NativeFile]:
        sink = pa.BufferOutputStream()
        yield sink
        if file not in self._files or (named_by is not None and named_by not in self._files):
            self._files[file] = (sink.getvalue().to_pybytes(), time.time())
        self._changed_at = time.time()

    def replace(self, file: str, content: bytes) -> None:
        self._files[file] = (content, time.time())
        self._changed_at = time.time()

    def adopt(self, file: str, content: bytes) -> None:
        self.replace(file, content)

    def sync(self, file: str) -> None:
        self._found(file)

    def remove(self, file: str) -> None:
        self._files.pop(file, None)
        self._changed_at = time.time()

    def sweep(self, is_wanted: Callable[[str], bool], *, older_than_s: float) -> None:
        for name, (_, written_at) in list(self._files.items()):
            if not is_wanted(name) and time.time() - written_at > older_than_s:
                self.remove(name)

    @contextmanager
    def alone(self, *, is_waiting: bool) -> Iterator[bool]:
        is_only = self._lock.acquire(blocking=is_waiting)
        try:
            yield is_only
        finally:
            if is_only:
                self._lock.release()

    def _found(self, file: str) -> tuple[bytes, float]:
        if "/" in file and self._shared is not None:
            return self._shared._found(file.rpartition("/")[2])
        if file not in self._files:
            raise FileNotFoundError(f"there is no file {file}")
        return self._files[file]
