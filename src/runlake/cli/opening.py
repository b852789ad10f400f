"""From what was typed to the store, run or project that is meant."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from runlake.cli.output import warnings_as_notes
from runlake.errors import FilterError, NotFoundError, PathError, StoreError
from runlake.model import RunPath
from runlake.sweep_model import SweepPath

if TYPE_CHECKING:
    from runlake.service.contract import Service


@dataclass(frozen=True, slots=True)
class GlobalOptions:
    """What stands before the verb: `store` is what ``--dir`` named, None when the usual places are searched."""

    store: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """A run, a whole project (no `run_id`), or a whole store (nothing at all)."""

    entity: str | None = None
    project: str | None = None
    run_id: str | None = None

    @property
    def run_path(self) -> RunPath | None:
        """The run that is meant, or None when it is more than one."""
        if self.entity is None or self.project is None or self.run_id is None:
            return None
        return RunPath(self.entity, self.project, self.run_id)

    def of_project(self) -> tuple[str, str]:
        """Entity and project; `PathError` when the whole store is meant."""
        if self.entity is None or self.project is None:
            raise PathError("name a project or a run; see: runlake ls")
        return self.entity, self.project

    def __str__(self) -> str:
        return "/".join(part for part in (self.entity, self.project, self.run_id) if part) or "the store"


@contextmanager
def open_store(context: typer.Context) -> Iterator[Service]:
    """The store of this command, closed afterwards; warnings inside become single lines."""
    from runlake.service.open import open_service

    options = context.obj if isinstance(context.obj, GlobalOptions) else GlobalOptions()
    with warnings_as_notes():
        service = open_service(options.store)
        try:
            yield service
        finally:
            service.close()


def default_project() -> str:
    """The project of paths that name none, as the settings have it."""
    from runlake.settings import resolve

    return resolve({}, os.environ, Path.cwd()).project


def find_run(service: Service, text: str) -> RunPath:
    """The path a user means by `text`; whether the run exists is for the verb to say."""
    from runlake.api.paths import parse_run_path

    return parse_run_path(text, service.default_entity, default_project())


def find_existing_run(service: Service, text: str) -> RunPath:
    """`find_run`; of a bare name that is no run of the default project, `NotFoundError` says how it was read."""
    path = find_run(service, text)
    if path.run_id != text:
        return path  # what is wrong with a whole path, the verb says
    try:
        service.read_run(path)
    except NotFoundError:
        if _project_exists(service, path.entity, text):
            found = f'"{text}" is a project; name a run of it: {text}/RUN; see: runlake ls {text}'
        else:
            found = f'no run "{text}" in the default project, {path.project}; name its project: PROJECT/{text}'
        raise NotFoundError(f"{found}; in {service.url}") from None
    return path


def find_run_or_sweep(service: Service, text: str) -> RunPath | SweepPath:
    """The run or sweep a user means by `text`; whether it exists is for the verb to say.

    `PathError` when both have that name: then only ``entity/project/sweeps/id`` and ``entity/project/runs/id`` will do.
    """
    from runlake.api.paths import RUNS, SWEEPS, names_sweep, parse_sweep_path

    if names_sweep(text):
        return parse_sweep_path(text, service.default_entity, default_project())
    run = find_run(service, text)
    if f"/{RUNS}/" in text:
        return run
    try:
        sweep = service.read_sweep(SweepPath(*run)).path
    except (NotFoundError, PathError):
        return find_existing_run(service, text)
    if _existing_run(service, text) is not None:
        place = f"{run.entity}/{run.project}"
        raise PathError(
            f'"{text}" is a run and a sweep; write {place}/{RUNS}/{run.run_id} for the run or '
            f"{place}/{SWEEPS}/{run.run_id} for the sweep"
        )
    return sweep


def find_project(service: Service, text: str) -> tuple[str, str]:
    """The entity and project a user means by `text`; `NotFoundError` when there is no such project."""
    from runlake.api.paths import parse_project_path

    entity, project = parse_project_path(text.rstrip("/"), service.default_entity)
    if not _project_exists(service, entity, project):
        raise NotFoundError(f'project "{entity}/{project}" not in {service.url}; see: runlake ls')
    return entity, project


def find_target(service: Service, text: str | None) -> Target:
    """What `text` names: a run, else a project; nothing names the whole store.

    A slash at the end says that a project is meant. `PathError` when both a run and a project have that name.
    """
    if text is None:
        return Target()
    if text.endswith("/"):
        return Target(*find_project(service, text))
    run = _existing_run(service, text)
    try:
        project = find_project(service, text)
    except (NotFoundError, PathError):
        project = None
    if run is not None and project is not None:
        raise PathError(
            f'"{text}" is a run and a project; write {run} for the run or {"/".join(project)}/ for the project'
        )
    if run is not None:
        return Target(*run)
    if project is not None:
        return Target(*project)
    raise NotFoundError(f'neither a run nor a project "{text}" in {service.url}; see: runlake ls')


def read_filter(text: str | None) -> dict[str, Any] | None:
    """The filter in a ``--filter`` option, None when there is none; `FilterError` when it is no JSON object."""
    if text is None:
        return None
    try:
        filters = json.loads(text)
    except ValueError as error:
        raise FilterError(f"--filter {text!r} is no JSON ({error}); quote it for the shell") from None
    if not isinstance(filters, dict):
        raise FilterError(f'--filter {text!r} is no JSON object; write it as in {{"state": "finished"}}')
    return filters


def _existing_run(service: Service, text: str) -> RunPath | None:
    try:
        path = find_run(service, text)
        service.read_run(path)
    except (NotFoundError, PathError):
        return None
    except StoreError:
        return path  # it is there, and damaged
    return path


def _project_exists(service: Service, entity: str, project: str) -> bool:
    return any(found.name == project for found in service.list_projects(entity))
