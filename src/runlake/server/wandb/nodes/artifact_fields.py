"""What filters and orders of artifacts and of their collections speak of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from runlake.artifact_model import ArtifactInfo, CollectionInfo
from runlake.query.runs.filter import Kind
from runlake.query.runs.listed import Listed, ListedField

T = TypeVar("T")


def _fields(spellings: list[tuple[str, Kind, Callable[[T], Any]]]) -> dict[str, ListedField[T]]:
    return {name: ListedField(kind, read) for names, kind, read in spellings for name in names.split()}


_OF_VERSIONS: list[tuple[str, Kind, Callable[[ArtifactInfo], Any]]] = [
    ("version_index versionIndex", "number", lambda info: info.version_number),
    ("state", "text", lambda info: info.state),
    ("created_at createdAt", "time", lambda info: info.created_at),
    ("updated_at updatedAt", "time", lambda info: info.updated_at),
    ("tags tag", "tags", lambda info: list(info.tags)),
    ("aliases alias", "tags", lambda info: list(info.aliases)),
    ("description", "text", lambda info: info.description),
    ("digest", "text", lambda info: info.digest),
    ("size size_bytes", "number", lambda info: info.size_bytes),
    ("file_count fileCount", "number", lambda info: info.file_count),
    ("ttl_duration_seconds ttlDurationSeconds", "number", lambda info: info.ttl_s),
    ("user", "text", lambda info: info.user),
    ("run run_id", "text", lambda info: None if info.created_by is None else info.created_by.run_id),
]

VERSIONS: Listed[ArtifactInfo] = Listed(_fields(_OF_VERSIONS), lambda info: info.metadata)
"""Fields of a version."""

_OF_COLLECTIONS: list[tuple[str, Kind, Callable[[CollectionInfo], Any]]] = [
    ("name", "text", lambda info: info.name),
    ("type", "text", lambda info: info.type),
    ("description", "text", lambda info: info.description),
    ("created_at createdAt", "time", lambda info: info.created_at),
    ("updated_at updatedAt", "time", lambda info: info.updated_at),
    ("tags tag", "tags", lambda info: list(info.tags)),
    ("aliases alias", "tags", lambda info: list(info.aliases)),
    ("version_count", "number", lambda info: info.version_count),
    ("size size_bytes", "number", lambda info: info.size_bytes),
]

COLLECTIONS: Listed[CollectionInfo] = Listed(_fields(_OF_COLLECTIONS))
"""Fields of a collection."""
