"""The verbs of artifacts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO, Protocol

from runlake.artifact_model import (
    ArtifactEdit,
    ArtifactInfo,
    ArtifactPath,
    ArtifactStart,
    CollectionEdit,
    CollectionInfo,
    CollectionPath,
    ContentInfo,
    ManifestEntry,
    Relation,
    UploadAddress,
    WantedUpload,
)
from runlake.incoming import Incoming
from runlake.model import RunPath


class ArtifactVerbs(Protocol):
    """Versions of sets of files, by name.

    An artifact is made in three steps: it is begun, its bytes are put where they are missing, it is committed. Until
    then nobody finds it by its name, and whoever is cut off begins again with the same id. Bytes lie once in a store.
    They are read through a version that has them, so whoever may not read one does not come by them.
    """

    def begin_artifact(self, path: CollectionPath, start: ArtifactStart) -> ArtifactInfo:
        """A PENDING one, or the COMMITTED version that has the same digest already, with the aliases that were given.

        `ConflictError` where the collection has another type, or is a portfolio, or another one has the id;
        `BadValueError` for aliases, names and times that cannot be.
        """
        ...

    def find_content(self, draft: ArtifactPath, digests: Sequence[str]) -> list[ContentInfo]:
        """Which contents of these digests (MD5 in base64) need not be put, since the draft or its collection has them.

        In no order; those that are missing are left out.
        """
        ...

    def put_content(self, draft: ArtifactPath, content: BinaryIO, name: str | None = None) -> ContentInfo:
        """Put bytes for a draft. A stream that fails leaves nothing.

        With a `name` they can be read until it is committed: they are among the entries of `read_manifest`, and
        `open_content` has them. What has the same name is replaced.
        """
        ...

    def receive_content(self, draft: ArtifactPath, name: str | None = None) -> Incoming[ContentInfo]:
        """The same for bytes of which a server gets piece after piece, with no thread that waits for the next."""
        ...

    def offer_uploads(
        self, draft: ArtifactPath, wanted: Sequence[WantedUpload], valid_s: float
    ) -> list[UploadAddress | None]:
        """Where each of these contents may be put for a draft, for so long, past the server; in the same order.

        None for what is put by `put_content`. What was put elsewhere is found by `commit_artifact`.
        """
        ...

    def complete_upload(self, draft: ArtifactPath, digest: str, tags: Sequence[str]) -> bool:
        """Say that all parts of a content were put, and which ETags were answered. No where it was not in parts.

        `NotFoundError` where that was given up.
        """
        ...

    def commit_artifact(self, draft: ArtifactPath, entries: Sequence[ManifestEntry]) -> ArtifactInfo:
        """Make a draft the next version of its collection, made of these entries, in any order.

        An entry without `sha256` has the content that was put, or found, by its digest. `NotFoundError` names contents
        that are missing; `BadValueError` names that leave the artifact, and tells of entries whose digest is not that
        with which the draft was begun, if one was named, and of other bytes that were put elsewhere. `BusyError` while
        these are still read to prove what they are. Who commits again is told the same version.
        """
        ...

    def read_artifact(self, path: ArtifactPath) -> ArtifactInfo:
        """One version, by number, alias or id; by its id also while it is PENDING. `NotFoundError` names near ones."""
        ...

    def find_artifact(self, artifact_id: str) -> ArtifactInfo:
        """One version by nothing but its id."""
        ...

    def read_manifest(self, path: ArtifactPath) -> list[ManifestEntry]:
        """What a version is made of, in the order of the paths; of a draft, by its id, what was put with a name."""
        ...

    def open_content(self, path: ArtifactPath, name: str) -> BinaryIO:
        """The bytes of one file of a version, for reading; not those of a reference. The caller closes it."""
        ...

    def content_url(self, path: ArtifactPath, name: str, valid_s: float) -> str | None:
        """An address of the bytes of one file of a version, as `FileVerbs.file_url` is one of a run's file."""
        ...

    def list_artifacts(self, path: CollectionPath) -> list[ArtifactInfo]:
        """The versions of a collection, the newest first, without those that were deleted."""
        ...

    def edit_artifact(self, path: ArtifactPath, edit: ArtifactEdit) -> ArtifactInfo:
        """Change what is known of a version. An alias is with one version of the collection: it leaves the other."""
        ...

    def delete_artifact(self, path: ArtifactPath, *, delete_aliases: bool = False) -> None:
        """Delete a version; of a portfolio only the link. It can be restored until ``gc`` removes it.

        `ConflictError` while it has an alias other than ``latest``, unless `delete_aliases` says to take those too.
        """
        ...

    def restore_artifact(self, path: ArtifactPath) -> ArtifactInfo:
        """Take a deleted version back, named by number or id; aliases that it had are gone.

        Where its collection was deleted, that is taken back, with the versions that it had. `NotFoundError` when ``gc``
        removed it.
        """
        ...

    def link_artifact(self, path: ArtifactPath, target: CollectionPath, aliases: Sequence[str] = ()) -> ArtifactInfo:
        """A version as the next one of a portfolio, which is made if need be. Linked before, it keeps its number."""
        ...

    def use_artifact(self, path: ArtifactPath, run: RunPath, use_as: str | None = None) -> ArtifactInfo:
        """Note that a run uses a version, and tell which it is."""
        ...

    def list_artifact_users(self, path: ArtifactPath) -> list[RunPath]:
        """The runs that used a version, in the order in which they first did."""
        ...

    def list_artifact_links(self, path: ArtifactPath) -> list[ArtifactInfo]:
        """What a version is in each portfolio that it is linked to, by the names of those."""
        ...

    def list_run_artifacts(self, run: RunPath, relation: Relation) -> list[ArtifactInfo]:
        """The versions that a run logged or used, in the order in which it did. Deleted ones are left out."""
        ...

    def list_collections(self, entity: str, project: str, *, type: str | None = None) -> list[CollectionInfo]:
        """The collections of a project by name, or those of one type."""
        ...

    def read_collection(self, path: CollectionPath) -> CollectionInfo:
        """One collection."""
        ...

    def edit_collection(self, path: CollectionPath, edit: CollectionEdit) -> CollectionInfo:
        """Change what is known of a collection. `ConflictError` for a name that is taken."""
        ...

    def delete_collection(self, path: CollectionPath) -> None:
        """Move a collection with all its versions to the trash."""
        ...
