"""Tools about runs: which there are, and what one holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Annotated, Any, Literal

from msgspec import Meta

from runlake.api.paths import parse_run_path
from runlake.comparison.sections import read_metadata
from runlake.listing_model import RunColumnsQuery
from runlake.mcp.answers import Answer, Room, rest_of
from runlake.mcp.projects import contains, find_project
from runlake.mcp.tool import Asked, Caller, Offset, ProjectPath, RunPathText, Search, Tool
from runlake.model import RunInfo, RunPath
from runlake.service.contract import Service
from runlake.values import flatten, plain_name

_PROBLEMS_SHOWN = 20
_HEAD_CHARACTERS = 300
_HEAD = (
    *("name", "state", "group", "job_type", "user", "host", "program", "sweep", "created_at", "heartbeat_at"),
    *("runtime_s", "exit_code", "last_step", "row_count", "event_count", "console_line_count", "forked_from"),
)

Part = Literal["config", "summary", "keys", "system_keys", "system_metrics", "metadata", "files", "artifacts", "alerts"]


class ListRuns(Asked, frozen=True, kw_only=True):
    """List runs of a project with columns of your choice: filtered, ordered, page by page. Filters are as in MongoDB:
    {"state": "finished", "config.lr": {"$lt": 0.1}, "tags": {"$in": ["best"]}, "$or": [...]}; fields, config.… and
    summary.… are named as describe_project lists them. For the best run, order by "-summary.accuracy" with limit 1."""

    project: ProjectPath
    filters: Annotated[dict[str, Any] | None, Meta(description="Which runs; all without it.")] = None
    order: Annotated[
        tuple[str, ...], Meta(description='Columns with + or - before them, the most important first: ["-created_at"].')
    ] = ("-created_at",)
    columns: Annotated[
        tuple[str, ...], Meta(max_length=50, description='What to tell: ["name", "config.lr", "summary.loss"].')
    ] = ("name", "state", "created_at", "runtime_s", "last_step", "tags")
    limit: Annotated[int, Meta(ge=1, le=1000)] = 50
    offset: Offset = 0
    version: Annotated[
        str | None, Meta(description="That of the first page: later pages are then cut from the same state.")
    ] = None


def list_runs(asked: ListRuns, caller: Caller) -> Answer:
    room, place = caller.room(), find_project(caller.service, asked.project)
    query = RunColumnsQuery(
        columns=tuple(asked.columns),
        filters=asked.filters,
        order=tuple(asked.order),
        offset=asked.offset,
        limit=asked.limit,
        version=asked.version,
    )
    found = caller.service.read_run_columns(*place, query)
    problems = {run: found.problems[run] for run in list(found.problems)[:_PROBLEMS_SHOWN]}
    rest = [f"run {run} cannot be read: {room.shown(problem, 200)}" for run, problem in problems.items()]
    if len(found.problems) > len(problems):
        rest.append(f"{len(found.problems) - len(problems):,} more runs cannot be read")
    room.fit([rest])
    names = [name for name in dict.fromkeys(asked.columns) if name != "run_id"]
    longest = min(_HEAD_CHARACTERS, room.left_bytes // (5 * len(names) + 5))
    rows = [
        [run_id, *(room.shown(found.columns[name][number], longest) for name in names)]
        for number, run_id in enumerate(found.run_ids)
    ]
    shown = room.fit(rows)
    missing = rest_of("runs", asked.offset, len(shown), found.total_count)
    rest = [*([f"{missing}, version={found.version!r}"] if missing else []), *rest]
    rest += room.rest_of_texts("read_run has more of one run")
    document = {"project": "/".join(place), "total_count": found.total_count, "version": found.version}
    return Answer(found={**document, "columns": ["run_id", *names], "rows": shown}, rest=rest)


class ReadRun(Asked, frozen=True, kw_only=True):
    """Read one run: its fields, and the parts that are asked for. config and summary are flat, a.b for nested; keys
    are the logged keys with the lane (type) and count of their values; system_keys and system_metrics are those of the
    machine; metadata is program, arguments, git, machine; files are names and sizes; artifacts those used or made."""

    run: RunPathText
    parts: Annotated[tuple[Part, ...], Meta(min_length=1)] = ("config", "summary", "keys")
    search: Search = None
    offset: Annotated[int, Meta(ge=0, description="Where to go on in a part: name that part alone then.")] = 0


def read_run(asked: ReadRun, caller: Caller) -> Answer:
    room, path = caller.room(), find_run(caller.service, asked.run)
    info = caller.service.read_run(path)
    document = head_of(info, room)
    room.fit([document])
    rest, parts = [], list(dict.fromkeys(asked.parts))
    for number, name in enumerate(parts):
        found = [one for one in _PARTS[name](caller.service, info) if contains(str(one[0]), asked.search)]
        share = room.left_bytes // (len(parts) - number)
        longest = share // 8 if len(found) == 1 else 1_000
        offset = asked.offset if len(parts) == 1 else 0
        shown = room.fit(([room.shown(cell, longest) for cell in one] for one in islice(found, offset, None)), share)
        missing = rest_of(name, offset, len(shown), len(found))
        rest += [f"{missing}, parts={[name]!r}"] if missing else []
        document[name] = {"of": _COLUMNS[name], "total_count": len(found), "rows": shown}
    whole = "search for one alone to have more of it, or use sql: substr(text, 1001, 5000) in config or summary"
    return Answer(found=document, rest=[*rest, *room.rest_of_texts(whole)])


def find_run(service: Service, text: str) -> RunPath:
    """The run that a text names; whether it is there is for the verb to say."""
    return parse_run_path(text, service.default_entity, None)


def head_of(info: RunInfo, room: Room) -> dict[str, Any]:
    """What is known of a run but for its documents; what is not known is left out."""
    found = {name: room.shown(getattr(info, name), _HEAD_CHARACTERS) for name in _HEAD}
    head = {"run": str(info.path), **{name: value for name, value in found.items() if value is not None}}
    if info.tags:
        head["tags"] = room.shown(list(info.tags), 2 * _HEAD_CHARACTERS)
    if info.notes:
        head["notes"] = room.shown(info.notes)
    if info.stop_requested:
        head["stop_requested"] = True
    return head


def _values(document: dict[str, Any]) -> list[list[Any]]:
    return [[plain_name(path), value] for path, value in flatten(document, stringify_keys=True).items()]


def _keys(service: Service, info: RunInfo, stream: Literal["history", "events"]) -> list[list[Any]]:
    return [
        [plain_name(one.key), one.lane, one.value_count]
        for one in service.outline_history(info.path, stream=stream).series
        if not one.key.startswith("_")
    ]


def _artifacts(service: Service, info: RunInfo) -> list[list[Any]]:
    return [
        [str(one.path), relation, one.type, one.size_bytes]
        for relation in ("logged", "used")
        for one in service.list_run_artifacts(info.path, relation)
    ]


_PARTS: dict[str, Callable[[Service, RunInfo], Sequence[list[Any]]]] = {
    "config": lambda _, info: _values(info.config),
    "summary": lambda _, info: _values(info.summary),
    "keys": lambda service, info: _keys(service, info, "history"),
    "system_keys": lambda service, info: _keys(service, info, "events"),
    "system_metrics": lambda _, info: _values(info.system_metrics),
    "metadata": lambda service, info: _values(read_metadata(service, info.path)),
    "files": lambda service, info: [
        [one.name, one.size_bytes, one.mimetype] for one in service.list_files(info.path)
    ],
    "artifacts": _artifacts,
    "alerts": lambda _, info: [[one.title, one.text, one.level, one.timestamp] for one in info.alerts],
}  # fmt: skip

_COLUMNS: dict[str, list[str]] = {
    **{part: ["name", "value"] for part in ("config", "summary", "system_metrics", "metadata")},
    **{part: ["key", "lane", "value_count"] for part in ("keys", "system_keys")},
    "files": ["name", "size_bytes", "mimetype"],
    "artifacts": ["artifact", "relation", "type", "size_bytes"],
    "alerts": ["title", "text", "level", "timestamp"],
}

TOOLS = [
    Tool(name="list_runs", asks=ListRuns, work=list_runs),
    Tool(name="read_run", asks=ReadRun, work=read_run),
]
