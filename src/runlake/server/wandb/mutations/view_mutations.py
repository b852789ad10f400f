"""What programs do about saved views: put and delete them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runlake.errors import NotSupportedError
from runlake.model import DEFAULT_PROJECT
from runlake.names import new_run_id
from runlake.server.wandb.context import RequestContext, ResolveInfo
from runlake.server.wandb.ids import view_of
from runlake.server.wandb.nodes.view_node import ViewNode
from runlake.view_model import ViewInfo, ViewPath, ViewPut

Given = Mapping[str, Any]

_REPORT = "runs"
_WORDS = {"type": "type", "name": "name", "displayName": "display_name", "description": "description", "spec": "spec"}


class ViewMutations:
    """Every field acts for the person of the context, who may change what is theirs."""

    _context: RequestContext

    def upsertView(self, _: ResolveInfo, input: Given) -> dict[str, Any]:
        """Make a view, or change one that is named by its `id`: what is left out stays as it is."""
        if input.get("locked"):
            raise NotSupportedError("views that nobody may change are not supported by runlake: locked")
        known = self._context.service.read_view(view_of(input["id"])) if input.get("id") else None
        path = self._new_path(input) if known is None else known.path
        put = _put_of(input, path, known, self._context.who or None)
        return {"view": ViewNode(self._context, self._context.service.put_view(path, put)), "inserted": known is None}

    def deleteView(self, _: ResolveInfo, input: Given) -> dict[str, Any]:
        """Remove a view. Drafts are views of their own here, and are deleted by their own ids."""
        self._context.service.delete_view(view_of(input["id"]))
        return {"success": True, "pendingDrafts": None}

    def _new_path(self, given: Given) -> ViewPath:
        entity = given.get("entityName") or self._context.service.default_entity
        return ViewPath(entity, given.get("projectName") or DEFAULT_PROJECT, new_run_id())


def _put_of(given: Given, path: ViewPath, known: ViewInfo | None, user: str | None) -> ViewPut:
    said = {ours: given[theirs] for theirs, ours in _WORDS.items() if given.get(theirs) is not None}
    if known is not None:
        said = {ours: getattr(known, ours) for ours in _WORDS.values()} | said
    return ViewPut(**{"type": _REPORT, "name": path.view_id, "user": user, **said})
