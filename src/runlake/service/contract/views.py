"""The verbs of saved views."""

from __future__ import annotations

from typing import Protocol

from runlake.view_model import ViewInfo, ViewPath, ViewPut


class ViewVerbs(Protocol):
    """Documents of a project that nobody here reads: who puts one finds it again as it was."""

    def list_views(self, entity: str, project: str) -> list[ViewInfo]:
        """The views of a project, the oldest first."""
        ...

    def read_view(self, path: ViewPath) -> ViewInfo:
        """One view."""
        ...

    def put_view(self, path: ViewPath, put: ViewPut) -> ViewInfo:
        """Make it, with its project, or replace it: of two at once the last is kept.

        `PathError` for an id that is none, `BadValueError` for more text than a view may hold.
        """
        ...

    def delete_view(self, path: ViewPath) -> None:
        """Remove it."""
        ...
