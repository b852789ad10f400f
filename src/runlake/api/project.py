"""Projects of a store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, overload
from urllib.parse import quote

from runlake.api.runs import Runs
from runlake.api.sweep import Sweeps
from runlake.api.unsupported import PROJECT_ABSENT, name_absent
from runlake.clean_text import one_line
from runlake.model import ProjectInfo
from runlake.plain import iso_time
from runlake.service.contract import Service

if TYPE_CHECKING:
    from runlake.api.artifacts import ArtifactType, StoredArtifacts
    from runlake.artifacts.collection import ArtifactCollection
    from runlake.artifacts.kept import FindRun

ListRuns = Callable[..., Runs]
ListSweeps = Callable[[str], Sweeps]


@name_absent(*PROJECT_ABSENT)
class Project:
    """One project: its name, its entity, and the way to its runs and sweeps."""

    def __init__(
        self, service: Service, info: ProjectInfo, list_runs: ListRuns, list_sweeps: ListSweeps, find_run: FindRun
    ) -> None:
        self._service = service
        self._info = info
        self._list_runs = list_runs
        self._list_sweeps = list_sweeps
        self._find_run = find_run

    @property
    def name(self) -> str:
        return self._info.name

    @property
    def id(self) -> str:
        return "/".join(self.path)

    @property
    def entity(self) -> str:
        return self._info.entity

    @property
    def path(self) -> list[str]:
        """Entity and project."""
        return [self._info.entity, self._info.name]

    @property
    def url(self) -> str:
        return "/".join([self._service.url.rstrip("/"), *(quote(part, safe="") for part in self.path)])

    @property
    def created_at(self) -> str:
        """ISO time in UTC."""
        return iso_time(self._info.created_at)

    @property
    def run_count(self) -> int:
        """How many runs it had when it was read."""
        return self._info.run_count

    def runs(self, filters: dict[str, Any] | None = None, order: str = "+created_at", per_page: int = 50) -> Runs:
        """The runs of the project, as `Api.runs` lists them."""
        return self._list_runs("/".join(self.path), filters=filters, order=order, per_page=per_page)

    def sweeps(self, per_page: int = 50) -> Sweeps:
        """The sweeps of the project, oldest first; `per_page` is accepted and changes nothing."""
        return self._list_sweeps("/".join(self.path))

    def artifacts_types(self, per_page: int = 50) -> list[ArtifactType]:
        """The types of its artifacts."""
        return self._artifacts.types(None)

    def collections(self, per_page: int = 50) -> list[ArtifactCollection]:
        """Its collections of artifacts, by name."""
        return self._artifacts.collections(None, None)

    @property
    def _artifacts(self) -> StoredArtifacts:
        from runlake.api.artifacts import StoredArtifacts

        return StoredArtifacts(self._service, self.entity, self._info.name, self._find_run)

    def __repr__(self) -> str:
        return one_line(f"<Project {'/'.join(self.path)}>")

    def _repr_html_(self) -> str:
        return self.runs(per_page=10)._repr_html_()


class Projects(Sequence[Project]):
    """Projects by entity and name."""

    def __init__(self, projects: list[Project]) -> None:
        self._projects = projects

    @overload
    def __getitem__(self, index: int) -> Project: ...
    @overload
    def __getitem__(self, index: slice) -> list[Project]: ...
    def __getitem__(self, index: int | slice) -> Project | list[Project]:
        return self._projects[index]

    def __len__(self) -> int:
        return len(self._projects)

    def __repr__(self) -> str:
        return f"<Projects {['/'.join(project.path) for project in self._projects]}>"
