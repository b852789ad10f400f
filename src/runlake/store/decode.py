"""Journal parts as records and columns. Pure: bytes in, values and arrays out.

Rows of one shape have frames of one size, so a stretch of them is found by comparing headers as arrays, and each key
is a strided view of the bytes: no Python per row. Lengths are trusted while walking and proven afterwards by the
block that covers them; behind the last block, each frame's own CRC is checked.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple
from zlib import crc32

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from msgspec import MsgspecError

from runlake.errors import CorruptError, NewerFormatError
from runlake.model import Lane, Stream
from runlake.store import record
from runlake.store.record import BLOCK, CLOSE, END, HEAD, MIXED, ROW, SHAPE, Shape
from runlake.store.series import Int64s, Series, WriterRows
from runlake.values import lane_of

_HEAD_BYTES = HEAD.size
_ROW_HEAD_BYTES = record.ROW_HEAD.size
_DTYPES: dict[str, tuple[str, int]] = {"f64": ("<f8", 8), "i64": ("<i8", 8), "bool": ("?", 1)}
_HEAD_DTYPE = np.dtype({"names": ["head", "shape"], "formats": ["<u8", "<u2"], "offsets": [0, 10], "itemsize": 12})
FLAGS_OFFSET, N_OFFSET = 2, 3
"""Where flags (u8) and n (u64) stand in the body of a row."""

_ROW_DTYPE = np.dtype(
    {
        "names": ["flags", "n", "step", "timestamp", "runtime"],
        "formats": ["u1", "<i8", "<i8", "<f8", "<f8"],
        "offsets": [FLAGS_OFFSET, N_OFFSET, 11, 19, 27],
        "itemsize": _ROW_HEAD_BYTES,
    }
)

_AXIS_NAMES = ("flags", "n", "step", "timestamp", "runtime")
_AXIS_DTYPE = np.dtype([(name, _ROW_DTYPE[name]) for name in _AXIS_NAMES])


@dataclass(slots=True)
class PackedRows:
    """`count` frames of one shape, one behind the other, from `offset` on."""

    offset: int
    count: int
    shape: Shape


@dataclass(slots=True)
class MixedRow:
    """One row frame with values of any type, at `offset`."""

    offset: int
    flags: int
    n: int
    step: int
    timestamp: float
    runtime: float
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class PartMark:
    """A place between two frames of a part, and what those behind it need of those before; by itself, the beginning.

    `crc` is that of the bytes from `block_start`, where the last BLOCK before begins, to `offset`.
    """

    offset: int = 0
    shapes: Mapping[int, Shape] = field(default_factory=dict)
    block_start: int = 0
    crc: int = 0


BEGINNING = PartMark()


@dataclass(slots=True)
class ScannedPart:
    """One part, or what stands in it from a mark on, walked and verified. Offsets count from the beginning of `data`.

    `blocks` are (start, end, CRC) of the bytes that a BLOCK frame proves; only `start` counts from that of the part.
    `end`: "closed" by CLOSE, "ended" by END, or "open" (whole so far, or with a torn tail behind `valid_bytes`).
    """

    data: bytes
    since: PartMark = BEGINNING
    shapes: dict[int, Shape] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    records: list[tuple[int, dict[str, Any], int]] = field(default_factory=list)
    rows: list[PackedRows | MixedRow] = field(default_factory=list)
    blocks: list[tuple[int, int, int]] = field(default_factory=list)
    end: Literal["closed", "ended", "open"] = "open"
    valid_bytes: int = 0

    @property
    def is_complete(self) -> bool:
        """Whether the last frame is a block, as it is behind CLOSE and END."""
        return bool(self.blocks) and self.blocks[-1][1] + _HEAD_BYTES + record.BLOCK_BODY.size == len(self.data)


def scan_part(data: bytes, name: str) -> ScannedPart:
    """Walk a part's bytes; `name` is for messages.

    A torn tail is left out. Raises CorruptError with the place of the first frame that is not as it was written, and
    NewerFormatError for a part of a later format.
    """
    magic = record.MAGIC
    if not data.startswith(magic):
        if magic.startswith(data) or not data.strip(b"\0"):
            return ScannedPart(data)
        if data[:7] == magic[:7] and data[7] > magic[7]:
            raise NewerFormatError(
                f"{name}: journal format {data[7]}; this runlake reads up to {magic[7]}: upgrade runlake to read it"
            )
        raise CorruptError(f"{name}: this is no journal part: it begins with {data[:8]!r} (byte 0)")
    part, problem = _scan(data)
    if problem is None:
        return part
    if is_torn_tail(data, problem.offset):
        return part if part.valid_bytes == problem.offset else _scan(data[: problem.offset])[0]
    raise CorruptError(
        f"{name}: the frame at byte {problem.offset} of {len(data)} is not as it was written{problem.why}; everything "
        "before it is good; run `runlake check` to see what is lost"
    )


class _Problem(NamedTuple):
    """Where the first frame stands that is not as a writer leaves it."""

    offset: int
    why: str = ""


def scan_since(data: bytes, since: PartMark) -> ScannedPart | None:
    """Walk what stands in a part from a mark on, a torn tail left out.

    None where it is not certain that this is all there is to it: only a look at the whole part (`scan_part`) tells.
    """
    part, problem = _scan(data, since)
    if problem is None:
        return part
    if not _begins_frame(data[problem.offset :]) or find_frame(data, problem.offset + 1) is not None:
        return None
    return part if part.valid_bytes == problem.offset else _scan(data[: problem.offset], since)[0]


def _scan(data: bytes, since: PartMark = BEGINNING) -> tuple[ScannedPart, _Problem | None]:
    """What can be walked, and the first frame that is unsound or does not prove to be as it was written."""
    part = ScannedPart(data, since, dict(since.shapes))
    problem = _walk(part)
    unproven = _find_unproven(part, data)
    return part, problem if unproven is None else _Problem(unproven)


def _walk(part: ScannedPart) -> _Problem | None:
    """Collect records and rows from front to end, trusting what the headers of rows say; where it had to stop.

    What is decoded here is proven by its own CRC before; rows are not looked at one by one.
    """
    data = part.data
    size = len(data)
    shapes = part.shapes
    position = 0 if part.since.offset else len(record.MAGIC)
    first = len(record.MAGIC) - part.since.offset
    stretch = 2
    while position < size:
        part.valid_bytes = position
        if position + _HEAD_BYTES > size:
            return _Problem(position)
        head = HEAD.unpack_from(data, position)
        length, kind, _, crc = head
        body = position + _HEAD_BYTES
        if not record.is_head(head) or body + length > size or (kind == record.PART) != (position == first):
            return _Problem(position)
        if kind == ROW:
            shape = shapes.get(int.from_bytes(data[body : body + 2], "little"))
            if shape is None or shape.size != length:
                return _Problem(position)
            count = _stretch_of(data, position, shape, stretch)
            stretch = min(max(2, count * 2), 1 << 20)
            part.rows.append(PackedRows(position, count, shape))
            position += count * (_HEAD_BYTES + length)
            continue
        content = data[body : body + length]
        if crc32(content) != crc:
            return _Problem(position)
        try:
            _take(part, kind, content, position, shapes)
        except (LookupError, TypeError, ValueError, AttributeError, struct.error, MsgspecError, CorruptError) as error:
            return _Problem(position, f": it is whole, but makes no sense ({error})")
        position = body + length
    part.valid_bytes = position
    return None


def _take(part: ScannedPart, kind: int, content: bytes, position: int, shapes: dict[int, Shape]) -> None:
    """One frame that is no packed row."""
    if kind == MIXED:
        _, flags, n, step, timestamp, runtime = record.ROW_HEAD.unpack_from(content)
        values = record.decode_body(memoryview(content)[_ROW_HEAD_BYTES:])
        part.rows.append(MixedRow(position, flags, n, step, timestamp, runtime, values))
    elif kind == SHAPE:
        shape = Shape.from_body(record.decode_body(content))
        shapes[shape.number] = shape
    elif kind == BLOCK:
        start, crc = record.BLOCK_BODY.unpack(content)
        part.blocks.append((start, position, crc))
    elif kind == record.PART:
        part.header = record.decode_body(content)
    elif kind == CLOSE:
        part.end = "closed"
    else:
        part.records.append((kind, record.decode_body(content), position))
        if kind == END:
            part.end = "ended"


def _stretch_of(data: bytes, position: int, shape: Shape, guess: int) -> int:
    """How many frames with the header and shape of the first one stand in a row, looking `guess` frames ahead."""
    frame_bytes = _HEAD_BYTES + shape.size
    count = min((len(data) - position) // frame_bytes, guess)
    if count <= 2:
        return 1 if count < 2 or not _same_head(data, position, position + frame_bytes) else 2
    heads = np.ndarray((count,), _HEAD_DTYPE, data, position, (frame_bytes,))
    same = ((heads["head"] ^ heads["head"][0]) & 0xFFFF_FFFF_FFFF == 0) & (heads["shape"] == shape.number)
    return count if same.all() else int(np.argmin(same))


def _same_head(data: bytes, first: int, second: int) -> bool:
    body = _HEAD_BYTES
    return (
        data[first : first + 6] == data[second : second + 6]
        and data[first + body : first + body + 2] == data[second + body : second + body + 2]
    )


def _find_unproven(part: ScannedPart, data: bytes) -> int | None:
    """The offset of the first frame that its block or its own CRC condemns; None when all that was walked is proven."""
    view = memoryview(data)
    since = part.since
    first = 0 if since.offset else len(record.MAGIC)
    verified, block_start, before = 0, since.block_start, since.crc
    for start, end, crc in part.blocks:
        if start != block_start or crc32(view[verified:end], before) != crc:
            return _verify_frames(data, max(verified, first), end)
        verified, block_start, before = end, since.offset + end, 0
    bad = _verify_frames(data, max(verified, first), part.valid_bytes)
    return bad if bad < part.valid_bytes else None


def _verify_frames(data: bytes, position: int, end: int) -> int:
    """The offset of the first frame in position:end that is not whole and sound, or `end`."""
    while position < end and is_frame(data, position):
        position += _HEAD_BYTES + int.from_bytes(data[position : position + 4], "little")
    return min(position, end)


def is_frame(data: bytes, position: int) -> bool:
    """Whether a whole frame stands there, as it was written."""
    body = position + _HEAD_BYTES
    if body > len(data):
        return False
    head = HEAD.unpack_from(data, position)
    end = body + head[0]
    return record.is_head(head) and end <= len(data) and crc32(memoryview(data)[body:end]) == head[3]


def find_frame(data: bytes, position: int) -> int | None:
    """Where the next whole frame stands, at `position` or behind it; None when there is none."""
    found = np.frombuffer(data, np.uint8)[position:]
    if len(found) < _HEAD_BYTES:
        return None
    count = len(found) - _HEAD_BYTES + 1
    b = [found[i : i + count] for i in range(6)]
    is_head = (b[0] ^ b[1] ^ b[2] ^ b[3] ^ b[4] ^ 0xA5) == b[5]
    for place in np.flatnonzero(is_head & np.isin(b[4], list(record.KIND_NAMES))).tolist():
        if is_frame(data, position + place):
            return int(position + place)
    return None


def is_torn_tail(data: bytes, offset: int) -> bool:
    """Whether the bytes from `offset` on are what a write leaves that was broken off, and hold nothing acknowledged.

    That is the beginning of a frame, or zeros of an extent that was never written, or the one and then the other; the
    zeros then begin at a disk's sector. A whole frame that is not as it was written is none, and neither is a tail
    that has a sound frame in it.
    """
    written = len(data) - _zeros_at_end(data, offset)
    if written == offset:
        return True
    sector = -(-written // _SECTOR_BYTES) * _SECTOR_BYTES
    is_torn = _begins_frame(data[offset:]) or (
        sector < len(data) and _begins_frame(data[offset:sector]) and not _ends_with_frame(data, offset)
    )
    return is_torn and find_frame(data, offset + 1) is None


_SECTOR_BYTES = 512


def _zeros_at_end(data: bytes, offset: int) -> int:
    rest = data[offset:]
    return len(rest) - len(rest.rstrip(b"\0"))


def _begins_frame(rest: bytes) -> bool:
    """Whether these are the first bytes of a frame, and not all: a header proves itself from its sixth byte on."""
    if len(rest) < 6:
        return len(rest) < 5 or rest[4] in record.KIND_NAMES
    head = HEAD.unpack(rest[:_HEAD_BYTES].ljust(_HEAD_BYTES, b"\0"))
    return record.is_head(head) and _HEAD_BYTES + head[0] > len(rest)


def _ends_with_frame(data: bytes, offset: int) -> bool:
    """Whether the header at `offset` says that the file ends with its frame."""
    return offset + _HEAD_BYTES + int.from_bytes(data[offset : offset + 4], "little") == len(data)


# Rows as columns ------------------------------------------------------------------------------------------


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
        self._packed: dict[int, _ShapeFrames] = {}
        self._mixed: list[tuple[int, MixedRow, Shape | None]] = []
        self._continued: Shape | None = None
        self._frame_count = 0

    def add_packed(self, data: bytes, rows: PackedRows) -> None:
        stride = _HEAD_BYTES + rows.shape.size
        body = rows.offset + _HEAD_BYTES
        flags = np.ndarray((rows.count,), "u1", data, body + FLAGS_OFFSET, (stride,))
        chosen = (flags & record.STREAM_MASK) == self._bits
        if not chosen.all():
            # Shapes are shared by streams; a stretch that holds two of them is taken apart.
            for index in np.flatnonzero(chosen) if chosen.any() else ():
                self.add_packed(data, PackedRows(rows.offset + int(index) * stride, 1, rows.shape))
            return
        bodies = np.ndarray((rows.count,), f"V{rows.shape.size}", data, body, (stride,))
        frames = self._packed.setdefault(rows.shape.number, _ShapeFrames(rows.shape))
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
            axis = axis[:-1]
            if not len(axis):
                return None
        n = axis["n"]
        last_of_row = np.append(n[1:] != n[:-1], True)
        one_frame_a_row = bool(last_of_row.all())
        row_of_frame = None if one_frame_a_row else np.append(0, np.cumsum(last_of_row[:-1]))
        series = [_frame_series(key, lane, pieces, len(axis), row_of_frame) for (key, lane), pieces in columns]
        if row_of_frame is not None:
            series = _drop_overridden(series)
        rows = axis if one_frame_a_row else axis[last_of_row]
        missing_count = int(n[-1]) - int(n[0]) + 1 - len(rows)
        if missing_count:
            raise _missing(writer, stream, missing_count, int(n[0]), int(n[-1]))
        return WriterRows(
            writer=writer,
            stream=stream,
            first_n=int(n[0]),
            step=rows["step"].astype(np.int64),
            timestamp=rows["timestamp"].astype(np.float64),
            runtime=rows["runtime"].astype(np.float64),
            series=[one.as_series(len(rows)) for one in series if len(one.values)],
            is_open=not axis["flags"][-1] & record.COMMIT,
        )

    def _columns(self) -> tuple[npt.NDArray[Any], list[tuple[tuple[str, Lane], list[_Piece]]]]:
        """The axis of all frames, and each key's pieces, keys in first-logged order."""
        axis = np.empty(self._frame_count, _AXIS_DTYPE)
        pieces: dict[tuple[str, Lane], list[_Piece]] = {}
        first_seen: dict[tuple[str, Lane], tuple[int, int]] = {}

        def see(key: tuple[str, Lane], frame: int, position: int) -> None:
            first_seen[key] = min(first_seen.get(key, (frame, position)), (frame, position))

        for frames in self._packed.values():
            index = None if frames.count == self._frame_count else frames.index()
            head, values = frames.extract()
            axis[slice(None) if index is None else index] = head
            shape = frames.shape
            for position, (path, lane) in enumerate(zip(shape.paths, shape.lanes, strict=True)):
                key = (path, lane)
                pieces.setdefault(key, []).append((index, values[position]))  # type: ignore[arg-type]
                see(key, frames.first_frame, shape.order.index(path) if shape.order else position)  # type: ignore[arg-type]
        loose: dict[tuple[str, Lane], tuple[list[int], list[Any]]] = {}
        for frame, row, continued in self._mixed:
            axis[frame] = (row.flags, row.n, row.step, row.timestamp, row.runtime)
            for position, (path, value) in enumerate(row.values.items()):
                key = (path, lane_of(value))
                where, what = loose.setdefault(key, ([], []))
                where.append(frame)
                what.append(value)
                if len(where) == 1 and continued is None:
                    see(key, frame, position)
                elif len(where) == 1 and continued is not None:
                    place = continued.order.index(path) if continued.order else len(continued.paths) + position
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

    def extract(self) -> tuple[npt.NDArray[Any], list[npt.NDArray[Any]]]:
        """The axis fields and the value columns. Goes through the bodies in pieces that fit the processor's cache."""
        lanes = [_DTYPES[lane] for lane in self.shape.lanes]
        offsets = _ROW_HEAD_BYTES + np.cumsum([0, *(size for _, size in lanes)])[:-1]
        axis = np.empty(self.count, _AXIS_DTYPE)
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


@dataclass(slots=True)
class _FrameSeries:
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


def to_arrow(values: npt.NDArray[Any], lane: Lane) -> pa.Array:
    """The values of one lane as an Arrow array of that lane's type; floats keep their bits, NaN is no null."""
    if lane == "null":
        return pa.nulls(len(values))
    if lane in ("str", "json"):
        return pa.array([str(v) for v in values], pa.string())
    return pa.array(values, _ARROW_TYPES[lane], from_pandas=False)


_ARROW_TYPES = {"f64": pa.float64(), "i64": pa.int64(), "bool": pa.bool_()}
ARROW_TYPE_OF_LANE: dict[str, pa.DataType] = {
    **_ARROW_TYPES,
    "str": pa.string(),
    "json": pa.string(),
    "null": pa.null(),
}
