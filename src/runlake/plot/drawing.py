"""What a chart shows, as numbers: made of its table, drawn by `svg` and by `png`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from runlake.errors import NotSupportedError
from runlake.media.histogram import Histogram
from runlake.media.table import Table

ChartKind = Literal["line", "scatter", "bar", "histogram", "roc", "pr", "confusion", "vega"]
"""A chart of kind `vega` is one whose definition is not here: it has no drawing."""

MAX_BAR_COUNT = 50
"""More bars than this are not drawn; the table has them all."""


@dataclass(frozen=True, slots=True)
class Trace:
    """One named line or set of points: `xs` and `ys` are equally long, in the order they are joined."""

    name: str
    xs: list[float]
    ys: list[float]


@dataclass(frozen=True, slots=True)
class Xy:
    """Lines or points over two axes.

    Where x is no number, `x_names` are its different values and the traces' `xs` are places among them.
    """

    title: str
    x_label: str
    y_label: str
    traces: list[Trace]
    mark: Literal["line", "point"]
    x_names: list[str] | None = None
    unit_square: bool = False
    """Whether both axes go from 0 to 1, as those of rates do."""
    diagonal: bool = False
    """Whether a line from corner to corner shows what chance would give."""


@dataclass(frozen=True, slots=True)
class Bars:
    """A bar for each name, from zero; `left_out_count` more are not drawn."""

    title: str
    x_label: str
    y_label: str
    names: list[str]
    values: list[float]
    left_out_count: int = 0


@dataclass(frozen=True, slots=True)
class Bins:
    """How many values fell between which edges, one edge more than counts; `note` tells of those in no bin."""

    title: str
    x_label: str
    counts: list[float]
    edges: list[float]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Matrix:
    """Counts of pairs: `counts[row, column]` of the `row_names` by the `column_names`; pairs not in it are 0."""

    title: str
    x_label: str
    y_label: str
    row_names: list[str]
    column_names: list[str]
    counts: dict[tuple[int, int], float] = field(default_factory=dict)


Drawing = Xy | Bars | Bins | Matrix


def drawing_of(kind: ChartKind, table: Table, fields: Mapping[str, Any], title: str) -> Drawing:
    """What a chart of this kind shows of the table; `fields` say which column is what.

    Raises `NotSupportedError` for a chart of kind `vega`.
    """
    if kind == "vega":
        raise NotSupportedError(
            f"a chart of the definition {fields.get('vega_spec_name')!r} cannot be drawn: definitions lie on W&B's "
            "server; draw its .table with runlake.plot.line, scatter, bar or histogram"
        )
    if kind == "bar":
        return _bars(table, fields, title)
    if kind == "histogram":
        return _bins(table, fields, title)
    if kind == "confusion":
        return _matrix(table, fields, title)
    return _xy(kind, table, fields, title)


def number(cell: Any) -> float:
    """A cell as a float; NaN for what is none, so that it leaves a gap."""
    if isinstance(cell, str) or cell is None:
        return math.nan
    try:
        return float(cell)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def numbers(cells: list[Any]) -> list[float]:
    """`number` of each."""
    if set(map(type, cells)) <= {float}:
        return cells
    return [number(cell) for cell in cells]


def are_numbers(cells: list[Any]) -> bool:
    """Whether cells can be placed on an axis of numbers: None can, as a gap; booleans are names."""
    kinds = set(map(type, cells)) - {type(None)}
    return all(not issubclass(kind, bool | str) and hasattr(kind, "__float__") for kind in kinds)


def _xy(kind: ChartKind, table: Table, fields: Mapping[str, Any], title: str) -> Xy:
    x_cells, y_cells = table.get_column(fields["x"]), table.get_column(fields["y"])
    stroke = fields.get("stroke")
    x_names = None
    if not are_numbers(x_cells):
        places: dict[str, int] = {}
        xs = [float(places.setdefault(str(cell), len(places))) for cell in x_cells]
        x_names = list(places)
    else:
        xs = numbers(x_cells)
    points: dict[str, list[tuple[float, float]]] = {}
    if stroke is None:
        points[""] = list(zip(xs, numbers(y_cells), strict=True))
    else:
        for cell, point in zip(table.get_column(stroke), zip(xs, numbers(y_cells), strict=True), strict=True):
            points.setdefault(str(cell), []).append(point)
    is_curve = kind in ("roc", "pr")
    scores = fields.get("scores") or {}
    traces = []
    for name, pairs in points.items():
        # A stable sort: equal x, as in the steps of a curve, stay in their order.
        pairs = [pair for pair in pairs if -math.inf < pair[0] < math.inf]
        if kind != "scatter":
            pairs.sort(key=lambda pair: pair[0])
        shown = f"{name} ({fields['score_name']} {scores[name]:.3f})" if name in scores else name
        traces.append(Trace(shown, [x for x, _ in pairs], [y for _, y in pairs]))
    return Xy(
        title=title,
        x_label=fields.get("x_label") or str(fields["x"]),
        y_label=fields.get("y_label") or str(fields["y"]),
        traces=traces,
        mark="point" if kind == "scatter" else "line",
        x_names=x_names,
        unit_square=is_curve,
        diagonal=kind == "roc",
    )


def _bars(table: Table, fields: Mapping[str, Any], title: str) -> Bars:
    names = [str(cell) for cell in table.get_column(fields["label"])]
    values = numbers(table.get_column(fields["value"]))
    return Bars(
        title=title,
        x_label=str(fields["value"]),
        y_label=str(fields["label"]),
        names=names[:MAX_BAR_COUNT],
        values=values[:MAX_BAR_COUNT],
        left_out_count=max(0, len(names) - MAX_BAR_COUNT),
    )


def _bins(table: Table, fields: Mapping[str, Any], title: str) -> Bins:
    values = numbers(table.get_column(fields["value"]))
    counted = Histogram(values, num_bins=min(60, max(8, math.ceil(math.sqrt(len(values))))))
    notes = ((counted.nan_count, "not a number"), (counted.inf_count, "infinite"))
    return Bins(
        title=title,
        x_label=str(fields["value"]),
        counts=[float(count) for count in counted.histogram],
        edges=[float(edge) for edge in counted.bins],
        note=", ".join(f"{count} {what}" for count, what in notes if count),
    )


def _matrix(table: Table, fields: Mapping[str, Any], title: str) -> Matrix:
    rows, columns = (table.get_column(fields[name]) for name in ("actual", "predicted"))
    names = [str(name) for name in fields.get("classes") or dict.fromkeys([*rows, *columns])]
    place = {name: index for index, name in enumerate(names)}
    counts = {
        (place[str(row)], place[str(column)]): number(count)
        for row, column, count in zip(rows, columns, table.get_column(fields["count"]), strict=True)
        if count
    }
    return Matrix(title, str(fields["predicted"]), str(fields["actual"]), names, names, counts)
