"""Keeps the artifacts of a foreign run, as far as their files are still there."""

from __future__ import annotations

import os
from typing import BinaryIO, NamedTuple

from runlake.artifact_model import ArtifactInfo, ArtifactPath, CollectionPath, ManifestEntry
from runlake.errors import BadValueError, ConflictError, CorruptError
from runlake.importers.foreign import ForeignArtifact, ForeignRun
from runlake.md5 import md5_of
from runlake.model import RunPath
from runlake.service.artifact_copy import CopyRules, copy_artifact
from runlake.service.contract import Service


class _Files:
    """The files of a foreign artifact, as a copy asks for those of a version."""

    def __init__(self, artifact: ForeignArtifact) -> None:
        self._artifact = artifact

    def read_manifest(self, path: ArtifactPath) -> list[ManifestEntry]:
        return list(self._artifact.entries)

    def open_content(self, path: ArtifactPath, name: str) -> BinaryIO:
        return self._artifact.files[name]()


class Brought(NamedTuple):
    """How many artifacts of a run are here, and how many of them were not before."""

    artifact_count: int
    new_count: int


def bring_artifacts(service: Service, path: RunPath, foreign: ForeignRun) -> Brought:
    """Keep what the run logged, in its order.

    One of which files are gone, or are not what they were, is counted in `lost` by its name; one that cannot be kept is
    a problem.
    """
    artifact_count = new_count = 0
    for artifact in foreign.artifacts:
        name = f"artifact {artifact.name} ({artifact.digest[:8]})"
        gone_count = sum(not _is_there(artifact, entry) for entry in artifact.entries if entry.ref is None)
        if gone_count:
            foreign.lost[f"{name}, of which {gone_count:,} of {len(artifact.entries):,} files are gone or changed"] += 1
            continue
        try:
            new_count += _keep(service, path, foreign, artifact)
            artifact_count += 1
        except (BadValueError, ConflictError, CorruptError) as error:
            foreign.problems.append(f"{name} cannot be kept: {error}")
    return Brought(artifact_count, new_count)


def _keep(service: Service, path: RunPath, foreign: ForeignRun, artifact: ForeignArtifact) -> bool:
    """Keep one; whether it was not here before."""
    collection = CollectionPath(path.entity, path.project, artifact.name)
    version = ArtifactInfo(
        **collection._asdict(),
        artifact_id=artifact.artifact_id,
        type=artifact.type,
        state="COMMITTED",
        digest=artifact.digest,
        description=artifact.description,
        metadata=dict(artifact.metadata),
        aliases=artifact.aliases,
        tags=artifact.tags,
        created_by=path,
        user=foreign.start.user,
        created_at=artifact.created_at,
        ttl_s=artifact.ttl_s,
    )
    return copy_artifact(_Files(artifact), version, service, collection, CopyRules(moves_aliases=True)).is_new


def _is_there(artifact: ForeignArtifact, entry: ManifestEntry) -> bool:
    """Whether a file is what it was. A log may name any file of this machine: none is kept that it does not know."""
    try:
        with artifact.files[entry.path]() as content:
            if content.seek(0, os.SEEK_END) != entry.size_bytes:
                return False
            content.seek(0)
            return md5_of(content) == entry.digest
    except OSError:
        return False
