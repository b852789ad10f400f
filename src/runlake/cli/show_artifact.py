"""``runlake show`` of an artifact: what it is, what it is made of, who made it and who used it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runlake.cli import output
from runlake.cli.documents import artifact_document, entry_document
from runlake.cli.format import format_count, format_duration, format_size, format_time

if TYPE_CHECKING:
    from runlake.artifact_model import ArtifactInfo, ArtifactPath, ManifestEntry
    from runlake.model import RunPath
    from runlake.service.contract import Service

FILE_LIMIT = 40
"""So many files are listed for people; --json has all."""


def show_artifact(service: Service, path: ArtifactPath, *, as_json: bool) -> None:
    """Print a version on one page, or as one document."""
    info = service.read_artifact(path)
    entries = service.read_manifest(path)
    users = service.list_artifact_users(path)
    if as_json:
        document = {
            **artifact_document(info),
            "files": [entry_document(entry) for entry in entries],
            "used_by": [str(run) for run in users],
        }
        output.print_json(document)
        return
    output.print_heading(f"{info.path}  {info.type}")
    output.print_table(("", ""), _facts(info, users), indent=2)
    if info.metadata:
        output.print_values("Metadata", info.metadata)
    _print_files(entries)


def _facts(info: ArtifactInfo, users: list[RunPath]) -> list[tuple[str, str]]:
    facts = [
        ("aliases", ", ".join(info.aliases)),
        ("tags", ", ".join(info.tags)),
        ("description", info.description or ""),
        ("size", f"{format_size(info.size_bytes)} in {format_count(info.file_count, 'file')}"),
        ("created", format_time(info.created_at)),
        ("linked", "" if info.linked_at is None else format_time(info.linked_at)),
        ("at home in", "" if info.source is None else str(info.source)),
        ("made by", "" if info.created_by is None else str(info.created_by)),
        ("used by", ", ".join(map(str, users))),
        ("user", info.user or ""),
        ("kept for", "" if info.ttl_s is None else format_duration(info.ttl_s)),
        ("digest", info.digest),
        ("id", info.artifact_id),
    ]
    return [(word, fact) for word, fact in facts if fact]


def _print_files(entries: list[ManifestEntry]) -> None:
    more = f" (the first {FILE_LIMIT} of {len(entries):,})" if len(entries) > FILE_LIMIT else ""
    output.print_line()
    output.print_heading(f"Files{more}")
    rows = [(entry.path, format_size(entry.size_bytes), entry.ref or "") for entry in entries[:FILE_LIMIT]]
    columns, right = ("NAME", "SIZE", "LIES AT"), ("SIZE",)
    if all(entry.ref is None for entry in entries):
        rows, columns = [row[:2] for row in rows], columns[:2]  # type: ignore[misc,assignment]
    output.print_table(columns, rows, right=right, indent=2)
