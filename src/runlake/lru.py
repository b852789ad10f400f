"""What was used last: a cache of so much."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


def _one(_key: object, _value: object) -> int:
    return 1


class LruCache(Generic[K, V]):
    """The entries that were used last, at most `limit` of them, or as many as have that size together by `size_of`.

    An entry that is larger than `limit` is kept alone. Threads may share it.
    """

    def __init__(self, limit: int, *, size_of: Callable[[K, V], int] = _one) -> None:
        self._limit = limit
        self._size_of = size_of
        self._size = 0
        self._entries: OrderedDict[K, V] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: K) -> V | None:
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
            return self._entries.get(key)

    def take(self, key: K) -> V | None:
        """The entry, which is not kept any more."""
        with self._lock:
            return self._take(key)

    def put(self, key: K, value: V) -> None:
        with self._lock:
            self._take(key)
            self._entries[key] = value
            self._size += self._size_of(key, value)
            while self._size > self._limit and len(self._entries) > 1:
                oldest, dropped = self._entries.popitem(last=False)
                self._size -= self._size_of(oldest, dropped)

    def _take(self, key: K) -> V | None:
        if key not in self._entries:
            return None
        value = self._entries.pop(key)
        self._size -= self._size_of(key, value)
        return value
