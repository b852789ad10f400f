"""``runlake ls --artifacts`` and ``runlake artifact ls``: which collections there are, and which versions of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runlake.cli import output
from runlake.cli.documents import artifact_document, collection_document
from runlake.cli.format import format_count, format_size, format_time

if TYPE_CHECKING:
    from runlake.artifact_model import CollectionPath
    from runlake.service.contract import Service


def list_collections(
    service: Service,
    projects: list[tuple[str, str]],
    *,
    type: str | None,
    limit: int | None,
    where: str,
    as_json: bool,
) -> None:
    """Print the collections of some projects, by name; `where` names the projects for people."""
    found = [one for entity, name in projects for one in service.list_collections(entity, name, type=type)]
    shown = found[:limit]
    if as_json:
        output.print_json({"total_count": len(found), "collections": [collection_document(one) for one in shown]})
        return
    if not found:
        output.note(f"no artifacts{'' if type is None else f' of type {type}'} in {where}")
        return
    is_one = len(projects) == 1
    rows = [
        (
            one.name if is_one else str(one.path),
            one.type if one.kind == "sequence" else f"{one.type} (portfolio)",
            f"{one.version_count:,}",
            ", ".join(f"{alias}={version}" for alias, version in one.aliases.items()),
            "" if one.kind == "portfolio" else format_size(one.size_bytes),
            format_time(one.updated_at),
        )
        for one in shown
    ]
    columns = ("ARTIFACT", "TYPE", "VERSIONS", "ALIASES", "SIZE", "UPDATED")
    output.print_table(columns, rows, right=("VERSIONS", "SIZE"))
    _tell_more(len(shown), len(found), "artifact")


def list_versions(service: Service, path: CollectionPath, *, limit: int | None, as_json: bool) -> None:
    """Print the versions of a collection, the newest first."""
    found = service.list_artifacts(path)
    shown = found[:limit]
    if as_json:
        output.print_json({"total_count": len(found), "versions": [artifact_document(one) for one in shown]})
        return
    rows = [
        (
            one.version or "",
            ", ".join(one.aliases),
            f"{one.file_count:,}",
            format_size(one.size_bytes),
            one.created_by.run_id if one.created_by is not None else "",
            format_time(one.created_at),
        )
        for one in shown
    ]
    output.print_table(("VERSION", "ALIASES", "FILES", "SIZE", "RUN", "CREATED"), rows, right=("FILES", "SIZE"))
    _tell_more(len(shown), len(found), "version")


def _tell_more(shown_count: int, found_count: int, word: str) -> None:
    if shown_count < found_count:
        output.note(f"{shown_count:,} of {format_count(found_count, word)}; --all lists every one, --limit N more")
