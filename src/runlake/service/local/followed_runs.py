"""Points of runs that go on: what was read of them before is kept, and only the rows since are read."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

from runlake.lru import LruCache
from runlake.model import STEP, TailCursor
from runlake.query.rows.points import keys_to_read, points_in
from runlake.query.rows.tail import TailReader
from runlake.query.tiles.growing_sketch import GrowingSketch, sketch_of
from runlake.query.tiles.points import Points
from runlake.service.local.looks import ENTRY_BYTES, Look, Wish, is_enough
from runlake.store.store import Store

_KEPT_REFUSALS = 65_536

Known = Points | GrowingSketch


class _Followed(NamedTuple):
    """What was read of one key, as a look found it: of complete rows, up to the cursor, and all `points`, those of rows
    included that may still grow. None where it has none."""

    version: str
    cursor: TailCursor
    complete: Known | None
    points: Points | None


class _Kind(NamedTuple):
    """What is kept of rows, by the name `kind`: `follow` adds newer ones, and says None where that cannot be."""

    kind: str
    follow: Callable[[Known | None, Points], Known | None]


def _size_bytes(_name: Hashable, followed: _Followed) -> int:
    return ENTRY_BYTES + (0 if followed.points is None else followed.points.size_bytes)


class FollowedRuns:
    """Threads may share it; what is kept is bounded and may be lost."""

    def __init__(self, store: Store, limit_bytes: int) -> None:
        self._tails = TailReader(store)
        self._followed: LruCache[Hashable, _Followed] = LruCache(limit_bytes, size_of=_size_bytes)
        self._refused: LruCache[Hashable, bool] = LruCache(_KEPT_REFUSALS)

    def points(self, look: Look, keys: Sequence[str], wish: Wish) -> dict[str, Points]:
        """The points of each key that has numbers; a sketch where that will do."""
        found: dict[str, Points | None] = {}
        if wish.with_sketches and wish.x == STEP:
            some = [key for key in keys if not self._refused.get((look.path, wish.stream, key))]
            sketches = self._of(look, some, wish, _sketches_for(wish))
            found = {key: one for key, one in sketches.items() if one is None or is_enough(one, wish)}
        found |= self._of(look, [key for key in keys if key not in found], wish, _ROWS)
        return {key: points for key, points in found.items() if points is not None}

    def _of(self, look: Look, keys: Sequence[str], wish: Wish, kind: _Kind) -> dict[str, Points | None]:
        """By key, None for one without numbers; those are left out that cannot be of this kind."""
        kept = {key: self._kept(look, key, wish, kind) for key in keys}
        by_place: dict[str, list[str]] = {}
        for key, one in kept.items():
            if one is None or one.version != look.version:
                by_place.setdefault("" if one is None else str(one.cursor), []).append(key)
        for some in by_place.values():
            kept |= self._read(look, {key: kept[key] for key in some}, wish, kind)
        return {key: one.points for key, one in kept.items() if one is not None}

    def _kept(self, look: Look, key: str, wish: Wish, kind: _Kind) -> _Followed | None:
        """What is kept of a key; rows that are kept will do for a sketch, and a sketch that has all rows for these."""
        found = self._followed.get(_name(look, key, wish, kind))
        if found is not None or wish.x != STEP:
            return found
        for other in (_ROWS, _sketches_for(wish)):
            known = self._followed.get(_name(look, key, wish, other))
            if known is None or other.kind == kind.kind:
                continue
            if isinstance(known.complete, GrowingSketch):
                if known.complete.thinned_count:
                    continue
                complete: Known | None = known.complete.rest
            else:
                complete = None if known.complete is None else kind.follow(None, known.complete)
            if known.complete is None or complete is not None:
                return known._replace(version="", complete=complete, points=None)
        return None

    def _read(
        self, look: Look, before: dict[str, _Followed | None], wish: Wish, kind: _Kind
    ) -> dict[str, _Followed | None]:
        """What has come to keys that were read up to the same place."""
        first = next(iter(before.values()))
        cursor, keys = None if first is None else first.cursor, list(before)
        tail, growing = self._tails.read_growing(look.path, cursor, stream=wish.stream, keys=keys_to_read(keys, wish.x))
        newer, newest = points_in(tail.history, keys, wish.x), points_in(growing, keys, wish.x)
        found: dict[str, _Followed | None] = {}
        for key in keys:
            one = None if tail.is_restarted else before[key]
            known = None if one is None else one.complete
            try:
                complete = _followed_by(known, newer.get(key), kind)
                points = _points_of(_followed_by(complete, newest.get(key), kind))
            except _CannotFollowError:
                self._refused.put((look.path, wish.stream, key), True)
                found[key] = None
                if known is None:  # all of it is at hand
                    rows = _followed_by(None, newer.get(key), _ROWS)
                    points = _points_of(_followed_by(rows, newest.get(key), _ROWS))
                    self._followed.put(
                        _name(look, key, wish, _ROWS), _Followed(look.version, tail.cursor, rows, points)
                    )
                continue
            found[key] = now = _Followed(look.version, tail.cursor, complete, points)
            self._followed.put(_name(look, key, wish, kind), now)
        return found


class _CannotFollowError(Exception):
    """Some rows cannot be kept as this kind."""


def _followed_by(known: Known | None, newer: Points | None, kind: _Kind) -> Known | None:
    if newer is None:
        return known
    found = kind.follow(known, newer)
    if found is None:
        raise _CannotFollowError
    return found


def _points_of(known: Known | None) -> Points | None:
    return known.points() if isinstance(known, GrowingSketch) else known


def _rows_followed(known: Known | None, newer: Points) -> Points:
    assert not isinstance(known, GrowingSketch)
    return newer if known is None else known.followed_by(newer)


_ROWS = _Kind("rows", _rows_followed)


def _sketches_for(wish: Wish) -> _Kind:
    def follow(known: Known | None, newer: Points) -> GrowingSketch | None:
        if isinstance(known, GrowingSketch):
            return known.followed_by(newer, wish.columns)
        return sketch_of(newer, wish.columns)

    return _Kind("sketch", follow)


def _name(look: Look, key: str, wish: Wish, kind: _Kind) -> Hashable:
    return look.path, wish.stream, key, wish.x, kind.kind
