"""`ArtifactCollection`: the versions of one name, and what is known of them together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runlake.artifact_model import ArtifactInfo, CollectionEdit, CollectionInfo, CollectionPath
from runlake.plain import iso_time
from runlake.service.contract import Service


class ArtifactCollection:
    """The versions of one name. `name`, `description`, `type` and `tags` can be set, and are kept by `save()`.

    `at` makes an artifact in hand of what the store knows of one.
    """

    def __init__(self, service: Service, info: CollectionInfo, at: Callable[[ArtifactInfo], Any]) -> None:
        self._service, self._at = service, at
        self._take(info)

    def _take(self, info: CollectionInfo) -> None:
        self._info = info
        self.name, self.type, self.description = info.name, info.type, info.description
        self.tags = list(info.tags)

    @property
    def path(self) -> CollectionPath:
        return self._info.path

    @property
    def id(self) -> str:
        """``entity/project/name``: nothing else names a collection."""
        return str(self.path)

    @property
    def entity(self) -> str:
        return self._info.entity

    @property
    def project(self) -> str:
        return self._info.project

    @property
    def aliases(self) -> list[str]:
        """Those that its versions have."""
        return list(self._info.aliases)

    @property
    def created_at(self) -> str:
        return iso_time(self._info.created_at)

    @property
    def updated_at(self) -> str:
        return iso_time(self._info.updated_at)

    @property
    def version_count(self) -> int:
        return self._info.version_count

    def is_sequence(self) -> bool:
        """Whether it has versions of its own, and is no portfolio of links."""
        return self._info.kind == "sequence"

    def artifacts(self, per_page: int = 50) -> list[Any]:
        """Its versions as `Artifact`, the newest first."""
        return [self._at(info) for info in self._service.list_artifacts(self.path)]

    versions = artifacts

    def change_type(self, new_type: str) -> None:
        """Give it another type."""
        self.type = new_type
        self.save()

    def save(self) -> None:
        """Keep what was set. `ConflictError` for a name that is taken."""
        before = self._info
        edit = CollectionEdit(
            name=None if self.name == before.name else self.name,
            type=None if self.type == before.type else self.type,
            description=None if self.description == before.description else self.description or "",
            add_tags=tuple(tag for tag in dict.fromkeys(self.tags) if tag not in before.tags),
            remove_tags=tuple(tag for tag in before.tags if tag not in self.tags),
        )
        if edit != CollectionEdit():
            self._take(self._service.edit_collection(self.path, edit))

    def delete(self) -> None:
        """Move it with all its versions to the trash."""
        self._service.delete_collection(self.path)

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, ArtifactCollection) and other.path == self.path

    def __hash__(self) -> int:
        return hash(self.path)

    def __repr__(self) -> str:
        return f"<ArtifactCollection {self.name} ({self.type})>"
