"""What is asked of single runs for their lines, and how they are looked at: at the cost of no reading."""

from __future__ import annotations

import zlib
from typing import NamedTuple

from runlake.model import RunPath, Stream
from runlake.query.tiles.points import Points
from runlake.query.tiles.question import Window
from runlake.store.journal.fingerprint import read_fingerprint
from runlake.store.store import Store

ENTRY_BYTES = 1024
"""What an entry of a cache takes beside its arrays, about."""

_FEW_BYTES = 65_536
"""Parts that are no larger are those of editors: what they hold are few rows, if any."""


class Look(NamedTuple):
    """A run as a look at its folder shows it: another `version` when rows may have come to it.

    `is_sealed`: its rows are in segments, but for those of a few bytes.
    """

    path: RunPath
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


def look_at(store: Store, path: RunPath) -> Look:
    """Costs two listings, a stat of each part, and a try of the locks of writers: nothing is read."""
    names = sorted(store.segments(path).list_names())
    journal = read_fingerprint(store.journal(path))
    part_bytes = sum(size for _, size in store.journal(path).list_parts()) if journal.value else 0
    version = f"{zlib.crc32(' '.join(names).encode()):08x}{journal.value:x}"
    is_sealed = bool(names) and part_bytes <= _FEW_BYTES and not journal.has_writers
    return Look(path, version, is_sealed, bool(names) or bool(journal.value))


def is_enough(sketch: Points, wish: Wish) -> bool:
    """Whether a sketch has about as many points in the window as there are columns."""
    if sketch.is_exact:
        return True
    low, high = wish.window
    first = 0 if low is None else int(sketch.x.searchsorted(low, "left"))
    stop = len(sketch.x) if high is None else int(sketch.x.searchsorted(high, "right"))
    return stop - first >= wish.columns // 2
