"""Which fields a document asks for below the one that is being resolved."""

from __future__ import annotations

from graphql import FieldNode

from runlake.server.wandb.context import ResolveInfo


def selected_names(info: ResolveInfo) -> frozenset[str]:
    """The fields that are selected right below the one that is being resolved; ``...`` where a fragment stands."""
    return frozenset(
        selection.name.value if isinstance(selection, FieldNode) else "..."
        for node in info.field_nodes
        if node.selection_set
        for selection in node.selection_set.selections
    )
