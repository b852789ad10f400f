"""What the network needs of artifacts besides their model: where they are, and what is asked."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import msgspec

from runlake.artifact_model import ArtifactPath, CollectionPath, WantedUpload
from runlake.model import RunPath
from runlake.service.wire.documents import API_PREFIX
from runlake.store.artifacts.manifest import decode_entries, encode_entries

__all__ = ["decode_entries", "encode_entries"]

MAX_WANTED = 10_000
"""So many contents one request may ask for."""


class ContentQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which contents are asked for, by MD5 in base64."""

    digests: list[str]


class UploadQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which contents somebody wants to put past the server, for addresses that are good so long."""

    wanted: Annotated[list[WantedUpload], msgspec.Meta(max_length=MAX_WANTED)]
    valid_s: float


class CompletedUpload(msgspec.Struct, frozen=True, kw_only=True):
    """A content all parts of which were put, and the ETags that were answered for them."""

    digest: str
    tags: list[str]


class Linking(msgspec.Struct, frozen=True, kw_only=True):
    """To which portfolio a version is linked."""

    target: CollectionPath
    aliases: tuple[str, ...] = ()


class Using(msgspec.Struct, frozen=True, kw_only=True):
    """Which run uses a version."""

    run: RunPath
    use_as: str | None = None


def collection_address(path: CollectionPath, *rest: str) -> str:
    """Where a collection is, within a server."""
    return "/".join((f"{API_PREFIX}/artifacts", *(quote(part, safe="") for part in (*path, *rest))))


def artifact_address(path: ArtifactPath, *rest: str) -> str:
    """Where a version is, within a server."""
    return collection_address(path.collection, "versions", path.version, *rest)


def content_address(path: ArtifactPath, name: str) -> str:
    """Where a file of a version is, within a server."""
    return f"{artifact_address(path)}/files/{quote(name, safe='/')}"
