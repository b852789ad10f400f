"""Sealing beside the answers: every replica looks for runs whose parts have ended, and one of them seals each.

A run that ended here is sealed at once; one of a replica that was killed is found by its silence. That two seal the
same run costs time and nothing else: `ClusterSegments.replace` publishes a segment in one transaction, or not at all.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from typing import NamedTuple

from runlake.errors import CorruptError, NotFoundError, RunlakeError
from runlake.lru import LruCache
from runlake.model import RunPath
from runlake.store.cluster.store import ClusterStore
from runlake.store.cluster.unsealed import find_unsealed
from runlake.store.compact.seal import seal_held_run

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0
SILENT_S = 30.0
"""A part that has not grown for so long may have ended; a part that another follows has."""
AGAIN_S = 60.0
"""So long after it failed, or was another's, it is tried again."""
LONGEST_S = 3600.0
"""At least so often it is tried again, also where nothing of it could be sealed, or it was found damaged: a writer that
was thought to live has died since, a bucket may have answered wrongly."""

_AT_ONCE = 1000
_KEPT = 100_000


class _Tried(NamedTuple):
    """The bytes of a run when it was tried, how long it is left alone since, and until when."""

    size_bytes: int = -1
    pause_s: float = 0.0
    until_s: float = 0.0


_NEVER = _Tried()


class Sealer:
    """A thread of this replica. A run that keeps what it had when it was tried, as one whose writer died, or that is
    damaged, is tried again each time after a longer pause."""

    def __init__(
        self,
        store: ClusterStore,
        *,
        look_every_s: float = LOOK_EVERY_S,
        silent_s: float = SILENT_S,
        again_s: float = AGAIN_S,
        longest_s: float = LONGEST_S,
    ) -> None:
        self._store, self._look_every_s, self._silent_s = store, look_every_s, silent_s
        self._again_s, self._longest_s = again_s, longest_s
        self._ended: queue.SimpleQueue[RunPath | None] = queue.SimpleQueue()
        self._tried: LruCache[RunPath, _Tried] = LruCache(_KEPT)
        self._thread = threading.Thread(target=self._work, name="runlake-seal", daemon=True)
        self._thread.start()

    def soon(self, path: RunPath) -> None:
        """Seal a run that has ended."""
        self._ended.put(path)

    def close(self) -> None:
        """End when the run is sealed that is being sealed."""
        self._ended.put(None)
        self._thread.join()

    def _work(self) -> None:
        while True:
            try:
                path = self._ended.get(timeout=self._look_every_s)
                if path is None:
                    return
                self._seal(path)
            except queue.Empty:
                self._look()

    def _look(self) -> None:
        try:
            found = find_unsealed(self._store.database, silent_s=self._silent_s, limit=_AT_ONCE)
        except RunlakeError as error:
            logger.warning("cannot look for runs to seal: %s", error)
            return
        for path, size_bytes in found:
            before = self._tried.get(path) or _NEVER
            if before.size_bytes != size_bytes:
                before = _NEVER
            if time.monotonic() > before.until_s:
                longer_s = longer_pause_s(before.pause_s, self._again_s, self._longest_s)
                pause_s = longer_s if self._seal(path) else self._again_s
                self._tried.put(path, _Tried(size_bytes, pause_s, time.monotonic() + pause_s))
            if not self._ended.empty():
                return  # first those that ended here

    def _seal(self, path: RunPath) -> bool:
        """Whether another try will most likely come to nothing else."""
        try:
            with self._store.segments(path).alone(is_waiting=False) as is_alone:
                if not is_alone:
                    return False  # who holds it may have been killed
                seal_held_run(self._store, path)
                self._store.counts.add("seals_done")
                self._store.note_run(path)
        except NotFoundError:
            pass  # deleted meanwhile
        except (RunlakeError, OSError) as error:
            self._store.counts.add("seals_failed")
            logger.warning("run %s cannot be sealed: %s", path, error)
            return isinstance(error, CorruptError)
        return True


def longer_pause_s(pause_s: float, again_s: float = AGAIN_S, longest_s: float = LONGEST_S) -> float:
    """Twice as long as before, from `again_s` up to `longest_s`."""
    return min(max(again_s, 2 * pause_s), longest_s)
