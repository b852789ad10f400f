"""``createArtifact``: an artifact is begun, or found to be there.

Its id is made of what the client calls it, so that whoever asks again, of any process of this server, is told the
same. Several processes that put one artifact together name it by a text that they share, and by the collection; when
it is committed, the next one that they make under that text is another.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import structs

from runlake.artifact_model import ArtifactInfo, ArtifactStart, CollectionPath
from runlake.errors import BadValueError, ConflictError, NotFoundError, NotSupportedError
from runlake.model import DEFAULT_PROJECT, RunPath
from runlake.server.wandb.context import RequestContext
from runlake.server.wandb.ids import artifact_id_of_client, made_artifact_id
from runlake.server.wandb.mutations.tags import tag_names
from runlake.server.wandb.wire import load_json_string, strict_json

Given = Mapping[str, Any]


def begin_artifact(context: RequestContext, given: Given) -> ArtifactInfo:
    """The artifact that a client wants to log: PENDING, or COMMITTED where the same one is there."""
    if given.get("digestAlgorithm") not in (None, "MANIFEST_MD5"):
        raise NotSupportedError(f"digests of the kind {given['digestAlgorithm']} are not supported by runlake")
    path = _collection_of(context, given)
    start = _read_start(path, given)
    client_id = given.get("clientID")
    own_id = artifact_id_of_client(client_id) if client_id else None
    if given.get("distributedID"):
        return _begin_shared(context, path, structs.replace(start, other_id=own_id), given["distributedID"])
    if not client_id:
        return context.service.begin_artifact(path, start)
    start = structs.replace(start, artifact_id=own_id)
    try:
        return context.service.begin_artifact(path, start)
    except ConflictError:
        # One object may be logged to several collections; only the first is found by the client's id.
        elsewhere = structs.replace(start, artifact_id=made_artifact_id("elsewhere", *path, client_id))
        return context.service.begin_artifact(path, elsewhere)


def start_of(draft: ArtifactInfo, digest: str) -> ArtifactStart:
    """What a draft began with, for beginning it again with another digest."""
    return ArtifactStart(
        type=draft.type,
        digest=digest,
        artifact_id=draft.artifact_id,
        description=draft.description,
        metadata=draft.metadata,
        aliases=draft.aliases,
        tags=draft.tags,
        run=draft.created_by,
        user=draft.user,
        ttl_s=draft.ttl_s,
        history_step=draft.history_step,
        created_at=draft.created_at,
    )


def _begin_shared(context: RequestContext, path: CollectionPath, start: ArtifactStart, shared_id: str) -> ArtifactInfo:
    # What a process of several tells is the digest of its own part: that of the whole is known when all are there.
    start = structs.replace(start, digest="")
    number = 0
    while True:
        artifact_id = made_artifact_id("shared", *path, shared_id, str(number))
        number += 1
        try:
            known = context.service.read_artifact(path.at(artifact_id))
        except NotFoundError:
            known = None
        if known is not None and known.state != "PENDING":
            continue
        begun = structs.replace(start if known is None else _joined(known, start), artifact_id=artifact_id)
        info = context.service.begin_artifact(path, begun)
        if info.state == "PENDING":
            return info


def _joined(known: ArtifactInfo, start: ArtifactStart) -> ArtifactStart:
    """What several processes said of one artifact: all of it, and what was said last where they differ."""
    return structs.replace(
        start,
        description=known.description if start.description is None else start.description,
        metadata={**known.metadata, **start.metadata},
        aliases=tuple(dict.fromkeys((*known.aliases, *start.aliases))),
        tags=tuple(dict.fromkeys((*known.tags, *start.tags))),
        ttl_s=known.ttl_s if start.ttl_s is None else start.ttl_s,
    )


def _collection_of(context: RequestContext, given: Given) -> CollectionPath:
    names = given.get("artifactCollectionNames") or ()
    name = given.get("artifactCollectionName") or next(iter(names), None)
    if not name or len(names) > 1:
        raise BadValueError("an artifact is logged to one collection: pass artifactCollectionName")
    entity = given.get("entityName") or context.service.default_entity
    return CollectionPath(entity, given.get("projectName") or DEFAULT_PROJECT, name)


def _read_start(path: CollectionPath, given: Given) -> ArtifactStart:
    run_id, ttl_s = given.get("runName"), given.get("ttlDurationSeconds")
    return ArtifactStart(
        type=given["artifactTypeName"],
        digest=given.get("digest") or "",
        description=given.get("description"),
        metadata=read_metadata(given.get("metadata")),
        aliases=tuple(_alias_names(path.name, given.get("aliases") or ())),
        tags=tag_names(given.get("tags")),
        run=RunPath(path.entity, path.project, run_id) if run_id else None,
        ttl_s=float(ttl_s) if ttl_s is not None and ttl_s > 0 else None,
        history_step=given.get("historyStep"),
    )


def _alias_names(collection_name: str, aliases: Any) -> list[str]:
    return [one["alias"] for one in aliases if one.get("artifactCollectionName") in (None, collection_name)]


def read_metadata(text: str | None) -> dict[str, Any]:
    """The metadata of an artifact, of which what is not finite is kept as text."""
    found = load_json_string(text, "the metadata") if text else None
    if found is not None and not isinstance(found, dict):
        raise BadValueError(f'the metadata of an artifact is an object like {{"lr": 0.1}}, not {text!r:.60}')
    metadata: dict[str, Any] = strict_json(found or {})
    return metadata
