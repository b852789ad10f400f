"""Proving what clients put into the bucket, as it comes: so that who commits it need not wait for that.

Every replica looks for drafts to which something may come, and one of them proves what came for each. That two prove
the same costs time and nothing else.
"""

from __future__ import annotations

import logging

from runlake.errors import RunlakeError
from runlake.service.cluster.recurring import Recurring
from runlake.store.cluster.store import ClusterStore

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 10.0
LATE_S = 3600.0
"""So long after its address has ended a large file may still be on its way; whoever commits it later proves it."""

_AT_ONCE = 1000


class Prover:
    """A thread of this replica."""

    def __init__(self, store: ClusterStore, *, every_s: float = LOOK_EVERY_S) -> None:
        self._proofs, self._url, self._counts = store.contents.uploads.proofs, store.url, store.counts
        failure = f"cannot look for uploads to {store.url}"
        self._thread = Recurring("runlake-prove", self._work, every_s=every_s, logger=logger, failure=failure)
        self._thread.start()

    def close(self) -> None:
        """End when that is proven which is being read."""
        self._thread.close()

    def _work(self) -> None:
        for draft_id in self._proofs.drafts(late_s=LATE_S, limit=_AT_ONCE):
            self._prove(draft_id)
            if self._thread.is_over:
                return

    def _prove(self, draft_id: str) -> None:
        try:
            for count in self._proofs.prove_steps(draft_id):
                self._counts.add("uploads_proven", count)
                if self._thread.is_over:
                    return
        except (RunlakeError, OSError) as error:
            logger.warning("uploads for artifact %s to %s cannot be proven now: %s", draft_id, self._url, error)
