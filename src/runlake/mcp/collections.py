"""Tools about what else is in a project: its sweeps and its artifacts."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from runlake.api.paths import parse_sweep_path
from runlake.artifact_model import LATEST, ArtifactInfo, ArtifactPath, CollectionPath
from runlake.errors import PathError
from runlake.mcp.answers import Answer, Room, page
from runlake.mcp.projects import contains, find_project
from runlake.mcp.tool import Asked, Caller, Offset, ProjectPath, Search, Tool
from runlake.service.contract import Service
from runlake.sweep_model import SweepInfo
from runlake.values import flatten, plain_name

_USERS_SHOWN = 50


class ListSweeps(Asked, frozen=True, kw_only=True):
    """List the sweeps of a project, with their states and how many runs each has begun."""

    project: ProjectPath
    offset: Offset = 0


def list_sweeps(asked: ListSweeps, caller: Caller) -> Answer:
    room, place = caller.room(), find_project(caller.service, asked.project)
    found = [_sweep(one, room) for one in caller.service.list_sweeps(*place)]
    shown, missing = page(room, found, asked.offset, "sweeps")
    document = {"project": "/".join(place), "total_count": len(found), "sweeps": shown}
    return Answer(found=document, rest=[missing] if missing else [])


class ReadSweep(Asked, frozen=True, kw_only=True):
    """Read one sweep: its configuration, flat, and its agents. Its runs, the best first, has list_runs with
    filters={"sweep": sweep_id} and order=["-summary.<its metric>"]."""

    sweep: Annotated[str, Meta(description="entity/project/sweep_id.")]
    offset: Annotated[int, Meta(ge=0, description="Where to go on in the configuration.")] = 0


def read_sweep(asked: ReadSweep, caller: Caller) -> Answer:
    room = caller.room()
    info = caller.service.read_sweep(parse_sweep_path(asked.sweep, caller.service.default_entity, None))
    document = _sweep(info, room)
    document["agents"] = room.fit(
        ({"agent_id": one.agent_id, "state": one.state, "run_count": len(one.run_ids)} for one in info.agents),
        room.left_bytes // 2,
    )
    room.fit([_sweep(info, room)])
    flat = flatten(info.config, stringify_keys=True).items()
    config, missing = page(room, [[plain_name(k), room.shown(v)] for k, v in flat], asked.offset, "config")
    rest = [missing] if missing else []
    if len(document["agents"]) < len(info.agents):
        rest.append(f"agents: {len(document['agents'])} of {len(info.agents)}")
    return Answer(found={**document, "config": config}, rest=[*rest, *room.rest_of_texts("sql has it: sweeps.config")])


class ListArtifacts(Asked, frozen=True, kw_only=True):
    """List the artifacts of a project: its collections by name, or with name the versions of one, the newest first."""

    project: ProjectPath
    name: Annotated[str | None, Meta(description="A collection, whose versions are wanted.")] = None
    type: Annotated[str | None, Meta(description="Only collections of a type, as model or dataset.")] = None
    search: Search = None
    offset: Offset = 0


def list_artifacts(asked: ListArtifacts, caller: Caller) -> Answer:
    room, place = caller.room(), find_project(caller.service, asked.project)
    document: dict[str, Any] = {"project": "/".join(place)}
    found: list[dict[str, Any]]
    if asked.name is None:
        found = [
            {"name": one.name, "type": one.type, "version_count": one.version_count, "size_bytes": one.size_bytes,
             "aliases": room.shown(one.aliases, 300), "updated_at": one.updated_at}
            for one in caller.service.list_collections(*place, type=asked.type)
            if contains(one.name, asked.search)
        ]  # fmt: skip
        what = "collections"
    else:
        found = [_version(one, room) for one in caller.service.list_artifacts(CollectionPath(*place, asked.name))]
        what = "versions"
    shown, missing = page(room, found, asked.offset, what)
    rest = [*([missing] if missing else []), *room.rest_of_texts("read_artifact has more of one")]
    return Answer(found={**document, "total_count": len(found), what: shown}, rest=rest)


class ReadArtifact(Asked, frozen=True, kw_only=True):
    """Read one version of an artifact: its metadata, the run that made it, the runs that used it, and its files."""

    artifact: Annotated[str, Meta(description="entity/project/name:version; the version is v3, an alias, or latest.")]
    offset: Annotated[int, Meta(ge=0, description="Where to go on in the files.")] = 0


def read_artifact(asked: ReadArtifact, caller: Caller) -> Answer:
    service, room = caller.service, caller.room()
    path = _artifact_path(service, asked.artifact)
    info = service.read_artifact(path)
    document = _version(info, room)
    users = service.list_artifact_users(path)
    document["used_by"] = [str(one) for one in users[:_USERS_SHOWN]]
    rest = [f"used_by: {_USERS_SHOWN} of {len(users):,}"] if len(users) > _USERS_SHOWN else []
    room.fit([document])
    metadata = [[plain_name(k), room.shown(v)] for k, v in flatten(info.metadata, stringify_keys=True).items()]
    document["metadata"] = room.fit(metadata, room.left_bytes // 2)
    if len(document["metadata"]) < len(metadata):
        rest.append(f"metadata: {len(document['metadata'])} of {len(metadata):,}; sql has it: artifacts.metadata")
    entries = service.read_manifest(path)
    files = [[room.shown(e.path), e.size_bytes, *([room.shown(e.ref)] if e.ref else [])] for e in entries]
    document["files"], missing = page(room, files, asked.offset, "files")
    rest += [missing] if missing else []
    return Answer(found=document, rest=[*rest, *room.rest_of_texts("sql has it: artifacts.metadata")])


def _sweep(info: SweepInfo, room: Room) -> dict[str, Any]:
    found = {
        "sweep": str(info.path),
        "name": room.shown(info.name, 300),
        "state": info.state,
        "method": room.shown(info.config.get("method"), 100),
        "metric": room.shown(info.config.get("metric"), 300),
        "description": room.shown(info.description, 300),
        "run_count": info.run_count,
        "expected_run_count": info.expected_run_count,
        "created_at": info.created_at,
    }
    return {name: value for name, value in found.items() if value is not None}


def _version(info: ArtifactInfo, room: Room) -> dict[str, Any]:
    found = {
        "artifact": str(info.path),
        "type": info.type,
        "state": info.state,
        "aliases": room.shown(list(info.aliases), 300),
        "tags": room.shown(list(info.tags), 300),
        "size_bytes": info.size_bytes,
        "file_count": info.file_count,
        "description": room.shown(info.description, 300),
        "created_by": None if info.created_by is None else str(info.created_by),
        "created_at": info.created_at,
        "source": None if info.source is None else str(info.source),
    }
    return {name: value for name, value in found.items() if value not in (None, [])}


def _artifact_path(service: Service, text: str) -> ArtifactPath:
    place, _, version = text.partition(":")
    parts = place.split("/")
    if len(parts) == 2:
        parts = [service.default_entity, *parts]
    if len(parts) != 3 or not all(parts):
        raise PathError(f"{text!r} is no path of an artifact; write entity/project/name:version")
    entity, project, name = parts
    return ArtifactPath(entity, project, name, version or LATEST)


TOOLS = [
    Tool(name="list_sweeps", asks=ListSweeps, work=list_sweeps),
    Tool(name="read_sweep", asks=ReadSweep, work=read_sweep),
    Tool(name="list_artifacts", asks=ListArtifacts, work=list_artifacts),
    Tool(name="read_artifact", asks=ReadArtifact, work=read_artifact),
]
