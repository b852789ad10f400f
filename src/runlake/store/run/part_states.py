"""What parts said that no longer grow: a run that is read again and again costs what is new, and not its length."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy

from runlake.lru import LruCache
from runlake.model import RunPath
from runlake.store.journal.fold import WriterState
from runlake.store.journal.journal import PartName
from runlake.store.journal.scan import ScannedPart
from runlake.store.run.snapshot import Snapshot

KEPT_BYTES = 64 * 2**20
_KEY_BYTES = 700
_LOCKS = 16
_RECORD_FACTOR = 8
"""How much more a record takes as objects than as text, about."""

StateOf = Callable[[ScannedPart], WriterState | None]
_Place = tuple[RunPath, PartName, int, float]


class PartStates:
    """The states of parts that are followed by others, of any runs. Threads may share it; what is kept may be lost.

    A part is known by its size and the time of its last write, so that one that was mended is read again.
    """

    def __init__(self, limit_bytes: int = KEPT_BYTES) -> None:
        self._kept: LruCache[_Place, tuple[WriterState, int]] = LruCache(limit_bytes, size_of=lambda _, kept: kept[1])
        self._locks = [threading.Lock() for _ in range(_LOCKS)]

    def of_parts(self, snapshot: Snapshot, state_of: StateOf) -> list[WriterState | None]:
        """What `state_of` makes of each part of a snapshot, in order; FileNotFoundError where it was sealed since.

        Who asks for a run that another is reading waits, and finds what that one has read.
        """
        places = {name: _place(snapshot, name) for name in snapshot.parts if _is_done(snapshot, name)}
        if not places:
            return list(snapshot.scan_each(snapshot.parts, state_of))
        with self._locks[hash(snapshot.path) % _LOCKS]:
            return list(self._of_parts(snapshot, places, state_of))

    def _of_parts(
        self, snapshot: Snapshot, places: Mapping[PartName, _Place], state_of: StateOf
    ) -> Iterator[WriterState | None]:
        kept = {name: self._kept.get(place) for name, place in places.items()}
        absent = [name for name in snapshot.parts if kept.get(name) is None]
        fresh = snapshot.scan_each(absent, state_of)
        for name in snapshot.parts:
            known = kept.get(name)
            if known is not None:
                yield _handed_out(known[0])
                continue
            state = next(fresh)
            yield state
            if state is not None and name in places:
                self._kept.put(places[name], (_handed_out(state), _size_bytes(state)))


def _is_done(snapshot: Snapshot, name: PartName) -> bool:
    return name.number < max(snapshot.numbers[name.writer])


def _place(snapshot: Snapshot, name: PartName) -> _Place:
    journal = snapshot.journal
    return snapshot.path, name, journal.size_bytes(name), journal.last_write_at(name)


def _handed_out(state: WriterState) -> WriterState:
    """The same state, whose records whoever has it may do with as they like."""
    return WriterState(state.writer, state.header, deepcopy(state.records), state.streams)


def _size_bytes(state: WriterState) -> int:
    key_count = sum(len(fold.last) for fold in state.streams.values())
    return 2048 + _KEY_BYTES * key_count + _RECORD_FACTOR * len(repr(state.records))
