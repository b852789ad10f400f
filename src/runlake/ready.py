"""Types whose values are decoded, made ready by one thread.

msgspec finds out what it must know of a struct when one is first decoded; of two threads that are the first at once,
one meets what the other has not filled in yet, and the process ends by a segmentation fault.
"""

from __future__ import annotations

import _thread
import functools
import threading
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

_lock = threading.Lock()


def ready(kind: T) -> T:
    """The same type, which any number of threads may decode from now on: ``decode(content, type=ready(Kind))``."""
    _make_ready(kind)
    return kind


@functools.cache
def _make_ready(kind: Any) -> None:
    """A thread beside does it, for a signal handler of the user may break into this one: what it raised in the midst
    msgspec would forget, and what it decoded would wait for the lock for ever. Not one of `threading`, whose start
    holds locks that such a handler may ask for.
    """
    ended = _thread.allocate_lock()
    ended.acquire()
    try:
        _thread.start_new_thread(_look_at, (kind, ended))
    except RuntimeError:  # the interpreter is ending, or the system gives no thread
        _look_at(kind, ended)
    ended.acquire()


def _look_at(kind: Any, ended: _thread.LockType) -> None:
    try:
        with _lock:
            msgspec.msgpack.Decoder(kind)
    finally:
        ended.release()
