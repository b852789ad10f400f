"""One writer from its first row to its last, through segments and parts: what is wrong, and what is to be made of it.

Reads only. `RepairPlan.steps` says what a repair must do, in order; each step leaves the run as it should be up
to there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from runlake.errors import CorruptError
from runlake.model import STREAMS
from runlake.store.care.check_journal import file_of_part
from runlake.store.care.damage import NOTHING, Remedy
from runlake.store.care.salvage import (
    Piece,
    Salvage,
    Trail,
    damaged_stretches,
    describe_damage,
    describe_rows,
    mend_part,
    shapes_in,
    whole_frames,
)
from runlake.store.journal import record
from runlake.store.journal.bodies import Lost
from runlake.store.journal.first_frame import PART_HEAD_BYTES, part_header
from runlake.store.journal.fold import WriterState
from runlake.store.journal.header import PartHeader
from runlake.store.journal.journal import PartName, root_of
from runlake.store.journal.rows import rows_of
from runlake.store.journal.scan import ScannedPart, scan_part
from runlake.store.run.snapshot import Snapshot, missing_ranges
from runlake.store.segment.meta import Meta

MOST_MISSING = 1000
"""Of one writer so many parts in a row may be gone; what claims to stand behind more stands there by mistake."""

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
class MetaChange:
    """A segment that needs other names of writers, covers more, or has something to say of lost rows."""

    meta: Meta
    renamed: dict[str, str]
    covers: list[tuple[str, int]]
    lost: list[WriterState]


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


class RepairPlan:
    """The journal of one writer. `is_gone`: its process lives no more, so that its open part may be sealed."""

    def __init__(self, snapshot: Snapshot, writer: str, *, foreign: set[str], is_gone: bool) -> None:
        self._snapshot, self._writer, self._is_gone = snapshot, writer, is_gone
        self._parts = [n for n in snapshot.parts if n.writer == writer and str(n) not in foreign]
        self._troubles: list[_Trouble] = []
        self._newest = max(snapshot.numbers[writer])
        self._missing: list[int] = []

    @property
    def remedies(self) -> list[Remedy]:
        """What the steps mend; complete when they have been gone through."""
        return [trouble.as_remedy(self._snapshot) for trouble in self._troubles]

    def is_sound(self) -> bool:
        """Whether there is nothing to do; the quick way, which all healthy writers go."""
        trail = Trail(self._writer, self._writer)
        for unit in self._units():
            try:
                if isinstance(unit, Meta):
                    change = self._follow(unit, trail)
                    if change.renamed or change.lost:
                        return False
                elif isinstance(unit, int) or not self._is_part_sound(unit, trail):
                    return False
            except CorruptError:
                return False
        return True

    def _is_part_sound(self, name: PartName, trail: Trail) -> bool:
        part = self._snapshot.scan(name)
        if name.number == self._newest and part.end == "open" and self._is_gone and part.header is not None:
            return False
        if trail.target != self._writer:
            return False
        for stream in STREAMS:
            rows = rows_of(self._writer, [part], stream)
            if rows is not None:
                if trail.lose_before(stream, rows.first_n):
                    return False
                trail.keep(stream, rows.first_n + rows.row_count)
        first = part.header.first if part.header else {}
        return not any(trail.lose_before(stream, n) for stream, n in first.items())

    def _units(self) -> Iterator[Meta | PartName | int]:
        """Segments and parts in the order of the rows; a bare number is a part that is nowhere."""
        metas = {number: m for m in self._snapshot.metas for writer, number in m.covers if writer == self._writer}
        parts = {name.number: name for name in self._parts}
        before: Meta | None = None
        for gap in missing_ranges({*metas, *parts, self._newest}):
            if len(gap) > MOST_MISSING:
                raise CorruptError(
                    f"{self._snapshot.path}: {PartName(self._writer, gap.stop)}: {len(gap)} parts before it are "
                    "nowhere, so it is none of this writer; move it elsewhere, or the segment that names it"
                )
        for number in range(self._newest + 1):
            meta = metas.get(number)
            if meta is None:
                empty_newest = number == self._newest and number not in parts
                if not empty_newest:
                    yield parts.get(number, number)
            elif meta is not before:
                yield meta
            before = meta or before

    # Segments

    def _follow(self, meta: Meta, trail: Trail) -> MetaChange:
        """Go through a segment, and say what must be changed in it."""
        states = {state.writer: state for state in meta.writers if root_of(state.writer) == self._writer}
        for state in states.values():
            for said in map(Lost, state.bodies(record.LOST)):
                for stream, ranges in said.rows.items():
                    for first_n, row_count in ranges:
                        trail.seen[stream] = max(first_n + row_count, trail.seen.get(stream, 0))
        change = MetaChange(meta, {}, list(meta.covers), [])
        mine = [s for s in meta.stretches if root_of(s.writer) == self._writer]
        for writer in sorted({stretch.writer for stretch in mine}):
            # Of one writer the rows within a segment have no holes.
            spans: dict[str, tuple[int, int]] = {}
            for s in mine:
                if s.writer == writer:
                    first_n, end = spans.get(s.stream, (s.first_n, 0))
                    spans[s.stream] = (min(first_n, s.first_n), max(end, s.first_n + s.row_count))
            if writer > trail.target:  # an earlier repair went on under this name
                trail.target, trail.tail = writer, {}
            lost: dict[str, list[tuple[int, int]]] = {}
            for stream, (first_n, _) in spans.items():
                hole = trail.lose_before(stream, first_n)
                if hole is not None:
                    lost[stream] = [hole]
            for stream, (first_n, _) in spans.items():
                trail.go_on_behind_hole(stream, first_n)
            for stream, (_, end) in spans.items():
                trail.keep(stream, end)
            if trail.target != writer:
                change.renamed[writer] = trail.target
            if lost:
                header = states[writer].header if writer in states else PartHeader({})
                header = header.with_fields(writer=trail.target)
                body = Lost.body_of(trail.seen.get("history", 0), lost)
                change.lost.append(WriterState(trail.target, header, [(record.LOST, body)], {}))
        return change

    # Steps

    def steps(self) -> Iterator[Batch | MetaChange]:
        """What is to be done, in order. What becomes of the parts is made as it is asked for."""
        trail = Trail(self._writer, self._writer)
        batch: Batch | None = None
        salvage: Salvage | None = None
        size_bytes = 0
        for unit in self._units():
            if isinstance(unit, int):
                self._missing.append(unit)
                remedy = "the rest of the run was made readable without it"
                missing = PartName(self._writer, unit)
                self._troubles.append(_Trouble("missing", missing, remedy, also_lost="all records of this part"))
            elif isinstance(unit, Meta):
                change = self._follow(unit, trail)
                self._note(
                    [(s, *r) for state in change.lost for s, rs in Lost(state.records[0][1]).rows.items() for r in rs]
                )
                change.covers += [(self._writer, number) for number in self._missing]
                if self._missing or change.renamed or change.lost:
                    yield change
                self._missing = []
            else:
                if salvage is None:
                    salvage = Salvage(trail, self._all_shapes())
                data, header = self._read(unit)
                if batch is None:
                    batch, size_bytes = Batch(self._writer, header), 0
                self._take(batch, salvage, unit, data, header)
                size_bytes += len(data)
                if size_bytes >= _ENOUGH_BYTES and unit.number != self._newest:
                    yield batch
                    batch = None
        if batch is not None and salvage is not None:
            batch.pieces += salvage.finish()
            yield batch

    def _take(self, batch: Batch, salvage: Salvage, name: PartName, data: bytes, header: PartHeader) -> None:
        """What is whole of one part into the batch, and what is wrong with it onto the list."""
        lost_before = len(salvage.lost)
        salvage.expect(header.body.get("first"))
        self._note(salvage.lost[lost_before:])
        whole, mended = mend_part(data)
        left = list(damaged_stretches(whole))
        end = max((end for _, end, _ in whole_frames(whole)), default=len(record.MAGIC))
        end = max(end, *(stretch_end for _, stretch_end in left)) if left else end
        if left or self._is_cut_short(name, mended):
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
        elif name.number == self._newest and self._is_gone and not _is_ended(whole):
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
            newest = PartName(self._writer, self._newest)
            self._troubles.append(_Trouble("missing", newest, "the rest was made readable without these rows"))
        if lost:
            self._troubles[-1].lost += lost

    def _is_cut_short(self, name: PartName, mended: list[tuple[int, int]]) -> bool:
        try:
            self._snapshot.scan(name)
        except CorruptError:
            return not mended
        return False

    def _read(self, name: PartName) -> tuple[bytes, PartHeader]:
        """The bytes of a part that count, and its header, made up where it is damaged."""
        data = self._snapshot.journal.read(name)
        following = PartName(self._writer, name.number + 1)
        after = self._own_header(following) if following in self._parts else None
        left_bytes = after.previous_bytes if after else None
        if left_bytes is not None and not _is_ended(data):
            data = data[:left_bytes]
        header = _header_in(mend_part(data)[0]) or self._likely_header(name, data)
        return data, header

    def _own_header(self, name: PartName) -> PartHeader | None:
        data = self._snapshot.journal.read(name)
        try:
            return part_header(data[:PART_HEAD_BYTES], str(name))
        except CorruptError:
            return _header_in(data)

    def _likely_header(self, name: PartName, data: bytes) -> PartHeader:
        """What the header must have said: as the other parts of this writer say, else as the run was then."""
        of_segments = (state.header for meta in self._snapshot.metas for state in meta.writers)
        of_parts = (self._own_header(other) for other in self._snapshot.parts if other != name)
        headers = [header for header in (*of_segments, *of_parts) if header and header.body.get("incarnation")]
        for header in headers:
            if root_of(header.writer) == self._writer:
                return header.without("first", "previous_bytes").with_fields(number=name.number)
        ids = [(h.incarnation, h.generation) for h in headers if h.generation <= self._writer]
        incarnation, generation = max(ids, default=(self._writer, self._writer))
        kinds = {kind for _, _, kind in whole_frames(data)}
        rows = kinds & {record.ROW, record.MIXED}
        role = "run" if record.START in kinds or (not headers and rows) else "child" if rows else "editor"
        return PartHeader(
            {
                "format": record.FORMAT_VERSION,
                **self._snapshot.path._asdict(),
                "incarnation": incarnation,
                "generation": generation,
                "role": role,
                "pid": 0,
                "created_at": _made_at(self._writer),
            }
        )

    def _all_shapes(self) -> Mapping[int, bytes]:
        shapes: dict[int, bytes] = {}
        for name in self._parts:
            shapes.update(shapes_in(mend_part(self._snapshot.journal.read(name))[0]))
        return shapes


def _header_in(data: bytes) -> PartHeader | None:
    for start, end, kind in whole_frames(data[:PART_HEAD_BYTES]):
        if kind == record.PART:
            body = record.decode_body(data[start + record.HEAD.size : end])
            return PartHeader(body) if body else None
    return None


def _is_ended(data: bytes) -> bool:
    """Whether nobody may append to the part any more."""
    try:
        part: ScannedPart = scan_part(data, "a part")
    except CorruptError:
        return any(kind in (record.CLOSE, record.END) for _, _, kind in whole_frames(data))
    return part.end != "open"


def _made_at(writer: str) -> float:
    """When a writer was made, as its name says; 0 where it does not."""
    try:
        return int(writer[:11], 16) / 1000
    except ValueError:
        return 0.0
