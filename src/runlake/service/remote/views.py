"""The verbs of saved views over HTTP."""

from __future__ import annotations

from runlake.service.remote.requests import JSON_HEADERS, ServerRequests, check_names
from runlake.service.wire import documents
from runlake.service.wire.documents import project_address
from runlake.store.views import check_view_path
from runlake.view_model import ViewInfo, ViewPath, ViewPut


class HttpViews:
    """`contract.views` over HTTP."""

    def __init__(self, server: ServerRequests) -> None:
        self._server = server
        self._http = server.http

    def list_views(self, entity: str, project: str) -> list[ViewInfo]:
        check_names(entity, project)
        return self._server.get(project_address(entity, project, "views"), list[ViewInfo])

    def read_view(self, path: ViewPath) -> ViewInfo:
        return self._server.get(_address(path), ViewInfo)

    def put_view(self, path: ViewPath, put: ViewPut) -> ViewInfo:
        body = self._http.request("PUT", _address(path), content=documents.pack(put), headers=JSON_HEADERS)
        return documents.unpack(body, ViewInfo)

    def delete_view(self, path: ViewPath) -> None:
        self._http.request("DELETE", _address(path))


def _address(path: ViewPath) -> str:
    check_view_path(path)
    return project_address(path.entity, path.project, "views", path.view_id)
