"""The verbs of saved views over a folder."""

from __future__ import annotations

import time

from runlake.errors import NotFoundError, StoreError, warn
from runlake.service.local.open_store import OpenStore
from runlake.store.store import Store
from runlake.store.views import check_view_path, delete_view, put_view, read_view, view_ids
from runlake.view_model import ViewInfo, ViewPath, ViewPut


class LocalViews:
    """`contract.views` over a folder."""

    def __init__(self, folder: OpenStore[Store]) -> None:
        self._folder, self._store, self._layout = folder, folder.store, folder.store.layout

    def list_views(self, entity: str, project: str) -> list[ViewInfo]:
        """One that cannot be read is left out, and a warning says so."""
        self._folder.check_project(entity, project)
        found = []
        for view_id in view_ids(self._layout, entity, project):
            try:
                found.append(read_view(self._layout, ViewPath(entity, project, view_id)))
            except NotFoundError:
                continue  # deleted at this moment
            except StoreError as error:
                warn(f"view {entity}/{project}/{view_id} cannot be read and is left out: {error}")
        return sorted(found, key=lambda view: (view.created_at, view.view_id))

    def read_view(self, path: ViewPath) -> ViewInfo:
        check_view_path(path)
        self._folder.check_project(path.entity, path.project)
        return read_view(self._layout, path)

    def put_view(self, path: ViewPath, put: ViewPut) -> ViewInfo:
        check_view_path(path)
        self._store.create()
        put_view(self._layout, path, put, time.time())
        return read_view(self._layout, path)

    def delete_view(self, path: ViewPath) -> None:
        check_view_path(path)
        self._folder.check_project(path.entity, path.project)
        delete_view(self._layout, path)
