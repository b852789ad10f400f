"""Mirroring beside the answers: one replica writes the DuckLake catalog every few seconds, as long as it has the lease.

That two do it costs time and nothing else: `store.lake.catalog` takes a round only from who knew of the one before.
"""

from __future__ import annotations

import logging
import threading
import time

from runlake.errors import ConflictError, RunlakeError
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
        self._store, self._every_s, self._expire_every_s = store, every_s, expire_every_s
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="runlake-mirror", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End when the round is written that is being written."""
        self._is_over.set()
        self._thread.join()

    def _work(self) -> None:
        leases = PostgresLeases(self._store.database)
        while not self._is_over.wait(self._every_s):
            try:
                with leases.hold(f"mirroring/{self.catalog.schema}", is_waiting=False) as is_mine:
                    if is_mine:
                        self._lead()
            except (RunlakeError, OSError) as error:
                logger.warning("the mirror of %s in %s is not written: %s", self._store.url, self.catalog.schema, error)

    def _lead(self) -> None:
        """One round after the other, until this replica ends or another one writes too."""
        mirror, expired_s = LakeMirror(self._store, self.catalog), time.monotonic()
        while not self._is_over.is_set():
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
                self._is_over.wait(self._every_s)
