"""Several runs brought in at once, for sources that answer slowly: so many at a time, in the order of the source."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from runlake.errors import RunlakeError

T = TypeVar("T")


def side_by_side(jobs: Iterable[Callable[[], T]], worker_count: int) -> Iterator[T | RunlakeError]:
    """What each job answers, or the error with which it ended, in their order; `worker_count` of them at a time."""
    pool = ThreadPoolExecutor(worker_count, thread_name_prefix="runlake-import")
    waiting: deque[Future[T]] = deque[Future[T]]()
    try:
        for job in jobs:
            waiting.append(pool.submit(job))
            while len(waiting) > 2 * worker_count:
                yield from _outcome(waiting.popleft())
        while waiting:
            yield from _outcome(waiting.popleft())
    finally:
        pool.shutdown(cancel_futures=True)


def _outcome(future: Future[T]) -> Iterator[T | RunlakeError]:
    try:
        yield future.result()
    except RunlakeError as error:
        yield error


class Rows:
    """How many rows were read of all runs together, told by the threads that read them.

    `report` is told (rows done, rows in all); None where the source does not say how many there are.
    """

    def __init__(self, counts: dict[str, int | None], report: Callable[[int, int | None], None]) -> None:
        known = [count for count in counts.values() if count is not None]
        self._total = sum(known) if len(known) == len(counts) else None
        self._expected, self._report = counts, report
        self._done = dict.fromkeys(counts, 0)
        self._lock = threading.Lock()

    def read(self, run_id: str, count: int) -> None:
        """So many rows of a run were read by now."""
        expected = self._expected[run_id]
        self._tell(run_id, count if expected is None else min(count, expected))

    def end(self, run_id: str) -> None:
        """All of a run was read."""
        self._tell(run_id, self._expected[run_id] or self._done[run_id])

    def _tell(self, run_id: str, count: int) -> None:
        with self._lock:
            self._done[run_id] = count
            self._report(sum(self._done.values()), self._total)
