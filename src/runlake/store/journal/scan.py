"""Journal parts, walked and proven: which records are in them, and where rows lie. Pure.

Rows of one shape have frames of one size, so a stretch of them is found by comparing headers as arrays: no Python per
row. Lengths are trusted while walking and proven afterwards by the block that covers them; behind the last block, each
frame's own CRC is checked. `store.journal.rows` makes columns of the rows.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple
from zlib import crc32

from msgspec import MsgspecError, Struct, field

from runlake.errors import BadValueError, CorruptError, NewerFormatError
from runlake.store.journal import record
from runlake.store.journal.header import PartHeader
from runlake.store.journal.proof import MAX_ROW_NUMBER, prove_record, prove_row, with_usable_times
from runlake.store.journal.record import BLOCK, CLOSE, END, HEAD, MIXED, ROW, SHAPE, Shape
from runlake.values import I64_MAX, Json, canonical

_HEAD_BYTES = HEAD.size
_ROW_HEAD_BYTES = record.ROW_HEAD.size
FLAGS_OFFSET, N_OFFSET = 2, 3
"""Where flags (u8) and n (u64) stand in the body of a row."""


class PackedRows(Struct):
    """`count` frames of one shape, one behind the other, from `offset` on."""

    offset: int
    count: int
    shape: Shape


class MixedRow(Struct):
    """One row frame with values of any type, at `offset`."""

    offset: int
    flags: int
    n: int
    step: int
    timestamp: float
    runtime: float
    values: dict[str, Any]


class ResumePoint(Struct, frozen=True):
    """A place between two frames of a part, and what those behind it need of those before; by itself, the beginning.

    `crc` is that of the bytes from `block_start`, where the last BLOCK before begins, to `offset`.
    """

    offset: int = 0
    shapes: Mapping[int, Shape] = field(default_factory=dict)
    block_start: int = 0
    crc: int = 0


BEGINNING = ResumePoint()


class ScannedPart(Struct):
    """One part, or what stands in it from a mark on, walked and verified. Offsets count from the beginning of `data`.

    `blocks` are (start, end, CRC) of the bytes that a BLOCK frame proves; only `start` counts from that of the part.
    `end`: "closed" by CLOSE, "ended" by END, or "open" (whole so far, or with a torn tail behind `valid_bytes`).
    """

    data: bytes
    since: ResumePoint = BEGINNING
    shapes: dict[int, Shape] = field(default_factory=dict)
    header: PartHeader | None = None
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


def prove_head(part: ScannedPart, name: str) -> ScannedPart:
    """The same part. CorruptError for one of a run whose first frame does not say whose it is, and of which life."""
    try:
        if part.header:
            prove_record(record.PART, part.header.body)
    except BadValueError as error:
        raise CorruptError(
            f"{name}: the frame at byte {len(record.MAGIC)} is whole, but says nothing ({error}); run `runlake check` "
            "to see what is lost"
        ) from None
    return part


class _Problem(NamedTuple):
    """Where the first frame stands that is not as a writer leaves it."""

    offset: int
    why: str = ""


def scan_since(data: bytes, since: ResumePoint) -> ScannedPart | None:
    """Walk what stands in a part from a mark on, a torn tail left out.

    None where it is not certain that this is all there is to it: only a look at the whole part (`scan_part`) tells.
    """
    part, problem = _scan(data, since)
    if problem is None:
        return part
    if not _begins_frame(data[problem.offset :]) or find_frame(data, problem.offset + 1) is not None:
        return None
    return part if part.valid_bytes == problem.offset else _scan(data[: problem.offset], since)[0]


def _scan(data: bytes, since: ResumePoint = BEGINNING) -> tuple[ScannedPart, _Problem | None]:
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
        except _SENSELESS as error:
            return _Problem(position, f": it is whole, but makes no sense ({error})")
        position = body + length
    part.valid_bytes = position
    return None


_SENSELESS = (
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    RecursionError,
    struct.error,
    MsgspecError,
    CorruptError,
)


def makes_sense(data: bytes, start: int, end: int) -> bool:
    """Whether the whole frame that stands there says something; of packed values only their shape can tell."""
    try:
        if data[start + 4] == ROW:
            _, flags, n, *_ = record.ROW_HEAD.unpack_from(data, start + _HEAD_BYTES)
            prove_row(flags & record.STREAM_MASK, n, 0.0, 0.0, {})
            return True
        if data[start + 4] == record.PART:
            prove_record(record.PART, with_usable_times(record.decode_body(data[start + _HEAD_BYTES : end])))
        _take(ScannedPart(b""), data[start + 4], data[start + _HEAD_BYTES : end], start, {})
    except _SENSELESS:
        return False
    return True


def _take(part: ScannedPart, kind: int, content: bytes, position: int, shapes: dict[int, Shape]) -> None:
    """One frame that is no packed row, proven to mean something."""
    if kind == MIXED:
        _, flags, n, step, timestamp, runtime = record.ROW_HEAD.unpack_from(content)
        values = _usable(record.decode_body(memoryview(content)[_ROW_HEAD_BYTES:]))
        stream_bits = flags & record.STREAM_MASK
        if stream_bits not in record.STREAM_OF_BITS or n > MAX_ROW_NUMBER:
            prove_row(stream_bits, n, 0.0, 0.0, {})  # times that are none read as missing
        part.rows.append(MixedRow(position, flags, n, step, timestamp, runtime, values))
    elif kind == SHAPE:
        body = record.decode_body(content)
        prove_record(kind, body)
        shape = Shape.from_body(body)
        shapes[shape.number] = shape
    elif kind == BLOCK:
        start, crc = record.BLOCK_BODY.unpack(content)
        part.blocks.append((start, position, crc))
    elif kind == record.PART:
        body = with_usable_times(record.decode_body(content))
        part.header = PartHeader(body) if body else None
    elif kind == CLOSE:
        part.end = "closed"
    else:
        body = with_usable_times(record.decode_body(content))
        prove_record(kind, body)
        part.records.append((kind, body, position))
        if kind == END:
            part.end = "ended"


def _usable(values: dict[str, Any]) -> dict[str, Any]:
    """A row's values as canonical ones: what is none, but plain data, is kept as JSON."""
    for path, value in values.items():
        kind = type(value)
        if kind not in _CANONICAL or (kind is int and value > I64_MAX):
            values[path] = canonical(value)
    return values


_CANONICAL = frozenset({float, int, str, bool, Json, type(None)})


def _stretch_of(data: bytes, position: int, shape: Shape, guess: int) -> int:
    """How many frames with the header and shape of the first one stand in a row, looking `guess` frames ahead."""
    frame_bytes = _HEAD_BYTES + shape.size
    count = min((len(data) - position) // frame_bytes, guess)
    if count <= 2:
        return 1 if count < 2 or not _same_head(data, position, position + frame_bytes) else 2
    import numpy as np  # who sends a journal looks at no rows

    heads = np.ndarray((count,), "<u8", data, position, (frame_bytes,))
    shapes = np.ndarray((count,), "<u2", data, position + _HEAD_BYTES, (frame_bytes,))
    same = ((heads ^ heads[0]) & 0xFFFF_FFFF_FFFF == 0) & (shapes == shape.number)
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
    view, size = memoryview(data), len(data)
    while position < end and (body := position + _HEAD_BYTES) <= size:
        head = HEAD.unpack_from(data, position)
        behind = body + head[0]
        if behind > size or not record.is_head(head) or crc32(view[body:behind]) != head[3]:
            break
        position = behind
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
    import numpy as np

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
