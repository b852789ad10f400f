"""The answer of `read_tiles`: lines of many runs and keys, with what is said of each."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from msgspec import Struct, field

from runlake.query.tiles.groups import GroupLine, RunColumns
from runlake.query.tiles.line import Line
from runlake.query.tiles.points import Counts
from runlake.store.series import Float64s

Arrays = tuple[Float64s, ...]
"""float64 arrays of one length: x first, ascending, then what stands there."""

_NOTHING: Arrays = (np.zeros(0), np.zeros(0))


class TileSeries(Struct, frozen=True, kw_only=True):
    """One line: of a run, or of `run_count` runs whose values of the fields grouped by are those of `group`.

    `line` x, y (NaN is a gap); `raw` x, y of the rows behind a smooth line; `band` x, low, high; `marks` x, kind (0 for
    NaN, 1 for infinity, 2 for minus infinity); `run_counts` how many runs each point of a group's line is made of.
    Counts, `lowest` and `highest` are of the rows in the window, `last` is the newest value of all. With `is_unchanged`
    the reader has what there is of a run, as it said itself, and nothing else here means anything.
    """

    key: str
    run: str | None = None
    group: dict[str, Any] | None = None
    is_unchanged: bool = False
    is_exact: bool = True
    counts: Counts = Counts()
    lowest: float | None = None
    highest: float | None = None
    last: float | None = None
    run_count: int | None = None
    line: Arrays = _NOTHING
    raw: Arrays | None = None
    band: Arrays | None = None
    marks: Arrays = _NOTHING
    run_counts: Float64s | None = None


class LeftOut(NamedTuple):
    """A run that has no lines here, and why."""

    run: str
    error: str


class Tiles(Struct, frozen=True, kw_only=True):
    """Lines on one grid: `window` is what its columns span, None where there is nothing to draw.

    `run_count` runs match, `versions` are those of the runs that were looked at: what `known` may say the next time.
    """

    columns: int
    window: tuple[float, float] | None
    run_count: int
    versions: dict[str, str] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    series: list[TileSeries] = field(default_factory=list)


def series_of_run(run: str, key: str, line: Line) -> TileSeries:
    """One run's line of one key."""
    return TileSeries(
        key=key,
        run=run,
        is_exact=line.is_exact,
        counts=line.counts,
        lowest=line.lowest,
        highest=line.highest,
        last=line.last,
        line=line.line,
        raw=line.raw,
        marks=line.marks,
    )


def series_of_group(group: dict[str, Any], key: str, runs: list[RunColumns], line: GroupLine) -> TileSeries:
    """A group's line of one key."""
    counts = runs[0].counts
    for run in runs[1:]:
        counts += run.counts
    return TileSeries(
        key=key,
        group=group,
        counts=counts,
        lowest=line.lowest,
        highest=line.highest,
        run_count=len(runs),
        line=line.line,
        raw=line.raw,
        band=line.band,
        marks=line.marks,
        run_counts=line.run_counts,
    )
