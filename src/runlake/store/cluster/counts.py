"""What a process did with a store, counted."""

from __future__ import annotations

import threading


class Counts:
    """Sums by name. Threads may share it."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._lock = threading.Lock()

    def add(self, name: str, number: float = 1) -> None:
        """Make a sum larger."""
        with self._lock:
            self._sums[name] = self._sums.get(name, 0) + number

    def add_append(self, size_bytes: int, seconds: float) -> None:
        """Count an append to a part."""
        self.add("appends")
        self.add("append_bytes", size_bytes)
        self.add("append_seconds", seconds)

    def read(self) -> dict[str, float]:
        """All sums."""
        with self._lock:
            return dict(self._sums)
