"""All runs of a project as columns: filters and orders are array operations, not a loop over dicts.

Most runs come as stored columns (`query.runs.chunk`), the few that moved since as objects; both make up the columns of
this index. A column is made when a filter or an order asks for it, and those that were asked for last are kept; a
listing that sorts by creation never looks at a config, and only the runs of a page become objects. The index never
changes; what moved in the project makes another one.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct

from runlake.lru import LruCache
from runlake.model import RUNTIME, STEP, TIMESTAMP, RunInfo
from runlake.query.runs.chunk import RunChunk
from runlake.query.runs.column import MISSING, FieldColumn, Mask, Positions, hold_for_tags, kept_columns
from runlake.query.runs.filter import AllOf, AnyOf, Field, Node, Not, Test, parse_field, parse_filter, parse_order
from runlake.query.runs.nested import find_values
from runlake.stopping import check_wanted
from runlake.store.arrow import from_numpy

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

    from runlake.listing_model import RunColumn
    from runlake.query.runs.keys import KeyList
    from runlake.store.catalog.run_columns import Root

_MIN_KEPT_ORDERS = 32
_MAX_KEPT_CELLS = 5_000_000
_AXIS_FIELDS = {STEP: "last_step", RUNTIME: "runtime_s", TIMESTAMP: "last_row_at"}


class IndexPage(Struct, frozen=True):
    """Some of the positions that match, and how many do."""

    positions: list[int]
    total_count: int


class RunIndex:
    """The runs of one project at one moment. Positions are those in the order of creation, then id.

    The runs are those of `chunk`, its rows `hidden` left out, and `runs`. Inside, rows are counted: those of the chunk,
    then those of `runs`; `_row_of` says which row stands at a position.
    """

    def __init__(
        self,
        runs: Iterable[RunInfo],
        version: str = "",
        *,
        chunk: RunChunk | None = None,
        hidden: npt.NDArray[np.int64] | None = None,
    ) -> None:
        self.version = version
        self.chunk = chunk
        self._added = sorted(runs, key=lambda run: (run.created_at, run.run_id))
        self._chunk_size = chunk.size if chunk else 0
        self._row_of = self._order_rows(hidden)
        self.forget_columns()

    def __len__(self) -> int:
        return len(self._row_of)

    @property
    def runs(self) -> list[RunInfo]:
        """Every run as an object: for small projects."""
        return self.infos(range(len(self)))

    def infos(self, positions: Sequence[int]) -> list[RunInfo]:
        """The runs at some positions, in that order."""
        rows = self.rows_at(positions).tolist()
        stored = [row for row in rows if row < self._chunk_size]
        found = dict(zip(stored, self.chunk.stored.infos(stored), strict=True)) if self.chunk else {}
        return [found[row] if row < self._chunk_size else self._added[row - self._chunk_size] for row in rows]

    def fields(self, names: Sequence[str], positions: Sequence[int]) -> list[tuple[Any, ...]]:
        """Some plain fields of the runs at some positions: no run becomes an object for them."""
        rows = self.rows_at(positions)
        added = list(zip(*(map(attrgetter(name), self._added) for name in names), strict=True))
        if self.chunk is None:
            return [added[row] for row in rows.tolist()]
        stored = from_numpy(rows[rows < self._chunk_size])
        columns = (self.chunk.stored.fields[name].take(stored).to_pylist() for name in names)
        found = zip(*columns, strict=True)
        return [next(found) if row < self._chunk_size else added[row - self._chunk_size] for row in rows.tolist()]

    def select(
        self, filters: Mapping[str, Any] | Node | None = None, order: str | Sequence[str] = ("+created_at",)
    ) -> list[int]:
        """Positions of the runs that match, in order; ties by creation, then id.

        Raises `FilterError` for a filter or an order that cannot be read.
        """
        return self.page(filters, order).positions

    def page(
        self,
        filters: Mapping[str, Any] | Node | None = None,
        order: str | Sequence[str] = ("+created_at",),
        *,
        offset: int = 0,
        limit: int | None = None,
    ) -> IndexPage:
        """A slice of `select`; a short one from the front needs no sorting of the rest."""
        keys = parse_order(order)
        if keys == _AS_THEY_STAND:
            keys = ()
        node = _parsed(filters)
        positions = np.arange(len(self)) if node == _ALL else np.flatnonzero(self.mask(node))
        total_count = len(positions)
        end = total_count if limit is None else min(offset + limit, total_count)
        if keys:
            rows = self._row_of[positions]
            columns = [self.column(key.field).sort_keys(is_descending=key.is_descending) for key in reversed(keys)]
            positions = positions[_first_in_order([part[rows] for parts in columns for part in parts], end)]
        return IndexPage(positions[offset:end].tolist(), total_count)

    def mask(self, filters: Mapping[str, Any] | Node | None) -> Mask:
        """Which runs match, bool[n] by position."""
        node = _parsed(filters)
        if node == _ALL:
            return np.ones(len(self), np.bool_)
        return self._evaluate(node)[self._row_of]

    def rows_at(self, positions: Sequence[int]) -> Positions:
        """Where the cells of the runs at some positions stand in a `column`."""
        return self._row_of[np.asarray(positions, np.int64)]

    def column(self, field: Field) -> FieldColumn:
        """What an order by the field sorts by, one cell a row: of its alternatives the first that a run has."""
        column = self._order_columns.get(field)
        if column is None:
            column = FieldColumn.first_of(self._candidates(field))
            self._order_columns.put(field, column)
        return column

    @cached_property
    def column_names(self) -> tuple[RunColumn, ...]:
        """Everything that the runs have: see `query.runs.column_names`."""
        from runlake.query.runs.column_names import column_names

        stored = self.chunk.stored if self.chunk else None
        return tuple(column_names(stored, self._added, self._row_of, count_field=self._count_field))

    def _count_field(self, name: str) -> int:
        """How many runs have a field."""
        return int(np.count_nonzero(self.mask(Test(parse_field(name, "a field"), "exists", None))))

    def to_table(self, positions: Sequence[int] | None = None) -> pa.Table:
        """The runs at `positions` (all when None) as one row each: see `query.runs.table.runs_table`."""
        from runlake.query.runs.table import runs_table

        rows = self._row_of if positions is None else self.rows_at(positions)
        return runs_table(self.chunk.stored if self.chunk else None, self._added, rows)

    def keys(self, root: Root) -> KeyList:
        """The keys that the runs have below `root`, by name."""
        from runlake.query.runs.keys import list_keys

        return list_keys(self.chunk.stored if self.chunk else None, self._added, self._row_of, root)

    def forget_columns(self) -> None:
        """Give back the memory of what filters and orders asked for; it is made again when asked for."""
        self._columns = kept_columns(self._row_count)
        self._order_columns: LruCache[Field, FieldColumn] = LruCache(
            max(_MIN_KEPT_ORDERS, _MAX_KEPT_CELLS // max(1, self._row_count))
        )

    def _order_rows(self, hidden: npt.NDArray[np.int64] | None) -> Positions:
        """The rows in the order of creation, then id. Each of both parts is in order already."""
        rows = np.arange(self._chunk_size)
        hidden = np.empty(0, np.int64) if hidden is None else hidden
        if self.chunk is None or not self._added:
            return np.append(np.delete(rows, hidden), np.arange(self._chunk_size, self._row_count))
        created = np.array([run.created_at for run in self._added])
        places = np.searchsorted(self.chunk.created_at, created)
        ends = np.searchsorted(self.chunk.created_at, created, side="right")
        for number in np.flatnonzero(places < ends).tolist():  # of one moment: the ids decide
            run_ids = self.chunk.run_ids
            places[number] = bisect_left(run_ids, self._added[number].run_id, places[number], ends[number])
        rows = np.insert(rows, places, self._chunk_size + np.arange(len(created)))
        return np.delete(rows, hidden + np.searchsorted(places, hidden, side="right"))

    def _evaluate(self, node: Node) -> Mask:
        """Which rows match, hidden ones too."""
        if isinstance(node, Test):
            return self._evaluate_test(node)
        if isinstance(node, Not):
            return ~self._evaluate(node.part)
        mask = np.full(self._row_count, isinstance(node, AllOf), np.bool_)
        for part in node.parts:
            if isinstance(node, AnyOf):
                mask |= self._evaluate(part)
            else:
                mask &= self._evaluate(part)
        return mask

    @property
    def _row_count(self) -> int:
        return self._chunk_size + len(self._added)

    def _evaluate_test(self, test: Test) -> Mask:
        check_wanted()
        if test.field.kind == "tags" and test.operator != "exists":
            return self._evaluate_tags(test)
        columns = self._candidates(test.field)
        if test.operator == "in" and None in test.operand:
            return self._evaluate_none(test, columns)
        mask = np.zeros(self._row_count, np.bool_)
        for column in columns:
            mask |= column.mask(test)
        return mask

    def _evaluate_none(self, test: Test, columns: list[FieldColumn]) -> Mask:
        """None equals missing, and a field is missing only where none of its alternatives is there."""
        wanted = tuple(value for value in test.operand if value is not None)
        exists = Test(test.field, "exists", None)
        mask = np.ones(self._row_count, np.bool_)
        for column in columns:
            mask &= ~column.mask(exists)
        for column in columns:
            mask |= column.mask(Test(test.field, "in", wanted))
            mask |= column.mask(Test(test.field, "in", (None,))) & column.mask(exists)
        return mask

    def _evaluate_tags(self, test: Test) -> Mask:
        has_none = test.operator == "in" and None in test.operand

        def matches(all_tags: Iterable[tuple[str, ...]]) -> list[bool]:
            tags = list(all_tags)
            return [hit if one else has_none for hit, one in zip(hold_for_tags(test, tags), tags, strict=True)]

        added = np.array(matches(run.tags for run in self._added), np.bool_)
        if self.chunk is None:
            return added
        distinct, codes = self.chunk.tags
        return np.concatenate([np.array(matches(distinct), np.bool_)[codes], added])

    def _candidates(self, field: Field) -> list[FieldColumn]:
        """The columns that a field may mean, the most likely first; at least one."""
        return [column for keys in field.paths for column in self._columns_at(field.root, keys)]

    def _columns_at(self, root: str, keys: tuple[str, ...]) -> list[FieldColumn]:
        columns = self._columns.get((root, keys))
        if columns is None:
            columns = self._make_columns(root, keys)
            self._columns.put((root, keys), columns)
        return columns

    def _make_columns(self, root: str, keys: tuple[str, ...]) -> list[FieldColumn]:
        columns = [FieldColumn(cells) for cells in self._cells(root, keys)]
        if self.chunk is not None:
            stored = self.chunk.columns(root, keys)
            if not self._added:
                columns = stored
            else:
                count = max(len(stored), len(columns))
                stored = stored + [FieldColumn.of_parts(self._chunk_size, ())] * (count - len(stored))
                columns += [FieldColumn.of_parts(len(self._added), ())] * (count - len(columns))
                columns = list(map(FieldColumn.joined, stored, columns))
        if root == "summary" and len(keys) == 1 and keys[0] in _AXIS_FIELDS:
            # W&B keeps the axes of the last row in the summary; here they are fields of the run.
            columns = [FieldColumn.first_of([*columns, self._axis(_AXIS_FIELDS[keys[0]])])]
        return columns

    def _axis(self, attribute: str) -> FieldColumn:
        """An axis of the last row, where a run has rows."""
        field = Field("last_step", "run", "number", (("last_step",),))
        has_rows = self._evaluate_test(Test(field, "gte", 0))
        return self._columns_at("run", (attribute,))[0].where(has_rows)

    def _cells(self, root: str, keys: tuple[str, ...]) -> list[list[Any]]:
        """The values of one key path among the added runs; another list for each way to read the path."""
        if root == "run":
            values = [getattr(run, keys[0]) for run in self._added]
            return [[MISSING if value is None or value == () else _plain(value) for value in values]]
        trees = [getattr(run, root) for run in self._added]
        if len(keys) == 1:
            return [[tree.get(keys[0], MISSING) for tree in trees]]
        found = [list(find_values(tree, keys)) for tree in trees]
        width = max(map(len, found), default=0)
        return [[row[i] if i < len(row) else MISSING for row in found] for i in range(max(width, 1))]


_AS_THEY_STAND = parse_order("+created_at")
_ALL = AllOf(())


def _parsed(filters: Mapping[str, Any] | Node | None) -> Node:
    return parse_filter(filters) if filters is None or isinstance(filters, Mapping) else filters


def _first_in_order(arrays: list[npt.NDArray[Any]], count: int) -> Positions:
    """Where the first `count` stand in the order of the arrays, the most important last, as `np.lexsort` has it."""
    last = arrays[-1]
    if 0 < count < len(last) // 4:
        # Whatever is behind the count-th smallest of the most important array is behind them all.
        chosen = np.flatnonzero(last <= np.partition(last, count - 1)[count - 1])
        if len(chosen) < len(last):
            return chosen[np.lexsort([array[chosen] for array in arrays])]
    return np.lexsort(arrays)


def _plain(value: Any) -> Any:
    return list(value) if type(value) is tuple else value
