"""Growing parts, read from where a reader stood: what was decoded once is not decoded again.

A mark is a place between two frames with what those behind it need of those before (`ResumePoint`). Marks are kept
in memory only and may be lost at any time: the part is then read from its beginning, and the reader is given the same
rows. So a mark is never trusted where anything is unusual: what is no whole frame, nor the beginning of one,
is for a look at the whole part to judge, and that names damage.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal
from zlib import crc32

import numpy as np

from runlake.model import RunPath, Stream
from runlake.store.journal import record
from runlake.store.journal.first_frame import read_header
from runlake.store.journal.header import PartHeader
from runlake.store.journal.journal import PartName
from runlake.store.journal.scan import (
    FLAGS_OFFSET,
    N_OFFSET,
    MixedRow,
    PackedRows,
    ResumePoint,
    ScannedPart,
    scan_since,
)
from runlake.store.lru import LruCache
from runlake.store.run.snapshot import Snapshot

KEPT_MARKS = 8192
"""About as many open parts can be followed at their price; an idle reader of them costs nothing but its mark."""

_SAID = (record.STATE, record.END)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a reader stood in a part, and what the part had said until there of how the run stands."""

    mark: ResumePoint
    said: tuple[tuple[int, dict[str, Any], int], ...]
    end: Literal["closed", "ended", "open"]


class PartTails:
    """Reads parts of any runs for readers of rows that come again, each with the number of the row it is at."""

    def __init__(self, limit: int = KEPT_MARKS) -> None:
        self._places: LruCache[tuple[RunPath, PartName, Stream, int], _Place] = LruCache(limit)
        self._headers: LruCache[tuple[RunPath, PartName], PartHeader] = LruCache(limit)

    def header(self, snapshot: Snapshot, name: PartName) -> PartHeader | None:
        """The part's header; None while it is not whole."""
        header = self._headers.get((snapshot.path, name))
        if header is None:
            header = read_header(snapshot.journal, name, snapshot.path)
            if header is not None:
                self._headers.put((snapshot.path, name), header)
        return header

    def scan(self, snapshot: Snapshot, name: PartName, stream: Stream, next_n: int) -> ScannedPart:
        """What the part holds for a reader that has the rows before `next_n`; rows before that may be in it too.

        As `Snapshot.scan`: a torn tail is left out, and CorruptError names the place of damage.
        """
        place = self._places.get((snapshot.path, name, stream, next_n))
        if place is not None:
            part = scan_since(snapshot.journal.read(name, place.mark.offset), place.mark)
            is_newest = name.number == max(snapshot.numbers[name.writer])
            if part is not None and (is_newest or (part.end == "closed" and part.is_complete)):
                part.header = self.header(snapshot, name)
                part.records[:0] = place.said
                if part.end == "open":
                    part.end = place.end
                return part
        return snapshot.scan(name)

    def keep(self, path: RunPath, name: PartName, stream: Stream, next_n: int, part: ScannedPart) -> None:
        """Remember where in a scanned part a reader stands that has the rows before `next_n` now."""
        if part.header is None:
            return
        offset = first_frame_of(part, stream, next_n)
        said = tuple((kind, body, -1) for kind, body, at in part.records if at < offset and kind in _SAID)
        end = part.end if offset == part.valid_bytes else "open"
        self._places.put((path, name, stream, next_n), _Place(mark_at(part, offset), said, end))


def mark_at(part: ScannedPart, offset: int) -> ResumePoint:
    """The mark at a place between two frames of a scanned part."""
    since = part.since
    counted, block_start, crc = 0, since.block_start, since.crc
    for _, end, _ in reversed(part.blocks):
        if end < offset:
            counted, block_start, crc = end, since.offset + end, 0
            break
    return ResumePoint(
        since.offset + offset, part.shapes, block_start, crc32(memoryview(part.data)[counted:offset], crc)
    )


def first_frame_of(part: ScannedPart, stream: Stream, next_n: int) -> int:
    """Where the first frame stands that belongs to row `next_n` or a later one; the end of all that is whole if none.

    Rows come in the order of their numbers, so it is looked for from behind.
    """
    first = part.valid_bytes
    bits = record.STREAM_BITS[stream]
    for rows in reversed(part.rows):
        if isinstance(rows, MixedRow):
            if rows.flags & record.STREAM_MASK != bits:
                continue
            if rows.n < next_n:
                break
            first = rows.offset
        else:
            mine, later, stride = _packed(part, rows, bits, next_n)
            if later.any():
                first = rows.offset + int(np.argmax(later)) * stride
            if (mine & ~later).any():
                break
    return first


def _packed(part: ScannedPart, rows: PackedRows, bits: int, next_n: int) -> tuple[Any, Any, int]:
    """Which frames are of the stream, and which of these of row `next_n` or a later one; and the bytes of a frame."""
    stride = record.HEAD.size + rows.shape.size
    body = rows.offset + record.HEAD.size
    flags = np.ndarray((rows.count,), "u1", part.data, body + FLAGS_OFFSET, (stride,))
    n = np.ndarray((rows.count,), "<i8", part.data, body + N_OFFSET, (stride,))
    mine = (flags & record.STREAM_MASK) == bits
    return mine, mine & (n >= next_n), stride
