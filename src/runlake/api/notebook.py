"""What a notebook shows of a run, a project or a listing: static HTML that any page can hold.

No script and no style sheet: it reads the same in a saved notebook, in nbconvert's pages and without a kernel.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from runlake import values
from runlake.api.ranking import JudgedRun, best_first, best_so_far, goal_of, metric_name_of
from runlake.model import RunInfo
from runlake.query.rows.history import Float64s, Int64s
from runlake.query.rows.sample import numbers
from runlake.service.contract import Service
from runlake.sweep_model import SweepInfo

SPARKLINE_COUNT = 12
SPARKLINE_SAMPLES = 100
_WIDTH, _HEIGHT, _MARGIN = 160, 28, 2
_LISTED_RUNS = 10
_CELL = 'style="text-align:left;padding:2px 10px 2px 0;vertical-align:middle"'


def run_page(service: Service, info: RunInfo) -> str:
    """A run: what it is, and of each of its first metrics the line, the last value and the range."""
    facts = [
        ("state", info.state),
        ("created", _time_text(info.created_at)),
        ("rows", f"{info.row_count:,}"),
        *([("tags", ", ".join(info.tags))] if info.tags else []),
        *([("notes", info.notes)] if info.notes else []),
        *((values.plain_name(path), _text(value)) for path, value in _settings(info.config)),
    ]
    title = f"<b>{html.escape(info.name)}</b> <code>{html.escape(str(info.path))}</code>"
    return f"<div>{title}{_table(facts)}{_metrics(service, info)}</div>"


def runs_page(title: str, runs: Sequence[RunInfo], total_count: int) -> str:
    """A listing: its first runs, a row each, and how many there are."""
    rows = [(run.name, run.run_id, run.state, _time_text(run.created_at), f"{run.row_count:,}") for run in runs]
    rest = total_count - len(rows)
    more = f"<div>and {rest:,} more</div>" if rest > 0 else ""
    head = ("name", "id", "state", "created", "rows")
    return f"<div><b>{html.escape(title)}</b>: {total_count:,} runs{_table(rows[:_LISTED_RUNS], head)}{more}</div>"


def sweep_page(info: SweepInfo, judged: Sequence[JudgedRun]) -> str:
    """A sweep: what it is, how its best value came down or up, and its best runs with their parameters."""
    metric, goal = metric_name_of(info), goal_of(info)
    expected = "" if info.expected_run_count is None else f" of {info.expected_run_count:,}"
    facts = [
        ("state", info.state),
        ("method", str(info.config["method"])),
        *([("metric", f"{metric}, {goal}")] if metric else []),
        ("runs", f"{info.run_count:,}{expected}"),
        ("created", _time_text(info.created_at)),
    ]
    course = np.array(best_so_far(judged, goal), np.float64)
    if len(course):
        facts.append(("best so far", Markup(sparkline(np.arange(len(course)), course))))
    best = best_first(judged, goal)[:_LISTED_RUNS]
    names = list(dict.fromkeys(name for one in best for name in one.params))
    rows = [
        [one.run.name, one.run.run_id, one.run.state, _number(one.value or 0.0)]
        + [_param(one.params.get(name, "")) for name in names]
        for one in best
    ]
    runs = _table(rows, ("name", "id", "state", metric or "", *names)) if rows else ""
    title = f"<b>{html.escape(info.name)}</b> <code>{html.escape(str(info.path))}</code>"
    return f"<div>{title}{_table(facts)}{runs}</div>"


def sparkline(steps: Int64s, line: Float64s) -> str:
    """A small SVG of `line` float64[n] over `steps` int64[n]; what is not finite is a gap."""
    finite = np.isfinite(line)
    points = _scaled(steps.astype(np.float64), finite, _WIDTH), _HEIGHT - _scaled(line, finite, _HEIGHT)
    parts = []
    for run in _stretches(finite):
        xy = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(points[0][run], points[1][run], strict=True))
        if run.stop - run.start == 1:
            x, y = xy.split(",")
            parts.append(f'<circle cx="{x}" cy="{y}" r="1.5" fill="#3b7dd8"/>')
        else:
            parts.append(f'<polyline points="{xy}" fill="none" stroke="#3b7dd8" stroke-width="1.2"/>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" '
        f'viewBox="0 0 {_WIDTH} {_HEIGHT}">{"".join(parts)}</svg>'
    )


def _metrics(service: Service, info: RunInfo) -> str:
    history = service.read_history(info.path)
    rows = []
    numeric = list(dict.fromkeys(series.key for series in history.series if series.lane in ("f64", "i64")))
    for path in numeric[:SPARKLINE_COUNT]:
        name = values.plain_name(path)
        drawn = service.sample_history(info.path, path, samples=SPARKLINE_SAMPLES)
        places, line = numbers(drawn)
        if len(line):
            steps, line = drawn.step if places is None else drawn.step[places], line.astype(np.float64)
            finite = line[np.isfinite(line)]
            span = f"{_number(finite.min())} … {_number(finite.max())}" if len(finite) else "no finite values"
            rows.append((name, Markup(sparkline(steps, line)), _number(float(line[-1])), span))
    more = f"<div>and {len(numeric) - SPARKLINE_COUNT:,} more metrics</div>" if len(numeric) > SPARKLINE_COUNT else ""
    return _table(rows, ("metric", "", "last", "range")) + more if rows else ""


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def _table(rows: Iterable[Sequence[str | None]], head: Sequence[str] = ()) -> str:
    lines = ["<tr>" + "".join(f"<th {_CELL}>{html.escape(cell)}</th>" for cell in head) + "</tr>"] if head else []
    for row in rows:
        cells = (cell if isinstance(cell, Markup) else html.escape(str(cell)) for cell in row)
        lines.append("<tr>" + "".join(f"<td {_CELL}>{cell}</td>" for cell in cells) + "</tr>")
    return f'<table style="border:0">{"".join(lines)}</table>'


def _settings(config: dict[str, Any]) -> list[tuple[str, Any]]:
    shown = {key: value for key, value in config.items() if not key.startswith("_")}
    return list(values.flatten(shown, stringify_keys=True).items())[:_LISTED_RUNS]


def _text(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _param(value: Any) -> str:
    return _number(value) if isinstance(value, float) else _text(value)


def _number(value: float) -> str:
    return f"{value:,.4g}"


def _time_text(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _scaled(line: Float64s, finite: npt.NDArray[np.bool_], size: int) -> Float64s:
    """`line` from the margin to `size` less the margin, NaN where it is not finite."""
    shown = np.where(finite, line, np.nan)
    if not finite.any():
        return shown
    low, high = float(np.nanmin(shown)), float(np.nanmax(shown))
    half_span = high / 2 - low / 2  # halves, since the span of two floats can be beyond all floats
    if not half_span:
        return np.where(finite, size / 2, np.nan)
    return _MARGIN + (size - 2 * _MARGIN) * ((shown / 2 - low / 2) / half_span)


def _stretches(finite: npt.NDArray[np.bool_]) -> list[slice]:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], finite, [False]))))
    return [slice(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]
