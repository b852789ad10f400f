"""One version that several processes make: each adds its files, and one of them finishes it.

They share the folder of a store, and a `distributed_id` that names what they make together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from msgspec import structs

from runlake.artifact_model import ArtifactInfo, ArtifactStart, CollectionPath, ManifestEntry, digest_of
from runlake.artifacts.entry import Entry
from runlake.artifacts.make import described_entries, put_missing
from runlake.errors import ConflictError
from runlake.service.contract import Service
from runlake.store.artifacts.collection import CollectionFolder
from runlake.store.artifacts.drafts import Draft
from runlake.store.layout import Layout


class Distributed:
    """The version that those with one `distributed_id` make in a collection."""

    def __init__(self, service: Service, layout: Layout, path: CollectionPath, distributed_id: str) -> None:
        self._service, self._layout, self._path = service, layout, path
        self._distributed_id = distributed_id
        name = "\0".join((*path, distributed_id))
        self._artifact_id = hashlib.sha256(name.encode()).hexdigest()[:20]

    def add(self, start: ArtifactStart, entries: Sequence[Entry], *, shows_progress: bool) -> ArtifactInfo:
        """Add entries to it; it stays PENDING. `ConflictError` when it is finished."""
        described = described_entries(entries)
        begun = self._begin(start)
        if begun.state != "PENDING":
            raise ConflictError(
                f"artifact {begun.path} with distributed_id={self._distributed_id!r} is finished; "
                "use another distributed_id for what comes after it"
            )
        put_missing(self._service, self._path.at(self._artifact_id), entries, shows_progress=shows_progress)
        self._draft().add_part(described)
        return begun

    def finish(self, start: ArtifactStart, entries: Sequence[Entry], *, shows_progress: bool) -> ArtifactInfo:
        """Add the last entries, and make a version of all that was added."""
        described = described_entries(entries)
        begun = self._begin(start)
        if begun.state != "PENDING":
            return begun
        draft = self._path.at(self._artifact_id)
        put_missing(self._service, draft, entries, shows_progress=shows_progress)
        together: dict[str, ManifestEntry] = {}
        for part in [*self._draft().parts(), described]:
            together.update((entry.path, entry) for entry in part)
        made = list(together.values())
        begun = self._begin(structs.replace(start, digest=digest_of(made)))
        return begun if begun.state != "PENDING" else self._service.commit_artifact(draft, made)

    def _begin(self, start: ArtifactStart) -> ArtifactInfo:
        return self._service.begin_artifact(self._path, structs.replace(start, artifact_id=self._artifact_id))

    def _draft(self) -> Draft:
        collection = CollectionFolder(self._layout, self._path)
        collection.catch_up()
        return Draft(collection, self._artifact_id)
