"""The verbs of projects over a folder."""

from __future__ import annotations

from runlake.errors import ReadOnlyError
from runlake.model import ProjectInfo, RunPath
from runlake.service.local.open_store import OpenStore
from runlake.store.layout import check_run_path
from runlake.store.store import Store


class LocalProjects:
    """`contract.projects` over a folder."""

    def __init__(self, folder: OpenStore[Store]) -> None:
        self._folder, self._store = folder, folder.store

    def list_projects(self, entity: str | None = None) -> list[ProjectInfo]:
        self._folder.check_format()
        entities = self._store.entities() if entity is None else [entity]
        return [self._describe_project(owner, project) for owner in entities for project in self._store.projects(owner)]

    def create_project(self, entity: str, project: str) -> ProjectInfo:
        check_run_path(RunPath(entity, project, "any"))
        self._store.create()
        try:
            self._store.make_project(entity, project)
        except OSError as error:
            raise ReadOnlyError(f"project {entity}/{project} cannot be made in {self._store.url}: {error}") from error
        return self._describe_project(entity, project)

    def _describe_project(self, entity: str, project: str) -> ProjectInfo:
        run_count = len(self._store.run_ids(entity, project))
        return ProjectInfo(
            entity=entity, name=project, created_at=self._store.project_made_at(entity, project), run_count=run_count
        )
