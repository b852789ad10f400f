"""Tools that ask across runs: SQL, and where runs differ."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, cast

import msgspec
from msgspec import Meta

from runlake.mcp.answers import Answer, rest_of
from runlake.mcp.runs import find_run
from runlake.mcp.tool import Asked, Caller, Offset, Tool

if TYPE_CHECKING:
    import pyarrow as pa

    from runlake.service.contract import Service

SQL = "sql"
"""The tool that may cost most: a server computes it as it does other queries."""
SQL_TIME_S = 30.0
SQL_MEMORY_BYTES = 512 * 2**20
_CELL_CHARACTERS = 1_000
_ALONE_CHARACTERS = 5_000
_PROBLEMS_SHOWN = 5
_PROJECTS_LOOKED_AT = 20
_OF_PROJECTS = frozenset({"read_runs_table", "read_run_columns", "read_histories"})
"""Verbs that leave out runs that cannot be read."""


class Sql(Asked, frozen=True, kw_only=True):
    """Answer one SELECT (DuckDB) over everything that can be read, live runs included. Tables:
    runs(entity, project, run_id, name, state, created_at, heartbeat_at, runtime_s, exit_code, last_step, row_count,
    tags, notes, "group", job_type, user, host, program, sweep);
    config and summary(entity, project, run_id, key, value, text);
    history and events(entity, project, run_id, key, step, timestamp, runtime, value, text), one row a value, events
    being those of the machine;
    console(entity, project, run_id, number, timestamp, level, text, source);
    files(entity, project, run_id, name, size_bytes, mimetype, updated_at, md5);
    sweeps(entity, project, sweep_id, name, state, config, description, user, created_at, updated_at, run_count,
    expected_run_count);
    artifacts(entity, project, name, version, artifact_id, type, digest, size_bytes, file_count, description, metadata,
    aliases, tags, created_by, created_at, updated_at).
    value has numbers and bools, text everything else. Name project, run_id and key by = or IN in the WHERE: then
    nothing else is read. Aggregate rather than fetch rows; ORDER BY where more than one page is wanted. 30 seconds."""

    query: str
    limit: Annotated[int, Meta(ge=1, le=5000, description="Rows of the answer.")] = 200
    offset: Offset = 0


def sql(asked: Sql, caller: Caller) -> Answer:
    room = caller.room()
    noting = _NotingProjects(caller.service)
    table = (caller.answer_sql or _answer_here)(cast("Service", noting), asked.query)
    names = [room.shown(name, 200) for name in table.column_names]
    room.fit([names])
    part = table.slice(asked.offset, asked.limit)
    longest = _ALONE_CHARACTERS if table.num_rows == len(names) == 1 else _CELL_CHARACTERS
    longest = min(longest, room.left_bytes // (4 * max(1, len(names)) + 2))
    columns = [column.to_pylist() for column in part.columns]
    shown = room.fit([room.shown(_plain(cell), longest) for cell in row] for row in zip(*columns, strict=True))
    missing = rest_of("rows", asked.offset, len(shown), table.num_rows)
    rest = [missing] if missing else []
    rest += [*noting.left_out(), *room.rest_of_texts("select a piece: substr(text, 1001, 5000)")]
    return Answer(found={"columns": names, "total_count": table.num_rows, "rows": shown}, rest=rest)


def _answer_here(service: Service, query: str) -> pa.Table:
    """At the server that has the rows, where one can, and else in this process."""
    from runlake.sql.ask import ask
    from runlake.sql.engine import SqlLimits

    return ask(service, query, SqlLimits(time_s=SQL_TIME_S, memory_bytes=SQL_MEMORY_BYTES))


class _NotingProjects:
    """The verbs of a service; it notes of which projects a query reads runs."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._places: dict[tuple[str, str], None] = {}

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self._service, name)
        if name == "answer_sql":  # a server reads them, and does not tell of which projects
            known = self._service.list_projects()[:_PROJECTS_LOOKED_AT]
            self._places |= dict.fromkeys((one.entity, one.name) for one in known)
        if name not in _OF_PROJECTS:
            return verb

        def noted(entity: str, project: str, *more: Any, **named: Any) -> Any:
            self._places[entity, project] = None
            return verb(entity, project, *more, **named)

        return noted

    def left_out(self) -> list[str]:
        """Which runs of those projects cannot be read."""
        found = [
            f"run {'/'.join(place)}/{run_id} cannot be read and is left out"
            for place in self._places
            for run_id in self._service.list_runs(*place, limit=0).problems
        ]
        more = len(found) - _PROBLEMS_SHOWN
        return found[:_PROBLEMS_SHOWN] + ([f"{more:,} more runs cannot be read"] if more > 0 else [])


def _plain(cell: Any) -> Any:
    """A cell as what JSON has: times and decimals as text."""
    if cell is None or isinstance(cell, bool | int | float | str | bytes):
        return cell
    return msgspec.to_builtins(cell, builtin_types=(bytes,), str_keys=True)


class CompareRuns(Asked, frozen=True, kw_only=True):
    """Tell where two runs or more differ, and nothing else: config, summary, metadata, code, packages, artifacts used;
    with curves=true also how far their curves are from those of the first (rms and largest distance, in the unit of the
    key). Conditions of fail_if are judged against the first run: "val_loss > +1%", "acc < -0.02", "loss >= 0.5"."""

    runs: Annotated[list[str], Meta(min_length=2, max_length=20, description="Each entity/project/run_id.")]
    curves: bool = False
    keys: Annotated[list[str] | None, Meta(description="Only the curves of these keys; up to 64 of them.")] = None
    fail_if: Annotated[tuple[str, ...], Meta(max_length=20)] = ()
    everything: Annotated[bool, Meta(description="Also what always differs, as times.")] = False
    offset: Annotated[int, Meta(ge=0, description="How many differences to leave out at the beginning.")] = 0


def compare_runs(asked: CompareRuns, caller: Caller) -> Answer:
    from runlake.comparison.comparison import compare_runs as compare
    from runlake.comparison.gates import parse_gate

    room = caller.room()
    found = compare(
        caller.service,
        [find_run(caller.service, text) for text in asked.runs],
        everything=asked.everything,
        curves=asked.curves,
        keys=asked.keys,
        gates=[parse_gate(text) for text in asked.fail_if],
    )
    whole = found.document()
    document: dict[str, Any] = {name: whole[name] for name in ("runs", "states", "equal", "failed") if name in whole}
    room.fit([document])
    rest = []
    if found.verdicts:
        gates = ({name: room.shown(value, 300) for name, value in one.items()} for one in whole["gates"])
        document["gates"] = room.fit(gates, room.left_bytes // 3)
        if len(document["gates"]) < len(found.verdicts):
            rest.append(f"gates: {len(document['gates'])} of {len(found.verdicts)}; ask for fewer runs or conditions")
    if found.curves is not None:
        curves = ({**one, "key": room.shown(one["key"])} for one in whole["curves"])
        document["curves"] = room.fit(curves, room.left_bytes // 2)
        if len(document["curves"]) < len(whole["curves"]):
            rest.append(f"curves: {len(document['curves'])} of {len(whole['curves'])}; name some with keys")
        if found.curves.left_out_count:
            rest.append(f"{found.curves.left_out_count:,} keys are shared, too many at once; name some with keys")
    longest = min(_CELL_CHARACTERS, room.left_bytes // (5 * len(asked.runs) + 5))
    differences = whole["differences"][asked.offset :]

    def cells() -> Iterator[dict[str, Any]]:
        for one in differences:
            shown = {name: room.shown(value, longest) for name, value in one.items() if name != "values"}
            yield shown | ({"values": [room.shown(v, longest) for v in one["values"]]} if "values" in one else {})

    document["differences"] = room.fit(cells())
    document["difference_count"] = len(whole["differences"])
    missing = rest_of("differences", asked.offset, len(document["differences"]), len(whole["differences"]))
    rest += [missing] if missing else []
    return Answer(found=document, rest=[*rest, *room.rest_of_texts("read_run has more of one value")])


TOOLS = [
    Tool(name=SQL, asks=Sql, work=sql),
    Tool(name="compare_runs", asks=CompareRuns, work=compare_runs),
]
