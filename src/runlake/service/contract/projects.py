"""The verbs of projects."""

from __future__ import annotations

from typing import Protocol

from runlake.model import ProjectInfo


class ProjectVerbs(Protocol):
    """What projects there are."""

    def list_projects(self, entity: str | None = None) -> list[ProjectInfo]:
        """All projects, of all entities when `entity` is None, by entity and name."""
        ...

    def create_project(self, entity: str, project: str) -> ProjectInfo:
        """Make the project be there; an existing one is left as it is."""
        ...
