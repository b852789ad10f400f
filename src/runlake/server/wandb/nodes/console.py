"""What a run printed, as pages of lines."""

from __future__ import annotations

from dataclasses import dataclass

from runlake.errors import BadValueError
from runlake.model import ConsoleLine, RunInfo
from runlake.server.wandb.nodes.connection import Connection, check_page, make_connection, read_cursor
from runlake.server.wandb.wire import iso_time
from runlake.service.contract import Service

MAX_LINES = 10_000
MAX_LAST = 100_000


@dataclass(frozen=True, slots=True)
class LogLineNode:
    """One line."""

    info: ConsoleLine

    @property
    def number(self) -> int:
        return self.info.number

    @property
    def timestamp(self) -> str:
        return iso_time(self.info.timestamp, timespec="microseconds")

    @property
    def level(self) -> str | None:
        return self.info.level

    @property
    def label(self) -> str | None:
        return self.info.source

    @property
    def line(self) -> str:
        return self.info.text


def console_page(
    service: Service, info: RunInfo, *, last: int | None, first: int | None, after: str | None
) -> Connection:
    """The `last` lines, or a page of `first` lines behind `after`."""
    if last is not None:
        if last < 0:
            raise BadValueError(f"last={last}; it must be 0 or more")
        lines = service.read_console(info.path, last=min(last, MAX_LAST))
        return make_connection([LogLineNode(line) for line in lines], offset=0, total_count=len(lines))
    cursor = read_cursor(after)
    start = cursor.offset if cursor else 0
    lines = service.read_console(info.path)
    count = MAX_LINES if first is None else min(check_page(first), MAX_LINES)
    nodes = [LogLineNode(line) for line in lines[start : start + count]]
    return make_connection(nodes, offset=start, total_count=len(lines))
