"""The files of runs in memory: the other side of the seam, for tests and for what needs no disk."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterable
from typing import BinaryIO, NamedTuple

from runlake.incoming import keep_whole
from runlake.md5 import md5_text, new_md5
from runlake.model import FileInfo, RunPath
from runlake.store.files import (
    file_in_the_way,
    folder_in_the_way,
    mimetype_of,
    names_of_files,
    no_such_file,
    no_such_run,
    nothing_to_do,
)
from runlake.store.layout import check_file_name


class _Kept(NamedTuple):
    content: bytes
    md5: str
    updated_at: float


class MemoryFiles:
    """Files as bytes of this process; `has_run` says which runs there are."""

    def __init__(self, has_run: Callable[[RunPath], bool] = lambda path: True) -> None:
        self._has_run = has_run
        self._kept: dict[RunPath, dict[str, _Kept]] = {}
        self._lock = threading.Lock()

    def list_files(
        self, path: RunPath, *, names: Iterable[str] | None = None, after: str = "", limit: int | None = None
    ) -> list[FileInfo]:
        """See `Files.list_files`."""
        with self._lock:
            kept = dict(self._kept.get(path, {}))
        if names is None:
            wanted = sorted(name for name in kept if name > after)[:limit]
        else:
            wanted = [name for name in names_of_files(names) if name in kept]
        return [_describe(name, kept[name]) for name in wanted]

    def count_files(self, path: RunPath) -> int:
        """See `Files.count_files`."""
        return len(self._kept.get(path, {}))

    def open_file(self, path: RunPath, name: str) -> BinaryIO:
        """See `Files.open_file`."""
        name = check_file_name(name)
        with self._lock:
            kept = self._kept.get(path, {}).get(name)
        if kept is None:
            raise self._not_found(path, name)
        return io.BytesIO(kept.content)

    def signed_url(self, path: RunPath, name: str, *, valid_s: float) -> None:
        """Nobody but this machine has these files."""

    def receive_file(self, path: RunPath, name: str, on_kept: Callable[[], None] = nothing_to_do) -> MemoryIncoming:
        """See `Files.receive_file`."""
        name = check_file_name(name)
        self._check_can_stand(path, name)
        return MemoryIncoming(lambda content, md5: self._keep(path, name, content, md5), on_kept)

    def put_file(self, path: RunPath, name: str, content: BinaryIO) -> FileInfo:
        """See `Files.put_file`."""
        return keep_whole(content, self.receive_file(path, name))

    def delete_file(self, path: RunPath, name: str) -> None:
        """See `Files.delete_file`."""
        name = check_file_name(name)
        with self._lock:
            is_gone = self._kept.get(path, {}).pop(name, None) is not None
        if not is_gone:
            raise self._not_found(path, name)

    def _keep(self, path: RunPath, name: str, content: bytes, md5: str) -> FileInfo:
        with self._lock:
            self._check_can_stand(path, name)
            if any(other.startswith(f"{name}/") for other in self._kept.get(path, {})):
                raise folder_in_the_way(name)
            kept = self._kept.setdefault(path, {})[name] = _Kept(content, md5, time.time())
        return _describe(name, kept)

    def _check_can_stand(self, path: RunPath, name: str) -> None:
        if not self._has_run(path):
            raise no_such_run(path, name)
        parts = name.split("/")
        if not self._kept.get(path, {}).keys().isdisjoint("/".join(parts[:n]) for n in range(1, len(parts))):
            raise file_in_the_way(name)

    def _not_found(self, path: RunPath, name: str) -> Exception:
        return no_such_file(path, name, sorted(self._kept.get(path, {})))


class MemoryIncoming:
    """A file that comes piece by piece into memory."""

    def __init__(self, keep: Callable[[bytes, str], FileInfo], on_kept: Callable[[], None]) -> None:
        self._keep, self._on_kept = keep, on_kept
        self._content, self._digest = bytearray(), new_md5()

    @property
    def md5(self) -> str:
        """Of what was written so far, in base64."""
        return md5_text(self._digest)

    def write(self, piece: bytes) -> None:
        """The next bytes."""
        self._digest.update(piece)
        self._content += piece

    def keep(self) -> FileInfo:
        """Put the file under its name, in one step."""
        kept = self._keep(bytes(self._content), self.md5)
        self._on_kept()
        return kept

    def discard(self) -> None:
        """Leave nothing of it."""
        self._content.clear()


def _describe(name: str, kept: _Kept) -> FileInfo:
    return FileInfo(
        name=name,
        size_bytes=len(kept.content),
        mimetype=mimetype_of(name),
        updated_at=kept.updated_at,
        md5=kept.md5,
        url="",
    )
