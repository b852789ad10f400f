"""The verbs by which an artifact is made, over a folder: begun, its bytes put, committed."""

from __future__ import annotations

import secrets
import time
from collections.abc import Collection, Sequence
from functools import partial
from typing import BinaryIO

from msgspec import structs

from runlake.artifact_model import (
    ArtifactInfo,
    ArtifactPath,
    ArtifactStart,
    CollectionPath,
    ContentInfo,
    ManifestEntry,
    UploadAddress,
    WantedUpload,
)
from runlake.errors import BadValueError, ConflictError, NotFoundError, PathError
from runlake.incoming import Incoming
from runlake.lru import LruCache
from runlake.model import RunPath, is_time
from runlake.service.local.collections import OpenCollections
from runlake.service.local.read_manifests import ReadManifests
from runlake.store.artifacts.collection import (
    CollectionFolder,
    claim_artifact_id,
    has_artifact,
    write_artifact_id,
    writing,
)
from runlake.store.artifacts.commit import commit, give_again, known_contents
from runlake.store.artifacts.content import Contents
from runlake.store.artifacts.drafts import Draft
from runlake.store.artifacts.lineage import RunLink, note_relation
from runlake.store.artifacts.names import (
    check_aliases,
    check_artifact_id,
    check_collection_path,
    check_entry_path,
    check_tags,
    check_type,
)
from runlake.store.artifacts.proof import prove_start
from runlake.store.layout import Layout
from runlake.store.store import Store

_KEPT_DRAFTS = 200


class ArtifactDrafts:
    """Artifacts on their way into one store."""

    def __init__(
        self,
        store: Store,
        contents: Contents,
        collections: OpenCollections,
        manifests: ReadManifests,
        *,
        user: str | None,
    ) -> None:
        self._store, self._layout = store, store.layout
        self._contents, self._collections = contents, collections
        self._manifests = manifests
        self._user = user
        self._known: LruCache[ArtifactPath, Draft] = LruCache(_KEPT_DRAFTS)

    def begin_artifact(self, path: CollectionPath, start: ArtifactStart) -> ArtifactInfo:
        check_collection_path(path)
        start = structs.replace(
            start,
            type=check_type(start.type),
            artifact_id=check_artifact_id(start.artifact_id or secrets.token_hex(10)),
            aliases=check_aliases(start.aliases),
            tags=check_tags(start.tags),
            user=start.user or self._user,
        )
        if start.created_at is not None and not is_time(start.created_at):
            raise BadValueError(f"created_at is {start.created_at!r}, and no time; give seconds since 1970")
        prove_start(start)
        self._store.create()
        with self._collections.made(path, start.type, "sequence") as collection, writing(collection.folder):
            found = self._logged_before(collection, start) or self._begin(collection, start)
            if start.other_id is not None and start.other_id != found.artifact_id:
                self._note_other_id(collection, start.other_id, found.artifact_id)
            return found

    def _note_other_id(self, collection: CollectionFolder, other_id: str, artifact_id: str) -> None:
        own = collection.path.at(check_artifact_id(other_id))
        claim_artifact_id(self._layout, other_id, collection.path)
        if has_artifact(self._layout, own):
            raise ConflictError(f"the id {other_id!r} is that of another artifact, {own}; choose another one")
        write_artifact_id(self._layout, other_id, collection.path, means=artifact_id)

    def _logged_before(self, collection: CollectionFolder, start: ArtifactStart) -> ArtifactInfo | None:
        while True:
            fold = collection.catch_up()
            done = fold.by_id(start.artifact_id or "") or fold.by_digest(start.digest)
            if done is None:
                return None
            if done.deleted_at is not None or give_again(collection, done, start.aliases, time.time()):
                break
        info = fold.describe(done)
        if start.artifact_id and start.artifact_id != info.artifact_id:
            claim_artifact_id(self._layout, start.artifact_id, info.collection)
            write_artifact_id(self._layout, start.artifact_id, info.collection, means=info.artifact_id)
        if start.run is not None:
            self._note_logged(start.run, info)
        return info

    def _begin(self, collection: CollectionFolder, start: ArtifactStart) -> ArtifactInfo:
        draft = Draft(collection, start.artifact_id or "")
        claim_artifact_id(self._layout, draft.artifact_id, collection.path)
        draft.begin(start, time.time() if start.created_at is None else start.created_at)
        return draft.describe()

    def find_content(self, draft: ArtifactPath, digests: Sequence[str]) -> list[ContentInfo]:
        with self._collections.opened(draft.collection) as collection:
            self._note_uploads(Draft(collection, draft.version), digests)
            read_manifest = partial(self._manifests.read, collection)
            wanted = set(digests)
            known = known_contents(collection, Draft(collection, draft.version), wanted, read_manifest=read_manifest)
        return [content for content in known.values() if self._contents.refresh(content.sha256, content.size_bytes)]

    def put_content(self, draft: ArtifactPath, content: BinaryIO, name: str | None = None) -> ContentInfo:
        made = self._draft(draft, name)
        with writing(self._layout.content_dir):
            kept = structs.replace(self._contents.put(content), name=name)
            made.note(kept)
        return kept

    def receive_content(self, draft: ArtifactPath, name: str | None = None) -> IncomingContentOfDraft:
        made = self._draft(draft, name)
        with writing(self._layout.content_dir):
            return IncomingContentOfDraft(self._contents.receive(), made, self._layout, name)

    def offer_uploads(
        self, draft: ArtifactPath, wanted: Sequence[WantedUpload], valid_s: float
    ) -> list[UploadAddress | None]:
        made, uploads = self._draft(draft), self._contents.uploads
        if uploads is None:
            return [None] * len(wanted)
        return uploads.offer(made.artifact_id, wanted, valid_s=valid_s)

    def complete_upload(self, draft: ArtifactPath, digest: str, tags: Sequence[str]) -> bool:
        made, uploads = self._draft(draft), self._contents.uploads
        return uploads is not None and uploads.complete(made.artifact_id, digest, tags)

    def commit_artifact(self, draft: ArtifactPath, entries: Sequence[ManifestEntry]) -> ArtifactInfo:
        check_artifact_id(draft.version)
        digests = {entry.digest for entry in entries if entry.ref is None}
        self._prove_uploads(draft, digests)
        with self._collections.opened(draft.collection) as collection, writing(collection.folder):
            self._note_uploads(Draft(collection, draft.version), digests)
            made_by = _maker_of(Draft(collection, draft.version))
            made = commit(collection, self._contents, Draft(collection, draft.version), entries, time.time())
        if made.artifact_id != draft.version:  # another process committed the same at this moment
            write_artifact_id(self._layout, draft.version, made.collection, means=made.artifact_id)
        if made_by is not None:
            self._note_logged(made_by, made)
        return made

    def _prove_uploads(self, draft: ArtifactPath, digests: Collection[str]) -> None:
        """Which takes its time, so nobody who wants the collection waits for it."""
        if self._contents.uploads is not None:
            with self._collections.opened(draft.collection) as collection:
                received = {content.digest for content in Draft(collection, draft.version).received()}
            self._contents.uploads.prove(draft.version, set(digests) - received)

    def _note_uploads(self, draft: Draft, digests: Collection[str]) -> None:
        """Let a draft have what came past us."""
        if self._contents.uploads is not None:
            kept = self._contents.uploads.kept(draft.artifact_id, digests)
            if kept and draft.is_begun:
                known = {content.digest for content in draft.received()}
                if new := [content for content in kept if content.digest not in known]:
                    draft.note(*new)

    def describe(self, path: ArtifactPath) -> ArtifactInfo | None:
        """The draft that has this id as its version; None where there is none."""
        try:
            return self._draft(path).describe()
        except NotFoundError:
            return None

    def named_contents(self, path: ArtifactPath) -> list[ManifestEntry] | None:
        """What was put with a name for the draft that has this id as its version; None where there is none."""
        try:
            received = self._draft(path).received()
        except (NotFoundError, PathError):
            return None
        named = {
            content.name: ManifestEntry(
                path=content.name, digest=content.digest, size_bytes=content.size_bytes, sha256=content.sha256
            )
            for content in received
            if content.name is not None
        }
        return [named[name] for name in sorted(named)]

    def _draft(self, path: ArtifactPath, name: str | None = None) -> Draft:
        check_artifact_id(path.version)
        if name is not None:
            check_entry_path(name)
        known = self._known.get(path)
        if known is not None and known.is_begun:
            return known  # ten thousand files are put one after the other: only the first asks for the collection
        with self._collections.opened(path.collection) as collection:
            draft = Draft(collection, path.version)
        draft.read()
        self._known.put(path, draft)
        return draft

    def _note_logged(self, run: RunPath, made: ArtifactInfo) -> None:
        link = RunLink(at=time.time(), artifact=made.collection.at(made.artifact_id))
        try:
            note_relation(self._layout, run, "logged", link)
        except NotFoundError:
            pass  # the run was deleted, or lies elsewhere: the version says by whom it was made


class IncomingContentOfDraft:
    """Bytes on their way into the store, for a draft."""

    def __init__(self, incoming: Incoming[ContentInfo], draft: Draft, layout: Layout, name: str | None) -> None:
        self._incoming, self._draft, self._layout, self._name = incoming, draft, layout, name

    @property
    def md5(self) -> str:
        """Of what was written so far, in base64."""
        return self._incoming.md5

    def write(self, piece: bytes) -> None:
        """The next bytes."""
        with writing(self._layout.content_dir):
            self._incoming.write(piece)

    def keep(self) -> ContentInfo:
        """Put them where their digest says, in one step, and note that the draft has them."""
        with writing(self._layout.content_dir):
            kept = structs.replace(self._incoming.keep(), name=self._name)
            self._draft.note(kept)
        return kept

    def discard(self) -> None:
        """Leave nothing of it."""
        self._incoming.discard()


def _maker_of(draft: Draft) -> RunPath | None:
    try:
        return draft.read().start.run
    except NotFoundError:
        return None  # committed before: the run was noted then
