"""The series of a segment: arrays that say where each lies, and a `Series` only when somebody looks at it.

A run may have a hundred thousand series of fifty values each. An object for each of them costs many times what decoding
the values costs, and most readers want a few, or all of them at once as arrays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct

from runlake.errors import CorruptError
from runlake.model import Lane
from runlake.store.arrow import from_numpy, to_numpy
from runlake.store.series import ARROW_TYPE_OF_LANE, Int64s, Series

COLUMNS = ("writer", "key", "lane", "position", "first_n", "row_count", "group", "offset", "count")


class Directory(Struct, frozen=True):
    """What is where, of one writer or of several: one entry for each series and stretch of rows, in the file's order.

    That is by writer, key, lane and row, so that the entries of a series are neighbours, and those of a row group.
    """

    writer: pa.Array
    key: pa.Array
    lane: pa.Array
    position: Int64s
    first_n: Int64s
    row_count: Int64s
    group: Int64s
    offset: Int64s
    count: Int64s

    @classmethod
    def of(cls, table: pa.Table) -> Directory:
        """CorruptError for a table with something missing, or with types of values that there are not."""
        if any(table.column(name).null_count for name in COLUMNS):
            raise CorruptError("of a series it is not said what or where it is; run `runlake check`")
        texts = [whole(table.column(name)) for name in COLUMNS[:3]]
        if not set(texts[2].unique().to_pylist()) <= ARROW_TYPE_OF_LANE.keys():
            raise CorruptError("a series has values of a type that there is not; run `runlake check`")
        numbers = [to_numpy(table.column(name)).astype(np.int64, copy=False) for name in COLUMNS[3:]]
        return cls(*texts, *numbers)

    def __len__(self) -> int:
        return len(self.key)

    def slice(self, start: int, stop: int) -> Directory:
        """Some of the entries, in the same memory."""
        texts = [getattr(self, name).slice(start, stop - start) for name in COLUMNS[:3]]
        return Directory(*texts, *(getattr(self, name)[start:stop] for name in COLUMNS[3:]))

    def touching(self, ranges: Mapping[str, tuple[int, int]]) -> Directory:
        """The entries of the writers named that hold some of the rows first ≤ n < last."""
        bounds = np.array([ranges.get(writer, (0, 0)) for writer in self.writer.to_pylist()], np.int64).reshape(-1, 2)
        places = np.flatnonzero((self.first_n < bounds[:, 1]) & (bounds[:, 0] < self.first_n + self.row_count))
        texts = [getattr(self, name).take(from_numpy(places)) for name in COLUMNS[:3]]
        return Directory(*texts, *(getattr(self, name)[places] for name in COLUMNS[3:]))

    def by_writer(self) -> Iterator[Directory]:
        """The entries of each writer."""
        for start, stop in _spans(np.flatnonzero(_begins(self.writer)), len(self)):
            yield self.slice(start, stop)

    def prove(self, groups: Mapping[int, GroupValues], file: str) -> None:
        """CorruptError unless every entry lies within the row groups that were read, and its rows within its stretch.

        A file may be as its checksums say, and yet name places where nothing is: who looks there later has no idea why.
        """
        sizes = np.zeros(max(groups, default=-1) + 1, np.int64)
        for number, found in groups.items():
            sizes[number] = found.count
        is_sound = (self.offset >= 0) & (self.count >= 0) & (self.count <= self.row_count) & (self.first_n >= 0)
        if not (is_sound & (self.offset + self.count <= sizes[self.group])).all():
            raise CorruptError(f"{file}: it names values that are not there; run `runlake check`")
        if len(self) > len(groups):  # else each has a group of its own
            lanes = to_numpy(self.lane.dictionary_encode().indices).astype(np.int64)
            lane_of_group = np.empty(len(sizes), np.int64)
            lane_of_group[self.group] = lanes
            if (lane_of_group[self.group] != lanes).any():
                raise CorruptError(f"{file}: values of several types are in one row group; run `runlake check`")
        is_sparse = (self.count != self.row_count) & (self.count > 0)
        if not is_sparse.any():
            return
        for number in np.flatnonzero(np.bincount(self.group[is_sparse])).tolist():
            mine = np.flatnonzero((self.group == number) & is_sparse)
            found = groups[number]
            assert found.n is not None
            n = found.n[found.start : found.start + found.count]
            first, last = self.offset[mine], self.offset[mine] + self.count[mine] - 1
            falls = np.flatnonzero(n[1:] <= n[:-1])
            is_ordered = np.searchsorted(falls, first) == np.searchsorted(falls, last)
            if not (
                is_ordered & (n[first] >= self.first_n[mine]) & (n[last] < (self.first_n + self.row_count)[mine])
            ).all():
                raise CorruptError(f"{file}: it names rows that are not there; run `runlake check`")

    def read_plan(self) -> dict[int, GroupRead]:
        """What is to be read of each row group."""
        if not len(self):
            return {}
        is_sorted = (np.diff(self.group * 2**32 + self.offset) >= 0).all()
        # In a file that runs share the entries of one run are not in the order of the groups.
        order = np.arange(len(self)) if is_sorted else np.lexsort((self.offset, self.group))
        groups = self.group[order]
        starts = np.flatnonzero(np.append(True, groups[1:] != groups[:-1]))
        stops = np.append(starts, len(groups))[1:]
        gaps = np.add.reduceat((self.count != self.row_count)[order], starts, dtype=np.int64)
        first, last = order[starts], order[stops - 1]
        lanes = self.lane.take(from_numpy(first)).to_pylist()
        ends = [
            list(zip(*(texts.take(from_numpy(i)).to_pylist() for texts in (self.writer, self.key)), strict=True))
            for i in (first, last)
        ]
        found = zip(groups[starts].tolist(), lanes, gaps.tolist(), *ends, strict=True)
        return {group: GroupRead(lane, gap_count > 0, begin, end) for group, lane, gap_count, begin, end in found}


class GroupRead(NamedTuple):
    """What is to be read of a row group: its values of this lane, and the row numbers where a series has gaps.

    `first` and `last` say which series (writer, key) it begins and ends with; None where nobody asks.
    """

    lane: Lane
    with_n: bool
    first: tuple[str, str] | None = None
    last: tuple[str, str] | None = None


class Span(NamedTuple):
    """Values as a place in an array that was read; None stands for nothing but nulls."""

    values: pa.Array | None
    start: int
    stop: int


class GroupValues(Struct, frozen=True):
    """A row group as a part of what was read at once: `count` from `start` on of `values` (None: they are all null).

    `n` is there where a series has gaps.
    """

    values: pa.Array | None
    n: Int64s | None
    start: int
    count: int

    def span(self, offset: int, count: int) -> Span:
        """Some values of the group."""
        return Span(self.values, self.start + offset, self.start + offset + count)


def joined_values(spans: Iterable[Span], kind: pa.DataType | None = None) -> pa.ChunkedArray:
    """The values of all spans; neighbours in one array become one piece, which nobody has to copy together."""
    joined: list[Span] = []
    for span in spans:
        if joined and joined[-1].values is span.values and joined[-1].stop == span.start:
            joined[-1] = Span(span.values, joined[-1].start, span.stop)
        else:
            joined.append(span)
    chunks = [pa.nulls(e - b) if values is None else values.slice(b, e - b) for values, b, e in joined]
    return pa.chunked_array(chunks, kind)


class SealedSeries(Sequence[Series]):
    """The series of one writer's entries in first-logged order; of `row_count` rows, the first is `first_n`."""

    def __init__(self, entries: Directory, groups: Mapping[int, GroupValues], first_n: int, row_count: int) -> None:
        self._entries, self._groups, self._first_n, self._row_count = entries, groups, first_n, row_count

    @cached_property
    def _places(self) -> tuple[Int64s, Int64s, Int64s, Int64s]:
        """The entries, those of a series as neighbours; of each series the first of them; where it begins, and ends."""
        entries = self._entries
        keys, lanes = entries.key.dictionary_encode(), entries.lane.dictionary_encode()
        ids = to_numpy(keys.indices) * np.int64(len(lanes.dictionary)) + to_numpy(lanes.indices)
        order = np.argsort(ids, kind="stable")
        ids = ids[order]
        starts = np.flatnonzero(np.append(True, ids[1:] != ids[:-1])[: len(ids)])
        stops = np.append(starts, len(ids))[1:]
        first = order[starts]
        series = np.flatnonzero(entries.position[first] >= 0)  # the axes stand before the keys
        series = series[np.lexsort((entries.position[first[series]], self._first_rows(first[series])))]
        return order, first[series], starts[series], stops[series]

    @classmethod
    def joined(cls, stretches: Sequence[SealedSeries]) -> SealedSeries:
        """The series of stretches of one writer that follow each other."""
        tables = [one._entries for one in stretches]
        shifts = np.cumsum([0, *(max(one._groups, default=0) + 1 for one in stretches)])
        texts = [pa.concat_arrays([getattr(table, name) for table in tables]) for name in COLUMNS[:3]]
        numbers = [np.concatenate([getattr(table, name) for table in tables]) for name in COLUMNS[3:]]
        entries = Directory(*texts, *numbers)
        entries.group[:] += np.repeat(shifts[:-1], [len(table) for table in tables])
        groups = {
            group + int(shift): found
            for one, shift in zip(stretches, shifts, strict=False)
            for group, found in one._groups.items()
        }
        return cls(entries, groups, stretches[0]._first_n, sum(one._row_count for one in stretches))

    def _first_rows(self, first: Int64s) -> Int64s:
        """The number of the first row of each series."""
        entries = self._entries
        rows = entries.first_n[first]
        for group, found in self._groups.items():
            if found.n is not None:
                mine = np.flatnonzero((entries.group[first] == group) & (entries.count != entries.row_count)[first])
                rows[mine] = found.n[found.start + entries.offset[first[mine]]]
        return rows

    def __len__(self) -> int:
        return len(self._places[1])

    @overload
    def __getitem__(self, index: int) -> Series: ...
    @overload
    def __getitem__(self, index: slice) -> list[Series]: ...
    def __getitem__(self, index: int | slice) -> Series | list[Series]:
        return self._made[index]

    def __iter__(self) -> Iterator[Series]:
        return iter(self._made)

    @cached_property
    def _made(self) -> list[Series]:
        order, first, starts, stops = self._places
        keys, lanes = (names.take(from_numpy(first)).to_pylist() for names in (self._entries.key, self._entries.lane))
        pieces, entries = list(self._pieces()), order.tolist()
        spans = zip(keys, lanes, starts.tolist(), stops.tolist(), strict=True)
        return [self._join(key, lane, [pieces[i] for i in entries[start:stop]]) for key, lane, start, stop in spans]

    def _pieces(self) -> Iterator[_Piece]:
        """The entries one after the other."""
        entries = self._entries
        firsts = (entries.first_n - self._first_n).tolist()
        numbers = (entries.group, entries.offset, entries.count, entries.row_count)
        for group, offset, count, row_count, first in zip(*(a.tolist() for a in numbers), firsts, strict=True):
            found = self._groups[group]
            span = found.span(offset, count)
            n = None if found.n is None or count == row_count else found.n[span.start : span.stop] - self._first_n
            yield n, first, span

    def _join(self, key: str, lane: Lane, pieces: list[_Piece]) -> Series:
        values = joined_values((span for _, _, span in pieces), ARROW_TYPE_OF_LANE[lane])
        if len(values) == self._row_count and all(rows is None for rows, _, _ in pieces):
            return Series(key, lane, None, values)
        rows = [np.arange(first, first + s.stop - s.start) if rows is None else rows for rows, first, s in pieces]
        return Series(key, lane, rows[0] if len(rows) == 1 else np.concatenate(rows), values)


_Piece = tuple["Int64s | None", int, Span]
"""The rows (None: a value in every row), the first of them, and the values."""


def _spans(starts: Int64s, end: int) -> list[tuple[int, int]]:
    """Each start with the next one."""
    return list(zip(starts.tolist(), np.append(starts, end)[1:].tolist(), strict=True))


def _begins(column: pa.Array) -> np.typing.NDArray[np.bool_]:
    """Where a value differs from the one before it."""
    begins = np.ones(len(column), bool)
    begins[1:] = to_numpy(pc.not_equal(column[1:], column[:-1]))
    return begins


def whole(column: pa.ChunkedArray) -> pa.Array:
    """The column as one array; copied only where it is in pieces."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
