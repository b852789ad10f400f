"""Single points of metrics, as other trackers keep them, as rows: what was said at once stands in one row."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from runlake.importers.database import WAIT_S, Database, decoded
from runlake.importers.foreign import ForeignRow
from runlake.model import LoggedRow, Stream

NUMBER, NOT_FINITE, _TEXT, _JSON = range(4)
_PIECE_POINTS = 10_000

CALL_S = 1.0
"""Points of one step that are so close to each other were logged together, if not by one call."""

STEP_KEY = "step"


def rows_of(points: Iterable[tuple[float, int, str, Any]], started_at: float) -> Iterator[LoggedRow]:
    """Points of one step that follow each other within `CALL_S` as a row, as long as each key is new in it.

    The row has the time of the first one. Where steps are no whole numbers, the row has that before the point, and what
    it was as the value of `STEP_KEY`.
    """
    values: dict[str, Any] = {}
    row_step: float = 0
    row_at = -math.inf
    for timestamp, step, key, value in points:
        if step != row_step or key in values or not row_at <= timestamp < row_at + CALL_S:
            if values:
                yield _row(row_step, row_at, started_at, values)
            values = {}
            row_step, row_at = step, timestamp
        values[key] = value
    if values:
        yield _row(row_step, row_at, started_at, values)


def _row(step: float, at: float, started_at: float, values: dict[str, Any]) -> LoggedRow:
    whole = math.floor(step)
    if whole != step:
        values[STEP_KEY] = step
    return LoggedRow(whole, at, max(0.0, at - started_at), values)


class SortedPoints:
    """Points that come in any order, given back by time and step; they lie in a file, and take no memory.

    With a `source`, queries of that database can add to them, under the name ``source``.
    """

    def __init__(self, source: Database | None = None) -> None:
        # A database of its own, in a file that goes away with the connection.
        self._file = sqlite3.connect("", uri=True, isolation_level=None, timeout=WAIT_S)
        self._file.execute("pragma journal_mode = off")
        self._file.execute("create table points (stream text, at real, step integer, key text, kind integer, value)")
        self._file.text_factory = decoded
        if source is not None:
            self._file.execute("attach ? as source", (source.uri,))
        self._piece: list[tuple[str, float, float, str, int, Any]] = []

    def add(self, stream: Stream, timestamp: float, step: float, key: str, value: Any) -> None:
        """Take one point of a stream; `timestamp` in seconds since 1970."""
        if type(value) is float:
            is_finite = math.isfinite(value)
            self._piece.append(
                (stream, timestamp, step, key, NUMBER if is_finite else NOT_FINITE, value if is_finite else str(value))
            )
        elif type(value) is str:
            self._piece.append((stream, timestamp, step, key, _TEXT, value))
        else:
            self._piece.append((stream, timestamp, step, key, _JSON, json.dumps(value)))
        if len(self._piece) >= _PIECE_POINTS:
            self._write()

    def add_from(self, query: str, arguments: Sequence[Any]) -> None:
        """Take what a query says: stream, time, step, key, kind (`NUMBER` or `NOT_FINITE`), value."""
        self._file.execute(f"insert into points {query}", arguments)

    def rows(self, stream: Stream, started_at: float) -> Iterator[ForeignRow]:
        """The points of a stream as its rows."""
        self._write()
        return (ForeignRow(stream, row) for row in rows_of(self._sorted(stream), started_at))

    def _sorted(self, stream: Stream) -> Iterator[tuple[float, int, str, Any]]:
        found = self._file.execute(
            "select at, step, key, value, kind from points where stream = ? order by at, step, rowid", (stream,)
        )
        for timestamp, step, key, value, kind in found:
            if kind:
                value = float(value) if kind == NOT_FINITE else json.loads(value) if kind == _JSON else value
            yield timestamp, step, key, value

    def close(self) -> None:
        """Forget them."""
        self._file.close()

    def _write(self) -> None:
        self._file.execute("begin")
        self._file.executemany("insert into points values (?, ?, ?, ?, ?, ?)", self._piece)
        self._file.execute("commit")
        self._piece.clear()
