"""Small questions to a source side by side: over a network each waits for its answer, and costs little else."""

from __future__ import annotations

import contextvars
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")

_THREADS, _AHEAD = 8, 64


class SideBySide:
    """Threads for such questions. Several may ask at once; at the end of the block nothing is asked any more."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="runlake-ask")

    def __enter__(self) -> SideBySide:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def each(self, work: Callable[[Asked], Answer], asked: Iterable[Asked]) -> Iterator[Answer]:
        """What `work` answers to each, in their order; some of the next ones are under way by then."""
        coming: deque[Future[Answer]] = deque()
        for one in asked:
            coming.append(self._pool.submit(contextvars.copy_context().run, work, one))
            if len(coming) == _AHEAD:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()
