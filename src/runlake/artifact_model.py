"""The words of artifacts as frozen values: versioned sets of files with a name, a type, aliases and lineage.

Loads msgspec and nothing heavier.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

import msgspec

from runlake.md5 import new_md5
from runlake.model import RunPath

ArtifactState = Literal["PENDING", "COMMITTED", "DELETED"]
"""In capitals, as W&B has them. PENDING: begun, and nobody finds it by its name yet."""

CollectionKind = Literal["sequence", "portfolio"]
"""A sequence has versions of its own; a portfolio has links to those of sequences."""

Relation = Literal["logged", "used"]
"""What a run did with an artifact."""

LATEST = "latest"
"""The alias that is asked for where none is named: the newest version, where nobody gave it to another."""


class CollectionPath(NamedTuple):
    """Where the versions of one name are: ``entity/project/name``."""

    entity: str
    project: str
    name: str

    def __str__(self) -> str:
        return "/".join(self)

    def at(self, version: str) -> ArtifactPath:
        """One version of it."""
        return ArtifactPath(*self, version)


class ArtifactPath(NamedTuple):
    """One version: ``entity/project/name:version``, where `version` is ``v3``, an alias, or an artifact id."""

    entity: str
    project: str
    name: str
    version: str = LATEST

    def __str__(self) -> str:
        return f"{self.entity}/{self.project}/{self.name}:{self.version}"

    @property
    def collection(self) -> CollectionPath:
        return CollectionPath(self.entity, self.project, self.name)


class ContentInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Bytes of a store: one copy of them, whoever logged it. `digest` is their MD5 in base64, as W&B compares files.

    `name` is that under which they were put for a draft, of bytes that whoever makes it wants to read again.
    """

    sha256: str
    digest: str
    size_bytes: int
    name: str | None = None


class WantedUpload(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A content that somebody wants to put, by what is known of it before it is sent: at least its MD5 in base64.

    `part_digests` are the MD5s of its parts, in base64 too, where whoever sends it can send it in parts.
    """

    digest: str
    sha256: str | None = None
    part_digests: tuple[str, ...] = ()


class UploadAddress(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a content is put outside of the server: by PUT to `url` with exactly these `headers`.

    With `part_urls` in parts instead, each with its own ``Content-MD5``; then the upload is completed.
    """

    digest: str
    url: str
    headers: dict[str, str] = {}
    part_urls: tuple[str, ...] = ()


UploadWay = Literal["server", "copied", "bound"]
"""How contents come into a bucket: through the server; put by clients, then copied and read; or also to addresses
that take nothing but the bytes of one SHA-256."""


class ManifestEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One file of an artifact, or with `ref` a reference to what lies elsewhere.

    `digest` of a file is its MD5 in base64; of a reference what its place says of its content, or its address where
    nothing is known. `extra` is what a place needs to find the same content again, as ``{"etag": …}``.
    """

    path: str
    digest: str
    size_bytes: int = 0
    sha256: str | None = None
    ref: str | None = None
    extra: dict[str, Any] = {}


class ArtifactStart(msgspec.Struct, frozen=True, kw_only=True):
    """What an artifact begins with. Where a version has the same `digest`, that one is meant, and nothing is begun.

    Who begins again with the same `artifact_id` goes on with what is there; it is found by `other_id` as well. `run`
    makes it; `user` is who asks, and at a server only an admin may name another. `created_at` is for one that was made
    elsewhere before: seconds since 1970 (UTC); None: now. An artifact is deleted by ``runlake gc`` when it is `ttl_s`
    seconds old; None: never.
    """

    type: str
    digest: str = ""
    artifact_id: str | None = None
    other_id: str | None = None
    description: str | None = None
    metadata: dict[str, Any] = {}
    aliases: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    run: RunPath | None = None
    user: str | None = None
    created_at: float | None = None
    ttl_s: float | None = None
    history_step: int | None = None


class ArtifactEdit(msgspec.Struct, frozen=True, kw_only=True):
    """What to change of a version; what is left out stays as it is. `ttl_s` of 0 or less: never deleted by age."""

    description: str | None = None
    metadata: dict[str, Any] | None = None
    ttl_s: float | None = None
    add_aliases: tuple[str, ...] = ()
    remove_aliases: tuple[str, ...] = ()
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()


class ArtifactInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One version as a reader sees it; times in seconds since 1970 (UTC). While it is PENDING it has no number.

    `source` is where a linked version is at home: of a version itself it is None.
    """

    entity: str
    project: str
    name: str
    artifact_id: str
    type: str
    state: ArtifactState
    version_number: int | None = None
    digest: str = ""
    size_bytes: int = 0
    file_count: int = 0
    description: str | None = None
    metadata: dict[str, Any] = {}
    aliases: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    created_by: RunPath | None = None
    user: str | None = None
    created_at: float = 0.0
    updated_at: float = 0.0
    linked_at: float | None = None
    ttl_s: float | None = None
    history_step: int | None = None
    source: ArtifactPath | None = None

    @property
    def version(self) -> str | None:
        """``v3``; None while it is PENDING."""
        return None if self.version_number is None else f"v{self.version_number}"

    @property
    def collection(self) -> CollectionPath:
        return CollectionPath(self.entity, self.project, self.name)

    @property
    def path(self) -> ArtifactPath:
        """By its number, or by its id while it has none."""
        return ArtifactPath(self.entity, self.project, self.name, self.version or self.artifact_id)


class CollectionInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The versions of one name. `aliases` says which version has which; `version_count` counts those that are there."""

    entity: str
    project: str
    name: str
    type: str
    kind: CollectionKind = "sequence"
    description: str | None = None
    tags: tuple[str, ...] = ()
    aliases: dict[str, str] = {}
    version_count: int = 0
    size_bytes: int = 0
    created_at: float = 0.0
    updated_at: float = 0.0

    @property
    def path(self) -> CollectionPath:
        return CollectionPath(self.entity, self.project, self.name)


class CollectionEdit(msgspec.Struct, frozen=True, kw_only=True):
    """What to change of a collection; what is left out stays as it is."""

    name: str | None = None
    type: str | None = None
    description: str | None = None
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()


def digest_of(entries: Iterable[ManifestEntry]) -> str:
    """The digest of an artifact in hex, as W&B computes it: an MD5 over names and digests in the order of the names."""
    digest = new_md5(b"wandb-artifact-manifest-v1\n")
    for entry in sorted(entries, key=lambda entry: entry.path):
        digest.update(f"{entry.path}:{entry.digest}\n".encode())
    return digest.hexdigest()
