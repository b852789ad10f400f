"""One version of an artifact as files: what it is made of, and the bytes of each file that the store has."""

from __future__ import annotations

import base64
import hashlib

import msgspec

from runlake.artifact_model import ArtifactInfo, ManifestEntry
from runlake.bulk.manifest import ArtifactEntry, FileEntry
from runlake.bulk.target import Target, copy_stream
from runlake.bulk.unreadable import UnreadableError, opened, reading
from runlake.local_names import why_refused
from runlake.service.contract import Service
from runlake.store.layout import encode_file_part, encode_name


def write_artifact(service: Service, target: Target, info: ArtifactInfo) -> ArtifactEntry:
    """Write the files of one version; its entry says which, and why what is missing is.

    ``artifacts/NAME/v3.json`` says what the version is made of, references to what lies elsewhere included, and
    ``artifacts/NAME/v3/`` has the files.
    """
    files: list[FileEntry] = []
    problems: list[str] = []
    folder = f"artifacts/{encode_name(info.name)}/{info.version}"
    entries: list[ManifestEntry] = []
    try:
        with reading("it"):
            entries = service.read_manifest(info.path)
        files.append(_write_manifest(target, info, entries, f"{folder}.json"))
    except UnreadableError as error:
        problems.append(str(error))
    for entry in entries:
        problem = None if entry.ref is not None else _copy(service, target, info, entry, folder, files)
        problems += [] if problem is None else [problem]
    return ArtifactEntry(
        name=info.name,
        version=info.version or "",
        artifact_id=info.artifact_id,
        digest=info.digest,
        files=tuple(files),
        problems=tuple(problems),
    )


def _write_manifest(target: Target, info: ArtifactInfo, entries: list[ManifestEntry], path: str) -> FileEntry:
    known = {"name": info.name, "version": info.version, "type": info.type, "digest": info.digest}
    text = msgspec.json.encode({**known, "entries": entries}, order="deterministic")
    with target.writing(path) as file:
        file.write(msgspec.json.format(text, indent=1) + b"\n")
    return FileEntry(path=path, kind="artifact_manifest", size_bytes=file.size_bytes, sha256=file.sha256())


def _copy(
    service: Service, target: Target, info: ArtifactInfo, entry: ManifestEntry, folder: str, files: list[FileEntry]
) -> str | None:
    """Copy one file; the answer says why it is not there."""
    why = why_refused(entry.path)
    if why is not None:
        return f"the file {entry.path!r} is left out: {why}"
    path = "/".join([folder, *map(encode_file_part, entry.path.split("/"))])
    md5 = hashlib.md5(usedforsecurity=False)
    what = f"the file {entry.path!r}"
    try:
        with opened(lambda: service.open_content(info.path, entry.path), what) as source, target.writing(path) as file:
            copy_stream(source, file, md5)
    except UnreadableError as error:
        return str(error)
    if base64.b64encode(md5.digest()).decode() != entry.digest:
        target.clear(path)
        return f"the file {entry.path!r} is left out: its bytes are not those that were logged; run `runlake check`"
    files.append(
        FileEntry(
            path=path, kind="artifact_file", size_bytes=file.size_bytes, sha256=file.sha256(), name=entry.path,
            md5=entry.digest,
        )
    )  # fmt: skip
    return None
