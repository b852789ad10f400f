"""Saved views: listed, read, put, deleted."""

from __future__ import annotations

from litestar import Response, delete, get, put
from litestar.params import FromPath, JSONBody

from runlake.server.routes.answers import Asked, answer
from runlake.view_model import ViewInfo, ViewPath, ViewPut

_VIEWS = "/projects/{entity:str}/{project:str}/views"
_VIEW = f"{_VIEWS}/{{view_id:str}}"


@get(_VIEWS, sync_to_thread=True)
def list_views(service: Asked, entity: FromPath[str], project: FromPath[str]) -> Response[list[ViewInfo]]:
    """The views of a project, the oldest first."""
    return answer(service.list_views(entity, project))


@get(_VIEW, sync_to_thread=True)
def read_view(
    service: Asked, entity: FromPath[str], project: FromPath[str], view_id: FromPath[str]
) -> Response[ViewInfo]:
    """One view."""
    return answer(service.read_view(ViewPath(entity, project, view_id)))


@put(_VIEW, sync_to_thread=True)
def put_view(
    service: Asked, entity: FromPath[str], project: FromPath[str], view_id: FromPath[str], data: JSONBody[ViewPut]
) -> Response[ViewInfo]:
    """Make a view, or replace it; its first user and time stay."""
    return answer(service.put_view(ViewPath(entity, project, view_id), data))


@delete(_VIEW, sync_to_thread=True)
def delete_view(service: Asked, entity: FromPath[str], project: FromPath[str], view_id: FromPath[str]) -> None:
    """Remove a view."""
    service.delete_view(ViewPath(entity, project, view_id))


HANDLERS = [list_views, read_view, put_view, delete_view]
