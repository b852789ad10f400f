"""Small multiples: a panel for each key, the lines of the same runs in each of them, on a light ground."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from runlake.plot.axis import Axis, axis_over
from runlake.plot.canvas import Canvas, cut, text_width
from runlake.plot.drawing import Trace
from runlake.plot.svg import head, line, spread

_GAP, _EDGE = 14.0, 20.0
_ABOVE, _BELOW = 24.0, 34.0
"""What a panel has above its frame for its title, and below for its steps."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One key: the trace at a place is that of the run whose name stands there, and empty where that has none."""

    title: str
    traces: list[Trace]


@dataclass(frozen=True, slots=True)
class Multiples:
    """Panels over one x axis; `note` says what is not drawn."""

    title: str
    x_label: str
    names: list[str]
    panels: list[Panel]
    note: str = ""


class Grid(NamedTuple):
    """How panels are laid out: how many beside each other, and how large each is in pixels."""

    column_count: int
    width: float
    height: float


def grid_of(panel_count: int) -> Grid:
    """The more panels the smaller, and never too small to be read."""
    if panel_count <= 1:
        return Grid(1, 760.0, 400.0)
    if panel_count <= 4:
        return Grid(2, 520.0, 310.0)
    if panel_count <= 9:
        return Grid(3, 400.0, 260.0)
    return Grid(4, 330.0, 220.0)


def x_axis_of(drawing: Multiples, tick_count: int = 5) -> Axis:
    """The steps of all panels."""
    places = chain.from_iterable(trace.xs for panel in drawing.panels for trace in panel.traces)
    return axis_over(places, tick_count=tick_count, exact=True)


def y_axis_of(panel: Panel) -> Axis:
    """The values of one panel, with a little room above and below."""
    axis = axis_over(chain.from_iterable(trace.ys for trace in panel.traces), tick_count=5, exact=True)
    room = (axis.high / 2 - axis.low / 2) * 0.08
    low, high = axis.low - room, axis.high + room
    return Axis(low, high, axis.ticks) if math.isfinite(low) and math.isfinite(high) else axis


def draw_multiples(drawing: Multiples) -> str:
    """The drawing as an SVG file."""
    grid = grid_of(len(drawing.panels))
    width = 2 * _EDGE + grid.column_count * grid.width + (grid.column_count - 1) * _GAP
    canvas = Canvas()
    top = head(canvas, drawing.title, drawing.names, "line", width) + 6
    x_axis = x_axis_of(drawing)
    for place, panel in enumerate(drawing.panels):
        row, column = divmod(place, grid.column_count)
        corner = (_EDGE + column * (grid.width + _GAP), top + row * (grid.height + _GAP))
        _draw_panel(canvas, panel, corner, grid, x_axis)
    row_count = -(-len(drawing.panels) // grid.column_count)
    bottom = top + row_count * (grid.height + _GAP)
    canvas.text(width / 2, bottom + 4, drawing.x_label, style="middle")
    if drawing.note:
        canvas.text(_EDGE, bottom + 4, cut(drawing.note, width / 2 - 60), full=drawing.note)
    return canvas.finish(width, bottom + 18, drawing.title, is_light=True, line_width=1.5)


def _draw_panel(canvas: Canvas, panel: Panel, corner: tuple[float, float], grid: Grid, x_axis: Axis) -> None:
    y_axis = y_axis_of(panel)
    y_texts = y_axis.labels()
    left = corner[0] + max(text_width(text) for text in [*y_texts, "0.00"]) + 8
    right = corner[0] + grid.width - 4
    top, bottom = corner[1] + _ABOVE, corner[1] + grid.height - _BELOW
    canvas.text(left, corner[1] + 14, cut(panel.title, right - left), style="name", full=panel.title)
    for tick, text in zip(y_axis.ticks, y_texts, strict=True):
        y = bottom - y_axis.place(tick) * (bottom - top)
        canvas.line(left, y, right, y, "grid")
        canvas.text(left - 6, y + 4, text, style="end")
    canvas.line(left, bottom, right, bottom, "axis")
    for tick, text in zip(x_axis.ticks, x_axis.labels(), strict=True):
        x = left + x_axis.place(tick) * (right - left)
        canvas.line(x, bottom, x, bottom + 4, "axis")
        canvas.text(min(x, right - text_width(text) / 2), bottom + 17, text, style="middle")
    for place, trace in enumerate(panel.traces):
        xs, ys = spread(trace.xs, x_axis, left, right), spread(trace.ys, y_axis, bottom, top)
        line(canvas, zip(xs, ys, strict=True), place, radius=2.5)
