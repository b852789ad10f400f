"""Work on many files at a time, in threads."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import TypeVar

NETWORK_THREAD_COUNT = 8
"""So many files go over a network at a time: each waits for the other side."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def side_by_side(work: Callable[[Item], Result], items: Iterable[Item], *, count: int | None = None) -> list[Result]:
    """What `work` answers for each, in their order; the first error stops what has not begun, and is raised.

    `count` threads at most, by default one for each processor, up to 8. One item is worked on here.
    """
    listed = list(items)
    if len(listed) < 2:
        return [work(item) for item in listed]
    threads = min(len(listed), count or min(8, os.cpu_count() or 1))
    with ThreadPoolExecutor(threads, "runlake-artifact") as pool:
        begun = [pool.submit(copy_context().run, work, item) for item in listed]
        try:
            done, _ = wait(begun, return_when=FIRST_EXCEPTION)
            failed = next((each.exception() for each in begun if each in done and each.exception()), None)
            if failed is not None:
                raise failed
            return [each.result() for each in begun]
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
