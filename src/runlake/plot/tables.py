"""Charts of the columns of a table, and lines of several series."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from runlake.errors import BadValueError
from runlake.media.arrays import plain
from runlake.media.table import Table
from runlake.plot.chart import Chart, as_table


def line(
    table: Any, x: str, y: str, stroke: str | None = None, title: str | None = None, split_table: bool = False
) -> Chart:
    """A line of column `y` over column `x`, one for each value of column `stroke`, joined from low x to high.

    `table` is a Table or a pandas or polars frame. Cells of y that are no number leave a gap; where x is not
    numbers, its values stand beside each other in the order they come. `split_table` is accepted and has no
    meaning here. Raises `BadValueError` for a column that is not there.
    """
    used = [x, y] if stroke is None else [x, y, stroke]
    fields = {"x": x, "y": y} if stroke is None else {"x": x, "y": y, "stroke": stroke}
    return Chart("line", as_table(table, *used), fields, title or "")


def scatter(table: Any, x: str, y: str, title: str | None = None, split_table: bool = False) -> Chart:
    """A point for each row, at column `x` and column `y`. Otherwise as `line`."""
    return Chart("scatter", as_table(table, x, y), {"x": x, "y": y}, title or "")


def bar(table: Any, label: str, value: str, title: str | None = None, split_table: bool = False) -> Chart:
    """A bar for each row, called as column `label` says and as long as column `value` says.

    The first fifty are drawn. Otherwise as `line`.
    """
    return Chart("bar", as_table(table, label, value), {"label": label, "value": value}, title or "")


def histogram(table: Any, value: str, title: str | None = None, split_table: bool = False) -> Chart:
    """How often the values of column `value` fall into which of up to sixty bins. Otherwise as `line`."""
    return Chart("histogram", as_table(table, value), {"value": value}, title or "")


def line_series(
    xs: Any,
    ys: Iterable[Any],
    keys: Sequence[Any] | None = None,
    title: str | None = None,
    xname: str | None = None,
    split_table: bool = False,
) -> Chart:
    """Several lines: each of `ys` over `xs`, or over its own where `xs` holds one sequence for each.

    `keys` name the lines (``key_0``, ``key_1``, … when not given) and `xname` the x axis. The table has the columns
    step, lineKey and lineVal. Raises `BadValueError` where the lengths do not fit.
    """
    lines = [_plain(values) for values in ys]
    shared = _plain(xs)
    own = bool(shared) and all(_is_sequence(item) for item in shared)
    places = [_plain(item) for item in shared] if own else [shared] * len(lines)
    names = [f"key_{index}" for index in range(len(lines))] if keys is None else [str(name) for name in keys]
    for what, count in (("xs", len(places)), ("keys", len(names))):
        if count != len(lines):
            raise BadValueError(f"line_series has {count} {what} and {len(lines)} ys; give one for each line")
    data = []
    for name, x_values, y_values in zip(names, places, lines, strict=True):
        if len(x_values) != len(y_values):
            raise BadValueError(
                f"the line {name!r} of line_series has {len(x_values)} xs and {len(y_values)} ys; give as many"
            )
        data += [[x, name, y] for x, y in zip(x_values, y_values, strict=True)]
    table = Table(columns=["step", "lineKey", "lineVal"], data=data)
    fields = {"x": "step", "y": "lineVal", "stroke": "lineKey", "x_label": xname or "x", "y_label": "y"}
    return Chart("line", table, fields, title or "")


def _is_sequence(item: Any) -> bool:
    if isinstance(item, str | bytes) or getattr(item, "ndim", 1) == 0:
        return False
    return isinstance(item, Sequence | range) or hasattr(item, "tolist")


def _plain(values: Any) -> list[Any]:
    given: Any = plain(values)
    if isinstance(given, list):
        return given
    if not isinstance(given, Iterable):
        raise BadValueError(f"line_series was given {given!r:.80} where a sequence of numbers belongs")
    return list(given)
