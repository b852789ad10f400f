"""The verbs of rows over HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

import httpx
import pyarrow as pa

from runlake.errors import UnreadableRunWarning, warn
from runlake.listing_model import ConsolePage, ValuesPage
from runlake.model import ConsoleLine, RunPath, Stream, TailCursor
from runlake.query.many.blocks import HistoryBlock
from runlake.query.rows.history import History, HistoryOutline, Tail
from runlake.query.runs.filter import plain_filter
from runlake.service.remote.body import BodyFile
from runlake.service.remote.requests import JSON_HEADERS, ServerRequests, check_names, run_at
from runlake.service.wire import documents
from runlake.service.wire import rows as wire_rows
from runlake.service.wire.documents import project_address

_LONGEST_QUERY_BYTES = 4000


class HttpRows:
    """`contract.rows` over HTTP."""

    def __init__(self, server: ServerRequests) -> None:
        self._server = server
        self._http = server.http

    def read_history(
        self,
        path: RunPath,
        *,
        stream: Stream = "history",
        keys: Sequence[str] | None = None,
        min_step: int | None = None,
        max_step: int | None = None,
        generation: str | None = None,
    ) -> History:
        query = {
            "stream": stream,
            "min_step": min_step,
            "max_step": max_step,
            "generation": generation,
            "compression": self._server.compression,
        }
        address = run_at(path, "history")
        if keys and sum(len(key) + 5 for key in keys) < _LONGEST_QUERY_BYTES:
            response = self._http.open("GET", address, query={**query, "key": list(keys)})
        else:
            document = {"keys": None if keys is None else list(keys)}
            response = self._http.open(
                "POST", address, query=query, content=documents.pack(document), headers=JSON_HEADERS, is_repeatable=True
            )
        with closing(response), pa.PythonFile(BodyFile(response), "r") as source:
            return wire_rows.read_history(source)

    def read_histories(
        self,
        entity: str,
        project: str,
        *,
        keys: Sequence[str] | None,
        stream: Stream = "history",
        filters: Mapping[str, Any] | None = None,
        order: Sequence[str] = ("+created_at",),
        version: str | None = None,
    ) -> Iterator[HistoryBlock]:
        check_names(entity, project)
        asked = {
            "keys": None if keys is None else list(keys),
            "stream": stream,
            "filters": plain_filter(filters),
            "order": list(order),
            "version": version,
        }
        response = self._http.open(
            "POST",
            project_address(entity, project, "histories"),
            query={"compression": self._server.compression},
            content=documents.pack(asked),
            headers=JSON_HEADERS,
            is_repeatable=True,
        )
        return _blocks(response)

    def read_tail(
        self,
        path: RunPath,
        cursor: TailCursor | None,
        *,
        stream: Stream = "history",
        keys: Sequence[str] | None = None,
        limit: int | None = None,
        last: int | None = None,
    ) -> Tail:
        body = self._server.ask(
            run_at(path, "tail"),
            {"keys": None if keys is None else list(keys)},
            cursor=None if cursor is None else str(cursor),
            stream=stream,
            limit=limit,
            last=last,
        )
        return wire_rows.read_tail(pa.BufferReader(body))

    def sample_history(
        self, path: RunPath, key: str, *, samples: int, stream: Stream = "history", generation: str | None = None
    ) -> History:
        query = {"key": key, "samples": samples, "stream": stream, "generation": generation}
        body = self._http.request("GET", run_at(path, "sample"), query=query)
        return wire_rows.read_history(pa.BufferReader(body))

    def list_keys(self, path: RunPath, *, stream: Stream = "history", generation: str | None = None) -> list[str]:
        return self._server.get(run_at(path, "keys"), documents.Keys, stream=stream, generation=generation).keys

    def outline_history(self, path: RunPath, *, stream: Stream = "history") -> HistoryOutline:
        return documents.unpack_outline(self._http.request("GET", run_at(path, "outline"), query={"stream": stream}))

    def read_console(
        self, path: RunPath, *, last: int | None = None, generation: str | None = None
    ) -> list[ConsoleLine]:
        return self._server.get(run_at(path, "console"), list[ConsoleLine], last=last, generation=generation)

    def read_console_lines(
        self,
        path: RunPath,
        *,
        offset: int = 0,
        limit: int = 500,
        search: str | None = None,
        generation: str | None = None,
    ) -> ConsolePage:
        asked = {"offset": offset, "limit": limit, "search": search, "generation": generation}
        return self._server.get(run_at(path, "console", "lines"), ConsolePage, **asked)

    def read_values(
        self,
        path: RunPath,
        key: str,
        *,
        stream: Stream = "history",
        offset: int = 0,
        limit: int = 1000,
        generation: str | None = None,
    ) -> ValuesPage:
        asked = {"stream": stream, "offset": offset, "limit": limit, "generation": generation}
        return self._server.get(run_at(path, "values"), ValuesPage, key=key, **asked)


def _blocks(response: httpx.Response) -> Iterator[HistoryBlock]:
    with closing(response), pa.PythonFile(BodyFile(response), "r") as source:
        for block in wire_rows.read_blocks(source):
            if block.problem is not None:
                warn(
                    f"run {block.run_ids[0]} cannot be read, and has no rows here: {block.problem}",
                    UnreadableRunWarning,
                )
            yield block
