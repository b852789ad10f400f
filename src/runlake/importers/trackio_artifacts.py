"""Artifacts of Trackio: versions in its database, contents by their SHA-256 beside it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from runlake.artifact_model import ManifestEntry, digest_of
from runlake.importers.database import Database
from runlake.importers.folder_files import opener
from runlake.importers.foreign import ForeignArtifact, project_of
from runlake.md5 import md5_of

_VERSION_COLUMNS = ("id", "artifact_id", "version", "manifest", "metadata", "created_at")


def artifacts_of(
    file: Path, database: Database, run_id: str, lost: Counter[str], problems: list[str]
) -> Iterator[ForeignArtifact]:
    """The versions that a run logged, oldest first; those that it used are counted in `lost`."""
    for table in ("run_artifact_links", "external_run_artifact_links"):
        if used := sum(1 for _ in database.select(table, ("id",), "run_id = ? and direction = 'input'", (run_id,))):
            lost["used artifact"] += used
    for version_id, artifact_id, version, manifest, metadata, created_at in database.select(
        "artifact_versions", _VERSION_COLUMNS, "producer_run_id = ?", (run_id,)
    ):
        for name, kind, description in database.select(
            "artifacts", ("name", "type", "description"), "id = ?", (artifact_id,)
        ):
            try:
                entries, files = _entries(file, msgspec.json.decode(manifest))
                facts = msgspec.json.decode(metadata) if metadata else {}
                at = datetime.fromisoformat(str(created_at)).timestamp()
            except (ValueError, TypeError, KeyError, OSError) as error:
                problems.append(f"version {version} of the artifact {name} cannot be read: {error}")
                continue
            aliases = database.select("artifact_aliases", ("alias",), "artifact_version_id = ?", (version_id,))
            identity = f"trackio\0{file.stem}\0{name}\0{version}\0{created_at}"
            yield ForeignArtifact(
                name=project_of(str(name)),
                type=str(kind),
                digest=digest_of(entries),
                artifact_id=hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:32],
                created_at=at,
                entries=entries,
                files=files,
                description=description or None,
                metadata=facts if isinstance(facts, dict) else {},
                aliases=tuple(alias for (alias,) in aliases),
            )


def _entries(
    file: Path, manifest: list[dict[str, Any]]
) -> tuple[tuple[ManifestEntry, ...], dict[str, Callable[[], BinaryIO]]]:
    entries, files = [], dict[str, Callable[[], BinaryIO]]()
    for entry in manifest:
        path, digest, size_bytes = str(entry["path"]), str(entry["digest"]), int(entry.get("size") or 0)
        if entry.get("ref"):
            entries.append(ManifestEntry(path=path, digest=digest, size_bytes=size_bytes, ref=str(entry["ref"])))
            continue
        if not digest.isalnum():
            raise ValueError(f"{digest[:80]!r} is no SHA-256")
        blob = file.parent / "artifacts" / file.stem / "blobs" / "sha256" / digest[:2] / digest
        files[path] = opener(blob)
        entries.append(ManifestEntry(path=path, digest=_md5(blob), size_bytes=size_bytes))
    return tuple(entries), files


def _md5(file: Path) -> str:
    """The MD5 of a file in base64; of one that is gone, what no file has."""
    try:
        with file.open("rb") as content:
            return md5_of(content)
    except OSError:
        return "gone"
