"""Locks by name, so that what is asked for again while it is done is not done twice at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Completing:
    """Of one process of a server. Threads share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[tuple[str, ...], tuple[threading.Lock, int]] = {}

    @contextmanager
    def lock_of(self, *name: str) -> Iterator[None]:
        """Be the only one under this name; who comes meanwhile waits."""
        with self._lock:
            lock, count = self._held.get(name, (threading.Lock(), 0))
            self._held[name] = lock, count + 1
        try:
            with lock:
                yield
        finally:
            with self._lock:
                lock, count = self._held[name]
                if count == 1:
                    del self._held[name]
                else:
                    self._held[name] = lock, count - 1
