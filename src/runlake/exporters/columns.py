"""The values of a history, a stretch of its rows at a time, as targets that are written row by row need them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from runlake.model import Lane
from runlake.query.rows.history import History, Int64s
from runlake.values import plain_name

STRETCH_ROWS = 16_384


class Piece(NamedTuple):
    """The values of one key in one lane within a stretch: `rows` int64[m] count from the first row of the stretch."""

    name: str
    lane: Lane
    rows: Int64s
    values: pa.ChunkedArray


class Stretch(NamedTuple):
    """Rows `start` to `stop` of a history, and what was logged in them."""

    start: int
    stop: int
    pieces: list[Piece]


def stretches(history: History) -> Iterator[Stretch]:
    """The rows of a history, so many at a time."""
    names = _names(history)
    positions = [series.positions(history.row_count) for series in history.series]
    for start in range(0, history.row_count, STRETCH_ROWS):
        stop = min(start + STRETCH_ROWS, history.row_count)
        pieces = []
        for series, rows in zip(history.series, positions, strict=True):
            first, last = (int(place) for place in np.searchsorted(rows, (start, stop)))
            if last > first:
                values = series.values.slice(first, last - first)
                pieces.append(Piece(names[series.key], series.lane, rows[first:last] - start, values))
        yield Stretch(start, stop, pieces)


def _names(history: History) -> dict[str, str]:
    """What a user reads for each key; for two that read alike the path itself."""
    plain = {series.key: plain_name(series.key) for series in history.series}
    seen: dict[str, str] = {}
    shared = {name for path, name in plain.items() if seen.setdefault(name, path) != path}
    return {path: path if name in shared else name for path, name in plain.items()}


def kind_of(value: Any) -> str:
    """What a value that is neither number nor text is called in a report of what is left out."""
    kind = value.get("_type") if isinstance(value, dict) else None
    return f"{kind} value" if isinstance(kind, str) else "nested value"
