"""Lines of single runs, and what is kept of them: nothing that did not move is read twice."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple, TypeVar

import msgspec

from runlake.lru import LruCache
from runlake.model import STEP, RunPath, Stream, TailCursor
from runlake.query.rows.points import keys_to_read, points_in, read_points, read_sketches
from runlake.query.rows.tail import TailReader
from runlake.query.tiles.grid import Grid
from runlake.query.tiles.groups import RunColumns, columns_of_run
from runlake.query.tiles.line import Line, line_of
from runlake.query.tiles.points import Points
from runlake.query.tiles.question import Scale, Smoothing, Window
from runlake.store.journal.fingerprint import read_fingerprint
from runlake.store.journal.folder import journal_of
from runlake.store.layout import Layout
from runlake.store.segment.folder import segments_of

_FEW_BYTES = 65_536
"""Parts that are no larger are those of editors: what they hold are few rows, if any."""

_ENTRY_BYTES = 1024
_KEPT_EXTENTS = 65_536

Drawn = TypeVar("Drawn", Line, RunColumns)
Extent = tuple[float, float] | None


class TileLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How much is kept of lines: points as they were read, and lines as they were drawn."""

    points_bytes: int = 256 * 2**20
    lines_bytes: int = 64 * 2**20


class Look(NamedTuple):
    """A run as a look at its folder shows it: another `version` when rows may have come to it.

    `is_sealed`: its rows are in segments, but for those of a few bytes.
    """

    version: str
    is_sealed: bool
    is_there: bool


class Wish(NamedTuple):
    """What of a run is asked: the rows of a stream, over what, and where.

    `window` is of steps, and there only where no other rows have a part in the lines; `with_sketches`: those will do.
    """

    stream: Stream
    x: str
    window: Window = (None, None)
    with_sketches: bool = False
    columns: int = 1


class _Followed(NamedTuple):
    """What was read of one key of a run whose journal goes on, and where."""

    cursor: TailCursor
    points: Points | None


class _Kept(NamedTuple):
    """The points of a key, None where it has none."""

    points: Points | None

    def serves(self, window: Window) -> bool:
        return self.points is None or self.points.serve(window)


def _size_bytes(_name: Hashable, kept: _Kept | _Followed) -> int:
    return _ENTRY_BYTES + (0 if kept.points is None else kept.points.size_bytes)


class RunLines:
    """Points and lines of the runs of a store. Threads may share it; everything kept is bounded and may be lost."""

    def __init__(self, layout: Layout, limits: TileLimits) -> None:
        self._layout = layout
        self._tails = TailReader(layout)
        self._points: LruCache[Hashable, _Kept] = LruCache(limits.points_bytes, size_of=_size_bytes)
        self._followed: LruCache[Hashable, _Followed] = LruCache(limits.points_bytes, size_of=_size_bytes)
        self._drawn: LruCache[Hashable, Line | RunColumns] = LruCache(
            limits.lines_bytes, size_of=lambda _, drawn: _ENTRY_BYTES + drawn.size_bytes
        )
        self._extents: LruCache[Hashable, tuple[Extent]] = LruCache(_KEPT_EXTENTS)

    def look(self, path: RunPath) -> Look:
        """Costs two listings, a stat of each part, and a try of the locks of writers: nothing is read."""
        names = sorted(segments_of(self._layout, path).list_names())
        journal = read_fingerprint(self._layout, path)
        part_bytes = sum(size for _, size in journal_of(self._layout, path).list_parts()) if journal.value else 0
        version = f"{zlib.crc32(' '.join(names).encode()):08x}{journal.value:x}"
        is_sealed = bool(names) and part_bytes <= _FEW_BYTES and not journal.has_writers
        return Look(version, is_sealed, bool(names) or bool(journal.value))

    def extents(
        self, path: RunPath, look: Look, keys: Sequence[str], wish: Wish, scale: Scale
    ) -> tuple[list[Extent], dict[str, Points]]:
        """How far the points of each key go that has some, and the points of which that was not known."""
        found = {key: self._extents.get(_name(path, look, wish, key, scale)) for key in keys}
        unknown = [key for key, extent in found.items() if extent is None]
        points: dict[str, Points] = {}
        if unknown:
            points = self.points(path, look, unknown, wish)
            for key in unknown:
                extent = points[key].extent(scale) if key in points else None
                found[key] = (extent,)
                self._extents.put(_name(path, look, wish, key, scale), (extent,))
        return [extent[0] for extent in found.values() if extent is not None], points

    def points(self, path: RunPath, look: Look, keys: Sequence[str], wish: Wish) -> dict[str, Points]:
        """The points of each key that has numbers."""
        if not look.is_sealed:
            return self._follow(path, keys, wish)
        found: dict[str, Points] = {}

        def sketch(some: Sequence[str]) -> dict[str, Points]:
            return read_sketches(self._layout, path, some, stream=wish.stream, least_points=wish.columns // 2)

        def read(some: Sequence[str]) -> dict[str, Points]:
            return read_points(self._layout, path, some, wish.x, stream=wish.stream, window=wish.window)

        if wish.with_sketches and wish.x == STEP:
            sketches = self._keep(path, look, keys, wish, ("sketch", wish.columns), sketch)
            found = {key: points for key, points in sketches.items() if _is_enough(points, wish)}
        return found | self._keep(path, look, [key for key in keys if key not in found], wish, None, read)

    def drawn(
        self,
        path: RunPath,
        look: Look,
        keys: Sequence[str],
        wish: Wish,
        draw: Callable[[Points], Drawn],
        how: Hashable,
        held: dict[str, Points],
    ) -> dict[str, Drawn]:
        """What `draw` makes of the points of each key that has some; `how` names it. `held` are points at hand."""
        found: dict[str, Drawn] = {}
        absent: list[str] = []
        for key in keys:
            kept = self._drawn.get(_name(path, look, wish, key, how))
            if kept is not None:
                found[key] = kept  # type: ignore[assignment]
            elif key not in held:
                absent.append(key)
        points = held | (self.points(path, look, absent, wish) if absent else {})
        for key in keys:
            if key not in found and key in points:
                found[key] = draw(points[key])
                self._drawn.put(_name(path, look, wish, key, how), found[key])
        return found

    def _keep(
        self,
        path: RunPath,
        look: Look,
        keys: Sequence[str],
        wish: Wish,
        what: Hashable,
        read: Callable[[Sequence[str]], dict[str, Points]],
    ) -> dict[str, Points]:
        """The points that `read` gives of the keys, those that are kept without reading."""
        names = {key: _name(path, look, wish, key, what) for key in keys}
        kept = {key: self._points.get(name) for key, name in names.items()}
        unknown = [key for key, one in kept.items() if one is None or not one.serves(wish.window)]
        if unknown:
            points = read(unknown)
            for key in unknown:
                kept[key] = _Kept(points.get(key))
                self._points.put(names[key], _Kept(points.get(key)))
        return {key: one.points for key, one in kept.items() if one is not None and one.points is not None}

    def _follow(self, path: RunPath, keys: Sequence[str], wish: Wish) -> dict[str, Points]:
        """The points of a run whose journal goes on: what was read of it before, and the rows since.

        A row that its writer may still add to comes when it is complete.
        """
        kept = {key: self._followed.get((path, wish.stream, key, wish.x)) for key in keys}
        by_place: dict[str, list[str]] = {}
        for key, one in kept.items():
            by_place.setdefault("" if one is None else str(one.cursor), []).append(key)
        found = {}
        for some in by_place.values():
            before = kept[some[0]]
            cursor = None if before is None else before.cursor
            wanted = keys_to_read(some, wish.x)
            tail = self._tails.read(path, cursor, stream=wish.stream, keys=wanted, limit=None, last=None)
            newer = points_in(tail.history, some, wish.x)
            for key in some:
                points, one = newer.get(key), kept[key]
                if one is not None and one.points is not None and not tail.is_restarted:
                    points = one.points if points is None else one.points.followed_by(points)
                self._followed.put((path, wish.stream, key, wish.x), _Followed(tail.cursor, points))
                if points is not None:
                    found[key] = points
        return found


def line_drawer(grid: Grid | None, smoothing: Smoothing | None) -> Callable[[Points], Line]:
    """Draws the line of a run."""
    return lambda points: line_of(points, grid, smoothing)


def columns_drawer(grid: Grid, smoothing: Smoothing | None) -> Callable[[Points], RunColumns]:
    """Makes of a run what its group needs."""
    return lambda points: columns_of_run(points, grid, smoothing)


def _name(path: RunPath, look: Look, wish: Wish, key: str, more: Hashable = None) -> Hashable:
    return path, look.version, wish.stream, wish.x, key, more


def _is_enough(sketch: Points, wish: Wish) -> bool:
    """Whether a sketch has about as many points in the window as there are columns."""
    if sketch.is_exact:
        return True
    low, high = wish.window
    first = 0 if low is None else int(sketch.x.searchsorted(low, "left"))
    stop = len(sketch.x) if high is None else int(sketch.x.searchsorted(high, "right"))
    return stop - first >= wish.columns // 2
