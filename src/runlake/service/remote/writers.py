"""The verbs of runs whose process is elsewhere, over HTTP."""

from __future__ import annotations

from typing import NoReturn

from runlake.errors import NotSupportedError
from runlake.model import (
    Appended,
    OpenRequest,
    RunPath,
    WriterAnswer,
    WriterBatch,
    WriterGrant,
    WriterHandle,
    WriterStart,
)
from runlake.service.remote.requests import ServerRequests, run_at
from runlake.service.wire import documents
from runlake.store.ingest.grant_codec import pack_request, unpack_grant


class HttpWriters:
    """`contract.writers` over HTTP: journals are sent as they are, and batches are for a server of its own."""

    def __init__(self, server: ServerRequests) -> None:
        self._http = server.http

    def begin_writer(self, path: RunPath, start: WriterStart) -> WriterHandle:
        self._refuse_batches("begin_writer")

    def find_writer(self, path: RunPath, client: str | None = None) -> WriterHandle | None:
        self._refuse_batches("find_writer")

    def write_batch(self, path: RunPath, writer: str, batch: WriterBatch) -> WriterAnswer:
        self._refuse_batches("write_batch")

    def open_writer(self, path: RunPath, opening: OpenRequest) -> WriterGrant:
        headers = {"Content-Type": documents.MSGPACK_TYPE}
        body = self._http.request(
            "POST", run_at(path, "writers"), content=pack_request(opening), headers=headers, is_repeatable=True
        )
        return unpack_grant(body)

    def append_frames(self, path: RunPath, writer: str, number: int, offset: int, data: bytes) -> Appended:
        headers = {"Content-Type": documents.FRAMES_TYPE}
        address = run_at(path, "writers", writer, str(number))
        body = self._http.request("PUT", address, query={"offset": offset}, content=data, headers=headers)
        return documents.unpack(body, Appended)

    def _refuse_batches(self, verb: str) -> NoReturn:
        raise NotSupportedError(f"{verb} is what a server asks of its own store; over HTTP use open_writer")
