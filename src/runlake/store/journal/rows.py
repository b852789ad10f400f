"""Rows in journal parts as columns. Pure: each key of rows of one shape is a strided view of the bytes.

Frames of one row are joined here: pieces of a row that was open, and what a call wrote in two frames.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from msgspec import Struct

from runlake.errors import CorruptError
from runlake.model import Lane, Stream
from runlake.store.journal import record
from runlake.store.journal.record import HEAD, Shape
from runlake.store.journal.scan import FLAGS_OFFSET, N_OFFSET, MixedRow, PackedRows, ScannedPart
from runlake.store.series import Int64s, Series, WriterRows, to_arrow
from runlake.values import lane_of

_HEAD_BYTES = HEAD.size
_ROW_HEAD_BYTES = record.ROW_HEAD.size
_DTYPES: dict[str, tuple[str, int]] = {"f64": ("<f8", 8), "i64": ("<i8", 8), "bool": ("?", 1)}
_ROW_DTYPE = np.dtype(
    {
        "names": ["flags", "n", "step", "timestamp", "runtime"],
        "formats": ["u1", "<i8", "<i8", "<f8", "<f8"],
        "offsets": [FLAGS_OFFSET, N_OFFSET, 11, 19, 27],
        "itemsize": _ROW_HEAD_BYTES,
    }
)

_AXIS_NAMES = ("flags", "n", "step", "timestamp", "runtime")
_Axis = dict[str, npt.NDArray[Any]]
"""What every frame has, by `_AXIS_NAMES`: an array each, one after the other in memory."""


def _empty_axis(frame_count: int) -> _Axis:
    return {name: np.empty(frame_count, _ROW_DTYPE[name]) for name in _AXIS_NAMES}


def rows_of(writer: str, parts: list[ScannedPart], stream: Stream) -> WriterRows | None:
    """One stream's rows in the parts of one writer, in order and without gaps; None when there are none."""
    gathered = _Gathered(record.STREAM_BITS[stream])
    for part in parts:
        for rows in part.rows:
            if isinstance(rows, MixedRow):
                gathered.add_mixed(rows)
            else:
                gathered.add_packed(part.data, rows)
    return gathered.finish(writer, stream)


def check_follows(before: WriterRows, after: WriterRows) -> None:
    """CorruptError where one writer's rows are missing between two of its parts."""
    last_n = before.first_n + before.row_count - 1
    if after.first_n != last_n + 1:
        raise _missing(before.writer, before.stream, after.first_n - last_n - 1, last_n, after.first_n)


def _missing(writer: str, stream: Stream, count: int, first_n: int, last_n: int) -> CorruptError:
    return CorruptError(
        f"writer {writer}: {count} {stream} rows are missing between its rows {first_n} and {last_n}; "
        "run `runlake check` to see where"
    )


class _Gathered:
    """Frames of one stream as pieces of columns, before frames of one row are joined."""

    def __init__(self, stream_bits: int) -> None:
        self._bits = stream_bits
        self._packed: dict[tuple[Any, ...], _ShapeFrames] = {}
        self._of_shape: dict[Shape, _ShapeFrames] = {}
        """The same by the object: a stretch may be one row, and keys may be many."""
        self._mixed: list[tuple[int, MixedRow, Shape | None]] = []
        self._continued: Shape | None = None
        self._frame_count = 0

    def add_packed(self, data: bytes, rows: PackedRows) -> None:
        stride = _HEAD_BYTES + rows.shape.size
        body = rows.offset + _HEAD_BYTES
        flags = np.ndarray((rows.count,), "u1", data, body + FLAGS_OFFSET, (stride,))
        chosen = (flags & record.STREAM_MASK) == self._bits
        if not chosen.all():
            if ((flags & record.STREAM_MASK) == record.STREAM_MASK).any():
                raise CorruptError("rows of a stream that there is not; run `runlake check` to see where")
            # Shapes are shared by streams; a stretch that holds two of them is taken apart.
            for index in np.flatnonzero(chosen) if chosen.any() else ():
                self.add_packed(data, PackedRows(rows.offset + int(index) * stride, 1, rows.shape))
            return
        bodies = np.ndarray((rows.count,), f"V{rows.shape.size}", data, body, (stride,))
        shape = rows.shape
        frames = self._of_shape.get(shape)
        if frames is None:
            frames = self._of_shape[shape] = self._packed.setdefault(shape.meaning, _ShapeFrames(shape))
        frames.add(self._frame_count, bodies)
        self._frame_count += rows.count
        self._continued = rows.shape if flags[-1] & record.CONTINUES else None

    def add_mixed(self, row: MixedRow) -> None:
        if row.flags & record.STREAM_MASK == self._bits:
            self._mixed.append((self._frame_count, row, self._continued))
            self._frame_count += 1
            self._continued = None

    def finish(self, writer: str, stream: Stream) -> WriterRows | None:
        if not self._frame_count:
            return None
        axis, columns = self._columns()
        if axis["flags"][-1] & record.CONTINUES:  # its other half was torn off: the call never returned
            axis = {name: field[:-1] for name, field in axis.items()}
            if not len(axis["n"]):
                return None
        n = axis["n"]
        following = np.diff(n)
        last_of_row = np.append(following != 0, True)
        one_frame_a_row = bool(last_of_row.all())
        row_of_frame = None if one_frame_a_row else np.append(0, np.cumsum(last_of_row[:-1]))
        series = [_frame_series(key, lane, pieces, len(n), row_of_frame) for (key, lane), pieces in columns]
        if row_of_frame is not None:
            series = _drop_overridden(series)
        rows = axis if one_frame_a_row else {name: field[last_of_row] for name, field in axis.items()}
        row_count = len(rows["n"])
        missing_count = int(n[-1]) - int(n[0]) + 1 - row_count
        if n[0] < 0 or missing_count < 0 or (following < 0).any():
            raise CorruptError(f"writer {writer}: its {stream} rows are not in the order of their numbers")
        if missing_count:
            raise _missing(writer, stream, missing_count, int(n[0]), int(n[-1]))
        return WriterRows(
            writer=writer,
            stream=stream,
            first_n=int(n[0]),
            step=rows["step"].astype(np.int64, copy=False),
            timestamp=rows["timestamp"].astype(np.float64, copy=False),
            runtime=rows["runtime"].astype(np.float64, copy=False),
            series=[one.as_series(row_count) for one in series if len(one.values)],
            is_open=not axis["flags"][-1] & record.COMMIT,
        )

    def _columns(self) -> tuple[_Axis, list[tuple[tuple[str, Lane], list[_Piece]]]]:
        """The axis of all frames, and each key's pieces, keys in first-logged order."""
        axis = _empty_axis(self._frame_count)
        pieces: dict[tuple[str, Lane], list[_Piece]] = {}
        first_seen: dict[tuple[str, Lane], tuple[int, int]] = {}

        def see(key: tuple[str, Lane], frame: int, position: int) -> None:
            first_seen[key] = min(first_seen.get(key, (frame, position)), (frame, position))

        for frames in self._packed.values():
            index = None if frames.count == self._frame_count else frames.index()
            head, values = frames.extract()
            if index is None:
                axis = head
            else:
                for name, field in head.items():
                    axis[name][index] = field
            shape = frames.shape
            for position, (path, lane) in enumerate(zip(shape.paths, shape.lanes, strict=True)):
                key = (path, lane)
                pieces.setdefault(key, []).append((index, values[position]))  # type: ignore[arg-type]
                place = shape.order.index(path) if path in shape.order else position
                see(key, frames.first_frame, place)  # type: ignore[arg-type]
        mixed_frames = [frame for frame, _, _ in self._mixed]
        for name in _AXIS_NAMES if mixed_frames else ():
            axis[name][mixed_frames] = [getattr(row, name) for _, row, _ in self._mixed]
        loose: dict[tuple[str, Lane], tuple[list[int], list[Any]]] = {}
        for frame, row, continued in self._mixed:
            for position, (path, value) in enumerate(row.values.items()):
                key = (path, lane_of(value))
                where, what = loose.setdefault(key, ([], []))
                where.append(frame)
                what.append(value)
                if len(where) == 1 and continued is None:
                    see(key, frame, position)
                elif len(where) == 1 and continued is not None:
                    is_ordered = path in continued.order
                    place = continued.order.index(path) if is_ordered else len(continued.paths) + position
                    see(key, frame - 1, place)
        for key, (where, what) in loose.items():
            values_of_key = np.empty(len(what), object)
            values_of_key[:] = what
            pieces.setdefault(key, []).append((np.array(where, np.int64), values_of_key))
        return axis, [(key, pieces[key]) for key in sorted(pieces, key=first_seen.__getitem__)]


_Piece = tuple["Int64s | None", npt.NDArray[Any]]
"""Frame numbers (None: every frame) and the values in them."""

_CHUNK_ROWS = 16_384


class _ShapeFrames:
    """All frames of one shape: the bodies where they lie, to be taken apart into columns."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.count = 0
        self._starts: list[int] = []
        self._bodies: list[npt.NDArray[Any]] = []

    @property
    def first_frame(self) -> int:
        return self._starts[0]

    def add(self, start: int, bodies: npt.NDArray[Any]) -> None:
        self._starts.append(start)
        self._bodies.append(bodies)
        self.count += len(bodies)

    def index(self) -> Int64s:
        """The frame number of each body."""
        counts = np.fromiter(map(len, self._bodies), np.int64, len(self._bodies))
        shifts = np.array(self._starts, np.int64) - np.append(0, np.cumsum(counts)[:-1])
        return np.repeat(shifts, counts) + np.arange(self.count)

    def extract(self) -> tuple[_Axis, list[npt.NDArray[Any]]]:
        """The axis fields and the value columns. Goes through the bodies in pieces that fit the processor's cache."""
        lanes = [_DTYPES[lane] for lane in self.shape.lanes]
        offsets = _ROW_HEAD_BYTES + np.cumsum([0, *(size for _, size in lanes)])[:-1]
        axis = _empty_axis(self.count)
        columns = [np.empty(self.count, dtype) for dtype, _ in lanes]
        fields = [(axis[name], _ROW_DTYPE.fields[name][0], _ROW_DTYPE.fields[name][1]) for name in _AXIS_NAMES]  # type: ignore[index]
        fields += [(c, c.dtype, int(offset)) for c, offset in zip(columns, offsets, strict=True)]
        done = 0
        for bodies in self._chunks():
            for target, dtype, offset in fields:
                values = np.ndarray((len(bodies),), dtype, bodies.data, offset, (self.shape.size,))
                target[done : done + len(bodies)] = values
            done += len(bodies)
        return axis, columns

    def _chunks(self) -> Iterator[npt.NDArray[Any]]:
        pending: list[npt.NDArray[Any]] = []
        count = 0
        for bodies in self._bodies:
            pending.append(bodies)
            count += len(bodies)
            if count >= _CHUNK_ROWS:
                yield np.concatenate(pending)
                pending, count = [], 0
        if pending:
            yield np.concatenate(pending)


def _frame_series(
    key: str, lane: Lane, pieces: list[_Piece], frame_count: int, row_of_frame: Int64s | None
) -> _FrameSeries:
    """One key's pieces in row order; of several values in one row, the last."""
    if len(pieces) == 1:
        frames, values = pieces[0]
    else:
        frames = np.concatenate([index for index, _ in pieces if index is not None])
        values = np.concatenate([values for _, values in pieces])
        order = np.argsort(frames, kind="stable")
        frames, values = frames[order], values[order]
    if frames is None:
        if row_of_frame is None and len(values) == frame_count:
            return _FrameSeries(key, lane, None, None, values)
        frames = np.arange(len(values))
    if len(frames) and frames[-1] >= frame_count:
        frames, values = frames[:-1], values[:-1]
    if row_of_frame is None or not len(frames):
        return _FrameSeries(key, lane, frames, frames, values)
    rows = row_of_frame[frames]
    last = np.append(rows[1:] != rows[:-1], True)
    return _FrameSeries(key, lane, frames[last], rows[last], values[last])


class _FrameSeries(Struct):
    """A series that still remembers which frame each value came from."""

    key: str
    lane: Lane
    frames: Int64s | None
    rows: Int64s | None
    values: npt.NDArray[Any]

    def as_series(self, row_count: int) -> Series:
        rows = None if self.rows is None or len(self.rows) == row_count else self.rows
        return Series(self.key, self.lane, rows, pa.chunked_array([to_arrow(self.values, self.lane)]))


def _drop_overridden(series: list[_FrameSeries]) -> list[_FrameSeries]:
    """A key logged twice in one row with two types keeps its last value only."""
    by_key: dict[str, list[_FrameSeries]] = {}
    for one in series:
        by_key.setdefault(one.key, []).append(one)
    for lanes in by_key.values():
        for one in lanes:
            for other in lanes:
                if one is not other:
                    _drop_older(one, other)
    return series


def _drop_older(one: _FrameSeries, other: _FrameSeries) -> None:
    if one.rows is None or one.frames is None or other.rows is None or other.frames is None:
        return  # only where each row is one frame, and then nothing overrides
    _, mine, theirs = np.intersect1d(one.rows, other.rows, assume_unique=True, return_indices=True)
    older = mine[one.frames[mine] < other.frames[theirs]]
    if len(older):
        keep = np.ones(len(one.rows), bool)
        keep[older] = False
        one.frames, one.rows, one.values = one.frames[keep], one.rows[keep], one.values[keep]
