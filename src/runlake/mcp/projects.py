"""Tools about projects: which there are, and what can be asked of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta

from runlake.api.paths import parse_project_path
from runlake.errors import NotFoundError
from runlake.listing_model import RunColumnsQuery
from runlake.mcp.answers import Answer, cut_text, page
from runlake.mcp.tool import Asked, Caller, Offset, ProjectPath, Search, Tool
from runlake.model import Stream
from runlake.near import near_names
from runlake.service.contract import Service
from runlake.values import plain_name

_FACETS = ("state", "group", "job_type", "user", "tags")
_FACET_VALUES = 20
_NAME_CHARACTERS = 1_000


class ListProjects(Asked, frozen=True, kw_only=True):
    """List the projects that can be read, with how many runs each has. Begin here when no project is named."""

    entity: Annotated[str | None, Meta(description="Only those of a user or team.")] = None
    search: Search = None
    offset: Offset = 0


def list_projects(asked: ListProjects, caller: Caller) -> Answer:
    found = [
        {"project": f"{one.entity}/{one.name}", "run_count": one.run_count, "created_at": one.created_at}
        for one in caller.service.list_projects(asked.entity)
        if contains(f"{one.entity}/{one.name}", asked.search)
    ]
    shown, rest = page(caller.room(), found, asked.offset, "projects")
    document = {"default_entity": caller.service.default_entity, "total_count": len(found), "projects": shown}
    return Answer(found=document, rest=[rest] if rest else [])


class DescribeProject(Asked, frozen=True, kw_only=True):
    """Say what a project holds before asking for it: how many runs in which states and groups; the columns of its
    runs (fields, config.…, summary.…) with their kinds and how many runs have each, for the filters, orders and columns
    of list_runs; and the logged keys, for read_metric and sql. Kinds: number, text, bool, time, list, object, null,
    mixed; of keys number, text, media, other."""

    project: ProjectPath
    part: Annotated[
        Literal["overview", "columns", "keys", "system_keys"],
        Meta(description="overview: some of everything; the others are whole lists, page by page."),
    ] = "overview"
    search: Search = None
    offset: Offset = 0


def describe_project(asked: DescribeProject, caller: Caller) -> Answer:
    service, room = caller.service, caller.room()
    place = find_project(service, asked.project)
    document: dict[str, Any] = {"project": "/".join(place)}
    rest: list[str] = []
    if asked.part == "overview":
        document |= _counts(service, place)
        room.fit([document])
        if document["unreadable_run_count"]:
            rest.append("some runs cannot be read: list_runs names them")
    names = ("columns", "keys", "system_keys") if asked.part == "overview" else (asked.part,)
    for number, name in enumerate(names):
        found = [one for one in _list(service, place, name) if contains(one[0], asked.search)]
        offset = 0 if asked.part == "overview" else asked.offset
        shown, missing = page(room, found, offset, f"part={name!r}", room.left_bytes // (len(names) - number))
        document[name] = {"of": ["name", "kind", "run_count"], "total_count": len(found), "rows": shown}
        rest += [missing] if missing else []
    return Answer(found=document, rest=rest)


def find_project(service: Service, text: str) -> tuple[str, str]:
    """Entity and project of a path; `NotFoundError` names those that are near."""
    place = parse_project_path(text, service.default_entity)
    known = [(one.entity, one.name) for one in service.list_projects()]
    if place not in known:
        beside = near_names(place[1], [project for entity, project in known if entity == place[0]], 1)
        near = [f"{place[0]}/{name}" for name in beside] or near_names("/".join(place), map("/".join, known), 1)
        hint = f"; did you mean {near[0]}?" if near else "; list_projects has those that there are"
        raise NotFoundError(f"no project {'/'.join(place)}, or none that you may read{hint}")
    return place


def contains(name: str, search: str | None) -> bool:
    """Whether a name has a text in it, or none is looked for."""
    return search is None or search.casefold() in name.casefold()


def _counts(service: Service, place: tuple[str, str]) -> dict[str, Any]:
    found = service.read_run_columns(*place, RunColumnsQuery(facets=_FACETS, limit=0))
    counts = {
        name: [[str(one.value)[:100], one.run_count] for one in values[:_FACET_VALUES] if one.value is not None]
        for name, values in (found.facets or {}).items()
    }
    return {
        "run_count": found.total_count,
        "unreadable_run_count": len(found.problems),
        "runs_by": {name: values for name, values in counts.items() if values},
    }


def _list(service: Service, place: tuple[str, str], name: str) -> Sequence[list[Any]]:
    if name == "columns":
        columns = service.list_run_columns(*place).columns
        return [[cut_text(one.name, _NAME_CHARACTERS), one.kind, one.run_count] for one in columns if one.run_count]
    stream: Stream = "history" if name == "keys" else "events"
    return [
        [cut_text(plain_name(one.key), _NAME_CHARACTERS), one.media_type or one.kind, one.run_count]
        for one in service.list_project_keys(*place, stream=stream).keys
    ]


TOOLS = [
    Tool(name="list_projects", asks=ListProjects, work=list_projects),
    Tool(name="describe_project", asks=DescribeProject, work=describe_project),
]
