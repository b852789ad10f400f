"""`runlake.sweep`: a configuration → a sweep that agents can ask for runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from runlake.agents.paths import default_entity
from runlake.errors import BadValueError, NotFoundError, SweepConfigError, warn
from runlake.plain import fields_of
from runlake.sdk.notices import say
from runlake.search.configuration import parse_sweep
from runlake.search.parameters import doubts
from runlake.service.contract import Service
from runlake.service.open import open_service
from runlake.settings import Settings, current_folder, resolve
from runlake.sweep_model import SweepInfo, SweepStart

Configuration = Mapping[str, Any] | Callable[[], Mapping[str, Any]] | str | os.PathLike[str]


def sweep(
    sweep: Configuration,
    entity: str | None = None,
    project: str | None = None,
    prior_runs: Sequence[str] | None = None,
    *,
    store: str | os.PathLike[str] | None = None,
    seed: int | None = None,
) -> str:
    """Begin a sweep, and answer its id; prints where it is, and how an agent is started.

    `sweep` is the configuration as W&B writes it: a dict, a function that answers one, or the path of a YAML or JSON
    file. Its keys ``project`` and ``entity`` count where the arguments say nothing. `prior_runs` are ids of runs of the
    project from which the search learns; a grid leaves out what they had. `store` is a folder or
    the address of a server, else as the settings have it. The same `seed` proposes the same parameters as long as the
    results are the same. `SweepConfigError` names all that is wrong.
    """
    settings = resolve({}, os.environ, current_folder())
    service = open_service(store)
    try:
        made = create_sweep(
            service, settings, sweep, entity=entity, project=project, prior_runs=prior_runs or (), seed=seed
        )
        if not settings.silent:
            say(f"sweep {made.name} is {made.path} in {service.url}; start an agent with: runlake agent {made.path}")
        return made.sweep_id
    finally:
        service.close()


def create_sweep(
    service: Service,
    settings: Settings,
    configuration: Configuration,
    *,
    name: str | None = None,
    entity: str | None = None,
    project: str | None = None,
    prior_runs: Sequence[str] = (),
    seed: int | None = None,
) -> SweepInfo:
    """Begin a sweep in a store; what no argument says is taken from the configuration, else from the settings."""
    plan = parse_sweep(_read(configuration))
    for doubt in doubts(plan.document["parameters"]):
        warn(doubt)
    if isinstance(prior_runs, str):
        raise BadValueError("prior runs are given as a list of run ids")
    start = SweepStart(config=dict(plan.document), name=name, prior_run_ids=tuple(prior_runs), seed=seed)
    return service.create_sweep(
        entity or plan.entity or default_entity(service, settings), project or plan.project or settings.project, start
    )


def _read(configuration: Configuration) -> Mapping[str, Any] | str:
    """The configuration, or the text of its file."""
    if isinstance(configuration, str | os.PathLike):
        path = Path(configuration)
        try:
            return path.read_text("utf-8")
        except FileNotFoundError:
            raise NotFoundError(
                f"there is no file {str(path)!r} with a sweep configuration in {current_folder()}"
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise BadValueError(f"the sweep configuration {str(path)!r} cannot be read: {error}") from None
    found = configuration() if callable(configuration) else configuration
    fields = found if isinstance(found, Mapping) else fields_of(found)
    if fields is None:
        raise SweepConfigError(f"a sweep configuration is a dict, not a {type(found).__name__}")
    return fields
