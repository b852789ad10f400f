"""Queries in SQL, answered by the server."""

from __future__ import annotations

from contextlib import closing

import pyarrow as pa

from runlake.service.remote.body import BodyFile
from runlake.service.remote.requests import JSON_HEADERS, ServerRequests
from runlake.service.wire import documents
from runlake.service.wire import rows as wire_rows
from runlake.service.wire.documents import API_PREFIX
from runlake.service.wire.sql import SqlAsk

_ON_THE_WAY_S = 60.0
"""How long an answer is waited for beyond the time that the query may take: others may be before it."""


class HttpSql:
    """What `runlake.sql.ask` asks a store that can answer queries itself."""

    def __init__(self, server: ServerRequests) -> None:
        self._server = server

    def answer_sql(self, text: str, *, within: tuple[str, str] | None, time_s: float, memory_bytes: int) -> pa.Table:
        """The answer, computed at the server within its limits; closing the connection ends the query.

        `NotFoundError` or `NotSupportedError` from a server that cannot.
        """
        entity, project = (None, None) if within is None else within
        asked = SqlAsk(
            query=text,
            entity=entity,
            project=project,
            compression=self._server.compression,  # type: ignore[arg-type]
            time_s=time_s,
            memory_bytes=memory_bytes,
        )
        response = self._server.http.open(
            "POST",
            f"{API_PREFIX}/sql",
            content=documents.pack(asked),
            headers=JSON_HEADERS,
            timeout_s=time_s + _ON_THE_WAY_S,
        )
        with closing(response), pa.PythonFile(BodyFile(response), "r") as source:
            table, _ = wire_rows.read_table(source)
            return table
