"""From when on a catalog does what takes its time."""

from __future__ import annotations

from dataclasses import dataclass

from runlake.store.catalog.version_log import GROWS_BYTES
from runlake.store.changes import PACK_AT

SETTLE_S = 600.0
"""Longer than a network file system shows stale attributes, and two clocks of a cluster differ."""


@dataclass(frozen=True, slots=True)
class CatalogLimits:
    """The limits of a catalog; those that are not named serve a hundred thousand runs.

    `save_interval_s`: runs that log move all the time; what the files do not have yet, the next process folds.
    `settle_s`: for how long a run is watched after a change; None for `SETTLE_S` on a network and nothing elsewhere.
    `absorb_at`: so many runs are kept as objects; beyond, they become columns. No head on disk is longer than this.
    `pack_at`: so many loose changes are packed. `fold_many_from`: so many runs are read by several processes.
    `progress_from`, `progress_interval_s`: of how many runs it is told how far their reading is, and how often.
    `checkpoint_s`: how often a first reading is saved. `log_grows_bytes`: how long a log of versions becomes.
    """

    save_interval_s: float = 5.0
    settle_s: float | None = None
    absorb_at: int = 2000
    pack_at: int = PACK_AT
    progress_from: int = 500
    progress_interval_s: float = 0.1
    fold_many_from: int = 2000
    checkpoint_s: float = 10.0
    log_grows_bytes: int = GROWS_BYTES
