"""Damaged journal parts: which frames are whole, which byte was flipped, and what is left without it. Pure.

Where damage begins is known from walking the frames; where it ends is where frames begin again of which each follows
the one before to the end of the part, or at least to a block. A frame in which one byte was flipped is found again by
its CRC, and put back where something else proves it too: the CRC of its block, or a body that makes sense.

Of one writer, readers and segments expect rows without holes. So what stands behind lost rows is kept under a
writer's name of its own, ``<writer>r<how many rows were before, 8 hexadecimal digits>``; the rows keep their numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from zlib import crc32

from runlake.model import STREAMS
from runlake.store.journal import record
from runlake.store.journal.bodies import Closing, Lost
from runlake.store.journal.header import PartHeader
from runlake.store.journal.record import HEAD, MAGIC, MIXED, ROW, ROW_HEAD, SHAPE, Shape
from runlake.store.journal.scan import find_frame, is_frame, is_torn_tail, makes_sense

_TABLE = [crc32(bytes([byte])) ^ crc32(b"\0") for byte in range(256)]
_BY_TOP = {entry >> 24: byte for byte, entry in enumerate(_TABLE)}
_FLIP_OF = {entry: byte for byte, entry in enumerate(_TABLE)}


# Where the damage is --------------------------------------------------------------------------------------


def whole_frames(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(start, end, kind) of every frame that is as it was written."""
    position = len(MAGIC)
    for start, end in [*damaged_stretches(data), (len(data), len(data))]:
        while position < start and is_frame(data, position):
            length, kind, _, _ = HEAD.unpack_from(data, position)
            yield position, position + HEAD.size + length, kind
            position += HEAD.size + length
        position = max(position, end)


def damaged_stretches(data: bytes) -> Iterator[tuple[int, int]]:
    """The stretches of a part that are no sound frames, or make no sense; a torn tail left out."""
    if data[: len(MAGIC)] != MAGIC:
        yield 0, len(MAGIC)
    position = len(MAGIC)
    while position < len(data):
        if is_frame(data, position):
            end = position + HEAD.size + int.from_bytes(data[position : position + 4], "little")
            if not makes_sense(data, position, end):
                yield position, end
            position = end
            continue
        if is_torn_tail(data, position):
            return
        following = _frames_begin_again(data, position)
        end = len(data) if following is None else following
        yield position, end
        position = end


def _frames_begin_again(data: bytes, position: int) -> int | None:
    """Where the next whole frame stands behind damage that begins at `position`; None when there is none."""
    if _is_head(data, position):
        end = position + HEAD.size + int.from_bytes(data[position : position + 4], "little")
        if end == len(data) or is_frame(data, end):
            return end  # only the body is damaged, and nothing in it is a frame
    candidate = find_frame(data, position + 1)
    while candidate is not None:
        end, count, has_block = candidate, 0, False
        while is_frame(data, end):
            has_block |= data[end + 4] == record.BLOCK
            count += 1
            end += HEAD.size + int.from_bytes(data[end : end + 4], "little")
        # One frame that nothing follows may as well be a text that somebody logged.
        if count > 1 or has_block or end == len(data) or is_torn_tail(data, end) or _is_head(data, end):
            return candidate
        candidate = find_frame(data, end)
    return None


def _is_head(data: bytes, position: int) -> bool:
    return position + HEAD.size <= len(data) and record.is_head(HEAD.unpack_from(data, position))


# One flipped byte -----------------------------------------------------------------------------------------


def with_one_byte_changed(data: bytes, crc: int) -> Iterator[bytes]:
    """Everything that differs from `data` in one byte and has this CRC-32; takes a pass of Python over the data.

    The CRC is linear: a changed byte changes it by an amount that depends on the byte and on how many stand behind it,
    so the difference is run backwards through the data until it is that of a single byte.
    """
    difference = crc32(data) ^ crc
    if not difference:
        return
    for place in range(len(data) - 1, -1, -1):
        flip = _FLIP_OF.get(difference)
        if flip is not None:
            yield data[:place] + bytes([data[place] ^ flip]) + data[place + 1 :]
        byte = _BY_TOP[difference >> 24]
        difference = ((difference ^ _TABLE[byte]) << 8 | byte) & 0xFFFF_FFFF


def mend_part(data: bytes) -> tuple[bytes, list[tuple[int, int]]]:
    """The part with flipped bytes put back, and the stretches in which that was possible."""
    whole, mended, unproven = bytearray(data), [], []
    for start, end in damaged_stretches(data):
        found = list(_as_it_was(data, start, end))
        if len(found) != 1:
            continue
        if start == 0 or (found[0][4] != MIXED and _makes_sense(found[0])):
            whole[start:end] = found[0]
            mended.append((start, end))
        else:
            unproven.append((start, end, found[0]))
    for place, _, kind in whole_frames(bytes(whole)) if unproven else ():
        if kind != record.BLOCK:
            continue
        block_start, crc = record.BLOCK_BODY.unpack_from(whole, place + HEAD.size)
        mine = [one for one in unproven if block_start <= one[0] and one[1] <= place]
        trial = bytearray(whole[:place])
        for start, end, frame in mine:
            trial[start:end] = frame
        if mine and crc32(memoryview(trial)[block_start:]) == crc:
            whole[:place] = trial
            mended += [(start, end) for start, end, _ in mine]
    return bytes(whole), sorted(mended)


def _as_it_was(data: bytes, start: int, end: int) -> Iterator[bytes]:
    """The frames that a damaged stretch may have been before one of its bytes changed."""
    if start == 0:
        if _differences(data[: len(MAGIC)], MAGIC) == 1:
            yield MAGIC
        return
    if end - start < HEAD.size:
        return
    head = HEAD.unpack_from(data, start)
    body = data[start + HEAD.size : end]
    if record.is_head(head) and head[0] == len(body):
        if _differences(crc32(body).to_bytes(4, "little"), data[start + 6 : start + 10]) == 1:
            yield record.frame(head[1], body)
        for candidate in with_one_byte_changed(body, head[3]):
            yield record.frame(head[1], candidate)
    elif crc32(body) == head[3]:
        for frame in (record.frame(kind, body) for kind in record.KIND_NAMES):
            is_row = frame[4] == ROW and len(body) >= ROW_HEAD.size
            if _differences(frame, data[start:end]) == 1 and (is_row or _makes_sense(frame)):
                yield frame


def _differences(one: bytes, other: bytes) -> int:
    return sum(a != b for a, b in zip(one, other, strict=False)) + abs(len(one) - len(other))


def _makes_sense(frame: bytes) -> bool:
    """Whether a frame is one that a writer would write, as far as its body can tell; of packed rows it cannot."""
    kind, body = frame[4], frame[HEAD.size :]
    if kind == ROW or not makes_sense(frame, 0, len(frame)):
        return False
    if kind == SHAPE:
        return Shape.from_body(record.decode_body(body)).declaration == frame
    return kind != record.CLOSE or Closing(record.decode_body(body)).has_counts


# What is left ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Trail:
    """How far the rows of one writer have been followed, through segments and parts.

    `seen` is, of each stream, the number of the next row; `tail` the same of what is kept under `target`, and has no
    entry for a stream of which nothing is.
    """

    writer: str
    target: str
    seen: dict[str, int] = field(default_factory=dict)
    tail: dict[str, int] = field(default_factory=dict)

    def lose_before(self, stream: str, n: int) -> tuple[int, int] | None:
        """(first, count) of the rows that should have come before row `n` and have not."""
        expected = self.seen.get(stream, 0)
        if n <= expected:
            return None
        self.seen[stream] = n
        return expected, n - expected

    def go_on_behind_hole(self, stream: str, n: int) -> bool:
        """Whether row `n` cannot be kept under the same name as what was before; then `target` is another."""
        if n <= self.tail.get(stream, n):
            return False
        self.target = f"{self.writer}r{sum(self.seen.values()):08x}"
        self.tail = {}
        return True

    def keep(self, stream: str, end: int) -> None:
        """The rows before `end` are kept."""
        self.seen[stream] = max(end, self.seen.get(stream, 0))
        self.tail[stream] = end


@dataclass(slots=True)
class Piece:
    """Whole frames of one part of one writer, without holes, as the bytes of a part."""

    number: int
    data: bytes


class Salvage:
    """The whole frames of one writer's parts, in order. `lost` collects (stream, first n, count) of what is not."""

    def __init__(self, trail: Trail, shapes: Mapping[int, bytes]) -> None:
        self.trail = trail
        self.lost: list[tuple[str, int, int]] = []
        self._sealed = dict(trail.seen)
        self._shapes = dict(shapes)
        self._unsaid: dict[str, list[tuple[int, int]]] = {}
        self._header = PartHeader({})
        self._pieces: list[Piece] = []
        self._frames: list[bytes] | None = None
        self._declared: set[int] = set()
        self._number = 0

    def add_part(self, number: int, data: bytes, header: PartHeader) -> list[Piece]:
        """What one part holds; `header` is what its first frame says, which may be damaged itself."""
        self._number, self._header = number, header
        damage_starts = {start for start, _ in damaged_stretches(data)}
        frames = list(whole_frames(data))
        following = {start: kind for start, _, kind in frames}
        for start, end, kind in frames:
            frame = data[start:end]
            if kind in (ROW, MIXED):
                if kind == ROW and frame[HEAD.size + 2] & record.CONTINUES and following.get(end) != MIXED:
                    if end not in damage_starts:
                        continue  # its other half was torn off: the call never returned
                    frame = _standing_alone(frame)
                self._add_row(kind, frame)
            elif kind == SHAPE:
                shape = record.decode_body(frame[HEAD.size :])["number"]
                self._shapes[shape] = frame
                self._declared.discard(shape)
            elif kind == record.CLOSE:
                self.expect(Closing(record.decode_body(frame[HEAD.size :])).row_counts)
            elif kind not in (record.PART, record.BLOCK):
                if kind == record.END:
                    self.expect(Closing(record.decode_body(frame[HEAD.size :])).row_counts)
                self._emit(frame)
        return self._take()

    def finish(self) -> list[Piece]:
        """What is left to be said of rows that were lost at the very end."""
        if self._unsaid:
            self._emit(b"")
        return self._take()

    def _take(self) -> list[Piece]:
        self._end_piece()
        pieces, self._pieces = self._pieces, []
        return pieces

    def expect(self, row_counts: object) -> None:
        """The writer said itself how many rows it had written by then."""
        for stream, count in row_counts.items() if isinstance(row_counts, dict) else ():
            self._lose_before(stream, count)

    def _lose_before(self, stream: str, n: int) -> None:
        lost = self.trail.lose_before(stream, n)
        if lost is not None:
            self.lost.append((stream, *lost))
            self._unsaid.setdefault(stream, []).append(lost)

    def _add_row(self, kind: int, frame: bytes) -> None:
        shape, flags, n, *_ = ROW_HEAD.unpack_from(frame, HEAD.size)
        stream = record.STREAM_OF_BITS.get(flags & record.STREAM_MASK, STREAMS[0])
        declaration = self._shapes.get(shape)
        if kind == ROW and (declaration is None or _row_bytes(declaration) != len(frame) - HEAD.size):
            return  # nobody knows any more what its numbers mean
        if n < self._sealed.get(stream, 0) or n + 1 < self.trail.tail.get(stream, 0):
            return  # in a segment already, or said before
        self._lose_before(stream, n)
        if self.trail.go_on_behind_hole(stream, n):
            self._end_piece()
        if kind == ROW and shape not in self._declared and declaration is not None:
            self._emit(declaration)
            self._declared.add(shape)
        self._emit(frame)
        self.trail.keep(stream, n + 1)

    def _emit(self, frame: bytes) -> None:
        if self._frames is None:
            header = self._header.with_fields(writer=self.trail.target, number=self._number)
            self._frames = [MAGIC, record.frame(record.PART, record.encode_body(header.body))]
            self._declared = set()
        if self._unsaid:
            body = Lost.body_of(self.trail.seen.get("history", 0), self._unsaid)
            self._frames.append(record.frame(record.LOST, record.encode_body(body)))
            self._unsaid = {}
        self._frames.append(frame)

    def _end_piece(self) -> None:
        if self._frames is not None:
            self._pieces.append(Piece(self._number, b"".join(self._frames)))
            self._frames = None
        self._declared = set()


def _standing_alone(frame: bytes) -> bytes:
    """The half of a row whose other half was damaged, as a frame that is not gone on with."""
    body = bytearray(frame[HEAD.size :])
    body[2] &= ~record.CONTINUES & 0xFF
    return record.frame(ROW, bytes(body))


def _row_bytes(declaration: bytes) -> int:
    return Shape.from_body(record.decode_body(declaration[HEAD.size :])).size


def shapes_in(data: bytes) -> dict[int, bytes]:
    """The declarations of a part by number. A writer's numbers mean the same in all of its parts."""
    frames = (data[start:end] for start, end, kind in whole_frames(data) if kind == SHAPE)
    return {record.decode_body(frame[HEAD.size :])["number"]: frame for frame in frames}


def describe_rows(lost: list[tuple[str, int, int]]) -> str:
    """Rows by stream, as text: ``history rows 13 to 14 and console row 7``."""
    found = []
    for stream in STREAMS:
        ranges = [
            f"{first}" if count == 1 else f"{first} to {first + count - 1}"
            for name, first, count in lost
            if name == stream
        ]
        if ranges:
            is_one = len(ranges) == 1 and " " not in ranges[0]
            found.append(f"{stream} row{'' if is_one else 's'} {', '.join(ranges)}")
    return " and ".join(found)


def describe_damage(data: bytes, stretches: list[tuple[int, int]]) -> str:
    """How many bytes were damaged, and what stands before and behind them."""
    size_bytes = sum(end - start for start, end in stretches)
    before = after = None
    for start, _, kind in whole_frames(data):
        if kind in (ROW, MIXED):
            _, flags, n, *_ = ROW_HEAD.unpack_from(data, start + HEAD.size)
            row = f"{record.STREAM_OF_BITS.get(flags & record.STREAM_MASK, STREAMS[0])} row {n}"
            if start < stretches[0][0]:
                before = row
            elif start >= stretches[-1][1]:
                after = row
                break
    if before and after:
        return f"{size_bytes} bytes between {before} and {after}"
    return f"{size_bytes} bytes" + (f" behind {before}" if before else f" before {after}" if after else "")
