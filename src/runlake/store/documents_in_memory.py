"""Documents in memory: the other side of the seam, for tests and for what has no folder."""

from __future__ import annotations

import threading
import time

from runlake.store.documents import DocumentName, check_document_name


class MemoryDocuments:
    """The documents of one place, as long as the object lives. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bodies: dict[str, tuple[bytes, float]] = {}

    def create(self, name: str, body: bytes) -> bool:
        mine = (body, time.time())
        return self._bodies.setdefault(check_document_name(name), mine) is mine

    def replace(self, name: str, body: bytes) -> None:
        with self._lock:
            self._bodies[check_document_name(name)] = (body, time.time())

    def read(self, name: str) -> bytes | None:
        found = self._bodies.get(check_document_name(name))
        return None if found is None else found[0]

    def list_names(self) -> list[DocumentName]:
        with self._lock:
            return sorted(DocumentName(name, written_at) for name, (_, written_at) in self._bodies.items())

    def remove(self, name: str) -> None:
        with self._lock:
            self._bodies.pop(check_document_name(name), None)
