"""The verbs of projects over a folder."""

from __future__ import annotations

from runlake.errors import ReadOnlyError
from runlake.model import ProjectInfo, RunPath
from runlake.service.local.folder import StoreFolder
from runlake.store.layout import check_run_path
from runlake.store.store_format import create_store


class LocalProjects:
    """`contract.projects` over a folder."""

    def __init__(self, folder: StoreFolder) -> None:
        self._folder, self._layout = folder, folder.layout

    def list_projects(self, entity: str | None = None) -> list[ProjectInfo]:
        self._folder.check_format()
        entities = self._layout.entities() if entity is None else [entity]
        return [
            self._describe_project(owner, project) for owner in entities for project in self._layout.projects(owner)
        ]

    def create_project(self, entity: str, project: str) -> ProjectInfo:
        check_run_path(RunPath(entity, project, "any"))
        create_store(self._layout)
        try:
            self._layout.make_project_dir(entity, project)
        except OSError as error:
            raise ReadOnlyError(f"project {entity}/{project} cannot be made in {self._layout.root}: {error}") from error
        return self._describe_project(entity, project)

    def _describe_project(self, entity: str, project: str) -> ProjectInfo:
        folder = self._layout.project_dir(entity, project)
        run_count = len(self._layout.run_ids(entity, project))
        return ProjectInfo(entity=entity, name=project, created_at=folder.stat().st_mtime, run_count=run_count)
