"""A cheap look at a run's journal: has anything happened since the last look?"""

from __future__ import annotations

import time
import zlib
from typing import NamedTuple

from runlake.store.journal.journal import Journal
from runlake.store.journal.liveness import STALE_S

QUIET_S = 60.0
"""A writer takes its lock a moment after it made its part: a part this old is not being made."""


class JournalFingerprint(NamedTuple):
    """`value` changes when the journal grows, is sealed, or a writer that lived is gone; 0 without a journal.

    `is_final` says that no process can write to these parts any more: all locks are there to be asked, and free.
    """

    value: int
    is_final: bool

    @property
    def has_writers(self) -> bool:
        """Whether some process may be writing."""
        return self.value & 0xFFFF != 0


def read_fingerprint(journal: Journal) -> JournalFingerprint:
    """Costs a listing, a stat of every part, and a try of the lock of each writer's newest part: nothing is read."""
    parts = journal.list_parts()
    alive_count = 0
    is_final = True
    for name in {name.writer: name for name, _ in parts}.values():
        is_alive = journal.is_held(name)
        try:
            silent_s = time.time() - journal.last_write_at(name)
        except FileNotFoundError:
            is_final = False
            continue  # sealed since it was listed: the next look will differ
        is_final = is_final and is_alive is False and silent_s > QUIET_S
        alive_count += silent_s < STALE_S if is_alive is None else is_alive
    if not parts:
        return JournalFingerprint(0, is_final=True)
    sizes = "".join(f"{name}:{size};" for name, size in parts)
    return JournalFingerprint(zlib.crc32(sizes.encode()) << 16 | min(alive_count, 0xFFFF), is_final)
