"""Which writers' rows make one generation of a run, how many of them count, and in what order the writers stand.

A rewind opens a generation that takes rows of an older one over: its opener's header says which (`taken`), and they
stay where they are. Everybody who reads rows passes here, so nobody has to know.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from runlake.errors import NotFoundError
from runlake.model import Stream
from runlake.store.decode import ScannedPart, rows_of
from runlake.store.fold import newest_generation
from runlake.store.journal import PartName
from runlake.store.run_state import is_half_rewound, part_header
from runlake.store.segment import Meta
from runlake.store.series import Series, WriterRows
from runlake.store.snapshot import Snapshot, nothing_yet

_PART_HEAD_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class View:
    """One generation: `taken` are the generations it has rows of, and of these by writer how many history rows count.

    `sessions` and `after` are what the writers' headers say: see `storage-format.md`.
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

    def counted(self, generation: str, rows: Iterable[WriterRows]) -> Iterator[WriterRows]:
        """Of some rows of one generation, those that count."""
        if generation == self.generation:
            yield from rows
            return
        for each in rows:
            count = self.taken[generation].get(each.writer, 0) - each.first_n
            if count > 0:
                yield first_rows(each, count)


def view_of(snapshot: Snapshot, generation: str | None = None) -> View:
    """A generation as readers see it, the newest unless it is named. NotFoundError when there is none of that name."""
    headers: dict[str, dict[str, Any]] = {}
    for meta in snapshot.metas:
        for state in meta.writers:
            headers.setdefault(state.writer, state.header)
    for name in snapshot.parts:
        header = _header_of(snapshot, name)
        if "taken" in header and name.number == 0 and is_half_rewound(header, snapshot.scan(name).records):
            continue
        headers.setdefault(name.writer, {}).update(header)
    known = [header for header in headers.values() if header]
    if not known:
        raise nothing_yet(snapshot.path)
    incarnation, newest = newest_generation(known)
    mine = [h for h in known if h["incarnation"] == incarnation]
    chosen = generation or newest
    if not any(h["generation"] == chosen for h in mine):
        names = ", ".join(sorted({h["generation"] for h in mine}))
        raise NotFoundError(f"run {snapshot.path} has no generation {chosen!r}; there are {names}")
    taken: dict[str, dict[str, int]] = {}
    for header in mine:
        if header["generation"] == chosen:
            for older, writer, count in header.get("taken", ()):
                taken.setdefault(older, {})[writer] = count
    return View(
        incarnation,
        chosen,
        taken,
        {writer: header["session"] for writer, header in headers.items() if header.get("session")},
        {writer: header["after"] for writer, header in headers.items() if header.get("after")},
    )


def _header_of(snapshot: Snapshot, name: PartName) -> dict[str, Any]:
    with (snapshot.journal.folder / str(name)).open("rb", buffering=0) as file:
        return part_header(file.read(_PART_HEAD_BYTES), f"{snapshot.path}: {name}")


def sealed(snapshot: Snapshot, stream: Stream, view: View) -> list[Meta]:
    """The segments that hold rows of the stream; some of their rows may not count."""
    return [m for m in snapshot.metas if view.has(m.incarnation, m.generation, stream) and stream in m.files]


def unsealed(snapshot: Snapshot, stream: Stream, view: View) -> Iterator[WriterRows]:
    """The rows of the stream that no segment has, writer by writer."""
    by_writer: dict[tuple[str, str], list[ScannedPart]] = {}
    for name in snapshot.parts:
        part = snapshot.scan(name)
        generation = part.header.get("generation", "")
        if view.has(part.header.get("incarnation", ""), generation, stream):
            by_writer.setdefault((generation, name.writer), []).append(part)
    for (generation, writer), parts in by_writer.items():
        rows = rows_of(writer, parts, stream)
        if rows is not None:
            yield from view.counted(generation, [rows])


def joined_by_writer(stretches: list[WriterRows]) -> list[list[WriterRows]]:
    """Each writer's stretches in order; rows that a later stretch repeats are left out of it."""
    by_writer: dict[str, list[WriterRows]] = {}
    for rows in sorted(stretches, key=lambda r: (r.writer, r.first_n)):
        mine = by_writer.setdefault(rows.writer, [])
        next_n = mine[-1].first_n + mine[-1].row_count if mine else rows.first_n
        if rows.first_n < next_n:
            rows = _without_first(rows, next_n - rows.first_n)
        if rows.row_count:
            mine.append(rows)
    return [mine for mine in by_writer.values() if mine]


def first_rows(rows: WriterRows, count: int) -> WriterRows:
    """The first `count` rows, or all where there are no more."""
    if rows.row_count <= count:
        return rows
    series = []
    for one in rows.series:
        if one.rows is None:
            series.append(Series(one.key, one.lane, None, one.values.slice(0, count)))
        elif end := int(np.searchsorted(one.rows, count)):
            series.append(Series(one.key, one.lane, one.rows[:end], one.values.slice(0, end)))
    axes = (rows.step[:count], rows.timestamp[:count], rows.runtime[:count])
    return WriterRows(rows.writer, rows.stream, rows.first_n, *axes, series)


def _without_first(rows: WriterRows, count: int) -> WriterRows:
    kept = max(0, rows.row_count - count)
    series = []
    for one in rows.series:
        if one.rows is None:
            series.append(Series(one.key, one.lane, None, one.values.slice(count)))
        else:
            start = int(np.searchsorted(one.rows, count))
            if start < len(one.rows):
                series.append(Series(one.key, one.lane, one.rows[start:] - count, one.values.slice(start)))
    return WriterRows(
        rows.writer,
        rows.stream,
        rows.first_n + count,
        rows.step[-kept:] if kept else rows.step[:0],
        rows.timestamp[-kept:] if kept else rows.timestamp[:0],
        rows.runtime[-kept:] if kept else rows.runtime[:0],
        series if kept else [],
    )
