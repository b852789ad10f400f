"""Types whose values are decoded, made ready by one thread.

msgspec finds out what it must know of a struct when one is first decoded; of two threads that are the first at once,
one meets what the other has not filled in yet, and the process ends by a segmentation fault.
"""

from __future__ import annotations

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
    with _lock:
        msgspec.msgpack.Decoder(kind)
