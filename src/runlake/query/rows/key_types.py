"""Which types of values each key has and how many of each, in the words of W&B's ``historyKeys``; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from runlake import values
from runlake.model import Lane
from runlake.query.rows.history import HistoryOutline

TYPE_OF_LANE: dict[Lane, str] = {
    "i64": "number",
    "f64": "number",
    "bool": "boolean",
    "str": "string",
    "null": "nil",
    "json": "other",
}

TypeCounts = list[dict[str, Any]]


def type_counts(outline: HistoryOutline) -> dict[str, TypeCounts]:
    """By key, nested ones joined with dots: each type that it has values of, and how many."""
    found: dict[str, dict[str, int]] = {}
    for series in outline.series:
        mine = found.setdefault(values.plain_name(series.key), {})
        kind = TYPE_OF_LANE[series.lane]
        mine[kind] = mine.get(kind, 0) + series.value_count
    return {key: [{"type": kind, "count": count} for kind, count in counts.items()] for key, counts in found.items()}


def keys_document(counts: Mapping[str, TypeCounts], last_step: int, last_value: Callable[[str], Any]) -> dict[str, Any]:
    """``historyKeys`` as W&B has it; `last_value` says what stands under ``previousValue`` of a key."""
    keys = {
        key: {"typeCounts": found, "monotonic": False, "previousValue": last_value(key)}
        for key, found in counts.items()
    }
    return {"sets": [], "lastStep": last_step, "keys": keys}
