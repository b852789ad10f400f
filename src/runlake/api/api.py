"""The door to a store for those who read: runs and projects by path, listings, and edits."""

from __future__ import annotations

import json
import os
import secrets
import string
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from runlake.api.across_runs import AcrossRuns
from runlake.api.paths import names_sweep, parse_project_path, parse_run_path, parse_sweep_path, parse_view_path
from runlake.api.run_links import RunLinks
from runlake.api.stored_run import StoredRun
from runlake.api.unsupported import API_ABSENT, name_absent
from runlake.errors import BadValueError, NotFoundError, PathError
from runlake.model import ProjectInfo, RunPath

if TYPE_CHECKING:  # listings, sweeps and projects are loaded by who asks for them: a run is read without
    from runlake.api.artifacts import ArtifactType, StoredArtifacts
    from runlake.api.project import Project, Projects
    from runlake.api.runs import Runs
    from runlake.api.sweep import Sweep, Sweeps
    from runlake.api.views import SavedView
    from runlake.artifacts.artifact import Artifact
    from runlake.artifacts.collection import ArtifactCollection
    from runlake.service.contract import Service
    from runlake.sweep_model import SweepInfo, SweepPath

_ID_LENGTH = 8


@name_absent(*API_ABSENT)
class Api(AcrossRuns):
    """Read and edit the runs of a store.

    `path_or_url` names the store; left out, it is found as it is for writing. `overrides` may hold ``entity``,
    ``project``, ``run`` and ``base_url``: what a path leaves out, and where the store is. A dict in the first place
    is taken as `overrides`, as W&B's `Api` has it. `timeout` (seconds) and `api_key` matter for servers only.

    Runs, sweeps and listings are kept until `flush()`: asking twice gives the same object.
    """

    def __init__(
        self,
        path_or_url: str | os.PathLike[str] | Mapping[str, Any] | None = None,
        overrides: Mapping[str, Any] | None = None,
        timeout: int | None = None,
        api_key: str | None = None,
        *,
        service: Service | None = None,
    ) -> None:
        overrides = dict(overrides or {})
        if isinstance(path_or_url, Mapping):
            overrides, path_or_url = {**path_or_url, **overrides}, None
        if service is None:
            from runlake.service.open import open_service

            place = path_or_url if path_or_url is not None else overrides.get("base_url")
            service = open_service(None if place is None else os.fspath(place), api_key=api_key, timeout_s=timeout)
        super().__init__(service, overrides, timeout, api_key)
        self._links = RunLinks(read_sweep=self._read_sweep, read_run=self._read_run, on_delete=self._forget)
        self._runs: dict[RunPath, StoredRun] = {}
        self._listings: dict[str, Runs] = {}
        self._sweeps: dict[SweepPath, Sweep] = {}

    # Runs

    def run(self, path: str | Sequence[str] = "") -> StoredRun:
        """One run by ``run``, ``project/run``, ``entity/project/run``, ``entity/project:run``, its URL or its `path`.

        Raises `NotFoundError` (a `CommError` and a `ValueError`) when it is not there, `PathError` for no path.
        """
        text = path if isinstance(path, str) else "/".join(path)
        text = text or str(self._overrides.get("run") or "")
        place = parse_run_path(text, self.default_entity, self._default_project)
        if place not in self._runs:
            self._runs[place] = self._read_run(place)
        return self._runs[place]

    def runs(
        self,
        path: str | None = None,
        filters: Mapping[str, Any] | None = None,
        order: str | Sequence[str] = "+created_at",
        per_page: int = 50,
        include_sweeps: bool = True,
        lazy: bool = True,
    ) -> Runs:
        """The runs of a project (``project`` or ``entity/project``) that match `filters`, in `order`.

        Filters are nested dicts as MongoDB has them over the run's fields, ``config.*`` and ``summary_metrics.*``;
        an order is a field with ``+`` or ``-`` before it, or several. Raises `NotFoundError` (a `ValueError`) when
        there is no such project and `FilterError` for what cannot be read. `include_sweeps` and `lazy` are accepted
        and change nothing.
        """
        from runlake.api.runs import Runs

        entity, project = self._project_place(path)
        asked = json.dumps([entity, project, filters, order, per_page], sort_keys=True, default=repr)
        if asked not in self._listings:
            self._listings[asked] = Runs(
                self._service,
                entity,
                project,
                self._links,
                filters=filters,
                order=order,
                per_page=per_page,
            )
        return self._listings[asked]

    def create_run(
        self, run_id: str | None = None, project: str | None = None, entity: str | None = None, **options: Any
    ) -> StoredRun:
        """A new run without a writing process. Raises `ConflictError` when the id is taken."""
        run_id = run_id or _new_id()
        place = RunPath(entity or self.default_entity, project or self._default_project, run_id)
        self._listings.clear()
        self._runs[place] = StoredRun(self._service, self._service.create_run(place), self._links)
        return self._runs[place]

    def _read_run(self, path: RunPath) -> StoredRun:
        return StoredRun(self._service, self._service.read_run(path), self._links)

    # Sweeps

    def sweep(self, path: str | Sequence[str] = "") -> Sweep:
        """One sweep by ``sweep_id``, ``project/sweep_id``, ``entity/project/sweep_id``, its URL or its `path`.

        Raises `NotFoundError` (a `CommError` and a `ValueError`) when it is not there, `PathError` for no path.
        """
        text = path if isinstance(path, str) else "/".join(path)
        place = parse_sweep_path(text, self.default_entity, self._default_project)
        if place not in self._sweeps:
            self._sweeps[place] = self._opened_sweep(self._service.read_sweep(place))
        return self._sweeps[place]

    def sweeps(self, path: str | None = None) -> Sweeps:
        """The sweeps of a project (``project`` or ``entity/project``), oldest first."""
        from runlake.api.sweep import Sweeps

        entity, project = self._project_place(path)
        found = self._service.list_sweeps(entity, project)
        return Sweeps(entity, project, [self._opened_sweep(info) for info in found])

    def _opened_sweep(self, info: SweepInfo) -> Sweep:
        from runlake.api.sweep import Sweep

        return Sweep(self._service, info, self._links, on_delete=self._forget_sweep)

    def _read_sweep(self, path: SweepPath) -> Sweep:
        from runlake.api.sweep import Sweep

        return Sweep(self._service, self._service.read_sweep(path), self._links)

    # Artifacts

    def artifact(self, name: str, type: str | None = None) -> Artifact:
        """One version by ``name:alias`` or ``name:v3``, with the project, or entity and project, before it.

        Raises `NotFoundError` when it is not there, `BadValueError` when it is of another type than `type`.
        """
        return self._artifacts.version(name, type)

    def artifacts(
        self, type_name: str, name: str, per_page: int = 50, tags: Sequence[str] | None = None
    ) -> list[Artifact]:
        """The versions of a collection, the newest first, that have all of `tags`."""
        return self._artifacts.versions(type_name, name, tags)

    def artifact_versions(self, type_name: str, name: str, per_page: int = 50) -> list[Artifact]:
        """The same as `artifacts`."""
        return self.artifacts(type_name, name)

    def artifact_types(self, project: str | None = None) -> list[ArtifactType]:
        """The types of the artifacts of a project (``project`` or ``entity/project``)."""
        return self._artifacts.types(project)

    def artifact_type(self, type_name: str, project: str | None = None) -> ArtifactType:
        """One of them; `NotFoundError` names those there are."""
        return self._artifacts.type_named(type_name, project)

    def artifact_collections(self, project_name: str, type_name: str, per_page: int = 50) -> list[ArtifactCollection]:
        """The collections of one type of a project, by name."""
        return self._artifacts.collections(project_name, type_name)

    def artifact_collection(self, type_name: str, name: str) -> ArtifactCollection:
        """One collection, by ``name`` with the project, or entity and project, before it."""
        return self._artifacts.collection(type_name, name)

    def artifact_exists(self, name: str, type: str | None = None) -> bool:
        """Whether a version is there, and of this type."""
        return _is_there(lambda: self.artifact(name, type))

    def artifact_collection_exists(self, name: str, type: str) -> bool:
        """Whether a collection is there, and of this type."""
        return _is_there(lambda: self.artifact_collection(type, name))

    @property
    def _artifacts(self) -> StoredArtifacts:
        from runlake.api.artifacts import StoredArtifacts

        return StoredArtifacts(self._service, self.default_entity, self._default_project, self._read_run)

    # Saved views

    def view(self, path: str) -> SavedView:
        """One saved view by its id, with the project, or entity and project, before it.

        Raises `NotFoundError` when it is not there, `PathError` for what can be no id.
        """
        from runlake.api.views import SavedView

        place = parse_view_path(path, self.default_entity, self._default_project)
        return SavedView(self._service, self._service.read_view(place))

    def views(self, path: str | None = None, type: str | None = None) -> list[SavedView]:
        """The saved views of a project (``project`` or ``entity/project``), the oldest first, or those of one type."""
        from runlake.api.views import SavedView

        found = self._service.list_views(*self._project_place(path))
        return [SavedView(self._service, info) for info in found if type is None or info.type == type]

    def create_view(self, path: str | None, type: str, name: str, spec: str = "", **words: str) -> SavedView:
        """A new view of a project; `words` may be ``display_name`` and ``description``."""
        from runlake.api.views import SavedView
        from runlake.view_model import ViewPath, ViewPut

        place = ViewPath(*self._project_place(path), _new_id())
        put = ViewPut(type=type, name=name, spec=spec, **words)
        return SavedView(self._service, self._service.put_view(place, put))

    def reports(self, path: str = "", name: str | None = None, per_page: int = 50) -> list[SavedView]:
        """The reports of a project as W&B's libraries save them: the views of type ``runs``, or those of one name."""
        return [view for view in self.views(path, type="runs") if name is None or view.name == name]

    # Projects

    def projects(self, entity: str | None = None, per_page: int = 200) -> Projects:
        """The projects of an entity; of all entities when none is named and none was set."""
        from runlake.api.project import Projects

        found = self._service.list_projects(entity or self._overrides.get("entity"))
        return Projects([self._opened_project(info) for info in found])

    def project(self, name: str, entity: str | None = None) -> Project:
        """One project; `NotFoundError` when it is not there."""
        entity, project = parse_project_path(name, entity or self.default_entity)
        for info in self._service.list_projects(entity):
            if info.name == project:
                return self._opened_project(info)
        known = [info.name for info in self._service.list_projects(entity)]
        raise NotFoundError(f'no project "{project}" of "{entity}"; it has: {", ".join(known[:10]) or "no projects"}')

    def create_project(self, name: str, entity: str | None = None) -> Project:
        """Make the project be there and return it."""
        entity, project = parse_project_path(name, entity or self.default_entity)
        return self._opened_project(self._service.create_project(entity, project))

    def _opened_project(self, info: ProjectInfo) -> Project:
        from runlake.api.project import Project

        return Project(self._service, info, self.runs, self.sweeps, self._read_run)

    def from_path(self, path: str) -> StoredRun | Project | Sweep:
        """What is at a path: ``entity/project`` a project, ``entity/project/run`` a run, ``…/sweeps/id`` a sweep."""
        if names_sweep(path):
            return self.sweep(path)
        try:
            entity, project = parse_project_path(path, None)
        except PathError:
            return self.run(path)
        return self.project(project, entity)

    def flush(self) -> None:
        """Forget what was read, so that runs, sweeps and listings are read anew."""
        self._runs.clear()
        self._sweeps.clear()
        self._listings.clear()

    def _forget(self, path: RunPath) -> None:
        self._runs.pop(path, None)
        self._listings.clear()

    def _forget_sweep(self, path: SweepPath) -> None:
        self._sweeps.pop(path, None)


def _new_id() -> str:
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(_ID_LENGTH))


def _is_there(find: Callable[[], object]) -> bool:
    try:
        find()
    except (NotFoundError, BadValueError):
        return False
    return True
