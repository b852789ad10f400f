"""Drawings as PNG, through matplotlib, without touching the figures or settings of the program."""

from __future__ import annotations

import io
import math
from typing import Any

from runlake.errors import NotSupportedError
from runlake.plot.canvas import LIGHT
from runlake.plot.drawing import Bars, Bins, Drawing, Matrix, Xy

DASHES = ("solid", "dashed", "dotted", "dashdot")
_MAX_WRITTEN_CELL_COUNT = 30


def draw_png(drawing: Drawing, dpi: int) -> bytes:
    """The drawing as a PNG of 7.2 × 4.2 inches; `NotSupportedError` where matplotlib is missing."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise NotSupportedError(
            "a chart as PNG needs matplotlib, which is not installed; run: pip install matplotlib, or use to_svg()"
        ) from None
    figure = Figure(figsize=(7.2, 4.2), layout="constrained", facecolor="white")
    axes = figure.subplots()
    # A dollar sign is no formula here.
    axes.set_title(plain(drawing.title), loc="left", fontsize=11, fontweight="bold")
    axes.spines[["top", "right"]].set_visible(False)
    if isinstance(drawing, Bars):
        _draw_bars(axes, drawing)
    elif isinstance(drawing, Bins):
        _draw_bins(axes, drawing)
    elif isinstance(drawing, Matrix):
        _draw_matrix(axes, drawing)
    else:
        _draw_xy(axes, drawing)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    return buffer.getvalue()


def _draw_xy(axes: Any, drawing: Xy) -> None:
    for place, trace in enumerate(drawing.traces):
        color = LIGHT[place % len(LIGHT)]
        ys = [y if math.isfinite(y) else math.nan for y in trace.ys]
        name = plain(trace.name) or "_"
        if drawing.mark == "point":
            axes.scatter(trace.xs, ys, s=12, color=color, alpha=0.7, label=name, linewidths=0)
        else:
            dash = DASHES[place // len(LIGHT) % len(DASHES)]
            marker = "o" if len(ys) <= 60 and not drawing.unit_square else ""
            axes.plot(trace.xs, ys, color=color, linestyle=dash, label=name, marker=marker, markersize=3)
    if drawing.unit_square:
        axes.set(xlim=(0, 1), ylim=(0, 1.02))
    if drawing.diagonal:
        axes.plot([0, 1], [0, 1], color="#aab2bc", linestyle="dashed", linewidth=1, label="_")
    if drawing.x_names is not None:
        every = max(1, len(drawing.x_names) // 12)
        places = range(0, len(drawing.x_names), every)
        axes.set_xticks(list(places), [plain(drawing.x_names[place]) for place in places])
    _label(axes, drawing.x_label, drawing.y_label)
    axes.grid(color="#e6e9ed")
    if any(trace.name for trace in drawing.traces):
        axes.legend(frameon=False, fontsize=8)


def _draw_bars(axes: Any, drawing: Bars) -> None:
    places = range(len(drawing.names))
    axes.barh(list(places), [v if math.isfinite(v) else math.nan for v in drawing.values], color=LIGHT[0], height=0.65)
    axes.set_yticks(list(places), [plain(name)[:40] for name in drawing.names])
    axes.invert_yaxis()
    _label(axes, drawing.x_label, drawing.y_label)
    if drawing.left_out_count:
        axes.annotate(f"… {drawing.left_out_count} more in the table", (0, -0.14), xycoords="axes fraction", fontsize=8)


def _draw_bins(axes: Any, drawing: Bins) -> None:
    axes.stairs(drawing.counts, drawing.edges, fill=True, color=LIGHT[0])
    _label(axes, drawing.x_label, "count")
    if drawing.note:
        axes.annotate(drawing.note, (1, 1), xycoords="axes fraction", fontsize=8, ha="right")


def _draw_matrix(axes: Any, drawing: Matrix) -> None:
    import numpy as np

    counts = np.zeros((len(drawing.row_names), len(drawing.column_names)))
    for place, value in drawing.counts.items():
        counts[place] = value
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for set_ticks, names in ((axes.set_xticks, drawing.column_names), (axes.set_yticks, drawing.row_names)):
        places = range(0, len(names), max(1, len(names) // 15))
        set_ticks(list(places), [plain(names[place])[:24] for place in places])
    axes.tick_params(axis="x", rotation=45 if max(map(len, drawing.column_names), default=0) > 4 else 0)
    if len(drawing.row_names) <= _MAX_WRITTEN_CELL_COUNT:
        for (row, column), value in drawing.counts.items():
            color = "white" if shares[row, column] > 0.5 else "#1c2128"
            axes.text(column, row, f"{value:.6g}", ha="center", va="center", color=color, fontsize=8)
    _label(axes, drawing.x_label, drawing.y_label)


def _label(axes: Any, x_label: str, y_label: str) -> None:
    axes.set_xlabel(plain(x_label))
    axes.set_ylabel(plain(y_label))


def plain(text: str) -> str:
    """Text in which a dollar sign begins no formula."""
    return text.replace("$", r"\$")
