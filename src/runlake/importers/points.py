"""Single points of metrics, as other trackers keep them, as rows: what was said at once stands in one row."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from runlake.model import LoggedRow

_NUMBER, _NOT_FINITE, _TEXT, _JSON = range(4)
_PIECE_POINTS = 10_000


class Point(NamedTuple):
    """One value of one key; `timestamp` in seconds since 1970."""

    timestamp: float
    step: int
    key: str
    value: Any


def rows_of(points: Iterable[tuple[float, int, str, Any]], started_at: float) -> Iterator[LoggedRow]:
    """Points of one step and time that follow each other as a row, as long as each key is new in it."""
    values: dict[str, Any] = {}
    row_step, row_at = 0, -math.inf
    for timestamp, step, key, value in points:
        if timestamp != row_at or step != row_step or key in values:
            if values:
                yield LoggedRow(row_step, row_at, max(0.0, row_at - started_at), values)
            values = {}
            row_step, row_at = step, timestamp
        values[key] = value
    if values:
        yield LoggedRow(row_step, row_at, max(0.0, row_at - started_at), values)


class SortedPoints:
    """Points that come in any order, given back by time and step; they lie in a file, and take no memory."""

    def __init__(self) -> None:
        self._file = sqlite3.connect("")  # a database of its own that goes away with the connection
        self._file.execute("create table points (at real, step integer, key text, kind integer, value)")
        self._piece: list[tuple[float, int, str, int, Any]] = []

    def add(self, timestamp: float, step: int, key: str, value: Any) -> None:
        """Take one point."""
        if type(value) is float and not math.isfinite(value):
            self._piece.append((timestamp, step, key, _NOT_FINITE, str(value)))
        elif type(value) is float:
            self._piece.append((timestamp, step, key, _NUMBER, value))
        elif type(value) is str:
            self._piece.append((timestamp, step, key, _TEXT, value))
        else:
            self._piece.append((timestamp, step, key, _JSON, json.dumps(value)))
        if len(self._piece) >= _PIECE_POINTS:
            self._write()

    def __iter__(self) -> Iterator[Point]:
        self._write()
        found = self._file.execute("select at, step, key, kind, value from points order by at, step, rowid")
        for timestamp, step, key, kind, value in found:
            if kind == _NOT_FINITE:
                value = float(value)
            elif kind == _JSON:
                value = json.loads(value)
            yield Point(timestamp, step, key, value)

    def close(self) -> None:
        """Forget them."""
        self._file.close()

    def _write(self) -> None:
        self._file.executemany("insert into points values (?, ?, ?, ?, ?)", self._piece)
        self._piece.clear()
