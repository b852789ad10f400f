"""Work that somebody waits for, and that stops when nobody does any more.

A thread cannot be stopped from outside. So whoever begins work says how it is known that it is in vain, and long work
asks, between two pieces, with `check_wanted`. Where nobody has said anything (a script, a command), work is never in
vain and asking costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_check: ContextVar[Callable[[], None] | None] = ContextVar("runlake_check_wanted", default=None)


def check_wanted() -> None:
    """Raise what the work that this is a part of is to end with, when it is not wanted any more."""
    check = _check.get()
    if check is not None:
        check()


@contextmanager
def work_while(check: Callable[[], None]) -> Iterator[None]:
    """Within the block `check_wanted` calls `check`, which raises when the work is in vain.

    Work that is a part of other work ends with it too.
    """
    outer = _check.get()

    def check_all() -> None:
        if outer is not None:
            outer()
        check()

    token = _check.set(check_all)
    try:
        yield
    finally:
        _check.reset(token)
