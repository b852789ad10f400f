"""Artifacts as records of a ``.wandb`` file say them: what each is made of, and where its files lay."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from runlake.artifact_model import ManifestEntry, digest_of
from runlake.errors import BadValueError
from runlake.importers.foreign import ForeignArtifact
from runlake.importers.wandb_items import read_json
from runlake.integrations.tensorboard.wire import fields, raw, signed, text

TYPE, NAME, DIGEST, DESCRIPTION, METADATA, ALIASES, MANIFEST, CLIENT_ID, TTL, TAGS = 4, 5, 6, 7, 8, 11, 12, 15, 18, 19
_CONTENTS, _MANIFEST_FILE = 4, 5
_ID_LENGTH = 32


def read_artifact(message: bytes, mark: str, at: float, folder: Path) -> ForeignArtifact:
    """The artifact of a record. `mark` is that of its run, `at` when it was logged, `folder` where the program ran.

    BadValueError for one whose record does not say what is in it.
    """
    said = dict[int, Any]()
    aliases, tags = list[str](), list[str]()
    for number, _, content in fields(message):
        if number in (ALIASES, TAGS):
            (aliases if number == ALIASES else tags).append(text(content))
        else:
            said[number] = content
    words = {number: text(said.get(number, b"")) for number in (TYPE, NAME, DIGEST, DESCRIPTION, CLIENT_ID)}
    if not words[NAME] or MANIFEST not in said:
        raise BadValueError("a record of an artifact without its name or manifest")
    files: dict[str, Path] = {}
    entries = tuple(_entries(raw(said[MANIFEST]), folder, files))
    identity = f"{mark}\0{words[CLIENT_ID] or words[NAME] + words[DIGEST]}"
    return ForeignArtifact(
        name=words[NAME],
        type=words[TYPE],
        digest=digest_of(entries),
        artifact_id=hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:_ID_LENGTH],
        description=words[DESCRIPTION] or None,
        metadata=_metadata(raw(said.get(METADATA, b""))),
        aliases=tuple(aliases),
        tags=tuple(tags),
        created_at=at,
        ttl_s=float(ttl_s) if (ttl_s := signed(int(said.get(TTL, 0)))) > 0 else None,
        entries=entries,
        files={path: partial(_open, file) for path, file in files.items()},
    )


def _entries(manifest: bytes, folder: Path, files: dict[str, Path]) -> Iterator[ManifestEntry]:
    """The entries of a manifest; `files` is told where the bytes of each lay."""
    for number, _, content in fields(manifest):
        if number == _MANIFEST_FILE and content:
            raise BadValueError("the manifest of an artifact lies in a file of its own, which is not read")
        if number != _CONTENTS:
            continue
        said = dict[int, Any]()
        extra: dict[str, Any] = {}
        for field, _, value in fields(raw(content)):
            if field == 16:
                item = {part: raw(content) for part, _, content in fields(raw(value))}
                extra[text(item.get(1, b""))] = read_json(item.get(2, b"null"))
            else:
                said[field] = value
        path = text(said.get(1, b""))
        ref = text(said[3]) if said.get(3) else None
        if ref is None:
            files[path] = folder / text(said.get(6, b""))
        yield ManifestEntry(
            path=path, digest=text(said.get(2, b"")), size_bytes=int(said.get(4, 0)), ref=ref, extra=extra
        )


def _metadata(content: bytes) -> dict[str, Any]:
    found = read_json(content) if content else {}
    return found if isinstance(found, dict) else {}


def _open(file: Path) -> BinaryIO:
    """FileNotFoundError for what is no regular file: a log may name a pipe, or a device without an end."""
    if not file.is_file():
        raise FileNotFoundError(str(file))
    return file.open("rb")
