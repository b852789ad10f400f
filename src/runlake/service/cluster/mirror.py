"""Mirroring beside the answers: one replica writes the DuckLake catalog every few seconds, as long as it has the lease.

That two do it costs time and nothing else: `store.lake.catalog` takes a round only from who knew of the one before.
"""

from __future__ import annotations

import logging
import time

from runlake.errors import ConflictError
from runlake.service.cluster.recurring import Recurring
from runlake.store.cluster.leases import PostgresLeases
from runlake.store.cluster.store import ClusterStore
from runlake.store.lake.catalog import LakeCatalog
from runlake.store.lake.mirror import AT_ONCE, LakeMirror

logger = logging.getLogger(__name__)

MIRROR_EVERY_S = 5.0
EXPIRE_EVERY_S = 60.0


class Mirror:
    """A thread of this replica, which mirrors into `schema`."""

    def __init__(
        self,
        store: ClusterStore,
        schema: str,
        *,
        every_s: float = MIRROR_EVERY_S,
        expire_every_s: float = EXPIRE_EVERY_S,
    ) -> None:
        self.catalog = LakeCatalog(store.database, store.bucket, schema)
        self._store, self._expire_every_s = store, expire_every_s
        self._leases = PostgresLeases(store.database)
        failure = f"the mirror of {store.url} in {schema} is not written"
        self._thread = Recurring("runlake-mirror", self._work, every_s=every_s, logger=logger, failure=failure)
        self._thread.start()

    def close(self) -> None:
        """End when the round is written that is being written."""
        self._thread.close()

    def _work(self) -> None:
        with self._leases.hold(f"mirroring/{self.catalog.schema}", is_waiting=False) as is_mine:
            if is_mine:
                self._lead()

    def _lead(self) -> None:
        """One round after the other, until this replica ends or another one writes too."""
        mirror, expired_s = LakeMirror(self._store, self.catalog), time.monotonic()
        while not self._thread.is_over:
            try:
                done = mirror.round()
            except ConflictError:
                return  # who slept past his lease finds another at work
            if done is not None:
                self._store.counts.add("lake_rounds")
            if time.monotonic() - expired_s >= self._expire_every_s:
                self.catalog.expire()
                expired_s = time.monotonic()
            if done is None or done.run_count < AT_ONCE:
                self._thread.wait()
