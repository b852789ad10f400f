"""Which writers' rows make one generation of a run, how many of them count, and in what order the writers stand.

A rewind opens a generation that takes rows of an older one over: its opener's header says which (`taken`), and they
stay where they are. Everybody who reads rows passes here, so nobody has to know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise

import numpy as np
from msgspec import Struct, field

from runlake.errors import NotFoundError
from runlake.model import Stream
from runlake.store.journal.first_frame import read_header
from runlake.store.journal.fold import newest_generation
from runlake.store.journal.header import PartHeader
from runlake.store.journal.journal import PartName
from runlake.store.journal.rows import check_follows, rows_of
from runlake.store.journal.scan import ScannedPart
from runlake.store.run.snapshot import Snapshot, nothing_yet
from runlake.store.run.state import is_half_rewound
from runlake.store.segment.meta import Meta
from runlake.store.series import Series, WriterRows, join_stretches

_ALL = int(np.iinfo(np.int64).max)


class View(Struct, frozen=True):
    """One generation: `taken` are the generations it has rows of, and of these by writer how many history rows count.

    `sessions` and `after` are what the writers' headers say: see `docs/guide/storage-format/journal.md`.
    """

    incarnation: str
    generation: str
    taken: dict[str, dict[str, int]] = field(default_factory=dict)
    sessions: dict[str, int] = field(default_factory=dict)
    after: dict[str, float] = field(default_factory=dict)

    def has(self, incarnation: str, generation: str, stream: Stream) -> bool:
        """Whether rows of this stream and generation may count."""
        return incarnation == self.incarnation and (
            generation == self.generation or (stream == "history" and generation in self.taken)
        )

    def end_of(self, generation: str, writer: str) -> int:
        """The n before which history rows of a writer of that generation count; no bound for this generation's own."""
        return _ALL if generation == self.generation else self.taken.get(generation, {}).get(writer, 0)

    def counted(self, generation: str, rows: Iterable[WriterRows]) -> Iterator[WriterRows]:
        """Of some rows of one generation, those that count."""
        for each in rows:
            count = self.end_of(generation, each.writer) - each.first_n
            if count > 0:
                yield slice_stretch(each, 0, count)


def view_of(
    snapshot: Snapshot,
    generation: str | None = None,
    *,
    header_of: Callable[[Snapshot, PartName], PartHeader | None] | None = None,
) -> View:
    """A generation as readers see it, the newest unless it is named. NotFoundError when there is none of that name."""
    headers: dict[str, PartHeader] = {}
    for meta in snapshot.metas:
        for writer, sealed_header in meta.headers.items():
            headers.setdefault(writer, sealed_header)
    for name in snapshot.parts:
        header = header_of(snapshot, name) if header_of else read_header(snapshot.journal, name, snapshot.path)
        if header is None or (name.number == 0 and _is_half_rewound(snapshot, name, header)):
            continue
        headers[name.writer] = header
    if not headers:
        raise nothing_yet(snapshot.path)
    incarnation, newest = newest_generation(headers.values())
    mine = [header for header in headers.values() if header.incarnation == incarnation]
    chosen = generation or newest
    if not any(header.generation == chosen for header in mine):
        names = ", ".join(sorted({header.generation for header in mine}))
        raise NotFoundError(f"run {snapshot.path} has no generation {chosen!r}; there are {names}")
    taken: dict[str, dict[str, int]] = {}
    for header in mine:
        if header.generation == chosen:
            for older, writer, count in header.taken:
                taken.setdefault(older, {})[writer] = count
    return View(incarnation, chosen, taken, *order_of(headers))


def _is_half_rewound(snapshot: Snapshot, name: PartName, header: PartHeader) -> bool:
    return header.is_of_rewind and is_half_rewound(header, snapshot.scan(name).records)


def order_of(headers: Mapping[str, PartHeader]) -> tuple[dict[str, int], dict[str, float]]:
    """`View.sessions` and `View.after` of the writers with these headers."""
    return (
        {writer: header.session for writer, header in headers.items() if header.session},
        {writer: header.after for writer, header in headers.items() if header.after},
    )


def sealed(snapshot: Snapshot, stream: Stream, view: View) -> list[Meta]:
    """The segments that hold rows of the stream; some of their rows may not count."""
    return [m for m in snapshot.metas if view.has(m.incarnation, m.generation, stream) and stream in m.files]


def unsealed(snapshot: Snapshot, stream: Stream, view: View) -> Iterator[WriterRows]:
    """The rows of the stream that no segment has, writer by writer."""

    def decode(part: ScannedPart) -> tuple[str, WriterRows] | None:
        header = part.header
        if header is None or not view.has(header.incarnation, header.generation, stream):
            return None
        rows = rows_of(header.writer, [part], stream)
        return None if rows is None else (header.generation, rows)

    by_writer: dict[tuple[str, str], list[WriterRows]] = {}
    for found in snapshot.scan_each(snapshot.parts, decode):
        if found is not None:
            generation, rows = found
            by_writer.setdefault((generation, rows.writer), []).append(rows)
    for (generation, _), stretches in by_writer.items():
        for before, after in pairwise(stretches):
            check_follows(before, after)
        yield from view.counted(generation, [join_stretches(stretches)])


def joined_by_writer(stretches: list[WriterRows]) -> list[list[WriterRows]]:
    """Each writer's stretches in order; rows that a later stretch repeats are left out of it."""
    by_writer: dict[str, list[WriterRows]] = {}
    for rows in sorted(stretches, key=lambda r: (r.writer, r.first_n)):
        mine = by_writer.setdefault(rows.writer, [])
        next_n = mine[-1].first_n + mine[-1].row_count if mine else rows.first_n
        if rows.first_n < next_n:
            rows = slice_stretch(rows, next_n - rows.first_n, rows.row_count)
        if rows.row_count:
            mine.append(rows)
    return [mine for mine in by_writer.values() if mine]


def slice_stretch(rows: WriterRows, start: int, stop: int) -> WriterRows:
    """The rows from `start` to before `stop`, without copying any values; axes that were not read stay empty."""
    stop = min(stop, rows.row_count)
    start = min(start, stop)
    if (start, stop) == (0, rows.row_count):
        return rows
    series = []
    for one in rows.series if start < stop else ():
        if one.rows is None:
            series.append(Series(one.key, one.lane, None, one.values.slice(start, stop - start)))
        else:
            low, high = (int(place) for place in np.searchsorted(one.rows, (start, stop)))
            if low < high:
                series.append(Series(one.key, one.lane, one.rows[low:high] - start, one.values.slice(low, high - low)))
    return WriterRows(
        rows.writer,
        rows.stream,
        rows.first_n + start,
        rows.step[start:stop],
        rows.timestamp[start:stop],
        rows.runtime[start:stop],
        series,
    )
