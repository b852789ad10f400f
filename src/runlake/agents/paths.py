"""Paths of sweeps as people write them: ``id``, ``project/id``, ``entity/project/id``, with ``sweeps`` before the id,
or the URL of one."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from runlake.errors import PathError
from runlake.service.contract import Service
from runlake.settings import Settings
from runlake.sweep_model import SweepPath

_FORMS = '"id", "project/id" or "entity/project/id"'


def find_sweep(
    text: str, service: Service, settings: Settings, *, entity: str | None = None, project: str | None = None
) -> SweepPath:
    """The sweep that `text` names; what it leaves out, the arguments say, else the settings. Raises `PathError`."""
    if not isinstance(text, str):
        raise PathError(f"the path of a sweep is text, not {type(text).__name__}; write {_FORMS}")
    parts = text.strip().removeprefix("/").split("/")
    if "://" in text:
        parts = [unquote(part) for part in urlsplit(text).path.split("/") if part][-4:]
    if len(parts) == 4 and parts[2] == "sweeps":
        parts.pop(2)
    if not 1 <= len(parts) <= 3 or not all(parts):
        raise PathError(f"{text!r} is no path of a sweep; write {_FORMS}")
    in_entity, in_project, sweep_id = [None] * (3 - len(parts)) + parts
    return SweepPath(
        in_entity or entity or default_entity(service, settings),
        in_project or project or settings.project,
        sweep_id or "",
    )


def default_entity(service: Service, settings: Settings) -> str:
    """The entity of paths that name none: where the settings say nothing, a server does."""
    return settings.entity if "entity" in settings.given else service.default_entity
