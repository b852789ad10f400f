"""Paths as people write them: ``run``, ``project/run``, ``entity/project/run``, ``entity/project/runs/run``,
``entity/project:run``, a leading slash, and the URL of a run or project. Those of a sweep are as those of a run, with
``sweeps`` in the place of ``runs``, and without the colon.

These are the words of one place: what a path leaves out is filled in by the caller's defaults.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from runlake.errors import PathError
from runlake.model import RunPath

if TYPE_CHECKING:  # a run is read without
    from runlake.sweep_model import SweepPath
    from runlake.view_model import ViewPath

RUNS = "runs"
SWEEPS = "sweeps"
VIEWS = "views"
"""The words between project and run, project and sweep, or project and view."""

_FORMS = '"run", "project/run", "entity/project/run", "entity/project/runs/run", "entity/project:run" or a URL'
_SWEEP_FORMS = '"sweep_id", "project/sweep_id", "entity/project/sweep_id", "entity/project/sweeps/sweep_id" or a URL'

_VIEW_FORMS = '"view_id", "project/view_id", "entity/project/view_id" or "entity/project/views/view_id"'


def parse_run_path(text: str, default_entity: str | None, default_project: str | None) -> RunPath:
    """The run that `text` names. Raises `PathError` for what is no path, or leaves out what has no default."""
    _check_text(text)
    if names_sweep(text) and not text.startswith("file:"):
        raise PathError(f"{text!r} is the path of a sweep, not of a run; api.sweep() reads it")
    parts = _url_parts(text) if _is_url(text) else _split_colon(_split(text))
    if len(parts) > 3 and RUNS in parts[2:-1]:
        place = parts.index(RUNS, 2)
        parts = [*parts[place - 2 : place], parts[place + 1]]
    elif len(parts) > 3 and _is_url(text):
        parts = parts[-3:]
    return RunPath(*_filled(text, parts, "run", _FORMS, default_entity, default_project))


def parse_sweep_path(text: str, default_entity: str | None, default_project: str | None) -> SweepPath:
    """The sweep that `text` names. Raises `PathError` for what is no path, or leaves out what has no default."""
    from runlake.sweep_model import SweepPath

    _check_text(text)
    parts = _url_parts(text) if _is_url(text) else _split(text)
    if names_sweep(text):
        parts = [*parts[-4:-2], parts[-1]]
    elif RUNS in parts[2:-1]:
        raise PathError(f"{text!r} is the path of a run, not of a sweep; api.run() reads it")
    elif _is_url(text):
        raise PathError(f"{text!r} is no URL of a sweep: that ends with /<entity>/<project>/sweeps/<sweep_id>")
    return SweepPath(*_filled(text, parts, "sweep", _SWEEP_FORMS, default_entity, default_project))


def parse_view_path(text: str, default_entity: str | None, default_project: str | None) -> ViewPath:
    """The saved view that `text` names. Raises `PathError` for what is no path, or leaves out what has no default."""
    from runlake.view_model import ViewPath

    _check_text(text)
    parts = _split(text)
    if names_view(text):
        parts = [*parts[:2], parts[3]]
    return ViewPath(*_filled(text, parts, "view", _VIEW_FORMS, default_entity, default_project))


def names_view(text: str) -> bool:
    """Whether a path says that it is one of a saved view: ``entity/project/views/view_id``."""
    parts = _split(text)
    return len(parts) == 4 and parts[2] == VIEWS


def names_sweep(text: str) -> bool:
    """Whether a path or URL says that it is one of a sweep: ``entity/project/sweeps/sweep_id``."""
    parts = _url_parts(text) if _is_url(text) else _split(text)
    return parts[-2:-1] == [SWEEPS] and (len(parts) == 4 or (len(parts) > 4 and _is_url(text)))


def _filled(
    text: str, parts: list[str], kind: str, forms: str, default_entity: str | None, default_project: str | None
) -> tuple[str, str, str]:
    if not 1 <= len(parts) <= 3 or not all(parts):
        raise PathError(f"{text!r} is no path of a {kind}; write {forms}")
    entity, project, last = [None] * (3 - len(parts)) + parts
    entity, project = entity or default_entity, project or default_project
    if not entity or not project:
        raise PathError(f"{text!r} names no {'project' if entity else 'entity'} and there is no default; write {forms}")
    return entity, project, last or ""


def parse_project_path(text: str, default_entity: str | None) -> tuple[str, str]:
    """The (entity, project) that `text` names: ``project``, ``entity/project`` or its URL. Raises `PathError`."""
    _check_text(text)
    parts = _split(text)
    if _is_url(text):
        parts = _url_parts(text)
        parts = parts[: parts.index(RUNS, 2)][-2:] if RUNS in parts[2:-1] else parts[-2:]
    if len(parts) == 1 and default_entity:
        parts = [default_entity, *parts]
    if len(parts) != 2 or not all(parts):
        raise PathError(f'{text!r} is no path of a project; write "project", "entity/project" or a URL')
    return parts[0], parts[1]


def _check_text(text: object) -> None:
    if not isinstance(text, str):
        raise PathError(f"a path is text, not {type(text).__name__}")


def _is_url(text: str) -> bool:
    return "://" in text


def _url_parts(text: str) -> list[str]:
    parts = [unquote(part) for part in urlsplit(text).path.split("/") if part]
    if RUNS in parts[2:-1]:
        return parts
    while len(parts) > 2 and parts[-1] in (RUNS, "workspace", "overview", "table"):
        parts.pop()
    return parts


def _split(text: str) -> list[str]:
    return text.strip().removeprefix("/").split("/")


def _split_colon(parts: list[str]) -> list[str]:
    """``entity/project:run`` as three parts; a colon is otherwise a character like any other."""
    if len(parts) > 2 or ":" not in parts[-1]:
        return parts
    project, _, run_id = parts[-1].partition(":")
    return [*parts[:-1], project, run_id] if project and run_id else parts


def web_address(service_url: str, path: RunPath | SweepPath) -> str:
    """The URL of a run or a sweep: its folder below a ``file://`` store, its page on a server."""
    parts = [quote(part, safe="") for part in path]
    if not isinstance(path, RunPath):
        parts.insert(2, SWEEPS)
    elif not service_url.startswith("file:"):
        parts.insert(2, RUNS)
    return "/".join([service_url.rstrip("/"), *parts])
