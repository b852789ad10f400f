"""``runlake show``: one run, one sweep, one artifact, or one saved view, on one page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runlake.cli import output
from runlake.cli.documents import alert_document, file_document, run_document
from runlake.cli.format import (
    format_count,
    format_duration,
    format_number,
    format_size,
    format_time,
    shorten,
)
from runlake.cli.ls_views import show_view
from runlake.cli.opening import default_project, find_run_or_sweep, open_store
from runlake.cli.show_artifact import show_artifact
from runlake.cli.show_sweep import show_sweep
from runlake.cli.sparkline import sparkline
from runlake.errors import BadValueError, NotFoundError
from runlake.model import HIDDEN_KEY, FileInfo, RunInfo, RunPath
from runlake.sweep_model import SweepPath
from runlake.values import plain_name

if TYPE_CHECKING:
    from runlake.service.contract import Service

METRIC_LIMIT = 40
"""So many metrics are drawn when none are named: a run may have a hundred thousand keys."""

_SAMPLE_COUNT = 500


@dataclass(frozen=True, slots=True)
class Metric:
    """One numeric key in a few numbers; `values` is a sample that holds its lowest and highest value."""

    key: str
    row_count: int
    values: tuple[float, ...]

    def document(self) -> dict[str, Any]:
        """The metric of ``show --json``."""
        finite = self._without_nan()
        return {
            "key": plain_name(self.key),
            "row_count": self.row_count,
            "first": self.values[0],
            "last": self.values[-1],
            "min": min(finite, default=None),
            "max": max(finite, default=None),
        }

    def cells(self) -> tuple[str, ...]:
        """The metric's line in the table."""
        finite = self._without_nan()
        low, high = (format_number(pick(finite)) if finite else "nan" for pick in (min, max))
        last = format_number(self.values[-1])
        return plain_name(self.key), f"{self.row_count:,}", last, low, high, sparkline(self.values)

    def _without_nan(self) -> list[float]:
        return [value for value in self.values if value == value]


def show(
    context: typer.Context,
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN|SWEEP|ARTIFACT|VIEW",
            help="RUN, PROJECT/RUN or ENTITY/PROJECT/RUN; ENTITY/PROJECT/sweeps/SWEEP; ENTITY/PROJECT/NAME:VERSION.",
        ),
    ],
    keys: Annotated[
        str | None, typer.Option("--keys", metavar="A,B", help=f"Draw these metrics, not the first {METRIC_LIMIT}.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show a run: state, times, config, summary, a line for each metric, alerts, files.

    Or a sweep: state, config, its course, the best runs with their parameters, what mattered, agents.

    Or an artifact, which has a colon in its name: aliases, metadata, files, who made it and who used it.

    Or a saved view, ENTITY/PROJECT/views/VIEW: what it is called, who put it, and with --json its text.
    """
    from runlake.api.paths import names_view, parse_view_path

    with open_store(context) as service:
        if ":" in run:
            from runlake.artifacts.names import parse_artifact

            if keys is not None:
                raise BadValueError(f"--keys chooses metrics of a run, and {run} is an artifact")
            artifact = parse_artifact(run, service.default_entity, default_project())
            show_artifact(service, artifact, as_json=as_json)
            return
        if names_view(run):
            if keys is not None:
                raise BadValueError(f"--keys chooses metrics of a run, and {run} is a saved view")
            show_view(service, parse_view_path(run, None, None), as_json=as_json)
            return
        path = find_run_or_sweep(service, run)
        if isinstance(path, SweepPath):
            if keys is not None:
                raise BadValueError(f"--keys chooses metrics of a run, and {path} is a sweep")
            show_sweep(service, path, as_json=as_json)
            return
        info = service.read_run(path)
        history_keys = service.list_keys(path)
        chosen = history_keys[:METRIC_LIMIT] if keys is None else choose_keys(history_keys, keys)
        metrics = [metric for key in chosen if (metric := _read_metric(service, path, key)) is not None]
        files = service.list_files(path)
        if as_json:
            document = {
                **run_document(info),
                "system_metrics": info.system_metrics,
                "alerts": [alert_document(alert) for alert in info.alerts],
                "history_keys": [plain_name(key) for key in history_keys],
                "event_keys": [plain_name(key) for key in service.list_keys(path, stream="events")],
                "metrics": [metric.document() for metric in metrics],
                "files": [file_document(file) for file in files],
            }
            output.print_json(document)
            return
        remark = ""
        if keys is None and len(chosen) < len(history_keys):
            remark = f" (the first {len(chosen)} of {len(history_keys):,} keys; --keys A,B draws others)"
        _print_run(info, metrics, files, remark=remark)


def choose_keys(known: Sequence[str], text: str) -> list[str]:
    """The keys of a comma-separated list, each as it was logged or as dotted path; `NotFoundError` names others."""
    chosen = []
    for name in split_keys(text):
        found = [key for key in known if name in (key, plain_name(key))]
        if not found:
            raise NotFoundError(f'no key "{name}" among {format_count(len(known), "key")}: {_near(known, name)}')
        chosen.extend(found)
    return chosen


def split_keys(text: str) -> list[str]:
    """The names in a comma-separated list."""
    return [name for part in text.split(",") if (name := part.strip())]


def _near(known: Sequence[str], name: str) -> str:
    import difflib

    names = [plain_name(key) for key in known]
    return ", ".join(difflib.get_close_matches(name, names, n=3) or names[:10]) or "none"


def _read_metric(service: Service, path: RunPath, key: str) -> Metric | None:
    history = service.sample_history(path, key, samples=_SAMPLE_COUNT)
    values: list[tuple[int, float]] = []
    for series in history.series:
        if series.lane in ("i64", "f64"):
            rows = range(history.row_count) if series.rows is None else series.rows.tolist()
            values.extend(zip(rows, series.values.to_pylist(), strict=True))
    if not values:
        return None
    row_count = history.row_count if history.source_row_count is None else history.source_row_count
    return Metric(key, row_count, tuple(value for _, value in sorted(values, key=lambda pair: pair[0])))


def _print_run(info: RunInfo, metrics: Sequence[Metric], files: Sequence[FileInfo], *, remark: str) -> None:
    output.print_heading(f"{info.path}  {info.name}")
    output.print_table(("", ""), _facts(info), indent=2)
    output.print_values("Config", {key: value for key, value in info.config.items() if key != HIDDEN_KEY})
    output.print_values("Summary", info.summary)
    if metrics:
        output.print_line()
        output.print_heading(f"Metrics{remark}")
        columns = ("KEY", "ROWS", "LAST", "MIN", "MAX", "")
        output.print_table(columns, [m.cells() for m in metrics], right=columns[1:5], indent=2)
    if info.alerts:
        output.print_line()
        output.print_heading("Alerts")
        alerts = [
            (format_time(a.timestamp), a.level, a.title, shorten(a.text, output.VALUE_WIDTH)) for a in info.alerts
        ]
        output.print_table(("WHEN", "LEVEL", "TITLE", "TEXT"), alerts, indent=2)
    if files:
        output.print_line()
        output.print_heading("Files")
        rows = [(file.name, format_size(file.size_bytes)) for file in files]
        output.print_table(("NAME", "SIZE"), rows, right=("SIZE",), indent=2)


def _facts(info: RunInfo) -> list[tuple[str, str]]:
    exit_code = "" if info.exit_code is None else f" (exit code {info.exit_code})"
    facts = [
        ("state", f"{info.state}{exit_code}"),
        ("created", format_time(info.created_at)),
        ("last sign of life", format_time(info.heartbeat_at)),
        ("runtime", format_duration(info.runtime_s)),
        ("rows", f"{info.row_count:,} (last step {info.last_step})" if info.row_count else "0"),
        ("system metrics", format_count(info.event_count, "row")),
        ("console", format_count(info.console_line_count, "line")),
        ("tags", ", ".join(info.tags)),
        ("group", info.group or ""),
        ("job type", info.job_type or ""),
        ("notes", info.notes or ""),
        ("user", info.user or ""),
        ("host", info.host or ""),
        ("program", info.program or ""),
        ("sweep", info.sweep or ""),
    ]
    return [(word, fact) for word, fact in facts if fact]
