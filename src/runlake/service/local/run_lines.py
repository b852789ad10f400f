"""Lines of single runs, and what is kept of them: nothing that did not move is read twice."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Generic, NamedTuple, TypeVar

import msgspec

from runlake.lru import LruCache
from runlake.model import STEP, RunPath
from runlake.query.rows.points import read_points, read_sketches
from runlake.query.tiles.grid import Grid
from runlake.query.tiles.groups import RunColumns, columns_of_run
from runlake.query.tiles.line import Line
from runlake.query.tiles.many_lines import lines_of
from runlake.query.tiles.points import Points
from runlake.query.tiles.question import Scale, Smoothing, Window
from runlake.service.local.followed_runs import FollowedRuns
from runlake.service.local.looks import ENTRY_BYTES, Look, Wish, is_enough, look_at
from runlake.store.store import Store

_KEPT_EXTENTS = 65_536

Drawn = TypeVar("Drawn", Line, RunColumns)
Extent = tuple[float, float] | None


class TileLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How much is kept of lines: points as they were read, of sealed runs and of those that go on, and lines as they
    were drawn."""

    points_bytes: int = 256 * 2**20
    followed_bytes: int = 128 * 2**20
    lines_bytes: int = 64 * 2**20


class Drawing(NamedTuple, Generic[Drawn]):
    """What becomes of the points of some keys; `how` names it among all that may."""

    draw: Callable[[dict[str, Points]], dict[str, Drawn]]
    how: Hashable


def lines_on(grid: Grid | None, smoothing: Smoothing | None, wish: Wish) -> Drawing[Line]:
    """Draws lines of runs."""
    return Drawing(lambda points: lines_of(points, grid, smoothing), ("line", grid, smoothing, wish.with_sketches))


def columns_on(grid: Grid, smoothing: Smoothing | None) -> Drawing[RunColumns]:
    """Makes of runs what lines of groups need."""

    def draw(points: dict[str, Points]) -> dict[str, RunColumns]:
        return {key: columns_of_run(one, grid, smoothing) for key, one in points.items()}

    return Drawing(draw, ("columns", grid, smoothing))


class _Kept(NamedTuple):
    """The points of a key, None where it has none."""

    points: Points | None

    def serves(self, window: Window) -> bool:
        return self.points is None or self.points.serve(window)


def _size_bytes(_name: Hashable, kept: _Kept) -> int:
    return ENTRY_BYTES + (0 if kept.points is None else kept.points.size_bytes)


class RunLines:
    """Points and lines of the runs of a store. Threads may share it; everything kept is bounded and may be lost."""

    def __init__(self, store: Store, limits: TileLimits) -> None:
        self._store = store
        self._points: LruCache[Hashable, _Kept] = LruCache(limits.points_bytes, size_of=_size_bytes)
        self._followed = FollowedRuns(store, limits.followed_bytes)
        self._drawn: LruCache[Hashable, Line | RunColumns] = LruCache(
            limits.lines_bytes, size_of=lambda _, drawn: ENTRY_BYTES + drawn.size_bytes
        )
        self._extents: LruCache[Hashable, tuple[Extent]] = LruCache(_KEPT_EXTENTS)

    def look(self, path: RunPath) -> Look:
        """See `look_at`."""
        return look_at(self._store, path)

    def extents(
        self, look: Look, keys: Sequence[str], wish: Wish, scale: Scale
    ) -> tuple[list[Extent], dict[str, Points]]:
        """How far the points of each key go that has some, and the points of which that was not known."""
        found = {key: self._extents.get(_name(look, wish, key, scale)) for key in keys}
        unknown = [key for key, extent in found.items() if extent is None]
        points: dict[str, Points] = {}
        if unknown:
            points = self.points(look, unknown, wish)
            for key in unknown:
                extent = points[key].extent(scale) if key in points else None
                found[key] = (extent,)
                self._extents.put(_name(look, wish, key, scale), (extent,))
        return [extent[0] for extent in found.values() if extent is not None], points

    def points(self, look: Look, keys: Sequence[str], wish: Wish) -> dict[str, Points]:
        """The points of each key that has numbers."""
        if not look.is_sealed:
            return self._followed.points(look, keys, wish)
        found: dict[str, Points] = {}

        def sketch(some: Sequence[str]) -> dict[str, Points]:
            return read_sketches(self._store, look.path, some, stream=wish.stream, least_points=wish.columns // 2)

        def read(some: Sequence[str]) -> dict[str, Points]:
            return read_points(self._store, look.path, some, wish.x, stream=wish.stream, window=wish.window)

        if wish.with_sketches and wish.x == STEP:
            sketches = self._keep(look, keys, wish, ("sketch", wish.columns), sketch)
            found = {key: points for key, points in sketches.items() if is_enough(points, wish)}
        return found | self._keep(look, [key for key in keys if key not in found], wish, None, read)

    def drawn(
        self,
        look: Look,
        keys: Sequence[str],
        wish: Wish,
        drawing: Drawing[Drawn],
        held: dict[str, Points],
    ) -> dict[str, Drawn]:
        """What `drawing` makes of the points of each key that has some. `held` are points at hand."""
        found: dict[str, Drawn] = {}
        absent: list[str] = []
        for key in keys:
            kept = self._drawn.get(_name(look, wish, key, drawing.how))
            if kept is not None:
                found[key] = kept  # type: ignore[assignment]
            elif key not in held:
                absent.append(key)
        points = held | (self.points(look, absent, wish) if absent else {})
        for key, drawn in drawing.draw({key: one for key, one in points.items() if key not in found}).items():
            found[key] = drawn
            self._drawn.put(_name(look, wish, key, drawing.how), drawn)
        return found

    def _keep(
        self,
        look: Look,
        keys: Sequence[str],
        wish: Wish,
        what: Hashable,
        read: Callable[[Sequence[str]], dict[str, Points]],
    ) -> dict[str, Points]:
        """The points that `read` gives of the keys, those that are kept without reading."""
        names = {key: _name(look, wish, key, what) for key in keys}
        kept = {key: self._points.get(name) for key, name in names.items()}
        unknown = [key for key, one in kept.items() if one is None or not one.serves(wish.window)]
        if unknown:
            points = read(unknown)
            for key in unknown:
                kept[key] = _Kept(points.get(key))
                self._points.put(names[key], _Kept(points.get(key)))
        return {key: one.points for key, one in kept.items() if one is not None and one.points is not None}


def _name(look: Look, wish: Wish, key: str, more: Hashable = None) -> Hashable:
    return look.path, look.version, wish.stream, wish.x, key, more
