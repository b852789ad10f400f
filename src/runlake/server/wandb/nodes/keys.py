"""Which keys a run has, in the form of W&B's ``historyKeys``: nested keys joined with dots, with counts and types."""

from __future__ import annotations

from typing import Any

from runlake.model import RunInfo
from runlake.query.rows.history import HistoryOutline
from runlake.query.rows.key_types import keys_document, type_counts
from runlake.server.wandb.wire import leaf_paths, strict_json

_TYPE_OF_PYTHON: dict[type, str] = {
    int: "number",
    float: "number",
    bool: "boolean",
    str: "string",
    type(None): "nil",
}


def keys_of_outline(info: RunInfo, outline: HistoryOutline) -> dict[str, Any]:
    """All keys, each with its types and how many values it has of each; the last values are those of the summary."""
    last = {".".join(keys): value for keys, value in leaf_paths(info.summary)}
    return keys_document(type_counts(outline), info.last_step, lambda key: strict_json(last.get(key)))


def keys_of_summary(info: RunInfo) -> dict[str, Any]:
    """The same from the summary alone, which has a value for nearly every key; counts are those of the rows."""
    last = {".".join(keys): value for keys, value in leaf_paths(info.summary) if not keys[0].startswith("_")}
    counts = {
        key: [{"type": _TYPE_OF_PYTHON.get(type(value), "other"), "count": info.row_count}]
        for key, value in last.items()
    }
    return keys_document(counts if info.row_count else {}, info.last_step, lambda key: strict_json(last[key]))
