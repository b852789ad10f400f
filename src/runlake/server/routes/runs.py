"""One run: read, edited, stopped, deleted, and what was deleted."""

from __future__ import annotations

from litestar import Response, delete, get, patch, post, put
from litestar.params import FromQuery, JSONBody

from runlake.errors import BadValueError
from runlake.listing_model import PastEdit
from runlake.model import ConsoleLine, GenerationInfo, RunEdit, RunInfo, RunPath, TrashItem
from runlake.server.routes.answers import Asked, Run, answer
from runlake.service.wire.documents import RunAddress

RUN = "/runs/{entity:str}/{project:str}/{run_id:str}"


@get(RUN, sync_to_thread=True)
def read_run(service: Asked, run: Run, generation: FromQuery[str | None] = None) -> Response[RunInfo]:
    """One run, as of now."""
    return answer(service.read_run(run, generation=generation))


@put(RUN, sync_to_thread=True, status_code=201)
def create_run(service: Asked, run: Run, run_state: FromQuery[str] = "pending") -> Response[RunInfo]:
    """A run without a writing process; 409 when the id is taken."""
    return answer(service.create_run(run, state=run_state), status_code=201)


@patch(RUN, sync_to_thread=True)
def edit_run(service: Asked, run: Run, data: JSONBody[RunEdit]) -> Response[RunInfo]:
    """Apply per-key edits; keys that are not named are not touched."""
    return answer(service.edit_run(run, data))


@delete(RUN, sync_to_thread=True)
def delete_run(service: Asked, run: Run) -> None:
    """Remove the run from every listing; it can be taken back until the trash is emptied."""
    service.delete_run(run)


@post(f"{RUN}/stop", sync_to_thread=True, status_code=204)
def stop_run(service: Asked, run: Run) -> None:
    """Ask the training process to stop."""
    service.stop_run(run)


@get(f"{RUN}/generations", sync_to_thread=True)
def list_generations(service: Asked, run: Run) -> Response[list[GenerationInfo]]:
    """Every history the run has had, oldest first."""
    return answer(service.list_generations(run))


@get(f"{RUN}/edits", sync_to_thread=True)
def list_edits(service: Asked, run: Run, generation: FromQuery[str | None] = None) -> Response[list[PastEdit]]:
    """What was changed in the run by others than its own process, oldest first."""
    return answer(service.list_edits(run, generation=generation))


@get(f"{RUN}/console", sync_to_thread=True)
def read_console(
    service: Asked, run: Run, last: FromQuery[int | None] = None, generation: FromQuery[str | None] = None
) -> Response[list[ConsoleLine]]:
    """What the run printed; the `last` lines only when given."""
    return answer(service.read_console(run, last=last, generation=generation))


@get("/trash", sync_to_thread=True)
def list_trash(service: Asked) -> Response[list[TrashItem]]:
    """Deleted runs, the last deleted first."""
    return answer(service.list_trash())


@post("/trash/restore", sync_to_thread=True, status_code=200)
def restore_run(service: Asked, data: JSONBody[RunAddress]) -> Response[RunAddress]:
    """Take a deleted run back, by its path or by its name in the trash."""
    if data.trash_name is not None:
        restored = service.restore_run(data.trash_name)
    elif data.entity is not None and data.project is not None and data.run_id is not None:
        restored = service.restore_run(RunPath(data.entity, data.project, data.run_id))
    else:
        raise BadValueError("which run is to be restored? Send entity, project and run_id, or trash_name")
    return answer(RunAddress(**restored._asdict()))


HANDLERS = [
    read_run,
    create_run,
    edit_run,
    delete_run,
    stop_run,
    list_generations,
    list_edits,
    read_console,
    list_trash,
    restore_run,
]
