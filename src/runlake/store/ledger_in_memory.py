"""A ledger in memory: the other side of the seam, for tests and for what has no folder."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from runlake.errors import NotFoundError
from runlake.values import encode_json, stored_json


class MemoryLedger:
    """A numbered list, as long as the object lives. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[int, str] = {}
        self._is_deleted = False

    def append(self, number: int, body: dict[str, Any]) -> bool:
        with self._lock:
            if self._is_deleted:
                raise NotFoundError("the ledger is gone: it was deleted")
            if number in self._entries:
                return False
            self._entries[number] = encode_json(body)
            return True

    def read_from(self, number: int) -> Iterator[tuple[int, dict[str, Any]]]:
        while (text := self._entries.get(number)) is not None:
            yield number, stored_json(text)
            number += 1

    def delete(self) -> None:
        """Forget all entries: who appends is told."""
        with self._lock:
            self._entries, self._is_deleted = {}, True
