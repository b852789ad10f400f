"""Many runs edited, deleted or taken back in one request: the verb of one run for each, and one answer for each.

No verb of the contract: what is done to one run depends on no other, so a program has its loop and loses nothing by it.
A browser would have a request for each, and six of them at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from litestar import Request, Response, post
from litestar.params import FromPath, JSONBody

from runlake.errors import AuthenticationError, BadValueError, ForbiddenError, RunlakeError, TooLargeError
from runlake.model import RunPath
from runlake.server.http.problems import problem_of
from runlake.server.http.turns import in_turn
from runlake.server.routes.answers import Asked, answer
from runlake.service.wire.documents import BulkAnswer, BulkEdit, BulkFailure, BulkRuns
from runlake.stopping import check_wanted

MAX_RUNS = 1000
"""So many runs one request may name."""

_PROJECT_RUNS = "/projects/{entity:str}/{project:str}/runs"


@post(f"{_PROJECT_RUNS}/edit", status_code=200)
async def edit_runs(
    request: Request[Any, Any, Any],
    service: Asked,
    entity: FromPath[str],
    project: FromPath[str],
    data: JSONBody[BulkEdit],
) -> Response[BulkAnswer]:
    """Apply one edit to each of the runs."""

    def edit_one(run: RunPath) -> None:
        service.edit_run(run, data.edit)

    return await in_turn(request, lambda: _each(entity, project, data.run_ids, edit_one))


@post(f"{_PROJECT_RUNS}/delete", status_code=200)
async def delete_runs(
    request: Request[Any, Any, Any],
    service: Asked,
    entity: FromPath[str],
    project: FromPath[str],
    data: JSONBody[BulkRuns],
) -> Response[BulkAnswer]:
    """Remove each of the runs from every listing; they can be taken back until the trash is emptied."""
    return await in_turn(request, lambda: _each(entity, project, data.run_ids, service.delete_run))


@post(f"{_PROJECT_RUNS}/restore", status_code=200)
async def restore_runs(
    request: Request[Any, Any, Any],
    service: Asked,
    entity: FromPath[str],
    project: FromPath[str],
    data: JSONBody[BulkRuns],
) -> Response[BulkAnswer]:
    """Take each of the deleted runs back: of several lives of a run the last."""

    def restore_one(run: RunPath) -> None:
        service.restore_run(run)

    return await in_turn(request, lambda: _each(entity, project, data.run_ids, restore_one))


def _each(entity: str, project: str, run_ids: tuple[str, ...], do: Callable[[RunPath], None]) -> Response[BulkAnswer]:
    """Do it to each run, whatever becomes of the others; who may not at all is told so with the error itself."""
    wanted = list(dict.fromkeys(run_ids))
    if len(wanted) > MAX_RUNS:
        raise BadValueError(f"{len(wanted):,} runs in one request, and {MAX_RUNS:,} are allowed; ask in several")
    done: list[str] = []
    failed: list[BulkFailure] = []
    for number, run_id in enumerate(wanted):
        try:
            check_wanted()
        except TooLargeError as error:
            failed += [BulkFailure(run=left, error=f"not begun: {error}") for left in wanted[number:]]
            break
        try:
            do(RunPath(entity, project, run_id))
            done.append(run_id)
        except (AuthenticationError, ForbiddenError):
            raise
        except (RunlakeError, OSError) as error:
            failed.append(BulkFailure(run=run_id, error=problem_of(error).message))
    return answer(BulkAnswer(done=tuple(done), failed=tuple(failed)))


HANDLERS = [edit_runs, delete_runs, restore_runs]
