"""How far the rows of one writer go without a hole, and which name those behind a hole get.

Of one writer, readers and segments expect rows without holes. So what stands behind lost rows is kept under a
writer's name of its own, ``<writer>r<how many rows were before, 8 hexadecimal digits>``; the rows keep their numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from runlake.model import STREAMS
from runlake.store.journal import record
from runlake.store.journal.bodies import Lost
from runlake.store.journal.fold import WriterState
from runlake.store.journal.header import PartHeader
from runlake.store.journal.journal import root_of
from runlake.store.segment.meta import Meta


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
class MetaChange:
    """A segment that needs other names of writers, covers more, or has something to say of lost rows."""

    meta: Meta
    renamed: dict[str, str]
    covers: list[tuple[str, int]]
    lost: list[WriterState]


def follow_segment(meta: Meta, trail: Trail) -> MetaChange:
    """Go on through what a segment has of the writer, and say what must be changed in it."""
    states = {state.writer: state for state in meta.writers if root_of(state.writer) == trail.writer}
    for state in states.values():
        for said in map(Lost, state.bodies(record.LOST)):
            for stream, ranges in said.rows.items():
                for first_n, row_count in ranges:
                    trail.seen[stream] = max(first_n + row_count, trail.seen.get(stream, 0))
    change = MetaChange(meta, {}, list(meta.covers), [])
    mine = [s for s in meta.stretches if root_of(s.writer) == trail.writer]
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
