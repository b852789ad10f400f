"""One version that several processes make: each adds its files, and one of them finishes it.

They share a store, and a `distributed_id` that names what they make together.
"""

from __future__ import annotations

import hashlib
import io
import secrets
from collections.abc import Iterator, Sequence

from msgspec import structs

from runlake.artifact_model import ArtifactInfo, ArtifactStart, CollectionPath, ManifestEntry, digest_of
from runlake.artifacts.entry import Entry
from runlake.artifacts.make import described_entries, put_missing
from runlake.errors import ConflictError
from runlake.service.contract import Service
from runlake.store.artifacts.manifest import decode_entries, encode_entries

_PARTS = "parts"


class Distributed:
    """The version that those with one `distributed_id` make in a collection."""

    def __init__(self, service: Service, path: CollectionPath, distributed_id: str) -> None:
        self._service, self._path = service, path
        self._distributed_id = distributed_id
        name = "\0".join((*path, distributed_id))
        self._artifact_id = hashlib.sha256(name.encode()).hexdigest()[:20]
        self._draft = path.at(self._artifact_id)

    def add(self, start: ArtifactStart, entries: Sequence[Entry], *, shows_progress: bool) -> ArtifactInfo:
        """Add entries to it; it stays PENDING. `ConflictError` when it is finished."""
        described = described_entries(entries)
        begun = self._begin(start)
        if begun.state != "PENDING":
            raise ConflictError(
                f"artifact {begun.path} with distributed_id={self._distributed_id!r} is finished; "
                "use another distributed_id for what comes after it"
            )
        put_missing(self._service, self._draft, entries, shows_progress=shows_progress)
        part = io.BytesIO(encode_entries(described))
        self._service.put_content(self._draft, part, name=f"{_PARTS}/{secrets.token_hex(8)}.jsonl")
        return begun

    def finish(self, start: ArtifactStart, entries: Sequence[Entry], *, shows_progress: bool) -> ArtifactInfo:
        """Add the last entries, and make a version of all that was added."""
        described = described_entries(entries)
        begun = self._begin(start)
        if begun.state != "PENDING":
            return begun
        put_missing(self._service, self._draft, entries, shows_progress=shows_progress)
        together = {entry.path: entry for part in [*self._parts(), described] for entry in part}
        made = list(together.values())
        begun = self._begin(structs.replace(start, digest=digest_of(made)))
        return begun if begun.state != "PENDING" else self._service.commit_artifact(self._draft, made)

    def _parts(self) -> Iterator[list[ManifestEntry]]:
        """What each process added, as it stands among the contents of the draft."""
        for entry in self._service.read_manifest(self._draft):
            if entry.path.startswith(f"{_PARTS}/"):
                with self._service.open_content(self._draft, entry.path) as part:
                    yield decode_entries(part.read())

    def _begin(self, start: ArtifactStart) -> ArtifactInfo:
        return self._service.begin_artifact(self._path, structs.replace(start, artifact_id=self._artifact_id))
