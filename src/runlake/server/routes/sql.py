"""Queries in SQL over what the caller may see.

No verb of the contract: a query is answered from the verbs that there are, so it works over every store and sees what
they let the caller see. DuckDB runs it in a process of its own, which is ended when it takes too long or too much, or
when nobody waits for it any more.
"""

from __future__ import annotations

import importlib.util
import io
import time
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, SkipValidation
from litestar.response import Stream
from msgspec.structs import replace

from runlake.errors import BadValueError
from runlake.query.rows.export import CsvWriter
from runlake.server.http.turns import Turns, in_turn
from runlake.server.routes.answers import ONLY_READS, Asked, answer, compression_of
from runlake.service.contract import Service
from runlake.service.wire import documents
from runlake.service.wire import rows as wire_rows
from runlake.service.wire.sql import SqlAsk, SqlTable, SqlTables, columns_of, page_of
from runlake.sql.engine import SqlLimits
from runlake.sql.process import EngineProcesses
from runlake.sql.query import check_limits, run_query
from runlake.sql.schema import SCHEMAS

SERVER_LIMITS = SqlLimits(time_s=60.0, memory_bytes=512 * 2**20)
"""What one query may take of a server."""

QUERIES_AT_ONCE = 2
"""In each worker; one of one person."""

_CSV_TYPE = "text/csv"
_CSV_ROWS = 65_536
_LATE_S = 10.0


class Queries:
    """All queries of this worker, for the one event loop that it has: how many at once, and what each may take."""

    def __init__(self, limits: SqlLimits = SERVER_LIMITS, *, at_once: int = QUERIES_AT_ONCE) -> None:
        self.limits = limits
        self.turns = Turns(at_once, max_turn_s=limits.time_s + _LATE_S)
        self._processes = EngineProcesses()

    def run(self, service: Service, asked: SqlAsk) -> pa.Table:
        """The answer of a query; see `sql.query.run_query`."""
        if (asked.entity is None) != (asked.project is None):
            raise BadValueError("entity and project go together: both make it a query of one project, none of all")
        within = None if asked.entity is None or asked.project is None else (asked.entity, asked.project)
        limits = self.limits
        if asked.time_s is not None:
            limits = replace(limits, time_s=min(asked.time_s, limits.time_s))
        if asked.memory_bytes is not None:
            limits = replace(limits, memory_bytes=min(asked.memory_bytes, limits.memory_bytes))
        check_limits(limits)
        return run_query(service, asked.query, limits, within=within, engine=self._processes.engine(limits))

    def prepare(self) -> None:
        """Somebody looks at what could be asked: be ready for it."""
        self._processes.prepare()

    def close(self) -> None:
        """Begin nothing more."""
        self.turns.close()
        self._processes.close()


Queried = NamedDependency[SkipValidation[Queries]]
"""All queries of this worker; the router provides it under the name `queries`."""


@get("/sql", sync_to_thread=True)
def list_sql_tables(service: Asked, queries: Queried) -> Response[SqlTables]:
    """The tables that queries can name, with their columns, and what a query may take."""
    tables = [SqlTable(name=name, columns=columns_of(schema)) for name, schema in SCHEMAS.items()]
    is_available = importlib.util.find_spec("duckdb") is not None
    if is_available:
        queries.prepare()
    limits = queries.limits
    return answer(
        SqlTables(tables=tables, time_s=limits.time_s, memory_bytes=limits.memory_bytes, is_available=is_available)
    )


@post("/sql", status_code=200, opt=ONLY_READS)
async def query_sql(
    request: Request[Any, Any, Any], service: Asked, queries: Queried, data: JSONBody[SqlAsk]
) -> Response[Any] | Stream:
    """The answer of one SELECT over all that the caller may see: an Arrow stream, a page of it as JSON, or CSV.

    What does more than read is refused. Nothing is sent before the answer is whole.
    """

    def answered() -> Response[Any] | Stream:
        began_s = time.monotonic()
        table = queries.run(service, data)
        if data.format == "csv":
            return Stream(_csv(table), media_type=_CSV_TYPE)
        if data.format == "json":
            return answer(page_of(table, offset=data.offset, limit=data.limit, took_s=time.monotonic() - began_s))
        packing = compression_of(data.compression)
        return Stream(wire_rows.write_table(table, compression=packing), media_type=documents.ARROW_TYPE)

    return await in_turn(request, answered, turns=queries.turns)


def _csv(table: pa.Table) -> Iterator[bytes]:
    file = io.BytesIO()
    writer = CsvWriter(file, table.schema)
    for start in range(0, max(1, table.num_rows), _CSV_ROWS):
        writer.write(table.slice(start, _CSV_ROWS))
        yield file.getvalue()
        file.seek(0)
        file.truncate()


HANDLERS = [list_sql_tables, query_sql]
