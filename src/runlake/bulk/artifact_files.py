"""One version of an artifact as files: what it is made of, and the bytes of each file that the store has."""

from __future__ import annotations

import msgspec

from runlake.artifact_model import ArtifactInfo, ManifestEntry
from runlake.bulk.copies import copy_file
from runlake.bulk.manifest import ArtifactEntry, FileEntry
from runlake.bulk.side_by_side import SideBySide
from runlake.bulk.target import Target
from runlake.bulk.unreadable import UnreadableError, reading
from runlake.service.contract import Service
from runlake.store.layout import encode_file_part, encode_name


def write_artifact(service: Service, target: Target, info: ArtifactInfo, copying: SideBySide) -> ArtifactEntry:
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

    def copy(entry: ManifestEntry) -> FileEntry | str:
        return copy_file(
            target,
            lambda: service.open_content(info.path, entry.path),
            "/".join([folder, *map(encode_file_part, entry.path.split("/"))]),
            name=entry.path,
            kind="artifact_file",
            md5=entry.digest,
            other_bytes="its bytes are not those that were logged; run `runlake check`",
        )

    for one in copying.each(copy, (entry for entry in entries if entry.ref is None)):
        if isinstance(one, str):
            problems.append(one)
        else:
            files.append(one)
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
