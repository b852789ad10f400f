"""The collections of a store as this process knows them: read as far as they were there when somebody last asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from runlake.artifact_model import CollectionKind, CollectionPath
from runlake.errors import NotFoundError
from runlake.lru import LruCache
from runlake.store.artifacts.collection import CollectionFolder, check_kind, create_collection, is_created
from runlake.store.artifacts.names import check_collection_path
from runlake.store.layout import Layout

_KEPT_COLLECTIONS = 5_000
"""So many collections are known as far as they were read; others are read anew."""


class _Known:
    def __init__(self, collection: CollectionFolder) -> None:
        self.collection = collection
        self.lock = threading.RLock()


class OpenCollections:
    """Collections that were read before. Threads may share it; each collection is for one of them at a time."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._known: LruCache[CollectionPath, _Known] = LruCache(_KEPT_COLLECTIONS)

    @contextmanager
    def opened(self, path: CollectionPath) -> Iterator[CollectionFolder]:
        """A collection as of now. `NotFoundError` when there is none, or no more."""
        known = self._known.get(path)
        if known is None:
            known = _Known(CollectionFolder(self._layout, check_collection_path(path)))
        with known.lock:
            try:
                known.collection.catch_up()
            except NotFoundError:
                self._known.take(path)
                raise
            self._known.put(path, known)
            yield known.collection

    @contextmanager
    def made(self, path: CollectionPath, type: str, kind: CollectionKind) -> Iterator[CollectionFolder]:
        """The same of a collection that is made where there is none. `ConflictError` for another type or kind."""
        check_collection_path(path)
        if not is_created(self._layout, path):
            create_collection(self._layout, path, type, kind, time.time())
        with self.opened(path) as collection:
            check_kind(collection.fold, type, kind)
            yield collection
