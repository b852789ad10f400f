"""What the disk refused, in order, until it takes it.

A full disk or a share that went away must not stop a training: rows and records wait here, in memory, and every later
call tries to write them first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from runlake.errors import StoreError
from runlake.store.journal.journal import is_of_system

FAULTS = (OSError, StoreError)
"""What the disk may answer; nothing the caller has done wrong is among it. See `is_fault`."""

MAX_WAITING_COUNT = 100_000


def is_fault(error: BaseException) -> bool:
    """Whether it is of `FAULTS`, and not what a signal handler of the user raised while we were at the disk."""
    return isinstance(error, StoreError) or is_of_system(error)


class Backlog:
    """Calls that write something each. `lost_count` is how many rows and records found no place here, or no time."""

    def __init__(self) -> None:
        self.lost_count = 0
        self._waiting: deque[tuple[Callable[[], object], int]] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def keep(self, write: Callable[[], object], *, count: int = 1) -> None:
        """Try `write` again later; `count` is how many rows or records are lost with it."""
        if len(self._waiting) >= MAX_WAITING_COUNT:
            self.lost_count += count
        else:
            self._waiting.append((write, count))

    def work_off(self) -> bool:
        """Write what waits, in order; False when the disk still refuses."""
        while self._waiting:
            entry = self._waiting.popleft()  # before it is written: a signal handler may come here too
            try:
                entry[0]()
            except BaseException as error:
                self._waiting.appendleft(entry)
                if is_fault(error):
                    return False
                raise
        return True

    def give_up(self) -> None:
        """Count what still waits as lost."""
        self.lost_count += sum(count for _, count in self._waiting)
        self._waiting.clear()

    def forget(self) -> None:
        """In a forked child: what waits is the parent's to write."""
        self._waiting.clear()
        self.lost_count = 0
