"""One writer, mended: what is to be made of what a walk has found, step by step.

Reads only. `RepairPlan.steps` says what a repair must do, in order; each step leaves the run as it should be up
to there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from runlake.errors import CorruptError
from runlake.store.care.damage import NOTHING, Remedy
from runlake.store.care.damaged_part import damaged_stretches, describe_damage, whole_frames
from runlake.store.care.flipped_byte import mend_part
from runlake.store.care.lost_head import head_in, likely_head, own_head
from runlake.store.care.part_look import PartLook, file_of_part
from runlake.store.care.salvage import Piece, Salvage, shapes_in
from runlake.store.care.trail import MetaChange, Trail, describe_rows, follow_segment
from runlake.store.care.writer_walk import Walk
from runlake.store.journal import record
from runlake.store.journal.bodies import Lost
from runlake.store.journal.header import PartHeader
from runlake.store.journal.journal import PartName
from runlake.store.journal.scan import ScannedPart, scan_part
from runlake.store.run.snapshot import Snapshot
from runlake.store.segment.meta import Meta

_ENOUGH_BYTES = 128 * 2**20


@dataclass(slots=True)
class Batch:
    """Parts of one writer that become one segment; `damaged` are bytes to be moved aside, by the name they get."""

    writer: str
    header: PartHeader
    numbers: list[int] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    damaged: dict[str, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class _Trouble:
    kind: str
    part: PartName
    remedy: str
    byte: int | None = None
    lost: list[tuple[str, int, int]] = field(default_factory=list)
    also_lost: str = ""

    def as_remedy(self, snapshot: Snapshot) -> Remedy:
        lost = [text for text in (describe_rows(self.lost), self.also_lost) if text]
        return Remedy(self.kind, file_of_part(snapshot, self.part), self.remedy, "; ".join(lost) or NOTHING, self.byte)


class _Content(NamedTuple):
    """The bytes of a part that count, as they are and with flipped bytes put back, and its head."""

    data: bytes
    whole: bytes
    mended: list[tuple[int, int]]
    header: PartHeader


class RepairPlan:
    """What is to be done about one writer, whose process is gone. Each plan is gone through once."""

    def __init__(self, walk: Walk) -> None:
        self._walk, self._writer, self._snapshot = walk, walk.writer, walk.snapshot
        self._parts = {unit.name for unit in walk.units if isinstance(unit, PartLook) and unit.kind != "missing"}
        self._troubles: list[_Trouble] = []
        self._missing: list[int] = []

    @property
    def remedies(self) -> list[Remedy]:
        """What the steps mend; complete when they have been gone through."""
        return [trouble.as_remedy(self._snapshot) for trouble in self._troubles]

    def steps(self) -> Iterator[Batch | MetaChange]:
        """What is to be done, in order. What becomes of the parts is made as it is asked for."""
        trail = Trail(self._writer, self._writer)
        batch: Batch | None = None
        salvage: Salvage | None = None
        size_bytes = 0
        for unit in self._walk.units:
            if isinstance(unit, Meta):
                if batch is not None and salvage is not None:  # what comes behind may repeat rows of the segment
                    batch.pieces += salvage.finish()
                    yield batch
                    batch = salvage = None
                change = follow_segment(unit, trail)
                self._note(
                    [(s, *r) for state in change.lost for s, rs in Lost(state.records[0][1]).rows.items() for r in rs]
                )
                change.covers += [(self._writer, number) for number in self._missing]
                if self._missing or change.renamed or change.lost:
                    yield change
                self._missing = []
            elif unit.kind == "missing":
                self._missing.append(unit.name.number)
                remedy = "the rest of the run was made readable without it"
                self._troubles.append(_Trouble("missing", unit.name, remedy, also_lost="all records of this part"))
            else:
                if salvage is None:
                    salvage = Salvage(trail, self._all_shapes())
                content = self._read(unit.name)
                if batch is None:
                    batch, size_bytes = Batch(self._writer, content.header), 0
                self._take(batch, salvage, unit, content)
                size_bytes += len(content.data)
                if size_bytes >= _ENOUGH_BYTES and unit.name.number != self._walk.newest:
                    yield batch
                    batch = None
        numbers = self._missing
        if batch is None and numbers:  # nothing that is left stands behind them
            batch = Batch(self._writer, likely_head(self._snapshot, PartName(self._writer, numbers[-1]), b""))
        if batch is not None:
            batch.numbers += numbers
            batch.pieces += salvage.finish() if salvage else []
            yield batch

    def _take(self, batch: Batch, salvage: Salvage, look: PartLook, content: _Content) -> None:
        """What is whole of one part into the batch, and what is wrong with it onto the list."""
        name, (data, whole, mended, header) = look.name, content
        lost_before = len(salvage.lost)
        salvage.expect(header.body.get("first"))
        self._note(salvage.lost[lost_before:])
        left = list(damaged_stretches(whole))
        end = max((end for _, end, _ in whole_frames(whole)), default=len(record.MAGIC))
        end = max(end, *(stretch_end for _, stretch_end in left)) if left else end
        if left or (look.kind == "corrupt" and not mended):
            first = left[0][0] if left else end
            trouble = _Trouble("corrupt", name, "what is whole of it was sealed; see damaged/", first)
            trouble.also_lost = describe_damage(whole, left) if left else "what stood behind, if anything"
            if not left:
                trouble.remedy = "what is whole of it was sealed"
            self._troubles.append(trouble)
            for start, stretch_end in left:
                batch.damaged[f"{name}.byte-{start}"] = data[start:stretch_end]
        elif mended:
            remedy = "flipped bytes were put back, and the part was sealed"
            self._troubles.append(_Trouble("corrupt", name, remedy, mended[0][0]))
        elif look.is_open:
            kind, byte = ("torn", end) if end < len(whole) else ("open", None)
            self._troubles.append(_Trouble(kind, name, "sealed up to there: its process is gone", byte))
        lost_before = len(salvage.lost)
        batch.numbers += [*self._missing, name.number]
        self._missing = []
        batch.pieces += salvage.add_part(name.number, whole, header)
        self._note(salvage.lost[lost_before:])

    def _note(self, lost: list[tuple[str, int, int]]) -> None:
        """Lost rows are told with the last trouble there was: it is where they were."""
        if lost and not self._troubles:
            newest = PartName(self._writer, self._walk.newest)
            self._troubles.append(_Trouble("missing", newest, "the rest was made readable without these rows"))
        if lost:
            self._troubles[-1].lost += lost

    def _read(self, name: PartName) -> _Content:
        data = self._snapshot.journal.read(name)
        following = PartName(self._writer, name.number + 1)
        after = own_head(self._snapshot, following) if following in self._parts else None
        left_bytes = after.previous_bytes if after else None
        if left_bytes is not None and not _is_ended(data):
            data = data[:left_bytes]
        whole, mended = mend_part(data)
        return _Content(data, whole, mended, head_in(whole) or likely_head(self._snapshot, name, data))

    def _all_shapes(self) -> Mapping[int, bytes]:
        shapes: dict[int, bytes] = {}
        for name in sorted(self._parts):
            shapes.update(shapes_in(mend_part(self._snapshot.journal.read(name))[0]))
        return shapes


def _is_ended(data: bytes) -> bool:
    """Whether nobody may append to the part any more."""
    try:
        part: ScannedPart = scan_part(data, "a part")
    except CorruptError:
        return any(kind in (record.CLOSE, record.END) for _, _, kind in whole_frames(data))
    return part.end != "open"
