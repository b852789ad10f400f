"""What is not kept as it was given: said once, or, where it is left out and the run is strict, an error."""

from __future__ import annotations

import contextvars
from collections.abc import Iterator
from contextlib import contextmanager

from runlake.errors import NotSupportedError, warn

_is_strict = contextvars.ContextVar("is_strict", default=False)
said: set[str] = set()
"""What this process has been told: who empties it is told anew."""


def left_out(message: str) -> None:
    """Warn that what `message` names was left out or changed, once; within `strictly` raise `NotSupportedError`.

    The message begins with the name of what was called, and tells what to do.
    """
    if _is_strict.get():
        raise NotSupportedError(message)
    say_once(message)


def say_once(message: str) -> None:
    """Warn, the first time in this process. The warning points to the line that called runlake."""
    if message not in said:
        said.add(message)
        warn(message)


@contextmanager
def strictly(strict: bool) -> Iterator[None]:
    """Whether leaving something out is an error while the block runs."""
    token = _is_strict.set(strict)
    try:
        yield
    finally:
        _is_strict.reset(token)
