"""Work on many files at a time, in threads."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar

NETWORK_THREAD_COUNT = 8
"""So many files go over a network at a time: each waits for the other side."""

_SMALL_BYTES = 256 << 10

Item = TypeVar("Item")
Result = TypeVar("Result")


def threads_for(total_bytes: int, item_count: int) -> int | None:
    """One thread for small files on a disk of this machine; None, the default, for others.

    Of small files nearly all is work of Python, which one thread does at a time: several only wait for each other.
    """
    return 1 if total_bytes < item_count * _SMALL_BYTES else None


def side_by_side(work: Callable[[Item], Result], items: Iterable[Item], *, count: int | None = None) -> list[Result]:
    """What `work` answers for each, in their order; the first error stops what has not begun, and is raised.

    `count` threads at most, by default one for each processor, up to 8. One item is worked on here.
    """
    listed = list(items)
    if len(listed) < 2 or count == 1:
        return [work(item) for item in listed]
    answers: list[Any] = [None] * len(listed)
    places = iter(range(len(listed)))
    failures: list[BaseException] = []

    def work_on_what_is_left() -> None:
        # Each thread takes the next one: a task for each item would cost more than a small file does.
        for place in places:
            if failures:
                return
            try:
                answers[place] = work(listed[place])
            except BaseException as error:
                failures.append(error)

    threads = min(len(listed), count or min(8, os.cpu_count() or 1))
    with ThreadPoolExecutor(threads, "runlake-artifact") as pool:
        begun = [pool.submit(copy_context().run, work_on_what_is_left) for _ in range(threads)]
        try:
            for each in begun:
                each.result()
        except BaseException as error:  # somebody pressed Ctrl-C
            failures.append(error)
            raise
    if failures:
        raise failures[0]
    return answers
