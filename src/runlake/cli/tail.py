"""``runlake tail``: the last rows of runs, and the next ones as they are logged."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runlake.clean_text import one_line
from runlake.cli import output
from runlake.cli.export import StreamName
from runlake.cli.format import format_number, format_time, format_value, shorten
from runlake.cli.opening import find_existing_run, find_target, open_store
from runlake.cli.show import split_keys
from runlake.model import RUNTIME, STEP, TIMESTAMP
from runlake.values import flatten, plain_name

if TYPE_CHECKING:
    from runlake.api.tail import RunsTail, RunTail
    from runlake.service.contract import Service

_POLL_S = 0.5
_STEP_WIDTH = 6
_COUNT = 10


def tail(
    context: typer.Context,
    targets: Annotated[
        list[str],
        typer.Argument(metavar="RUN…|PROJECT", help="Runs, or one project (a slash at the end says it is a project)."),
    ],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with the rows to come.")] = False,
    count: Annotated[int, typer.Option("-n", min=0, metavar="N", help="Begin with the last N rows.")] = _COUNT,
    keys: Annotated[str | None, typer.Option("--keys", metavar="A,B", help="Only rows with all of these keys.")] = None,
    stream: Annotated[
        StreamName, typer.Option("--stream", help="Metrics, system metrics, or printed lines.")
    ] = StreamName.HISTORY,
    as_json: Annotated[bool, typer.Option("--json", help="Print a line of JSON for each row.")] = False,
) -> None:
    """Print the last rows of runs, and with -f those to come, until the runs have ended."""
    with open_store(context) as service:
        options: dict[str, Any] = {
            "keys": None if keys is None else split_keys(keys),
            "stream": stream.value,
            "follow": follow,
            "last": count,
        }
        rows = _open_tail(service, targets, options)
        lines = _Lines(is_console=stream is StreamName.CONSOLE)
        while not rows.is_over:
            for row in iter(rows.poll, None):
                if as_json:
                    output.print_json_line(row)
                else:
                    lines.print(row)
            output.flush()
            if not rows.is_over:
                time.sleep(_POLL_S)


def _open_tail(service: Service, targets: list[str], options: Mapping[str, Any]) -> RunTail | RunsTail:
    from runlake.api.tail import ProjectRuns, RunsTail, RunTail

    if len(targets) == 1:
        target = find_target(service, targets[0])
        if (path := target.run_path) is not None:
            return RunTail(service, path, **options)
        project = ProjectRuns(service, *target.of_project())
        return RunsTail(service, project.recent(options["last"]), project=project, **options)
    paths = [find_existing_run(service, target) for target in targets]
    for path in paths:
        service.read_run(path)
    return RunsTail(service, paths, **options)


class _Lines:
    """Rows as lines of text; a value is as wide as the widest of its key so far, so that lines stand in columns."""

    def __init__(self, *, is_console: bool) -> None:
        self._is_console = is_console
        self._widths: dict[str, int] = {}

    def print(self, row: Mapping[str, Any]) -> None:
        """One row as a line, cut to the width of a terminal."""
        line = "  ".join(self._cells(dict(row))).rstrip()
        if self._is_console:
            output.print_console_line(line)
            return
        output.print_line(shorten(line, shutil.get_terminal_size().columns) if output.stdout_is_terminal() else line)

    def _cells(self, row: dict[str, Any]) -> Iterable[str]:
        run_id = row.pop("run_id", None)
        step, timestamp = row.pop(STEP, None), row.pop(TIMESTAMP, None)
        row.pop(RUNTIME, None)
        if run_id is not None:
            yield self._padded("run_id", one_line(str(run_id)))
        if self._is_console and "text" in row:
            yield str(row["text"])
            return
        if timestamp is not None:
            yield format_time(timestamp)
        if step is not None:
            yield f"step {step:>{_STEP_WIDTH}}"
        for path, value in flatten(row, stringify_keys=True).items():
            text = format_number(value) if isinstance(value, float) else shorten(format_value(value), 40)
            name = one_line(plain_name(path))
            yield f"{name}={self._padded(name, text)}"

    def _padded(self, name: str, text: str) -> str:
        width = self._widths[name] = max(self._widths.get(name, 0), len(text))
        return text.ljust(width)
