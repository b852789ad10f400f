"""Histories that are being paged through, kept so that a page does not read its whole run again.

The rows are put in the order of this wire once: by `_step`, then as they were logged.
"""

from __future__ import annotations

from collections.abc import Sequence

from runlake.lru import LruCache
from runlake.model import RunInfo, Stream
from runlake.query.rows.history import History
from runlake.query.rows.select import by_step
from runlake.service.contract import Service

MAX_KEPT_CELLS = 20_000_000
"""So many cells are kept in all, some 160 MB; the histories that were not used longest go first."""

Key = tuple[object, ...]


class Histories:
    """The histories of runs as of their last row. Threads may share it; who may see a run is asked before, not here."""

    def __init__(self, *, max_cells: int = MAX_KEPT_CELLS) -> None:
        self._max_cells = max_cells
        self._kept: LruCache[Key, tuple[Key, History]] = LruCache(max_cells, size_of=lambda _, kept: _room(kept[1]))

    def read(
        self, service: Service, info: RunInfo, *, stream: Stream = "history", keys: Sequence[str] | None = None
    ) -> History:
        """The rows of a run in the order of this wire, all of them, with the series of `keys` (all when None).

        `info` must have been read for this request: a run that has moved since the last page is read anew.
        """
        wanted = None if keys is None else tuple(sorted(set(keys)))
        key = (info.path, info.incarnation, info.generation, stream, wanted)
        state = (info.row_count, info.event_count, info.last_row_at, info.heartbeat_at, info.state)
        kept = self._kept.get(key)
        if kept is not None and kept[0] == state:
            return kept[1]
        history = by_step(service.read_history(info.path, stream=stream, keys=keys))
        if _room(history) <= self._max_cells:
            self._kept.put(key, (state, history))
        return history


def _room(history: History) -> int:
    """How many cells of numbers would take as much room."""
    texts = (series.values.nbytes for series in history.series if series.lane in ("str", "json"))
    return history.cell_count + int(sum(texts)) // 8
