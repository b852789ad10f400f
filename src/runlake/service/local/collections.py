"""The collections of a store as this process knows them: read as far as they were there when somebody last asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from runlake.artifact_model import CollectionKind, CollectionPath
from runlake.lru import LruCache
from runlake.store.artifacts.collection import CollectionFolder, check_kind, create_collection
from runlake.store.artifacts.names import check_collection_path
from runlake.store.layout import Layout, folder_identity
from runlake.store.ledger import entry_name

_KEPT_COLLECTIONS = 5_000
"""So many collections are known as far as they were read; others are read anew."""


class _Known:
    def __init__(self, collection: CollectionFolder, identity: tuple[int, int] | None) -> None:
        self.collection, self.identity = collection, identity
        self.lock = threading.RLock()


class OpenCollections:
    """Collections that were read before. Threads may share it; each collection is for one of them at a time."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._known: LruCache[CollectionPath, _Known] = LruCache(_KEPT_COLLECTIONS)
        self._lock = threading.Lock()

    @contextmanager
    def opened(self, path: CollectionPath) -> Iterator[CollectionFolder]:
        """A collection as of now. `NotFoundError` when there is none, or no more."""
        known = self._find(check_collection_path(path))
        with known.lock:
            known.collection.catch_up()
            yield known.collection

    @contextmanager
    def made(self, path: CollectionPath, type: str, kind: CollectionKind) -> Iterator[CollectionFolder]:
        """The same of a collection that is made where there is none. `ConflictError` for another type or kind."""
        check_collection_path(path)
        if not (self._layout.collection_dir(path) / "ledger" / entry_name(1)).is_file():
            create_collection(self._layout, path, type, kind, time.time())
        with self.opened(path) as collection:
            check_kind(collection.fold, type, kind)
            yield collection

    def _find(self, path: CollectionPath) -> _Known:
        try:
            identity = folder_identity(self._layout.collection_dir(path))
        except FileNotFoundError:
            identity = None
        with self._lock:
            known = self._known.get(path)
            if known is None or known.identity != identity:
                # Deleted, and perhaps made anew: what is known of the old one is of no use.
                known = _Known(CollectionFolder(self._layout, path), identity)
                if identity is not None:
                    self._known.put(path, known)
            return known
