"""Packing beside the answers: every replica looks for projects with runs to pack, and one of them packs each.

That two pack the same project costs time and nothing else: `store.cluster.packing` lets each run point to a file in one
transaction, or not at all.
"""

from __future__ import annotations

import logging

from runlake.errors import RunlakeError
from runlake.service.cluster.recurring import Recurring
from runlake.store.cluster.packing import ClusterPacking, find_unpacked
from runlake.store.cluster.store import ClusterStore
from runlake.store.compact.pack import USUAL, PackLimits, pack_held_runs

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 60.0


class Packer:
    """A thread of this replica."""

    def __init__(self, store: ClusterStore, *, every_s: float = LOOK_EVERY_S, limits: PackLimits = USUAL) -> None:
        self._store, self._limits = store, limits
        failure = f"cannot look for runs of {store.url} to merge"
        self._thread = Recurring("runlake-pack", self._work, every_s=every_s, logger=logger, failure=failure)
        self._thread.start()

    def close(self) -> None:
        """End when the run points to its file that is about to, or the file is written that is being written."""
        self._thread.close()

    def _work(self) -> None:
        for entity, project in find_unpacked(self._store.database, self._limits):
            self._pack(entity, project)

    def _pack(self, entity: str, project: str) -> None:
        place = ClusterPacking(self._store, entity, project)
        try:
            with place.shared.alone(is_waiting=False) as is_alone:
                for _ in pack_held_runs(place, self._limits) if is_alone else ():
                    self._store.counts.add("runs_merged")
                    if self._thread.is_over:
                        return
        except (RunlakeError, OSError) as error:
            logger.warning("runs of %s cannot be merged: %s", place.name, error)
