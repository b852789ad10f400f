"""Which closed parts of a run become which segment: looking at them, and deciding; changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from runlake.store.journal import record
from runlake.store.journal.first_frame import read_header
from runlake.store.journal.journal import PartName
from runlake.store.journal.liveness import is_alive
from runlake.store.journal.shipped import Shipped
from runlake.store.run.snapshot import Snapshot
from runlake.store.segment import schema
from runlake.store.segment.meta import Meta

SEGMENT_BYTES = 128 * 2**20
"""How much journal goes into one segment: bounds the memory of sealing; about a million rows of ten numbers."""

_BLOCK_BYTES = record.HEAD.size + record.BLOCK_BODY.size
_LONGEST_ENDING_BYTES = 4096


@dataclass(slots=True)
class Batch:
    """What becomes one segment: parts and older segments of one generation."""

    incarnation: str
    generation: str
    parts: list[PartName] = field(default_factory=list)
    metas: list[Meta] = field(default_factory=list)
    size_bytes: int = 0

    @property
    def name(self) -> str:
        return schema.segment_name([(p.writer, p.number) for p in self.parts], [m.name for m in self.metas])


def plan(snapshot: Snapshot, shipped: Shipped | None = None, *, segment_bytes: int = SEGMENT_BYTES) -> list[Batch]:
    """What can be sealed, grouped by generation, in order, into segments of bounded size.

    Of a run that is `shipped` only what has arrived.
    """
    closed: dict[tuple[str, str], list[tuple[PartName, int, bool]]] = {}
    lives: set[tuple[str, str]] = set()
    stopped_at = ""  # behind a part that is open, was cut short or is still to be sent, nothing of its writer is sealed
    empty: list[PartName] = []  # left before their header was whole: they go where the next part of their writer goes
    listed = snapshot.journal.list_parts()
    newest = {name.writer: name for name, _ in listed}
    for name, size_bytes in listed:
        if name not in snapshot.parts or name.writer == stopped_at:
            continue
        header = read_header(snapshot.journal, name, snapshot.path)
        if header is None:
            if snapshot.is_left(name):
                empty.append(name)
            else:
                stopped_at = name.writer
            continue
        generation = (header.incarnation, header.generation)
        is_to_be_sent = shipped is not None and not shipped.has_passed(name)
        if is_to_be_sent or (name == newest[name.writer] and _is_gone_on_with(snapshot, name)):
            lives.add(generation)
            stopped_at = name.writer
        elif is_closed(snapshot, name) or snapshot.is_left(name):
            before = [left for left in empty if left.writer == name.writer]
            empty.clear()
            # They count for nothing, so that no batch ends between them and what says whose they are.
            together = [*((left, 0) for left in before), (name, size_bytes)]
            closed.setdefault(generation, []).extend((*part, header.is_editor) for part in together)
        else:
            lives.add(generation)
            stopped_at = name.writer
    for meta in snapshot.metas:
        closed.setdefault((meta.incarnation, meta.generation), [])
    batches: list[Batch] = []
    for generation, found in closed.items():
        # The parts of editors hold requests to stop: a living run must find them in its journal.
        parts = [(name, size) for name, size, is_edit in found if not (is_edit and generation in lives)]
        # What lies in files of many runs stays there: it is older than all the rest.
        mine = [m for m in snapshot.metas if (m.incarnation, m.generation) == generation and not m.is_packed]
        metas = [] if generation in lives else [(m, values_bytes(snapshot, m)) for m in in_order(mine)]
        batches += _fill(generation, metas, parts, segment_bytes)
    return batches


def in_order(metas: list[Meta]) -> list[Meta]:
    """So that of every writer the earlier parts come first."""
    ordered: list[Meta] = []
    remaining = {meta.name: {writer: number for writer, number in sorted(meta.covers, reverse=True)} for meta in metas}
    by_name = {meta.name: meta for meta in metas}
    while remaining:
        first: dict[str, int] = {}
        for numbers in remaining.values():
            for writer, number in numbers.items():
                first[writer] = min(number, first.get(writer, number))
        # Segments of two copies of a store may each have another writer first.
        firsts = [name for name, numbers in remaining.items() if all(first[w] == n for w, n in numbers.items())]
        name = min(firsts or remaining)
        ordered.append(by_name[name])
        del remaining[name]
    return ordered


def _fill(
    generation: tuple[str, str], metas: list[tuple[Meta, int]], parts: list[tuple[PartName, int]], segment_bytes: int
) -> Iterator[Batch]:
    """Neighbours are brought together until they are large enough; a segment that is large already parts them."""
    batch = Batch(*generation)
    for meta, size_bytes in metas:
        if size_bytes < segment_bytes // 2:
            batch.metas.append(meta)
            batch.size_bytes += size_bytes
        if size_bytes >= segment_bytes // 2 or batch.size_bytes >= segment_bytes:
            if len(batch.metas) > 1:
                yield batch
            batch = Batch(*generation)
    for name, size_bytes in parts:
        batch.parts.append(name)
        batch.size_bytes += size_bytes
        if batch.size_bytes >= segment_bytes:
            yield batch
            batch = Batch(*generation)
    if batch.parts or len(batch.metas) > 1:
        yield batch


def is_closed(snapshot: Snapshot, name: PartName) -> bool:
    """Whether the part's last frames look like CLOSE or END and their block; who seals it looks at all of it."""
    return _ends_by(snapshot, name, record.CLOSE) or _ends_by(snapshot, name, record.END)


def _is_gone_on_with(snapshot: Snapshot, name: PartName) -> bool:
    """Whether a process that lives has closed its newest part, and has no other yet: only this one says that it lives.

    Its disk may be full.
    """
    return _ends_by(snapshot, name, record.CLOSE) and is_alive(snapshot.journal, name.writer)


def _ends_by(snapshot: Snapshot, name: PartName, kind: int) -> bool:
    size_bytes = snapshot.journal.size_bytes(name)
    tail = snapshot.journal.read(name, max(0, size_bytes - _LONGEST_ENDING_BYTES - _BLOCK_BYTES))
    end, block = tail[:-_BLOCK_BYTES], tail[-_BLOCK_BYTES:]
    if len(block) < _BLOCK_BYTES or record.HEAD.unpack_from(block)[1] != record.BLOCK:
        return False
    return _ends_with(end, kind)


def _ends_with(data: bytes, kind: int) -> bool:
    """Whether a frame of this kind ends exactly with the data."""
    for place in range(len(data) - record.HEAD.size, -1, -1):
        if data[place + 4] == kind:
            head = record.HEAD.unpack_from(data, place)
            if place + record.HEAD.size + head[0] == len(data) and record.is_head(head):
                return True
    return False


def values_bytes(snapshot: Snapshot, meta: Meta) -> int:
    """The bytes of a segment's values."""
    return sum(snapshot.segments.size_bytes(name) for name in meta.files.values())
