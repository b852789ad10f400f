"""Small multiples as PNG, through matplotlib, as `png` draws charts."""

from __future__ import annotations

import io
import math
import warnings
from typing import Any

from runlake.errors import NotSupportedError
from runlake.plot.axis import Axis
from runlake.plot.canvas import LIGHT
from runlake.plot.multiples import Multiples, Panel, grid_of, x_axis_of, y_axis_of
from runlake.plot.png import DASHES, plain

_PIXELS_PER_INCH = 100.0
_INK, _MUTED, _GRID, _AXIS = "#1c2128", "#59636e", "#e6e9ed", "#aab2bc"
_NAME_CHARACTERS = 40
_LEGEND_ITEM_LIMIT = 24


def draw_multiples_png(drawing: Multiples, dpi: int) -> bytes:
    """The drawing as a PNG; `NotSupportedError` where matplotlib is missing."""
    try:
        from matplotlib.figure import Figure
        from matplotlib.layout_engine import ConstrainedLayoutEngine
    except ImportError:
        raise NotSupportedError(
            "curves as PNG need matplotlib, which is not installed; run: pip install matplotlib, or name a file that "
            "ends in .html or .svg"
        ) from None
    grid = grid_of(len(drawing.panels))
    row_count = -(-len(drawing.panels) // grid.column_count)
    legend_columns = max(1, min(len(drawing.names), int(grid.column_count * grid.width // 240)))
    head_inches = 0.45 + 0.24 * -(-min(len(drawing.names), _LEGEND_ITEM_LIMIT) // legend_columns)
    width = grid.column_count * grid.width / _PIXELS_PER_INCH
    height = row_count * grid.height / _PIXELS_PER_INCH + head_inches + 0.3
    layout = ConstrainedLayoutEngine(rect=(0, 0.3 / height, 1, 1 - (head_inches + 0.3) / height))
    figure = Figure(figsize=(width, height), facecolor="white", layout=layout)
    x_axis = x_axis_of(drawing)
    axes = figure.subplots(row_count, grid.column_count, squeeze=False).flat
    for place, axis in enumerate(axes):
        if place >= len(drawing.panels):
            axis.set_axis_off()
            continue
        _draw_panel(axis, drawing.panels[place], x_axis)
    _write_around(figure, drawing, legend_columns, height)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a letter that the font does not have
        figure.savefig(buffer, format="png", dpi=dpi)
    return buffer.getvalue()


def _draw_panel(axes: Any, panel: Panel, x_axis: Axis) -> None:
    y_axis = y_axis_of(panel)
    axes.set_title(plain(_cut(panel.title, 48)), loc="left", fontsize=9, color=_INK)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(_AXIS)
    axes.grid(axis="y", color=_GRID, linewidth=0.8)
    axes.tick_params(labelsize=8, labelcolor=_MUTED, color=_AXIS, left=False)
    # Places from 0 to 1: the span between the largest floats is not one, and matplotlib would take it.
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.set_xticks([x_axis.place(tick) for tick in x_axis.ticks], x_axis.labels())
    axes.set_yticks([y_axis.place(tick) for tick in y_axis.ticks], y_axis.labels())
    for number, trace in enumerate(panel.traces):
        xs = [x_axis.place(x) for x in trace.xs]
        ys = [y_axis.place(y) if math.isfinite(y) else math.nan for y in trace.ys]
        axes.plot(xs, ys, **_look(number), marker="o" if len(ys) == 1 else "", markersize=3, clip_on=False)


def _write_around(figure: Any, drawing: Multiples, legend_columns: int, height: float) -> None:
    """Title, legend, x label and note, outside of what the layout may move."""
    from matplotlib.lines import Line2D

    left = 0.02
    figure.text(left, 1 - 0.12 / height, plain(_cut(drawing.title, 120)), va="top", fontweight="bold", color=_INK)
    names = drawing.names[:_LEGEND_ITEM_LIMIT]
    handles = [Line2D([], [], **_look(place)) for place in range(len(names))]
    # A name that begins with an underscore would be left out.
    labels = [" " + plain(_cut(name, _NAME_CHARACTERS)) for name in names]
    if len(drawing.names) > len(names):
        handles.append(Line2D([], [], linestyle="none"))
        labels.append(f" … {len(drawing.names) - len(names)} more")
    figure.legend(
        handles,
        labels,
        loc="upper left",
        bbox_to_anchor=(left - 0.01, 1 - 0.36 / height),
        ncols=legend_columns,
        frameon=False,
        fontsize=8,
        borderaxespad=0,
    )
    figure.text(0.5, 0.08 / height, plain(drawing.x_label), ha="center", fontsize=8, color=_MUTED)
    figure.text(left, 0.08 / height, plain(_cut(drawing.note, 90)), fontsize=8, color=_MUTED)


def _look(place: int) -> dict[str, Any]:
    """The colour of a run, as in the SVG."""
    dash = DASHES[place // len(LIGHT) % len(DASHES)]
    return {"color": LIGHT[place % len(LIGHT)], "linestyle": dash, "linewidth": 1.5}


def _cut(text: str, count: int) -> str:
    return text if len(text) <= count else text[: count - 1].rstrip() + "…"
