"""What was changed in a stored run, one value after the other: the records of its editors beside what stood before."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from runlake.listing_model import EditedPart, PastEdit
from runlake.model import HIDDEN_KEY, RunPath
from runlake.store.journal import record
from runlake.store.journal.bodies import Info
from runlake.store.journal.edits import apply_edit
from runlake.store.journal.fold import (
    WriterState,
    in_time,
    join_streams,
    members,
    newest_generation,
    replayed,
    summary_writes,
)
from runlake.store.run.part_states import PartStates
from runlake.store.run.state import check_generation, read_known
from runlake.store.store import Store
from runlake.values import plain_name, split_path

_Edit = tuple[int, bool, Mapping[str, Any]]
"""Its clock, whether an editor made it, and what it sets and unsets."""

_NOTHING: Any = object()


def list_edits(
    store: Store, path: RunPath, *, generation: str | None = None, states: PartStates | None = None
) -> list[PastEdit]:
    """Every value that was changed by others than the run's own process, oldest first. NotFoundError as `read_run`."""
    known = read_known(store, path, states=states)
    incarnation, newest = newest_generation(w.header for w in known.writers)
    if generation is not None:
        check_generation(path, known.writers, generation)
    return edits_of(members(known.writers, incarnation, generation or newest))


def edits_of(writers: list[WriterState]) -> list[PastEdit]:
    """What the editors among the writers of a generation changed."""
    editors = {state.writer for state in writers if state.header.is_editor}
    records = in_time(writers)
    config: list[_Edit] = []
    fields: list[_Edit] = []
    for clock, writer, _, kind, body in records:
        if kind in (record.START, record.INFO):
            fields.append((clock, writer in editors, {"set": Info(body).of_run(with_none=kind == record.INFO)}))
        if kind in (record.START, record.CONFIG):
            config.append((clock, writer in editors, body))
    # What rows come to is kept as the last value alone, so an edit hides what it was only if no row came behind it.
    writes = summary_writes(writers, records, replayed(records).rules, join_streams(writers, "history"))
    summary = [(clock, order == 0 and writer in editors, edit) for clock, order, writer, edit in writes]
    logged = {path: clock for clock, order, _, edit in writes if order for path in edit["set"]}
    changes = [*_changes("run", fields), *_changes("config", config), *_changes("summary", summary, logged)]
    return sorted(changes, key=lambda change: change.timestamp)


def _changes(part: EditedPart, edits: Iterable[_Edit], logged: Mapping[str, int] | None = None) -> Iterator[PastEdit]:
    """The changes that editors made; `logged` says when a path got the last value of its rows."""
    tree: dict[str, Any] = {}
    for clock, is_told, edit in edits:
        named = [*edit.get("unset", ()), *edit.get("set", {})] if is_told else ()
        paths = [path for path in dict.fromkeys(named) if split_path(path)[0] != HIDDEN_KEY]
        before = {path: _value_at(tree, path) for path in paths}
        apply_edit(tree, edit)
        for path in paths:
            was, now = before[path], _value_at(tree, path)
            is_lost = was is _NOTHING and logged is not None and logged.get(path, 0) > clock
            # By representation, since 1, 1.0 and True are equal, and NaN is not equal to itself.
            if is_lost or repr(was) != repr(now):
                yield PastEdit(
                    part=part,
                    key=plain_name(path),
                    timestamp=clock / 1e6,
                    before=None if was is _NOTHING else was,
                    after=None if now is _NOTHING else now,
                    was_there=None if is_lost else was is not _NOTHING,
                    is_there=now is not _NOTHING,
                )


def _value_at(tree: Mapping[str, Any], path: str) -> Any:
    found: Any = tree
    for key in split_path(path):
        if type(found) is not dict or key not in found:
            return _NOTHING
        found = found[key]
    return copy.deepcopy(found) if type(found) is dict else found  # edits change dicts in place
