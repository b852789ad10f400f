"""The verbs of the files of runs over a folder."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, BinaryIO

from runlake.model import FileInfo, RunInfo, RunPath
from runlake.service.local.listings import Listings
from runlake.service.local.open_store import OpenStore
from runlake.store.run.state import read_run
from runlake.store.store import Store

if TYPE_CHECKING:
    from runlake.incoming import Incoming


class LocalFiles:
    """`contract.files` over a folder."""

    def __init__(self, folder: OpenStore[Store], listings: Listings) -> None:
        self._folder, self._listings = folder, listings
        self._store = folder.store
        self._files = self._store.files

    def list_files(
        self, path: RunPath, *, names: Iterable[str] | None = None, after: str = "", limit: int | None = None
    ) -> list[FileInfo]:
        self._listings.check_exists(path)
        return self._files.list_files(path, names=names, after=after, limit=limit)

    def count_files(self, path: RunPath) -> int:
        self._listings.check_exists(path)
        return self._files.count_files(path)

    def open_file(self, path: RunPath, name: str) -> BinaryIO:
        self._listings.check_exists(path)
        return self._files.open_file(path, name)

    def file_url(self, path: RunPath, name: str, valid_s: float) -> str | None:
        self._listings.check_exists(path)
        return self._files.signed_url(path, name, valid_s=valid_s)

    def put_file(self, path: RunPath, name: str, content: BinaryIO) -> FileInfo:
        info = self._read_run(path)
        stored = self._files.put_file(path, name, content)
        self._folder.tell(path, "files", info.incarnation)
        return stored

    def receive_file(self, path: RunPath, name: str) -> Incoming[FileInfo]:
        info = self._read_run(path)
        return self._files.receive_file(path, name, lambda: self._folder.tell(path, "files", info.incarnation))

    def delete_file(self, path: RunPath, name: str) -> None:
        info = self._read_run(path)
        self._files.delete_file(path, name)
        self._folder.tell(path, "files", info.incarnation)

    def _read_run(self, path: RunPath) -> RunInfo:
        self._listings.check_exists(path)
        return read_run(self._store, path)
