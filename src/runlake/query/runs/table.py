"""Runs as one Arrow table, straight from their columns: no run becomes an object on the way.

Stored columns (`catalog.run_columns`) are taken as they are wherever all their rows are wanted in their own order; the
runs that come as objects are made columns first, and both are put together key by key.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from msgspec import Struct, field

from runlake.model import Lane, RunInfo
from runlake.query.runs.chunk import distinct_field
from runlake.query.runs.column import EXACT_AS_FLOAT, Positions
from runlake.store.catalog.run_columns import PACKED, Leaf, MarkedRun, RunColumns
from runlake.values import encode_json

TABLE_FIELDS = (
    "entity", "project", "run_id", "name", "state", "created_at", "heartbeat_at", "runtime_s", "exit_code", "last_step",
    "row_count", "tags", "notes", "group", "job_type", "user", "host", "program", "sweep",
)  # fmt: skip
"""The first columns of `runs_table`; ``config.…`` and ``summary.…`` follow."""

_MAX_STRING_BYTES = 2**31 - 1


class _Source(Struct):
    """Stored runs, and where each of their rows stands in the table; -1 for those left out."""

    stored: RunColumns
    places: Positions
    is_whole: bool


class _Cells(Struct):
    """What one key has of one type: places in the table and values, piece by piece."""

    places: list[Positions] = field(default_factory=list)
    values: list[pa.Array] = field(default_factory=list)

    def joined(self) -> tuple[Positions, pa.Array]:
        if len(self.places) == 1:
            return self.places[0], self.values[0]
        return np.concatenate(self.places), pa.concat_arrays(self.values)


def runs_table(stored: RunColumns | None, added: Sequence[RunInfo], rows: Positions) -> pa.Table:
    """One row for each of `rows`: `TABLE_FIELDS`, then config and summary by key.

    Rows count those of `stored`, then those of `added`, and must be distinct. Columns of keys are named
    ``config.<escaped path>``, in first-seen order. Integers and floats together become floats unless that would change
    one; other mixtures, lists and media are text, as `values.encode_json` has it.
    """
    sources = list(_sources(stored, added, rows))
    count = len(rows)
    columns: dict[str, Any] = {name: _field(name, sources, count) for name in TABLE_FIELDS}
    for root in ("config", "summary"):
        cells: dict[str, dict[Lane, _Cells]] = {}
        for source in sources:
            for leaf in source.stored.leaves:
                if leaf.root == root:
                    _add_cells(cells, source, leaf)
        for path, lanes in cells.items():
            columns[f"{root}.{path}"] = _key_array(lanes, count)
    return pa.table(columns)


def _sources(stored: RunColumns | None, added: Sequence[RunInfo], rows: Positions) -> Iterator[_Source]:
    start = stored.size if stored else 0
    place_of = np.full(start + len(added), -1, np.int64)
    place_of[rows] = np.arange(len(rows))
    if stored is not None:
        is_whole = len(rows) == stored.size and bool((rows == np.arange(stored.size)).all())
        yield _Source(stored, place_of[:start], is_whole)
    chosen = [run for run, place in zip(added, place_of[start:].tolist(), strict=True) if place >= 0]
    if chosen:
        made = RunColumns.of(chosen[0].entity, chosen[0].project, [MarkedRun("", run, 0, False) for run in chosen])
        places = place_of[start:]
        # `added` is in the order of creation, which is that of the columns.
        yield _Source(made, places[places >= 0], is_whole=not (places < 0).any() and len(chosen) == len(rows))


def _field(name: str, sources: list[_Source], count: int) -> pa.Array:
    if name in ("entity", "project"):
        value = getattr(sources[0].stored, name) if sources else ""
        return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32)), [value]).cast(pa.string())
    cells = _Cells()
    for source in sources:
        array = source.stored.fields[name]
        if array.type == PACKED:
            codes, distinct = distinct_field(source.stored, name)
            array = pa.array([list(value) for value in distinct], pa.list_(pa.string())).take(pa.array(codes))
        if source.is_whole:
            return _plain_text(array)
        chosen = np.flatnonzero(source.places >= 0)
        cells.places.append(source.places[chosen])
        cells.values.append(array.take(pa.array(chosen)))
    if not sources:
        return pa.nulls(0, _EMPTY_TYPES.get(name, pa.string()))
    return _plain_text(_spread(*cells.joined(), count))


_EMPTY_TYPES = {
    "tags": pa.list_(pa.string()),
    **dict.fromkeys(("created_at", "heartbeat_at", "runtime_s"), pa.float64()),
    **dict.fromkeys(("exit_code", "last_step", "row_count"), pa.int64()),
}


def _add_cells(cells: dict[str, dict[Lane, _Cells]], source: _Source, leaf: Leaf) -> None:
    """Note those values of a leaf that are in the table."""
    places = source.places if leaf.rows is None else source.places[leaf.rows]
    values = leaf.values
    if not source.is_whole:
        chosen = np.flatnonzero(places >= 0)
        if not len(chosen):
            return
        if len(chosen) < len(places):
            places, values = places[chosen], values.take(pa.array(chosen))
    found = cells.setdefault(leaf.path, {}).setdefault(leaf.lane, _Cells())
    found.places.append(places)
    found.values.append(values)


def _key_array(lanes: dict[Lane, _Cells], count: int) -> pa.Array:
    """The values of one key at their places, null elsewhere, in the narrowest type that keeps them."""
    kept = {lane: cells.joined() for lane, cells in lanes.items() if lane != "null"}
    if not kept:
        return pa.nulls(count)
    if kept.keys() == {"i64", "f64"} and _is_exact(kept["i64"][1]):
        floats = kept["i64"][1].cast(pa.float64())
        kept = {"f64": (np.concatenate([kept["f64"][0], kept["i64"][0]]), pa.concat_arrays([kept["f64"][1], floats]))}
    if len(kept) == 1:
        ((places, values),) = kept.values()
    else:
        places = np.concatenate([places for places, _ in kept.values()])
        values = pa.concat_arrays([_as_text(lane, values) for lane, (_, values) in kept.items()])
    return _plain_text(_spread(places, values, count))


def _is_exact(integers: pa.Array) -> bool:
    import pyarrow.compute as pc

    bounds = pc.min_max(integers).as_py()
    return bool(bounds["max"] <= EXACT_AS_FLOAT and bounds["min"] >= -EXACT_AS_FLOAT)


def _as_text(lane: Lane, values: pa.Array) -> pa.Array:
    if lane in ("str", "json"):
        return values
    return pa.array([str(encode_json(value)) for value in values.to_pylist()], pa.large_string())


def _spread(places: Positions, values: pa.Array, count: int) -> pa.Array:
    """The values at their places in an array of `count`, null elsewhere."""
    if len(places) == count and bool((places[1:] > places[:-1]).all()):
        return values
    source = np.full(count, -1, np.int64)
    source[places] = np.arange(len(places))
    return values.take(pa.array(source, mask=source < 0))


def _plain_text(array: pa.Array) -> pa.Array:
    """Text in the type that every reader knows, where it fits."""
    if pa.types.is_large_string(array.type) and array.nbytes < _MAX_STRING_BYTES:
        return array.cast(pa.string())
    return array
