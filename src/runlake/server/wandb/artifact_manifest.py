"""What a version is made of, as W&B writes it: one JSON object, whose `contents` are entries by their names; pure.

Three kinds come from clients: one that is whole, one that adds to a version that is there, and one of several that are
put together, each by another process.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple

import msgspec

from runlake.artifact_model import ManifestEntry
from runlake.errors import BadValueError

ManifestType = Literal["FULL", "INCREMENTAL", "PATCH"]

_TYPES: tuple[ManifestType, ...] = ("FULL", "INCREMENTAL", "PATCH")

MAX_MANIFEST_BYTES = 256 << 20
"""A larger manifest, of more than a million files, is not read: it would be in memory as a whole."""

_FOLDER = "manifests/"
_ENTRIES_PER_PIECE = 1_000
_MAX_SIZE_BYTES = 2**63


class _Entry(msgspec.Struct, omit_defaults=True, rename={"birth_artifact_id": "birthArtifactID"}):
    digest: str
    ref: str | None = None
    birth_artifact_id: str | None = None
    size: int | float | None = None
    extra: dict[str, Any] | None = None


class _Manifest(msgspec.Struct):
    contents: dict[str, _Entry]
    version: int = 1


_decoder = msgspec.json.Decoder(_Manifest)
_encoder = msgspec.json.Encoder()


class UploadedManifest(NamedTuple):
    """A manifest that a client uploads for a draft, where it is found again by its `name`.

    `order` puts those of several processes in the order in which they were begun. `base` is the `id` of the version
    that an incremental one adds to.
    """

    type: ManifestType
    order: str
    base: str = ""

    @property
    def name(self) -> str:
        return f"{_FOLDER}{self.order}/{self.type}/{self.base or '-'}"

    @classmethod
    def named(cls, name: str) -> UploadedManifest | None:
        """What a name says; None for that of anything else."""
        parts = name.removeprefix(_FOLDER).split("/", 2)
        if not name.startswith(_FOLDER) or len(parts) != 3:
            return None
        order, told, base = parts
        kind = next((kind for kind in _TYPES if kind == told), None)
        return None if kind is None else cls(kind, order, "" if base == "-" else base)


class ReadEntry(NamedTuple):
    """An entry as a client wrote it, and the `id` of the version with which its bytes came, if it says so."""

    entry: ManifestEntry
    birth: str | None


def read_manifest(content: bytes) -> dict[str, ReadEntry]:
    """The entries of a manifest by their names; `BadValueError` for bytes that are none."""
    try:
        found = _decoder.decode(content)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise BadValueError(f"this is no manifest of an artifact: {error}") from None
    if found.version != 1:
        raise BadValueError(f"the manifest has the version {found.version}, and only 1 is known here")
    return {name: _read_entry(name, entry) for name, entry in found.contents.items()}


def _read_entry(name: str, entry: _Entry) -> ReadEntry:
    size = entry.size or 0
    if not 0 <= size < _MAX_SIZE_BYTES:
        raise BadValueError(f"the manifest says that {name!r:.200} has {size} bytes")
    made = ManifestEntry(
        path=name, digest=entry.digest, size_bytes=int(size), ref=entry.ref or None, extra=entry.extra or {}
    )
    return ReadEntry(made, entry.birth_artifact_id or None)


def manifest_pieces(entries: Iterable[ManifestEntry], birth: str) -> Iterator[bytes]:
    """A manifest as W&B's clients read it, in pieces; `birth` is the `id` of the version whose it is."""
    yield (
        b'{"version":1,"storagePolicy":"wandb-storage-policy-v1",'
        b'"storagePolicyConfig":{"storageLayout":"V2"},"contents":{'
    )
    remaining, separator = iter(entries), b""
    while some := list(itertools.islice(remaining, _ENTRIES_PER_PIECE)):
        yield separator + b",".join(_encoder.encode(entry.path) + b":" + _write_entry(entry, birth) for entry in some)
        separator = b","
    yield b"}}"


def _write_entry(entry: ManifestEntry, birth: str) -> bytes:
    written = _Entry(
        digest=entry.digest,
        ref=entry.ref,
        birth_artifact_id=birth if entry.ref is None else None,
        size=entry.size_bytes,
        extra=entry.extra or None,
    )
    return _encoder.encode(written)
