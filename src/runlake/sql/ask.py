"""Where a query is computed: at the server that has the rows, where one can, and else here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, get_args, runtime_checkable

from runlake.errors import BadValueError, NotFoundError, NotSupportedError
from runlake.sql.engine import DuckDatabase, SqlLimits
from runlake.sql.query import check_limits, run_query
from runlake.sql.tables import Place

if TYPE_CHECKING:
    import pyarrow as pa

    from runlake.service.contract import Service

At = Literal["auto", "server", "here"]


@runtime_checkable
class AnswersSql(Protocol):
    """What a service can have beside its verbs: whoever has the rows nearer computes the answer."""

    def answer_sql(self, text: str, *, within: Place | None, time_s: float, memory_bytes: int) -> pa.Table:
        """As `run_query`; `NotFoundError` or `NotSupportedError` where it cannot be done there."""
        ...


def ask(
    service: Service,
    text: str,
    limits: SqlLimits,
    *,
    within: Place | None = None,
    at: At = "auto",
    database: DuckDatabase | None = None,
) -> pa.Table:
    """The answer of a query: see `run_query` for what it says and raises.

    At "auto" a server that can is asked, since only the answer travels then; it may allow less than `limits`. "here"
    fetches the rows and runs DuckDB in this process: `database`, which who asks again keeps.
    """
    if at not in get_args(At):
        raise BadValueError(f"at={at!r}; it can be {', '.join(map(repr, get_args(At)))}")
    check_limits(limits)
    if at != "here" and isinstance(service, AnswersSql):
        try:
            return service.answer_sql(text, within=within, time_s=limits.time_s, memory_bytes=limits.memory_bytes)
        except (NotFoundError, NotSupportedError):
            if at == "server":
                raise
    elif at == "server":
        raise NotSupportedError(f"{service.url} is no server that answers queries; leave at= out")
    engine = None if database is None else database.engine(limits)
    return run_query(service, text, limits, within=within, engine=engine)
