"""Saved views of a project: documents that programs keep beside its runs, as reports."""

from __future__ import annotations

from typing import Any

from runlake.clean_text import one_line
from runlake.plain import iso_time
from runlake.service.contract import Service
from runlake.view_model import ViewInfo, ViewPut


class SavedView:
    """One view. `name`, `type`, `display_name`, `description` and `spec` can be set; `save()` keeps them.

    `type` is the word of the program that made it, as ``runs`` for a report of W&B's, and `spec` its text, which
    nobody here reads.
    """

    def __init__(self, service: Service, info: ViewInfo) -> None:
        self._service = service
        self._take(info)

    def _take(self, info: ViewInfo) -> None:
        self._info = info
        self.type, self.name, self.spec = info.type, info.name, info.spec
        self.display_name, self.description = info.display_name, info.description

    @property
    def id(self) -> str:
        return self._info.view_id

    @property
    def entity(self) -> str:
        return self._info.entity

    @property
    def project(self) -> str:
        return self._info.project

    @property
    def path(self) -> list[str]:
        """[entity, project, id]"""
        return list(self._info.path)

    @property
    def user(self) -> str | None:
        """Who put it first."""
        return self._info.user

    @property
    def created_at(self) -> str:
        """ISO time in UTC."""
        return iso_time(self._info.created_at)

    @property
    def updated_at(self) -> str:
        """ISO time in UTC."""
        return iso_time(self._info.updated_at)

    def save(self) -> None:
        """Keep what was set. Of two that save at once the last counts."""
        put = ViewPut(
            type=self.type,
            name=self.name,
            display_name=self.display_name,
            description=self.description,
            spec=self.spec,
            user=self._info.user,
        )
        self._take(self._service.put_view(self._info.path, put))

    def delete(self) -> None:
        """Delete it for good: views do not go to the trash."""
        self._service.delete_view(self._info.path)

    def __repr__(self) -> str:
        return one_line(f"<SavedView {'/'.join(self.path)} ({self.type})>")

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, SavedView) and other._info == self._info

    def __hash__(self) -> int:
        return hash(self._info.path)
