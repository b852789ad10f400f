"""``run_id?_step=9``: a step of a run, as `init` takes it in `resume_from` and `fork_from`."""

from __future__ import annotations

import re

from runlake.errors import BadValueError, UsageError
from runlake.model import RunPath
from runlake.settings import Settings

_MOMENT = re.compile(r"(.+)\?_step=(\d{1,18})", re.DOTALL)


def parse_moment(text: str, settings: Settings, argument: str) -> tuple[RunPath, int]:
    """The run and the step; a run without project and entity is one of the settings' own."""
    found = _MOMENT.fullmatch(text) if isinstance(text, str) else None
    parts = found[1].strip("/").split("/") if found else []
    if not found or not 1 <= len(parts) <= 3:
        raise BadValueError(f'init({argument}={text!r:.200}): write the run and the step it had, like "run_id?_step=9"')
    path = RunPath(*(settings.entity, settings.project, "")[: 3 - len(parts)], *parts)
    return path, int(found[2])


def moments(
    settings: Settings, resume_from: str | None, fork_from: str | None
) -> tuple[tuple[RunPath, int] | None, tuple[RunPath, int] | None]:
    """What to go back to and what to fork from, of which there may be one, and no `resume` besides."""
    given = {"resume": settings.resume, "resume_from": resume_from, "fork_from": fork_from}
    named = [name for name, value in given.items() if value]
    if (resume_from or fork_from) and len(named) > 1:
        raise UsageError(f"init() was given {' and '.join(named)}: each says where to begin; choose one")
    rewind = parse_moment(resume_from, settings, "resume_from") if resume_from else None
    fork = parse_moment(fork_from, settings, "fork_from") if fork_from else None
    here = RunPath(settings.entity, settings.project, settings.run_id or "")
    if rewind is not None and rewind[0] != here._replace(run_id=settings.run_id or rewind[0].run_id):
        raise BadValueError(
            f"init(resume_from={resume_from!r}) goes back in run {rewind[0]}, but this is run {here}; "
            "leave id, project and entity out, or use fork_from"
        )
    if fork is not None and fork[0] == here:
        raise BadValueError(f"init(fork_from={fork_from!r}) would fork {here} into itself; choose another id")
    return rewind, fork
