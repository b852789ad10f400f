"""Tools that change runs; they are there only where they were asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from msgspec import Meta, field

from runlake.errors import BadValueError
from runlake.mcp.answers import Answer
from runlake.mcp.runs import find_run, head_of
from runlake.mcp.tool import Asked, Caller, RunPathText, Tool
from runlake.model import RunEdit
from runlake.values import flatten, plain_name

_REPLACED = "Keys as read_run shows them, or nested objects; only those that are named change."


class EditRun(Asked, frozen=True, kw_only=True):
    """Change what is said of a run: its name, notes, tags, values of config and summary. Rows are never changed."""

    run: RunPathText
    name: str | None = None
    notes: str | None = None
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()
    config: Annotated[dict[str, Any], Meta(description=_REPLACED)] = field(default_factory=dict)
    summary: Annotated[dict[str, Any], Meta(description=_REPLACED)] = field(default_factory=dict)
    remove_config: tuple[str, ...] = ()
    remove_summary: tuple[str, ...] = ()


def edit_run(asked: EditRun, caller: Caller) -> Answer:
    path = find_run(caller.service, asked.run)
    before = caller.service.read_run(path)
    info: dict[str, Any] = {}
    if asked.name is not None:
        info["name"] = asked.name
    if asked.notes is not None:
        info["notes"] = asked.notes
    if asked.add_tags or asked.remove_tags:
        tags = [tag for tag in before.tags if tag not in asked.remove_tags]
        info["tags"] = list(dict.fromkeys([*tags, *asked.add_tags]))
    edit = RunEdit(
        config_set=_paths(asked.config, before.config),
        config_unset=_removed(asked.remove_config, before.config, "config"),
        summary_set=_paths(asked.summary, before.summary),
        summary_unset=_removed(asked.remove_summary, before.summary, "summary"),
        info=info,
    )
    if edit == RunEdit():
        raise BadValueError("nothing to change was named; see the arguments of edit_run")
    after = caller.service.edit_run(path, edit)
    room = caller.room()
    changed = {"config": sorted({*edit.config_set, *edit.config_unset})}
    changed["summary"] = sorted({*edit.summary_set, *edit.summary_unset})
    document = {**head_of(after, room), "changed": {name: room.fit(paths) for name, paths in changed.items()}}
    return Answer(found=document, rest=room.rest_of_texts("read_run has them"))


class StopRun(Asked, frozen=True, kw_only=True):
    """Ask the process of a run to stop: it sees so within seconds, and ends as killed. What it logged stays."""

    run: RunPathText


def stop_run(asked: StopRun, caller: Caller) -> Answer:
    path = find_run(caller.service, asked.run)
    caller.service.stop_run(path)
    info, room = caller.service.read_run(path), caller.room()
    return Answer(found=head_of(info, room))


def _paths(given: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Escaped path → value; a key with dots is the nested one that there is, where there is one."""
    known = _by_name(before)
    found: dict[str, Any] = {}
    for key, value in given.items():
        found |= {known[key]: value} if key in known else flatten({key: value}, stringify_keys=True)
    return found


def _removed(keys: Sequence[str], before: Mapping[str, Any], what: str) -> tuple[str, ...]:
    known = _by_name(before)
    if missing := [key for key in keys if key not in known]:
        raise BadValueError(f"{what} has no {', '.join(missing)}; read_run shows what it has")
    return tuple(known[key] for key in keys)


def _by_name(document: Mapping[str, Any]) -> dict[str, str]:
    return {plain_name(path): path for path in flatten(document, stringify_keys=True)}


TOOLS = [
    Tool(name="edit_run", asks=EditRun, work=edit_run, is_edit=True),
    Tool(name="stop_run", asks=StopRun, work=stop_run, is_edit=True),
]
