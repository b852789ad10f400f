"""The verbs of projects over HTTP."""

from __future__ import annotations

from runlake.model import ProjectInfo
from runlake.service.remote.requests import ServerRequests, check_names
from runlake.service.wire import documents
from runlake.service.wire.documents import API_PREFIX, project_address


class HttpProjects:
    """`contract.projects` over HTTP."""

    def __init__(self, server: ServerRequests) -> None:
        self._server = server
        self._http = server.http

    def list_projects(self, entity: str | None = None) -> list[ProjectInfo]:
        return self._server.get(f"{API_PREFIX}/projects", list[ProjectInfo], entity=entity)

    def create_project(self, entity: str, project: str) -> ProjectInfo:
        check_names(entity, project)
        return documents.unpack(self._http.request("PUT", project_address(entity, project)), ProjectInfo)
