"""Drawings as SVG: no script, no font of their own, one file."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import chain, groupby

from runlake.plot.axis import Axis, axis_over, value_text
from runlake.plot.canvas import Canvas, cut, fill_of, text_width
from runlake.plot.drawing import Bars, Bins, Drawing, Matrix, Trace, Xy

WIDTH, HEIGHT = 720.0, 400.0
MAX_DRAWN_POINT_COUNT = 20_000
"""A scatter of more points shows this many, evenly picked, and says so."""

_EDGE, _BOTTOM = 20.0, 52.0
_LEGEND_ITEM_LIMIT = 24
_DOT_LIMIT = 60
"""Lines of up to this many points show each of them."""

_LABEL_WIDTH = 170.0
_BAR_STEP, _BAR_HEIGHT = 26.0, 16.0


def draw(drawing: Drawing) -> str:
    """The drawing as an SVG file."""
    if isinstance(drawing, Bars):
        return _draw_bars(drawing)
    if isinstance(drawing, Bins):
        return _draw_bins(drawing)
    if isinstance(drawing, Matrix):
        return _draw_matrix(drawing)
    return _draw_xy(drawing)


# Lines and points -----------------------------------------------------------------------------------------


def _draw_xy(drawing: Xy) -> str:
    canvas = Canvas()
    top = head(canvas, drawing.title, [trace.name for trace in drawing.traces], drawing.mark)
    x_axis, y_axis = axes_of(drawing)
    frame = _Frame(canvas, top, HEIGHT + top - 60, x_axis, y_axis, drawing.x_label, drawing.y_label, drawing.x_names)
    if drawing.diagonal:
        canvas.line(frame.x(0), frame.y(0), frame.x(1), frame.y(1), "chance")
    note = ""
    for place, trace in enumerate(drawing.traces):
        if drawing.mark == "point":
            note = _draw_points(canvas, frame, trace, place, drawing) or note
        else:
            _draw_line(canvas, frame, trace, place, drawing)
    if not any(math.isfinite(y) for trace in drawing.traces for y in trace.ys):
        note = note or "no data"
    frame.note(note)
    return canvas.finish(WIDTH, frame.height, drawing.title or f"{drawing.y_label} over {drawing.x_label}")


def axes_of(drawing: Xy) -> tuple[Axis, Axis]:
    """The x and the y axis of lines or points."""
    if drawing.unit_square:
        unit = axis_over([0.0, 1.0], tick_count=5)
        return unit, unit
    if drawing.x_names is not None:
        last = len(drawing.x_names) - 1
        x_axis = Axis(-0.5, last + 0.5, [float(place) for place in range(last + 1)])
    else:
        x_axis = axis_over(
            chain.from_iterable(trace.xs for trace in drawing.traces), tick_count=8, exact=drawing.mark == "line"
        )
    return x_axis, axis_over(chain.from_iterable(trace.ys for trace in drawing.traces), tick_count=6)


def _draw_line(canvas: Canvas, frame: _Frame, trace: Trace, place: int, drawing: Xy) -> None:
    line(canvas, zip(frame.xs(trace.xs), frame.ys(trace.ys), strict=True), place)
    if len(trace.xs) <= _DOT_LIMIT and not drawing.unit_square:
        for x, y in zip(trace.xs, trace.ys, strict=True):
            if math.isfinite(y):
                canvas.dot(frame.x(x), frame.y(y), fill_of(place), 3, _tip(trace.name, drawing, x, y))


def line(canvas: Canvas, points: Iterable[tuple[float, float]], place: int, radius: float = 3) -> None:
    """A line through pixels, broken where y is no number; what stands alone is a dot."""
    pieces = [list(piece) for is_shown, piece in groupby(points, lambda point: math.isfinite(point[1])) if is_shown]
    canvas.path([thin(piece) for piece in pieces], place)
    for piece in pieces:
        if len(piece) == 1:
            canvas.dot(*piece[0], fill_of(place), radius)


def _draw_points(canvas: Canvas, frame: _Frame, trace: Trace, place: int, drawing: Xy) -> str:
    """Points, each place once; answers a note when not all are drawn."""
    points = [(x, y) for x, y in zip(trace.xs, trace.ys, strict=True) if math.isfinite(y)]
    kept = {(round(frame.x(x)), round(frame.y(y))): (x, y) for x, y in points} if len(points) > 2000 else None
    drawn = points if kept is None else list(kept.values())
    total, note = len(drawn), ""
    if total > MAX_DRAWN_POINT_COUNT:
        drawn = [drawn[index * total // MAX_DRAWN_POINT_COUNT] for index in range(MAX_DRAWN_POINT_COUNT)]
        note = f"{MAX_DRAWN_POINT_COUNT:,} of {len(points):,} points are drawn"
    opacity = 0.75 if len(drawn) < 500 else 0.5
    for x, y in drawn:
        tip = _tip(trace.name, drawing, x, y) if len(drawn) <= 2000 else ""
        canvas.dot(frame.x(x), frame.y(y), fill_of(place), 3.5 if len(drawn) < 500 else 2, tip, opacity)
    return note


def thin(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """A line with x ascending, in pixels, with the first, lowest, highest and last point of each pixel across."""
    if len(points) <= 4 * WIDTH:
        return points
    kept: list[tuple[float, float]] = []
    start = 0
    for end in range(1, len(points) + 1):
        if end < len(points) and math.floor(points[end][0]) == math.floor(points[start][0]):
            continue
        column = range(start, end)
        low, high = min(column, key=lambda i: points[i][1]), max(column, key=lambda i: points[i][1])
        kept += [points[i] for i in sorted({start, low, high, end - 1})]
        start = end
    return kept


def _tip(name: str, drawing: Xy, x: float, y: float) -> str:
    at = drawing.x_names[int(x)] if drawing.x_names is not None else value_text(x)
    return (f"{name}\n" if name else "") + f"{drawing.x_label}: {at}\n{drawing.y_label}: {value_text(y)}"


# Bars and bins --------------------------------------------------------------------------------------------


def _draw_bars(drawing: Bars) -> str:
    canvas = Canvas()
    top = head(canvas, drawing.title, [], "line")
    width = max([text_width(name) for name in drawing.names], default=0.0)
    left = _EDGE + min(width, _LABEL_WIDTH) + 10
    values = [value for value in drawing.values if math.isfinite(value)]
    axis = axis_over(values, tick_count=7, with_zero=True)
    texts = axis.labels()
    right = WIDTH - _EDGE - max([text_width(value_text(value)) for value in values], default=0.0)
    bottom = top + max(1, len(drawing.names)) * _BAR_STEP + 4

    def x(value: float) -> float:
        return left + axis.place(value) * (right - left)

    for tick, text in zip(axis.ticks, texts, strict=True):
        canvas.line(x(tick), top, x(tick), bottom, "axis" if tick == 0 else "grid")
        canvas.text(x(tick), bottom + 17, text, style="middle")
    for place, (name, value) in enumerate(zip(drawing.names, drawing.values, strict=True)):
        y = top + place * _BAR_STEP + (_BAR_STEP - _BAR_HEIGHT) / 2 + 2
        canvas.text(left - 10, y + 12.5, cut(name, _LABEL_WIDTH), style="name end", full=name)
        if not math.isfinite(value):
            canvas.text(x(0) + 6, y + 12.5, str(value))
            continue
        start, end = min(x(0), x(value)), max(x(0), x(value))
        canvas.box(start, y, end - start, _BAR_HEIGHT, fill_of(0), tip=f"{name}: {value_text(value)}", round=2)
        canvas.text(end + 6, y + 12.5, value_text(value))
    canvas.text((left + right) / 2, bottom + 38, drawing.x_label, style="middle")
    if drawing.left_out_count:
        canvas.text(_EDGE, bottom + 38, f"… {drawing.left_out_count} more in the table")
    elif not drawing.names:
        canvas.text((left + right) / 2, (top + bottom) / 2 + 4, "no data", style="middle")
    return canvas.finish(WIDTH, bottom + _BOTTOM, drawing.title or f"{drawing.x_label} by {drawing.y_label}")


def _draw_bins(drawing: Bins) -> str:
    canvas = Canvas()
    top = head(canvas, drawing.title, [], "line")
    x_axis = axis_over([drawing.edges[0], drawing.edges[-1]], tick_count=8, exact=True)
    y_axis = axis_over(drawing.counts, tick_count=5, with_zero=True)
    frame = _Frame(canvas, top, HEIGHT + top - 60, x_axis, y_axis, drawing.x_label, "count", None)
    for count, start, end in zip(drawing.counts, drawing.edges, drawing.edges[1:], strict=False):
        if count:
            left, right = frame.x(start) + 0.5, frame.x(end) - 0.5
            tip = f"{value_text(start)} to {value_text(end)}: {value_text(count)}"
            canvas.box(left, frame.y(count), max(right - left, 0.5), frame.y(0) - frame.y(count), fill_of(0), tip=tip)
    frame.note(drawing.note or ("" if any(drawing.counts) else "no data"))
    return canvas.finish(WIDTH, frame.height, drawing.title or f"how {drawing.x_label} is spread")


# Matrices -------------------------------------------------------------------------------------------------


def _draw_matrix(drawing: Matrix) -> str:
    canvas = Canvas()
    top = head(canvas, drawing.title, [], "line")
    count = max(1, len(drawing.column_names))
    cell = min(64.0, 460 / count)
    every = max(1, math.ceil(14 / cell))
    row_width = min(max([text_width(name) for name in drawing.row_names], default=0.0), 130.0)
    column_width = min(max([text_width(name) for name in drawing.column_names], default=0.0), 130.0)
    is_turned = column_width > cell - 4
    left, side = _EDGE + 22 + row_width + 8, cell * count
    width = max(left + side + _EDGE + (column_width * 0.5 if is_turned else 0), 320.0)
    totals: dict[int, float] = {}
    for (row, _), value in drawing.counts.items():
        totals[row] = totals.get(row, 0) + value
    canvas.box(left, top, side, side, "empty", opacity=0.45)
    for (row, column), value in sorted(drawing.counts.items()):
        x, y, share = left + column * cell, top + row * cell, value / totals[row]
        tip = (
            f"{drawing.y_label}: {drawing.row_names[row]}\n{drawing.x_label}: {drawing.column_names[column]}\n"
            f"{value_text(value)} ({share:.1%} of the row)"
        )
        gap = 1 if cell > 8 else 0
        canvas.box(x, y, cell - gap, cell - gap, fill_of(0), tip=tip, opacity=0.12 + 0.88 * share)
        text = value_text(value)
        if cell >= 20 and text_width(text) <= cell - 2:
            style = "on middle" if share > 0.5 else "name middle"
            canvas.text(x + cell / 2, y + cell / 2 + 4, text, style=style)
    for place in range(0, len(drawing.row_names), every):
        name = drawing.row_names[place]
        canvas.text(left - 8, top + (place + 0.5) * cell + 4, cut(name, 130), style="end", full=name)
    bottom = top + side
    for place in range(0, len(drawing.column_names), every):
        name, x = drawing.column_names[place], left + (place + 0.5) * cell
        if is_turned:
            canvas.text(x + 4, bottom + 14, cut(name, 130), style="end", turn=-45, full=name)
        else:
            canvas.text(x, bottom + 17, name, style="middle")
    label_y = bottom + (column_width * 0.71 + 34 if is_turned else 40)
    canvas.text(left + side / 2, label_y, drawing.x_label, style="name middle")
    canvas.text(_EDGE + 8, top + side / 2, drawing.y_label, style="name middle", turn=-90)
    return canvas.finish(width, label_y + 16, drawing.title or f"{drawing.y_label} by {drawing.x_label}")


# What they share ------------------------------------------------------------------------------------------


class _Frame:
    """Two axes with grid, ticks and labels, and where numbers lie between them."""

    def __init__(
        self,
        canvas: Canvas,
        top: float,
        height: float,
        x_axis: Axis,
        y_axis: Axis,
        x_label: str,
        y_label: str,
        x_names: Sequence[str] | None,
    ) -> None:
        self._canvas, self._x_axis, self._y_axis = canvas, x_axis, y_axis
        self.height = height
        y_texts = y_axis.labels()
        self._top, self._bottom = top + 6, height - _BOTTOM
        self._left = _EDGE + 24 + max([text_width(text) for text in y_texts], default=0.0)
        self._right = WIDTH - _EDGE - 4
        for tick, text in zip(y_axis.ticks, y_texts, strict=True):
            canvas.line(self._left, self.y(tick), self._right, self.y(tick), "grid")
            canvas.text(self._left - 8, self.y(tick) + 4, text, style="end")
        canvas.line(self._left, self._bottom, self._right, self._bottom, "axis")
        self._mark_x(list(x_names) if x_names is not None else x_axis.labels())
        middle = (self._left + self._right) / 2
        canvas.text(middle, height - 12, cut(x_label, 500), style="middle", full=x_label)
        canvas.text(
            _EDGE + 2, (self._top + self._bottom) / 2, cut(y_label, 280), style="middle", turn=-90, full=y_label
        )

    def x(self, value: float) -> float:
        return self._left + self._x_axis.place(value) * (self._right - self._left)

    def y(self, value: float) -> float:
        return self._bottom - self._y_axis.place(value) * (self._bottom - self._top)

    def xs(self, values: Sequence[float]) -> list[float]:
        return spread(values, self._x_axis, self._left, self._right)

    def ys(self, values: Sequence[float]) -> list[float]:
        return spread(values, self._y_axis, self._bottom, self._top)

    def note(self, text: str) -> None:
        """Something to know, at the lower right."""
        if text == "no data":
            place = (self._left + self._right) / 2, (self._top + self._bottom) / 2
            self._canvas.text(*place, text, style="middle")
        elif text:
            self._canvas.text(self._right, self.height - 12, text, style="end")

    def _mark_x(self, texts: list[str]) -> None:
        """The ticks of the x axis, as many as there is room for."""
        room = (self._right - self._left) / max(1, len(texts))
        widest = max([min(text_width(text), 120.0) for text in texts], default=0.0) + 10
        every = max(1, math.ceil(widest / room))
        for place in range(0, len(texts), every):
            x = self.x(self._x_axis.ticks[place])
            self._canvas.line(x, self._bottom, x, self._bottom + 4, "axis")
            self._canvas.text(x, self._bottom + 18, cut(texts[place], 120), style="middle", full=texts[place])


def spread(values: Sequence[float], axis: Axis, start: float, end: float) -> list[float]:
    """Many values as pixels between two; half as much to compute as one by one."""
    half_low, scale = axis.low / 2, (end - start) / (axis.high / 2 - axis.low / 2)
    return [start + (value / 2 - half_low) * scale for value in values]


def head(canvas: Canvas, title: str, names: list[str], mark: str, width: float = WIDTH) -> float:
    """Title and legend of a drawing so wide; answers where what is below them begins."""
    y = 14.0
    if title:
        shown = cut(title, (width - 2 * _EDGE) * 0.78)
        canvas.text(_EDGE, 30, shown, style="title", full=title)
        y = 44.0
    if len(names) > 1 or any(names):
        x = _EDGE
        hidden_count = len(names) - _LEGEND_ITEM_LIMIT
        for place, name in enumerate(names[:_LEGEND_ITEM_LIMIT]):
            shown = cut(name, 240)
            item_width = 24 + text_width(shown) + 18
            if x > _EDGE and x + item_width > width - _EDGE:
                x, y = _EDGE, y + 20
            if mark == "point":
                canvas.dot(x + 8, y + 8, fill_of(place), 4)
            else:
                canvas.path([[(x, y + 8), (x + 18, y + 8)]], place)
            canvas.text(x + 24, y + 12, shown, style="name", full=name)
            x += item_width
        if hidden_count > 0:
            canvas.text(x, y + 12, f"… {hidden_count} more")
        y += 26
    return y
