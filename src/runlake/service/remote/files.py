"""The verbs of the files of runs over HTTP."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any, BinaryIO, NoReturn
from urllib.parse import quote

from msgspec import structs

from runlake.errors import NotSupportedError
from runlake.model import FileInfo, RunPath
from runlake.service.remote.bodies import READ_BYTES, sent_whole
from runlake.service.remote.file import RemoteFile
from runlake.service.remote.requests import ServerRequests, run_at
from runlake.service.wire import documents
from runlake.service.wire.documents import FileCount, file_address
from runlake.store.files import names_of_files
from runlake.store.layout import check_file_name

_ADDRESS_BYTES = 4000
"""Longer names in all are not asked for one by one: what is between us and the server may cut addresses."""


class HttpFiles:
    """`contract.files` over HTTP."""

    def __init__(self, server: ServerRequests) -> None:
        self._server = server
        self._http = server.http

    def list_files(
        self, path: RunPath, *, names: Iterable[str] | None = None, after: str = "", limit: int | None = None
    ) -> list[FileInfo]:
        if names is not None:
            wanted = list(names_of_files(names))
            is_short = sum(len(quote(name)) for name in wanted) <= _ADDRESS_BYTES
            found = self._listed(path, name=wanted if is_short else None, limit=None if wanted else 0)
            return [info for info in found if info.name in set(wanted)]  # an older server lists all
        return self._listed(path, after=after or None, limit=limit)

    def _listed(self, path: RunPath, **query: Any) -> list[FileInfo]:
        found = self._server.get(run_at(path, "files"), list[FileInfo], **query)
        return [structs.replace(info, url=self._server.url + info.url) for info in found]

    def count_files(self, path: RunPath) -> int:
        return self._server.get(run_at(path, "file-count"), FileCount).file_count

    def open_file(self, path: RunPath, name: str) -> BinaryIO:
        run_at(path)
        file = RemoteFile(self._http, file_address(path, check_file_name(name)))
        return io.BufferedReader(file, READ_BYTES)

    def file_url(self, path: RunPath, name: str, valid_s: float) -> None:
        """The server sends the bytes itself."""

    def put_file(self, path: RunPath, name: str, content: BinaryIO) -> FileInfo:
        run_at(path)
        body = sent_whole(self._http, file_address(path, check_file_name(name)), content)
        info = documents.unpack(body, FileInfo)
        return structs.replace(info, url=self._server.url + info.url)

    def receive_file(self, path: RunPath, name: str) -> NoReturn:
        raise NotSupportedError("receive_file is what a server asks of its own store; over HTTP use put_file")

    def delete_file(self, path: RunPath, name: str) -> None:
        run_at(path)
        self._http.request("DELETE", file_address(path, check_file_name(name)))
