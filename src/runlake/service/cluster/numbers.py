"""The numbers of a replica, and of the store that all replicas share."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

from runlake.errors import RunlakeError
from runlake.service.cluster.sealer import SILENT_S
from runlake.service.contract.numbers import Number
from runlake.store.cluster.bucket_calls import cost_dollars
from runlake.store.cluster.store import ClusterStore
from runlake.store.cluster.waiting import Waiting, look_at_waiting
from runlake.store.lake.moved import Lag, find_lag

KEPT_S = 10.0
"""So old an answer of the database may be."""

_COUNTED = {
    "appends": "Appends to journals that were committed.",
    "append_bytes": "Bytes of these.",
    "append_seconds": "Seconds that they took.",
    "seals_done": "Times that a run was sealed.",
    "seals_failed": "Times that a run could not be sealed.",
    "runs_merged": "Times that a run came to share a file with others.",
    "uploads_proven": "Contents that clients put into the bucket, and that were proven before they were committed.",
    "lake_rounds": "Times that something was written to the DuckLake catalog.",
    "cache_hits": "Blocks of objects that were on the disk of this machine.",
    "cache_hit_bytes": "Bytes of these.",
    "cache_misses": "Blocks of objects that came from the bucket.",
    "cache_miss_bytes": "Bytes of these.",
}


class ClusterNumbers:
    """`contract.numbers` of one replica."""

    def __init__(self, store: ClusterStore, *, kept_s: float = KEPT_S, ducklake: str | None = None) -> None:
        self._store, self._kept_s, self._ducklake = store, kept_s, ducklake
        self._lock = threading.Lock()
        self._waiting: Waiting | None = None
        self._lag: Lag | None = None
        self._looked_s: float | None = None

    def of_process(self) -> Iterator[Number]:
        counts = self._store.counts.read() | self._store.cache_counts.read()
        for name, said in _COUNTED.items():
            yield Number(name, said, counts.get(name, 0))
        calls = self._store.bucket.calls.counts()
        for kind, call in calls.items():
            labels = (("kind", kind),)
            yield Number("bucket_calls", "Calls to the bucket.", call.call_count, labels)
            yield Number("bucket_failed_calls", "Those of them that failed.", call.failed_count, labels)
            yield Number("bucket_sent_bytes", "Bytes sent to the bucket.", call.sent_bytes, labels)
            yield Number("bucket_received_bytes", "Bytes that came from the bucket.", call.received_bytes, labels)
            yield Number("bucket_seconds", "Seconds that calls to the bucket took.", call.duration_s, labels)
        said = "What calls to the bucket cost at the list prices of Amazon S3, an estimate; traffic not counted."
        yield Number("bucket_cost_dollars", said, cost_dollars(calls))
        connections = self._store.database.connections_in_use
        yield Number("database_connections_in_use", "Connections at work.", connections, kind="level")

    def of_store(self) -> Iterator[Number]:
        found, lag = self._look()
        if found is None:
            return
        for name, said, value in (
            ("waiting_parts", "Parts of journals that have ended and are not sealed.", found.part_count),
            ("waiting_bytes", "Bytes of these.", found.size_bytes),
            ("waiting_seconds", "For how long the first of these has been silent.", found.oldest_s),
            ("unsealed_parts", "Parts that are not sealed, those that grow among them.", found.unsealed_count),
            ("leases_held", "Leases that are held.", found.lease_count),
        ):
            yield Number(name, said, value, kind="level")
        if lag is not None:
            said = "For how long the first change waits that is not in the DuckLake catalog, an hour at most."
            yield Number("ducklake_behind_seconds", said, lag.behind_s, kind="level")
            said = "How old its newest snapshot is: nothing changed since, if it is not behind."
            yield Number("ducklake_snapshot_seconds", said, lag.snapshot_age_s, kind="level")

    def _look(self) -> tuple[Waiting | None, Lag | None]:
        with self._lock:
            if self._looked_s is None or time.monotonic() - self._looked_s >= self._kept_s:
                try:
                    self._waiting = look_at_waiting(self._store.database, silent_s=SILENT_S)
                    if self._ducklake is not None:
                        self._lag = find_lag(self._store.database, self._ducklake)
                except RunlakeError:
                    self._waiting = None  # nothing is better than what was true before
                self._looked_s = time.monotonic()
            return self._waiting, self._lag
