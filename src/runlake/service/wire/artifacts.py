"""What the network needs of artifacts besides their model: where they are, and manifests as lines."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

import msgspec

from runlake.artifact_model import ArtifactPath, CollectionPath, ManifestEntry
from runlake.errors import BadValueError
from runlake.model import RunPath
from runlake.service.wire.documents import API_PREFIX

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(ManifestEntry)


class ContentQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which contents are asked for, by MD5 in base64."""

    digests: list[str]


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


def pack_manifest(entries: Iterable[ManifestEntry]) -> bytes:
    """An entry a line, as JSON."""
    return _encoder.encode_lines(entries)


def unpack_manifest(lines: bytes) -> list[ManifestEntry]:
    """The inverse of `pack_manifest`; BadValueError for lines that are none."""
    try:
        return _decoder.decode_lines(lines)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadValueError(f"this is no manifest of an artifact: {error}") from None
