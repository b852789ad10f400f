"""Garbage of bucket and tables is collected beside the answers, now and then, by one replica at a time."""

from __future__ import annotations

import logging

from runlake.service.cluster.recurring import Recurring
from runlake.store.cluster.garbage import DEAD_S, STAGED_S, collect
from runlake.store.cluster.leases import PostgresLeases
from runlake.store.cluster.owner import check
from runlake.store.cluster.pruning import prune
from runlake.store.cluster.store import ClusterStore

logger = logging.getLogger(__name__)

COLLECT_EVERY_S = 600.0
_LEASE = "collecting"


class Collector:
    """A thread of this replica. That two collect at once costs time and nothing else."""

    def __init__(
        self,
        store: ClusterStore,
        *,
        every_s: float = COLLECT_EVERY_S,
        staged_s: float = STAGED_S,
        dead_s: float = DEAD_S,
    ) -> None:
        self._store, self._staged_s, self._dead_s = store, staged_s, dead_s
        self._leases = PostgresLeases(store.database)
        failure = f"garbage of {store.url} cannot be removed now"
        self._thread = Recurring("runlake-collect", self._work, every_s=every_s, logger=logger, failure=failure)
        self._thread.start()

    def close(self) -> None:
        """End when what is being removed is removed."""
        self._thread.close()

    def _work(self) -> None:
        with self._leases.hold(_LEASE, is_waiting=False) as is_mine:
            if is_mine:
                check(self._store.database, self._store.bucket)  # what a restored database names is not ours
                prune(self._store.database)
                collect(self._store.database, self._store.bucket, staged_s=self._staged_s, dead_s=self._dead_s)
                self._store.contents.uploads.forget()
