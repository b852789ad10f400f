"""What a listing shows of values that would fill it: a histogram in a few words; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from runlake.errors import CorruptError
from runlake.values import stored_json

_MARK = '{"_type":"histogram"'


def in_short(value: Any) -> str | None:
    """A histogram as text like ``histogram of 120 values, 0.5 … 3``; None for any other value."""
    if not isinstance(value, Mapping) or value.get("_type") != "histogram":
        return None
    counts, edges = value.get("values"), value.get("bins")
    packed = value.get("packedBins")
    if isinstance(packed, Mapping):
        low, size, count = (packed.get(name, 0) for name in ("min", "size", "count"))
        edges = [low, low + size * count] if _are_numbers((low, size, count)) else None
    if not counts or not edges or not _are_numbers(counts) or not _are_numbers(edges):
        return "histogram"
    try:
        return f"histogram of {sum(counts):,.6g} values, {edges[0]:.6g} … {edges[-1]:.6g}"
    except OverflowError:  # integers that no float can hold
        return "histogram"


def table_in_short(table: pa.Table) -> pa.Table:
    """The table with every histogram among its texts in a few words."""
    for place, name in enumerate(table.column_names):
        column = table.column(place)
        if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
            continue
        found = pc.starts_with(column, _MARK)
        if pc.any(found).as_py():
            texts = [_text_in_short(text) for text in column.filter(found).to_pylist()]
            column = pc.replace_with_mask(column.combine_chunks(), _chunk(found), pa.array(texts, column.type))
            table = table.set_column(place, name, column)
    return table


def _text_in_short(text: str) -> str:
    try:
        return in_short(stored_json(text)) or text
    except CorruptError:
        return text  # it only looks like one


def _chunk(mask: pa.ChunkedArray) -> pa.Array:
    return pc.fill_null(mask.combine_chunks(), False)


def _are_numbers(values: Any) -> bool:
    return isinstance(values, list | tuple) and all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in values
    )
