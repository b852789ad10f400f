"""Where the bytes of artifacts are put and fetched, as the addresses that are signed; pure."""

from __future__ import annotations

FILES, MANIFESTS, UPLOADS = "/artifact-files", "/artifact-manifests", "/artifact-uploads"


def file_address(artifact_id: str, name: str) -> str:
    """A file of a version, to be fetched."""
    return f"{FILES}/{artifact_id}/{name}"


def manifest_address(artifact_id: str) -> str:
    """What a version is made of, as W&B writes it."""
    return f"{MANIFESTS}/{artifact_id}"


def upload_address(artifact_id: str, hex_md5: str, name: str | None = None) -> str:
    """Where bytes of this MD5 are put for a draft, with a name if they are to be read again."""
    return f"{UPLOADS}/{artifact_id}/{hex_md5}" + ("" if name is None else f"/{name}")
