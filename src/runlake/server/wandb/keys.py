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

_TYPE_OF_PYTHON: dict[type, str] = {
    int: "number",
    float: "number",
    bool: "boolean",
    str: "string",
    type(None): "nil",
}


def keys_of_outline(info: RunInfo, outline: HistoryOutline) -> dict[str, Any]:
    """All keys, each with its types; the last values are those of the summary.

    A count is that of the rows of the run: how many of them hold one key is not told.
    """
    last = {".".join(keys): value for keys, value in leaf_paths(info.summary)}
    counts = _counts(info)
    types: dict[str, list[dict[str, Any]]] = {}
    for series in outline.series:
        found = types.setdefault(values.plain_name(series.key), [])
        if (count := counts[_TYPE_OF_LANE[series.lane]]) not in found:
            found.append(count)
    return _document(info, {key: _entry(found, last.get(key)) for key, found in types.items()})


def keys_of_summary(info: RunInfo) -> dict[str, Any]:
    """The same from the summary alone, which has a value for nearly every key."""
    if not info.row_count:
        return _document(info, {})
    counts = {name: [count] for name, count in _counts(info).items()}
    return _document(
        info,
        {
            ".".join(keys): _entry(counts[_TYPE_OF_PYTHON.get(type(value), "other")], value)
            for keys, value in leaf_paths(info.summary)
            if not keys[0].startswith("_")
        },
    )


def _document(info: RunInfo, keys: dict[str, Any]) -> dict[str, Any]:
    return {"sets": [], "lastStep": info.last_step, "keys": keys}


def _counts(info: RunInfo) -> dict[str, dict[str, Any]]:
    names = dict.fromkeys([*_TYPE_OF_LANE.values(), "other"])
    return {name: {"type": name, "count": info.row_count} for name in names}


def _entry(counts: list[dict[str, Any]], last: Any) -> dict[str, Any]:
    return {"typeCounts": counts, "monotonic": False, "previousValue": strict_json(last)}
