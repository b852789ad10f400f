"""Many runs as columns: what a listing of a hundred thousand of them is made from, in memory and on disk.

Each field of `RunInfo` is an Arrow array. Config, summary and system metrics are kept by *leaf*: all values at one path
that have one type, with the rows they stand at (None when every row has one), so that any number of keys costs what
their values cost. Nothing is lost on the way: `infos` gives the runs back as they were.

Immutable. Rows are ordered by creation, then run id.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from msgspec import Struct

from runlake.model import Lane, RunInfo
from runlake.values import I64_MAX, I64_MIN, canonical, escape_key, lane_of, split_path, stored_json

Root = Literal["config", "summary", "system_metrics"]
ROOTS: tuple[Root, ...] = ("config", "summary", "system_metrics")

Rows = npt.NDArray[np.int64]

MARKS = {"@folder": pa.large_string(), "@journal_mark": pa.int64(), "@is_open": pa.bool_()}
"""What the catalog keeps of each run beside its `RunInfo`: see `store.catalog.catalog`."""

LANE_TYPES: dict[str, pa.DataType] = {
    "i64": pa.int64(),
    "f64": pa.float64(),
    "bool": pa.bool_(),
    "str": pa.large_string(),
    "json": pa.large_string(),
    "null": pa.null(),
}
_LANE_OF_TYPE: dict[type, Lane] = {float: "f64", bool: "bool", type(None): "null"}


class Leaf(Struct, frozen=True):
    """The values of one type at one escaped path; `rows` ascending, None when each row has one."""

    root: Root
    path: str
    lane: Lane
    rows: Rows | None
    values: pa.Array


class MarkedRun(Struct, frozen=True):
    """A run as the catalog keeps it: the name of its folder, a look at its journal, and whether that is watched."""

    folder: str
    info: RunInfo
    fingerprint: int
    is_open: bool


class RunColumns:
    """`size` runs of one project: `fields` by name, those in `MARKS` included, and `leaves` in first-seen order."""

    def __init__(
        self, entity: str, project: str, fields: Mapping[str, pa.Array], leaves: Sequence[Leaf], size: int
    ) -> None:
        self.entity, self.project, self.size = entity, project, size
        self.fields = fields
        self.leaves = leaves

    @classmethod
    def of(cls, entity: str, project: str, runs: Iterable[MarkedRun]) -> RunColumns:
        """The columns of some runs."""
        ordered = sorted(runs, key=lambda run: (run.info.created_at, run.info.run_id))
        fields: dict[str, pa.Array] = {
            "@folder": pa.array([run.folder for run in ordered], MARKS["@folder"]),
            "@journal_mark": pa.array([run.fingerprint for run in ordered], MARKS["@journal_mark"]),
            "@is_open": pa.array([run.is_open for run in ordered], MARKS["@is_open"]),
        }
        for name, type_ in FIELD_TYPES.items():
            values = [getattr(run.info, name) for run in ordered]
            fields[name] = pa.array([_pack(v) for v in values] if type_ == PACKED else values, type_)
        leaves = [leaf for root in ROOTS for leaf in _leaves_of(root, [getattr(run.info, root) for run in ordered])]
        return cls(entity, project, fields, leaves, len(ordered))

    @cached_property
    def row_of_folder(self) -> dict[str, int]:
        """Where each run folder stands."""
        return {folder: row for row, folder in enumerate(self.fields["@folder"].to_pylist())}

    def infos(self, rows: Sequence[int]) -> list[RunInfo]:
        """The runs at `rows`, in that order, as they went in; a row named twice shares its trees."""
        if not len(rows):
            return []
        wanted = np.asarray(rows, np.int64)
        columns = {name: _field_values(self.fields[name].take(pa.array(wanted)), name) for name in FIELD_TYPES}
        distinct, place_of = np.unique(wanted, return_inverse=True)
        trees: dict[str, list[dict[str, Any]]] = {root: [{} for _ in distinct] for root in ROOTS}
        for leaf in self.leaves:
            spots, values = _values_at(leaf, distinct)
            if leaf.lane == "json":
                values = list(map(stored_json, values))
            *parents, last = split_path(leaf.path)
            for spot, value in zip(spots, values, strict=True):
                tree = trees[leaf.root][spot]
                for key in parents:
                    tree = tree.setdefault(key, {})
                tree[last] = value
        return [
            RunInfo(
                entity=self.entity,
                project=self.project,
                **{name: values[place] for name, values in columns.items()},
                **{root: trees[root][spot] for root in ROOTS},
            )
            for place, spot in enumerate(place_of.tolist())
        ]

    @staticmethod
    def merged(parts: Sequence[tuple[RunColumns, Rows]]) -> RunColumns:
        """The given rows of each part (ascending) as one; a run must not be in two."""
        import pyarrow.compute as pc

        parts = [(part, rows) for part, rows in parts if len(rows)] or list(parts[:1])
        first, rows = parts[0]
        if len(parts) == 1 and len(rows) == first.size:
            return first
        fields = {
            name: pa.concat_arrays([part.fields[name].take(pa.array(rows)) for part, rows in parts])
            for name in first.fields
        }
        size = len(fields["run_id"])
        table = pa.table({"created_at": fields["created_at"], "run_id": fields["run_id"]})
        order = pc.sort_indices(table, sort_keys=[("created_at", "ascending"), ("run_id", "ascending")])
        place = np.empty(size, np.int64)
        place[order.to_numpy()] = np.arange(size)
        places, start = [], 0
        for part, rows in parts:
            mapping = np.full(part.size, -1, np.int64)
            mapping[rows] = place[start : start + len(rows)]
            places.append(mapping)
            start += len(rows)
        leaves = _merged_leaves([part for part, _ in parts], places, size)
        return RunColumns(
            first.entity, first.project, {name: array.take(order) for name, array in fields.items()}, leaves, size
        )


PACKED = pa.large_binary()
"""The type of fields that are no plain values: msgpack, null for the empty ones."""


def _field_types() -> dict[str, pa.DataType]:
    """Every field of `RunInfo` that is no tree, with the type of its column."""
    plain: dict[Any, pa.DataType] = {
        str: pa.large_string(),
        float: pa.float64(),
        int: pa.int64(),
        bool: pa.bool_(),
    }
    types = {}
    for one in msgspec.structs.fields(RunInfo):
        if one.name in ROOTS or one.name in ("entity", "project"):
            continue
        kind = one.type
        if get_origin(kind) in (Union, UnionType):
            kind = next(each for each in get_args(kind) if each is not type(None))
        if get_origin(kind) is Literal:
            kind = str
        types[one.name] = plain.get(kind, PACKED)
    return types


FIELD_TYPES = _field_types()
_PACKED_DECODERS = {
    one.name: msgspec.msgpack.Decoder(one.type)
    for one in msgspec.structs.fields(RunInfo)
    if FIELD_TYPES.get(one.name) == PACKED
}
_EMPTY = {one.name: one.default for one in msgspec.structs.fields(RunInfo)}


def unpack_field(name: str, value: bytes | None) -> Any:
    """The value of a packed field."""
    return _EMPTY[name] if value is None else _PACKED_DECODERS[name].decode(value)


def walk_leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Escaped path and plain value of everything that is not a dict to look into, as `values.flatten` has it."""
    for key, value in tree.items():
        path = prefix + escape_key(key)
        if type(value) is dict and value and "_type" not in value:
            yield from walk_leaves(value, path + ".")
        else:
            yield path, value


def laned(value: Any) -> tuple[Lane, Any]:
    """The lane of a plain value, and the value as that lane keeps it."""
    kind = type(value)
    if kind is int and I64_MIN <= value <= I64_MAX:
        return "i64", value
    if kind in _LANE_OF_TYPE:
        return _LANE_OF_TYPE[kind], value
    if kind is str and value.isascii():
        return "str", value
    stored = canonical(value)
    return lane_of(stored), stored


def lane_array(lane: Lane, values: Sequence[Any]) -> pa.Array:
    """Values of one lane as an Arrow array; NaN is no null."""
    if lane == "f64":
        return pa.array(np.array(values, np.float64), from_pandas=False)
    if lane == "json":
        values = [str(value) for value in values]
    array = pa.array(values, LANE_TYPES[lane])
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _leaves_of(root: Root, trees: Sequence[Mapping[str, Any]]) -> list[Leaf]:
    cells: dict[tuple[str, Lane], tuple[list[int], list[Any]]] = {}
    known: dict[tuple[str, type], tuple[list[int], list[Any]]] = {}  # by key of the first level: most keys are there
    for row, tree in enumerate(trees):
        for key, value in tree.items():
            kind = type(value)
            cell = known.get((key, kind))
            if cell is not None and not (
                (kind is int and not I64_MIN <= value <= I64_MAX) or (kind is str and not value.isascii())
            ):
                cell[0].append(row)
                cell[1].append(value)
                continue
            for path, leaf in walk_leaves({key: value}):
                lane, stored = laned(leaf)
                cell = cells.setdefault((path, lane), ([], []))
                cell[0].append(row)
                cell[1].append(stored)
                if kind in _PLAIN_TYPES and lane != "json":
                    known[key, kind] = cell
    return [
        Leaf(
            root,
            path,
            lane,
            None if len(rows) == len(trees) else np.array(rows, np.int64),
            lane_array(lane, values),
        )
        for (path, lane), (rows, values) in cells.items()
    ]


_PLAIN_TYPES = frozenset({int, float, bool, str, type(None)})


def _values_at(leaf: Leaf, wanted: Rows) -> tuple[Sequence[int], list[Any]]:
    """Which of the ascending `wanted` rows have a value, and the values."""
    if leaf.rows is None:
        return range(len(wanted)), leaf.values.take(pa.array(wanted)).to_pylist()
    if wanted[-1] < leaf.rows[0] or wanted[0] > leaf.rows[-1]:
        return [], []
    spots = np.searchsorted(leaf.rows, wanted)
    spots[spots == len(leaf.rows)] = 0
    hit = leaf.rows[spots] == wanted
    if not hit.any():
        return [], []
    return np.flatnonzero(hit).tolist(), leaf.values.take(pa.array(spots[hit])).to_pylist()


def _merged_leaves(parts: Sequence[RunColumns], places: Sequence[Rows], size: int) -> list[Leaf]:
    """The leaves of all parts; `places` maps the rows of each part to those of the whole, -1 for rows left out."""
    pieces: dict[tuple[Root, str, Lane], list[tuple[Rows, pa.Array]]] = {}
    for part, mapping in zip(parts, places, strict=True):
        for leaf in part.leaves:
            rows = mapping if leaf.rows is None else mapping[leaf.rows]
            pieces.setdefault((leaf.root, leaf.path, leaf.lane), []).append((rows, leaf.values))
    orders: dict[tuple[int, ...], Rows] = {}
    leaves = []
    for (root, path, lane), found in pieces.items():
        rows = np.concatenate([rows for rows, _ in found]) if len(found) > 1 else found[0][0]
        # Most leaves stand in every row of every part: their order is made once.
        is_shared = all(rows is mapping for (rows, _), mapping in zip(found, places, strict=False))
        key = (len(found),) if is_shared else ()
        order = orders.get(key) if key else None
        if order is None:
            order = np.argsort(rows, kind="stable")
            order = order[np.searchsorted(rows[order], 0) :]
            if key:
                orders[key] = order
        if not len(order):
            continue
        values = pa.concat_arrays([values for _, values in found]) if len(found) > 1 else found[0][1]
        is_complete = len(order) == size
        leaves.append(Leaf(root, path, lane, None if is_complete else rows[order], values.take(pa.array(order))))
    return leaves


def _pack(value: Any) -> bytes | None:
    return msgspec.msgpack.encode(value) if value else None


def _field_values(array: pa.Array, name: str) -> list[Any]:
    values: list[Any] = array.to_pylist()
    return [unpack_field(name, value) for value in values] if array.type == PACKED else values
