"""Which runs of a project a question is about, and in which groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from runlake.model import RunInfo, RunPath
from runlake.query.runs.filter import Field, parse_field
from runlake.query.runs.nested import find_values
from runlake.query.tiles.question import TilesQuery
from runlake.service.local.listings import Listings
from runlake.service.local.open_store import OpenStore
from runlake.store.layout import check_run_path
from runlake.store.store import Store
from runlake.values import encode_json


class Group(NamedTuple):
    """Runs whose values of the fields grouped by are those of `values`."""

    values: dict[str, Any]
    run_ids: list[str]


class ChosenRuns(NamedTuple):
    """`run_ids` in order, of `run_count` that match; `groups` None where no field groups them."""

    run_ids: list[str]
    run_count: int
    groups: list[Group] | None = None


def choose_runs(
    folder: OpenStore[Store], listings: Listings, entity: str, project: str, asked: TilesQuery
) -> ChosenRuns:
    """The runs that a question is about; the project is listed only where their names are not all that is said."""
    if asked.runs is not None and not asked.filters and not asked.group_by:
        folder.check_project(entity, project)
        run_ids = list(dict.fromkeys(asked.runs))
        for run_id in run_ids:
            check_run_path(RunPath(entity, project, run_id))
        return ChosenRuns(run_ids[: asked.limit], len(run_ids))
    index = listings.newest(entity, project)
    positions = index.select(asked.filters, asked.order)
    found = dict(zip((run_id for (run_id,) in index.fields(("run_id",), positions)), positions, strict=True))
    if asked.runs is not None:
        found = {run_id: found[run_id] for run_id in dict.fromkeys(asked.runs) if run_id in found}
    run_ids = list(found)[: asked.limit]
    if asked.group_by is None:
        return ChosenRuns(run_ids, len(found))
    infos = index.infos([found[run_id] for run_id in run_ids])
    return ChosenRuns(run_ids, len(found), _groups(infos, asked.group_by))


def _groups(infos: Sequence[RunInfo], names: Sequence[str]) -> list[Group]:
    """The groups in the order of their first runs."""
    fields = {name: parse_field(name, "group_by") for name in names}
    groups: dict[str, Group] = {}
    for info in infos:
        values = {name: _value_of(info, field) for name, field in fields.items()}
        groups.setdefault(encode_json(values), Group(values, [])).run_ids.append(info.run_id)
    return list(groups.values())


def _value_of(info: RunInfo, field: Field) -> Any:
    """What a run has of a field, None where it has nothing."""
    tree: Any = getattr(info, field.root, None) if field.root != "run" else None
    for keys in field.paths:
        found = find_values(tree, keys) if isinstance(tree, Mapping) else iter([getattr(info, keys[0])])
        for value in found:
            if value is not None:
                return list(value) if isinstance(value, tuple) else value
    return None
