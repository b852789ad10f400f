"""What is new in a run since a reader was there: rows by their identity, whatever was sealed meanwhile.

A cursor says of each writer which row is next. What that row is in, a segment or a part, is looked up anew in each
snapshot: of segments the meta files tell, of parts their first frames. A writer's rows are handed out in their order
and without gaps, so nothing is missed and nothing comes twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from runlake.errors import CorruptError
from runlake.lru import LruCache
from runlake.model import AXES, STEP, TIMESTAMP, RunPath, Stream, TailCursor
from runlake.query.rows.history import History, Int64s, Tail
from runlake.query.rows.scan import join_rows, only_keys, rows_in_order, spellings
from runlake.store.journal import record
from runlake.store.journal.bodies import StateChange
from runlake.store.journal.fingerprint import read_fingerprint
from runlake.store.journal.fold import WriterState
from runlake.store.journal.header import PartHeader
from runlake.store.journal.journal import PartName, root_of
from runlake.store.journal.liveness import is_alive
from runlake.store.journal.rows import rows_of
from runlake.store.journal.scan import ScannedPart
from runlake.store.run.snapshot import Snapshot, read_consistently, reading
from runlake.store.run.state import join_states
from runlake.store.run.tail import PartTails
from runlake.store.run.view import View, joined_by_writer, sealed, slice_stretch, view_of
from runlake.store.segment.meta import Meta
from runlake.store.segment.read import read_rows
from runlake.store.series import WriterRows
from runlake.store.store import Store

_KEPT_LOOKS = 16_384
_OPEN_STATES = ("pending", "running", "preempting")
_ALL = int(np.iinfo(np.int64).max)


class _Wish(NamedTuple):
    """What a reader asks for."""

    cursor: TailCursor | None
    stream: Stream
    keys: Sequence[str] | None
    limit: int | None
    last: int | None


class _Plan(NamedTuple):
    """Which rows are new, and what they are in.

    `parts` are those of the generation by writer, in their order; `start` says of a writer which row is next, 0 where
    it says nothing, and `ranges` of each that there is first ≤ n < last.
    """

    view: View
    headers: Mapping[PartName, PartHeader]
    parts: Mapping[str, list[PartName]]
    segments: list[Meta]
    is_restarted: bool
    start: Mapping[str, int]
    ranges: Mapping[str, tuple[int, int]]


class _Found(NamedTuple):
    """What was read for a plan: the parts of each writer, and all new rows by writer, those in segments included.

    `growing` are the rows that their writers may still add to; they are not among the others.
    """

    scanned: Mapping[str, Mapping[PartName, ScannedPart]]
    writers: list[list[WriterRows]]
    growing: list[WriterRows]


class TailReader:
    """Reads what is new in the runs of a store; see `service.contract` for `read`.

    It remembers where cursors stood in open parts, and what the journal looked like then: a run in which nothing
    moved costs a listing. Both are bounded, and nothing depends on them but time.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._parts = PartTails()
        self._looks: LruCache[object, tuple[object, bool]] = LruCache(_KEPT_LOOKS)

    def read(
        self,
        path: RunPath,
        cursor: TailCursor | None,
        *,
        stream: Stream,
        keys: Sequence[str] | None,
        limit: int | None,
        last: int | None,
    ) -> Tail:
        """The rows behind the cursor. NotFoundError when the run is not there."""
        with reading(path):
            look = self._look(path)
        seen = None if cursor is None else self._looks.get(_place(path, cursor))
        if cursor is not None and seen is not None and seen[0] == look:
            nothing = join_rows(stream, ([], None), keys)
            return Tail(nothing, cursor, seen[1], False, (), np.array([], np.int64))
        # Whether a writer lives is asked before anything is read: one that ends in between has said all it has to say.
        with reading(path):
            alive = self._alive(path)
        wish = _Wish(cursor, stream, keys, limit, last)
        tail = read_consistently(self._store, path, lambda snapshot: self._read(snapshot, alive, wish))
        if limit is None or tail.history.row_count < limit:
            self._looks.put(_place(path, tail.cursor), (look, tail.is_ended))
        return tail

    def read_growing(
        self, path: RunPath, cursor: TailCursor | None, *, stream: Stream, keys: Sequence[str]
    ) -> tuple[Tail, History]:
        """As `read`, and the rows behind the tail that their writers may still add to, as they are now."""
        with reading(path):
            alive = self._alive(path)
        wish = _Wish(cursor, stream, keys, None, None)

        def read(snapshot: Snapshot) -> tuple[Tail, History]:
            plan = self._plan(snapshot, wish)
            found = self._gather(snapshot, plan, alive, wish)
            growing = join_rows(stream, (found.growing, None), keys)
            return self._answer(snapshot, plan, found, alive, wish), growing

        return read_consistently(self._store, path, read)

    def _look(self, path: RunPath) -> object:
        """Equal when nothing has happened: no part grew, came or went, no writer died, nothing was sealed."""
        return read_fingerprint(self._store.journal(path)).value, frozenset(self._store.segments(path).list_names())

    def _alive(self, path: RunPath) -> dict[str, bool]:
        journal = self._store.journal(path)
        return {writer: is_alive(journal, writer) for writer in {name.writer for name, _ in journal.list_parts()}}

    def _read(self, snapshot: Snapshot, alive: Mapping[str, bool], wish: _Wish) -> Tail:
        plan = self._plan(snapshot, wish)
        found = self._gather(snapshot, plan, alive, wish)
        return self._answer(snapshot, plan, found, alive, wish)

    def _plan(self, snapshot: Snapshot, wish: _Wish) -> _Plan:
        """From heads of parts and meta files alone."""
        found_headers = ((name, self._parts.header(snapshot, name)) for name in snapshot.parts)
        headers = {name: header for name, header in found_headers if header is not None}
        view = view_of(snapshot, header_of=self._parts.header)
        parts: dict[str, list[PartName]] = {}
        for name, header in headers.items():
            if view.has(header.incarnation, header.generation, wish.stream):
                parts.setdefault(name.writer, []).append(name)
        segments = sealed(snapshot, wish.stream, view)
        ends = {writer: view.end_of(headers[names[0]].generation, writer) for writer, names in parts.items()}
        ends |= {s.writer: view.end_of(m.generation, s.writer) for m in segments for s in m.stretches}
        cursor = wish.cursor
        is_restarted = cursor is not None and (cursor.incarnation, cursor.generation) != _newest(view)
        start = dict(cursor.next_n) if cursor is not None and not is_restarted else {}
        if wish.last is not None:
            newest_parts = [headers[names[-1]] for names in parts.values()]
            start = _near_the_end(segments, wish.stream, newest_parts, ends, wish.last)
        for writer, first_n in _behind_holes(segments, wish.stream).items():
            # What was read of it before a repair gave it a name of its own, was read under the name of its writer.
            known = start.get(root_of(writer), 0) if wish.last is None else 0
            start[writer] = max(first_n, start.get(writer, 0), known)
        limit = _ALL if wish.limit is None else wish.limit
        ranges = {w: (start.get(w, 0), min(end, start.get(w, 0) + limit)) for w, end in ends.items()}
        return _Plan(view, headers, parts, segments, is_restarted, start, ranges)

    def _gather(self, snapshot: Snapshot, plan: _Plan, alive: Mapping[str, bool], wish: _Wish) -> _Found:
        """The rows of the plan. CorruptError when some of a writer are missing."""
        scanned = {
            writer: {name: self._parts.scan(snapshot, name, wish.stream, plan.ranges[writer][0]) for name in names}
            for writer, all_names in plan.parts.items()
            if (names := _needed(all_names, plan.headers, wish.stream, *plan.ranges[writer]))
        }
        fresh, growing = [], []
        for writer, parts in scanned.items():
            rows, last = _complete_rows(snapshot, parts, wish.stream, may_grow=alive.get(writer, True))
            fresh += [] if rows is None else [rows]
            growing += [] if last is None else [last if wish.keys is None else only_keys(last, spellings(wish.keys))]
        of_segments = _sealed_rows(snapshot, plan, fresh, wish)
        writers = joined_by_writer([*of_segments, *_within(fresh, plan.ranges, wish)])
        for mine in writers:
            _check_gaps(snapshot, mine, plan.ranges[mine[0].writer][0])
        return _Found(scanned, writers, growing)

    def _answer(self, snapshot: Snapshot, plan: _Plan, found: _Found, alive: Mapping[str, bool], wish: _Wish) -> Tail:
        kept, next_n = _cut(found.writers, plan.view, wish.limit, wish.last)
        incarnation, generation = _newest(plan.view)
        cursor = TailCursor(
            incarnation=incarnation,
            generation=generation,
            stream=wish.stream,
            next_n={**_positive(plan.start), **next_n},
        )
        self._remember(snapshot.path, plan, found, cursor)
        ordered = rows_in_order(kept, plan.view)
        history = join_rows(wish.stream, ordered, wish.keys)
        is_whole = wish.limit is None or history.row_count < wish.limit
        known = {header.writer for header in plan.headers.values()}
        is_ended = is_whole and _is_over(
            _states(snapshot, _newest(plan.view), found.scanned), alive, known, set(plan.parts)
        )
        return Tail(history, cursor, is_ended, plan.is_restarted, *_writers_of(*ordered))

    def _remember(self, path: RunPath, plan: _Plan, found: _Found, cursor: TailCursor) -> None:
        """Where the cursor stands in the newest part of each writer that it has reached."""
        for writer, parts in found.scanned.items():
            n = cursor.next_n.get(writer, 0)
            begun = [name for name in parts if plan.headers[name].first[cursor.stream] <= n]
            if begun:
                self._parts.keep(path, begun[-1], cursor.stream, n, parts[begun[-1]])


def _newest(view: View) -> tuple[str, str]:
    return view.incarnation, view.generation


def _place(path: RunPath, cursor: TailCursor) -> object:
    return path, cursor.incarnation, cursor.generation, cursor.stream, tuple(sorted(cursor.next_n.items()))


def _positive(start: Mapping[str, int]) -> dict[str, int]:
    return {writer: n for writer, n in start.items() if n > 0}


def _near_the_end(
    segments: list[Meta], stream: Stream, headers: Sequence[PartHeader], ends: Mapping[str, int], last: int
) -> dict[str, int]:
    """Of each writer a row so early that the last `last` rows of the run are behind it, found without reading any."""
    known = {header.writer: header.first[stream] for header in headers}
    for meta in segments:
        for s in meta.stretches:
            if s.stream == stream:
                known[s.writer] = max(known.get(s.writer, 0), s.first_n + s.row_count)
    return {writer: max(0, min(n, ends[writer]) - last) for writer, n in known.items()}


def _behind_holes(segments: list[Meta], stream: Stream) -> dict[str, int]:
    """The first row of each piece of a writer that a repair has kept behind rows that are lost."""
    firsts: dict[str, int] = {}
    for meta in segments:
        for s in meta.stretches:
            if s.stream == stream and root_of(s.writer) != s.writer:
                firsts[s.writer] = min(s.first_n, firsts.get(s.writer, s.first_n))
    return firsts


def _needed(
    names: list[PartName], headers: Mapping[PartName, PartHeader], stream: Stream, first: int, last: int
) -> list[PartName]:
    """The parts of one writer that may hold the rows first ≤ n < last; the newest also for what it says of the run."""
    begin = 0
    while begin + 1 < len(names) and headers[names[begin + 1]].first[stream] <= first:
        begin += 1
    return [names[begin], *(name for name in names[begin + 1 :] if headers[name].first[stream] < last)]


def _complete_rows(
    snapshot: Snapshot, found: Mapping[PartName, ScannedPart], stream: Stream, *, may_grow: bool
) -> tuple[WriterRows | None, WriterRows | None]:
    """The rows of one writer's parts, and apart from them the one that its writer may still add to."""
    name, newest = list(found.items())[-1]
    rows = rows_of(name.writer, list(found.values()), stream)
    is_last = name.number == max(snapshot.numbers[name.writer])
    if rows is not None and rows.is_open and is_last and newest.end == "open" and may_grow:
        count = rows.row_count
        return slice_stretch(rows, 0, count - 1), slice_stretch(rows, count - 1, count)
    return rows, None


def _sealed_rows(snapshot: Snapshot, plan: _Plan, fresh: list[WriterRows], wish: _Wish) -> list[WriterRows]:
    """The rows of the plan that segments have. Segments without such rows are not opened."""
    ranges, wanted = plan.ranges, []
    for meta in plan.segments:
        mine = {
            s.writer: ranges[s.writer]
            for s in meta.stretches
            if s.stream == wish.stream
            and s.first_n < ranges[s.writer][1]
            and ranges[s.writer][0] < s.first_n + s.row_count
        }
        if mine:
            wanted.append((meta, mine))
    # Several writers are put in order by their times, so then the times must be read.
    several = len({writer for _, mine in wanted for writer in mine} | {rows.writer for rows in fresh}) > 1
    keys = wish.keys
    axes = AXES if keys is None else [a for a in AXES if a == STEP or a in keys or (several and a == TIMESTAMP)]
    found = [
        rows
        for meta, mine in wanted
        for rows in read_rows(
            snapshot.values_of(meta, wish.stream),
            wish.stream,
            None if keys is None else spellings(keys),
            axes=axes,
            footers=meta.footers,
            ranges=mine,
            owner=meta.owner,
        )
    ]
    return _within(found, ranges, wish)


def _within(stretches: list[WriterRows], ranges: Mapping[str, tuple[int, int]], wish: _Wish) -> list[WriterRows]:
    """Of these rows those in `ranges`, and of their series those that were asked for."""
    cut = []
    for rows in stretches:
        first, last = ranges[rows.writer]
        rows = slice_stretch(rows, max(0, first - rows.first_n), max(0, last - rows.first_n))
        cut.append(rows if wish.keys is None else only_keys(rows, spellings(wish.keys)))
    return [rows for rows in cut if rows.row_count]


def _check_gaps(snapshot: Snapshot, mine: list[WriterRows], first: int) -> None:
    for rows in mine:
        if rows.first_n != first:
            raise CorruptError(
                f"{snapshot.path}: {rows.first_n - first} {rows.stream} rows of writer {rows.writer}, from its row "
                f"{first} on, are neither in its journal nor in a segment; run `runlake check` to see where"
            )
        first = rows.first_n + rows.row_count


def _cut(
    writers: list[list[WriterRows]], view: View, limit: int | None, last: int | None
) -> tuple[list[list[WriterRows]], dict[str, int]]:
    """The first `limit` or the `last` rows in reading order, and of each writer the row that is next behind them."""
    stretches, order = rows_in_order(writers, view)
    counts = [rows.row_count for rows in stretches]
    count = sum(counts)
    low, high = max(0, count - (count if last is None else last)), count if limit is None else min(limit, count)
    if (low, high) == (0, count):
        return writers, {mine[-1].writer: mine[-1].first_n + mine[-1].row_count for mine in writers}
    # Reading order never changes that of one writer's rows, so of each stretch one piece is kept.
    owner = np.repeat(np.arange(len(counts)), counts)
    owner = owner if order is None else owner[order]
    starts, stops = (np.bincount(owner[:place], minlength=len(counts)).tolist() for place in (low, high))
    kept: dict[str, list[WriterRows]] = {}
    next_n: dict[str, int] = {}
    for rows, start, stop in zip(stretches, starts, stops, strict=True):
        if stop:
            next_n[rows.writer] = rows.first_n + stop
        if start < stop:
            kept.setdefault(rows.writer, []).append(slice_stretch(rows, start, stop))
    return list(kept.values()), next_n


def _writers_of(stretches: list[WriterRows], order: Int64s | None) -> tuple[tuple[str, ...], Int64s]:
    """The writers of rows that `rows_in_order` has put in order, and of each row which of them."""
    names = tuple(dict.fromkeys(rows.writer for rows in stretches))
    places = np.array([names.index(rows.writer) for rows in stretches], np.int64)
    owner = np.repeat(places, [rows.row_count for rows in stretches])
    return names, owner if order is None else owner[order]


def _states(
    snapshot: Snapshot, newest: tuple[str, str], scanned: Mapping[str, Mapping[PartName, ScannedPart]]
) -> list[WriterState]:
    """What each writer of the newest generation has said of how the run stands; rows are left out."""
    of_segments = [s for m in snapshot.metas if (m.incarnation, m.generation) == newest for s in m.writers]
    fresh = [
        WriterState(writer, part.header, [(kind, body) for kind, body, _ in part.records], {})
        for writer, found in scanned.items()
        for part in found.values()
        if part.header is not None
    ]
    return join_states([*of_segments, *fresh])


def _is_over(states: list[WriterState], alive: Mapping[str, bool], known: set[str], unsealed: set[str]) -> bool:
    """Whether the run has ended and nobody is left who could write a row.

    `known` are the writers whose parts have said who they are: one that has not may be about to go on with the run.
    """
    if any(lives and writer not in known for writer, lives in alive.items()):
        return False
    for state in states:
        if not state.is_ended and not state.header.is_editor and alive.get(state.writer, state.writer in unsealed):
            return False
    if any(state.header.is_trainer for state in states):
        return True
    said = sorted(
        (said.clock, said.state)
        for state in states
        for said in map(StateChange, state.bodies(record.STATE))
        if said.state
    )
    return bool(said) and said[-1][1] not in _OPEN_STATES
