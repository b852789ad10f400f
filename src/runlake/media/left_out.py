"""What is not kept as it was given: said once, or, where it is left out and the run is strict, an error."""

from __future__ import annotations

import contextvars
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runlake.errors import NotSupportedError, RunlakeWarning

_is_strict = contextvars.ContextVar("is_strict", default=False)
_said: set[str] = set()
_PACKAGE = str(Path(__file__).parent.parent) + os.sep


def left_out(message: str) -> None:
    """Warn that what `message` names was left out or changed, once; within `strictly` raise `NotSupportedError`.

    The message begins with the name of what was called, and tells what to do.
    """
    if _is_strict.get():
        raise NotSupportedError(message)
    say_once(message)


def say_once(message: str) -> None:
    """Warn, the first time in this process. The warning points to the line that called runlake."""
    if message not in _said:
        _said.add(message)
        warnings.warn(f"runlake: {message}", RunlakeWarning, stacklevel=_caller_level())


@contextmanager
def strictly(strict: bool) -> Iterator[None]:
    """Whether leaving something out is an error while the block runs."""
    token = _is_strict.set(strict)
    try:
        yield
    finally:
        _is_strict.reset(token)


def _caller_level() -> int:
    """How far up the first frame outside of runlake is, as `warnings.warn` counts from `say_once`."""
    level, frame = 1, sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE) and frame.f_back is not None:
        level, frame = level + 1, frame.f_back
    return level
