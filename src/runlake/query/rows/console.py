"""Rows of the stream ``console`` as lines."""

from __future__ import annotations

from typing import Any

from runlake.model import ConsoleLine
from runlake.query.rows.history import History
from runlake.store.series import filled_times
from runlake.values import stored_json


def console_lines(history: History) -> list[ConsoleLine]:
    """The lines by number, each in its last form: a progress bar that was redrawn is one line.

    The time of a line is that of its last form. Where several processes printed, the lines are in the order in which
    they were first seen.
    """
    cells = [cells_of(history, key) for key in ("source", "line", "level", "text")]
    times = [0.0] * history.row_count if history.timestamp is None else filled_times(history.timestamp).tolist()
    lines: dict[tuple[str | None, int], ConsoleLine] = {}
    for source, number, level, text, timestamp in zip(*cells, times, strict=True):
        if isinstance(number, int):
            said_by, at_level, said = text_of(source), text_of(level), text_of(text)
            lines[said_by, number] = ConsoleLine(
                number=number, timestamp=timestamp, level=at_level, text=said or "", source=said_by
            )
    if len({source for source, _ in lines}) > 1:
        return list(lines.values())
    return [lines[place] for place in sorted(lines, key=lambda place: place[1])]


def text_of(cell: Any) -> str | None:
    """What is no text is shown as it would be printed: a line with an odd label is a line all the same."""
    return cell if cell is None or type(cell) is str else str(cell)


def cells_of(history: History, key: str) -> list[Any]:
    """The values of one key, a cell per row, None where a row has none."""
    cells: list[Any] = [None] * history.row_count
    for series in history.series:
        if series.key == key:
            rows = range(history.row_count) if series.rows is None else series.rows.tolist()
            for row, value in zip(rows, series.values.to_pylist(), strict=True):
                cells[row] = stored_json(value) if series.lane == "json" else value
    return cells
