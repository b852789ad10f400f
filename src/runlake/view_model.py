"""The words of saved views as frozen values: documents beside the runs of a project that programs put there and read.

What stands in one is for them alone, as a report or a workspace of W&B's. Loads msgspec and nothing heavier.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec


class ViewPath(NamedTuple):
    """Where a view is: ``entity/project/view_id``."""

    entity: str
    project: str
    view_id: str

    def __str__(self) -> str:
        return "/".join(self)


class ViewPut(msgspec.Struct, frozen=True, kw_only=True):
    """What a view is to be. `type` is the program's own word, as ``runs`` for a report; `spec` is text of any kind."""

    type: str
    name: str
    display_name: str | None = None
    description: str | None = None
    spec: str = ""
    user: str | None = None


class ViewInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A view as it was put last; times in seconds since 1970 (UTC). `user` is who put it first."""

    entity: str
    project: str
    view_id: str
    type: str
    name: str
    display_name: str | None = None
    description: str | None = None
    spec: str = ""
    user: str | None = None
    created_at: float = 0.0
    updated_at: float = 0.0

    @property
    def path(self) -> ViewPath:
        return ViewPath(self.entity, self.project, self.view_id)
