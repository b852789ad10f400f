"""Which keys a run has, in the form of W&B's ``historyKeys``: nested keys joined with dots, with counts and types."""

from __future__ import annotations

from typing import Any

from runlake import values
from runlake.model import Lane, RunInfo
from runlake.query.history import HistoryOutline
from runlake.server.wandb.wire import leaf_paths, strict_json

_TYPE_OF_LANE: dict[Lane, str] = {
    "i64": "number",
    "f64": "number",
    "bool": "boolean",
    "str": "string",
    "null": "nil",
    "json": "other",
}


def keys_of_outline(info: RunInfo, outline: HistoryOutline) -> dict[str, Any]:
    """All keys, each with its types; the last values are those of the summary.

    A count is that of the rows of the run: how many of them hold one key is not told.
    """
    last = {".".join(keys): value for keys, value in leaf_paths(info.summary)}
    types: dict[str, list[str]] = {}
    for series in outline.series:
        found = types.setdefault(values.plain_name(series.key), [])
        if (name := _TYPE_OF_LANE[series.lane]) not in found:
            found.append(name)
    return _document(info, {key: _entry(info, found, last.get(key)) for key, found in types.items()})


def keys_of_summary(info: RunInfo) -> dict[str, Any]:
    """The same from the summary alone, which has a value for nearly every key."""
    if not info.row_count:
        return _document(info, {})
    entries = {}
    for keys, value in leaf_paths(info.summary):
        if not keys[0].startswith("_"):
            entries[".".join(keys)] = _entry(info, [_type_of(value)], value)
    return _document(info, entries)


def _document(info: RunInfo, keys: dict[str, Any]) -> dict[str, Any]:
    return {"sets": [], "lastStep": info.last_step, "keys": keys}


def _entry(info: RunInfo, types: list[str], last: Any) -> dict[str, Any]:
    return {
        "typeCounts": [{"type": name, "count": info.row_count} for name in types],
        "monotonic": False,
        "previousValue": strict_json(last),
    }


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "nil" if value is None else "other"
