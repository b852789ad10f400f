"""Sweeps: made, read, edited, deleted; their agents join and report."""

from __future__ import annotations

from litestar import Response, delete, get, patch, post
from litestar.params import FromPath, JSONBody

from runlake.server.routes.answers import Asked, answer
from runlake.sweep_model import (
    AgentCommand,
    AgentInfo,
    AgentReport,
    AgentStart,
    SweepEdit,
    SweepInfo,
    SweepPath,
    SweepStart,
)

_PROJECT = "/projects/{entity:str}/{project:str}/sweeps"
_SWEEP = "/sweeps/{entity:str}/{project:str}/{sweep_id:str}"


@post(_PROJECT, sync_to_thread=True, status_code=201)
def create_sweep(
    service: Asked, entity: FromPath[str], project: FromPath[str], data: JSONBody[SweepStart]
) -> Response[SweepInfo]:
    """A new sweep; 400 names all that is wrong with its configuration, 409 when its id is taken."""
    return answer(service.create_sweep(entity, project, data), status_code=201)


@get(_PROJECT, sync_to_thread=True)
def list_sweeps(service: Asked, entity: FromPath[str], project: FromPath[str]) -> Response[list[SweepInfo]]:
    """The sweeps of a project, oldest first."""
    return answer(service.list_sweeps(entity, project))


@get(_SWEEP, sync_to_thread=True)
def read_sweep(
    service: Asked, entity: FromPath[str], project: FromPath[str], sweep_id: FromPath[str]
) -> Response[SweepInfo]:
    """One sweep, as of now."""
    return answer(service.read_sweep(SweepPath(entity, project, sweep_id)))


@patch(_SWEEP, sync_to_thread=True)
def edit_sweep(
    service: Asked, entity: FromPath[str], project: FromPath[str], sweep_id: FromPath[str], data: JSONBody[SweepEdit]
) -> Response[SweepInfo]:
    """Pause, resume, finish or cancel a sweep, or name it anew."""
    return answer(service.edit_sweep(SweepPath(entity, project, sweep_id), data))


@delete(_SWEEP, sync_to_thread=True)
def delete_sweep(service: Asked, entity: FromPath[str], project: FromPath[str], sweep_id: FromPath[str]) -> None:
    """Remove a sweep; its runs stay."""
    service.delete_sweep(SweepPath(entity, project, sweep_id))


@post(f"{_SWEEP}/agents", sync_to_thread=True, status_code=201)
def join_sweep(
    service: Asked, entity: FromPath[str], project: FromPath[str], sweep_id: FromPath[str], data: JSONBody[AgentStart]
) -> Response[AgentInfo]:
    """A new agent of a sweep."""
    return answer(service.join_sweep(SweepPath(entity, project, sweep_id), data), status_code=201)


@post(f"{_SWEEP}/agents/{{agent_id:str}}/report", sync_to_thread=True, status_code=200)
def report_agent(
    service: Asked,
    entity: FromPath[str],
    project: FromPath[str],
    sweep_id: FromPath[str],
    agent_id: FromPath[str],
    data: JSONBody[AgentReport],
) -> Response[list[AgentCommand]]:
    """What an agent says of itself, and what it is to do."""
    return answer(list(service.report_agent(SweepPath(entity, project, sweep_id), agent_id, data)))


HANDLERS = [create_sweep, list_sweeps, read_sweep, edit_sweep, delete_sweep, join_sweep, report_agent]
