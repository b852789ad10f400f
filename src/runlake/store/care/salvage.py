"""What is left of a writer's damaged parts: their whole frames, as the bytes of parts without holes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runlake.model import STREAMS
from runlake.store.care.damaged_part import damaged_stretches, whole_frames
from runlake.store.care.trail import Trail
from runlake.store.journal import record
from runlake.store.journal.bodies import Closing, Lost
from runlake.store.journal.header import PartHeader
from runlake.store.journal.record import HEAD, MAGIC, MIXED, ROW, ROW_HEAD, SHAPE, Shape


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
