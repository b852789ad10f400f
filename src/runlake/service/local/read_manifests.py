"""The manifests that were asked for last: who fetches a version asks for each of its files by itself."""

from __future__ import annotations

from collections.abc import Hashable

from runlake.artifact_model import ManifestEntry
from runlake.lru import LruCache
from runlake.store.artifacts.collection import CollectionFolder

_KEPT_ENTRIES = 300_000
"""So many entries are kept, some hundred bytes each."""

_Identity = tuple[str, Hashable]


class ReadManifests:
    """Manifests of one store by their files, which are replaced and never changed. Threads may share it."""

    def __init__(self) -> None:
        self._kept: LruCache[_Identity, tuple[ManifestEntry, ...]] = LruCache(
            _KEPT_ENTRIES, size_of=lambda _, entries: 1 + len(entries)
        )

    def read(self, collection: CollectionFolder, artifact_id: str) -> list[ManifestEntry]:
        """What a version of a sequence is made of; see `CollectionFolder.read_manifest`."""
        file = collection.manifest_file(artifact_id)
        version = collection.tree.version_of(file)
        if version is None:
            return collection.read_manifest(artifact_id)  # it says what is the matter
        identity = str(file), version
        entries = self._kept.get(identity)
        if entries is None:
            entries = tuple(collection.read_manifest(artifact_id))
            self._kept.put(identity, entries)
        return list(entries)
