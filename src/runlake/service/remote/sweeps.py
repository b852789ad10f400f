"""The verbs of sweeps over HTTP."""

from __future__ import annotations

from runlake.service.remote.requests import JSON_HEADERS, ServerRequests, check_names, sweep_at
from runlake.service.wire import documents
from runlake.service.wire.documents import project_address
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


class HttpSweeps:
    """`contract.sweeps` over HTTP."""

    def __init__(self, server: ServerRequests) -> None:
        self._server = server
        self._http = server.http

    def create_sweep(self, entity: str, project: str, start: SweepStart) -> SweepInfo:
        check_names(entity, project)
        address = project_address(entity, project, "sweeps")
        return documents.unpack(
            self._http.request("POST", address, content=documents.pack(start), headers=JSON_HEADERS), SweepInfo
        )

    def list_sweeps(self, entity: str, project: str) -> list[SweepInfo]:
        check_names(entity, project)
        return self._server.get(project_address(entity, project, "sweeps"), list[SweepInfo])

    def read_sweep(self, path: SweepPath) -> SweepInfo:
        return self._server.get(sweep_at(path), SweepInfo)

    def edit_sweep(self, path: SweepPath, edit: SweepEdit) -> SweepInfo:
        body = self._http.request("PATCH", sweep_at(path), content=documents.pack(edit), headers=JSON_HEADERS)
        return documents.unpack(body, SweepInfo)

    def delete_sweep(self, path: SweepPath) -> None:
        self._http.request("DELETE", sweep_at(path))

    def join_sweep(self, path: SweepPath, start: AgentStart) -> AgentInfo:
        body = self._http.request("POST", sweep_at(path, "agents"), content=documents.pack(start), headers=JSON_HEADERS)
        return documents.unpack(body, AgentInfo)

    def report_agent(self, path: SweepPath, agent_id: str, report: AgentReport) -> tuple[AgentCommand, ...]:
        return documents.unpack(
            self._server.ask(sweep_at(path, "agents", agent_id, "report"), report), tuple[AgentCommand, ...]
        )
