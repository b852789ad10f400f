"""The words of what a page shows as frozen values: runs as columns, what moved in a project, pages of one run."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

ColumnKind = Literal["number", "text", "bool", "time", "list", "object", "null", "mixed"]
"""What the values of a column are; `object` is media and other dicts kept whole, `null` where nothing but None is."""

AGGREGATES = ("count", "mean", "median", "min", "max", "std", "sum", "nan_count")
"""What can be said of the numbers of a group. NaN is counted by `nan_count` and left out of the others."""


EditedPart = Literal["run", "config", "summary"]
"""Where in a run a value stands that was edited; `run` is its name, its notes, tags, group and job type."""


class PastEdit(msgspec.Struct, frozen=True, kw_only=True):
    """A value that somebody changed in a stored run, at `timestamp` (seconds since 1970).

    `was_there` and `is_there` say whether there was a value before and is one after it, else `before` and `after` are
    None. `was_there` is None where nobody knows: rows that came later have taken the place of what it was.
    """

    part: EditedPart
    key: str
    timestamp: float
    before: Any = None
    after: Any = None
    was_there: bool | None = True
    is_there: bool = True


class RunColumn(msgspec.Struct, frozen=True, kw_only=True):
    """Something that runs have: ``name``, ``config.lr``, ``summary.loss``; `run_count` runs have it."""

    name: str
    kind: ColumnKind
    run_count: int


class RunColumnList(msgspec.Struct, frozen=True, kw_only=True):
    """All columns of a project in one state of it: fields, then config and summary in first-seen order."""

    version: str
    columns: tuple[RunColumn, ...]


class RunColumnsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which columns of which runs.

    `filters`, `order`, `offset`, `limit` and `version` are those of `list_runs`; `run_ids` leaves only runs of these
    ids. `group_by` names columns whose equal values make a group, () for one group of all; `aggregates` says by column
    which of `AGGREGATES` to tell of each group, `facets` of which columns to count the values.
    """

    columns: tuple[str, ...] = ()
    filters: dict[str, Any] | None = None
    order: tuple[str, ...] = ("+created_at",)
    offset: int = 0
    limit: int | None = None
    version: str | None = None
    run_ids: tuple[str, ...] | None = None
    group_by: tuple[str, ...] | None = None
    aggregates: dict[str, tuple[str, ...]] | None = None
    facets: tuple[str, ...] | None = None


class RunGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Runs that have the same `values` of what was grouped by.

    `aggregates` are float64 by column and name, None of a column that has no number there; counts are integers. `std`
    is that of the runs themselves (divided by their number).
    """

    values: dict[str, Any]
    run_count: int
    aggregates: dict[str, dict[str, float | int | None]] = {}


class FacetValue(msgspec.Struct, frozen=True, kw_only=True):
    """One value of a column, and how many of the runs that match have it. Of a list each element counts."""

    value: Any
    run_count: int


class RunColumnsPage(msgspec.Struct, frozen=True, kw_only=True):
    """Columns of a slice of the runs that match: `columns[name][i]` is of `run_ids[i]`, None for what is missing.

    Groups come in the order of their first run. `facets` has the most frequent values first, of `facet_value_counts` in
    all; both are of all runs that match. `version` and `problems` as in `model.RunPage`.
    """

    version: str
    total_count: int
    run_ids: tuple[str, ...]
    columns: dict[str, list[Any]]
    groups: tuple[RunGroup, ...] | None = None
    facets: dict[str, tuple[FacetValue, ...]] | None = None
    facet_value_counts: dict[str, int] | None = None
    problems: dict[str, str] = {}


class ProjectNews(msgspec.Struct, frozen=True, kw_only=True):
    """What moved in a project since a version of its news: `changed` are run ids, None where any run may have.

    A run that was deleted is among them. The `version` is none of a listing.
    """

    version: str
    changed: tuple[str, ...] | None


class PlacedLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a console: `line` is its place among all, from 0; what colours it is in the text.

    `source` names the process that printed it, where several write one run.
    """

    line: int
    stream: Literal["stdout", "stderr"]
    timestamp: float
    text: str
    source: str | None = None


class ConsolePage(msgspec.Struct, frozen=True, kw_only=True):
    """Lines from `offset` on, of `total_count`: of all, or of those in which a text was found."""

    total_count: int
    offset: int
    lines: tuple[PlacedLine, ...]


class LoggedValue(msgspec.Struct, frozen=True, kw_only=True):
    """One value of a key, as it was logged: plain data, media as their dicts."""

    step: int
    timestamp: float
    value: Any


class ValuesPage(msgspec.Struct, frozen=True, kw_only=True):
    """Values from `offset` on, of `total_count`."""

    total_count: int
    offset: int
    rows: tuple[LoggedValue, ...]


class SegmentInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A Parquet file of sealed values: rows of the newest generation of these runs, and perhaps of others.

    `row_count` counts logged rows, of which each is as many rows of the file as it has values. What the file holds of
    another `generation` than named here does not count; `has_others` is false where it holds nothing of that kind.
    """

    url: str
    size_bytes: int
    row_count: int
    runs: dict[str, str]
    """The generation that counts, by run id."""
    has_others: bool = True


class SegmentList(msgspec.Struct, frozen=True, kw_only=True):
    """All sealed values of a stream in a project: these files and no others.

    `unlisted_run_ids` have rows that do not count here: they are not sealed yet, a rewind took some of an older
    generation, or several of these files have them, since the run moved between files. The verbs of rows have them all.
    """

    version: str
    segments: tuple[SegmentInfo, ...]
    unlisted_run_ids: tuple[str, ...]

    @property
    def files(self) -> list[str]:
        """What an engine opens: of a folder the path of each file, of a bucket its address."""
        return [file_of_url(segment.url) for segment in self.segments]

    @property
    def has_others(self) -> bool:
        """Whether these files hold rows that do not count, so that a condition on the generation is needed."""
        return any(segment.has_others for segment in self.segments)

    @property
    def generations(self) -> dict[str, str]:
        """Whose rows count in these files: the id of the run by its generation."""
        return {generation: run_id for segment in self.segments for run_id, generation in segment.runs.items()}


def file_of_url(url: str) -> str:
    """The path that an address says, where it is one of this machine; any other address as it is."""
    if not url.startswith("file:"):
        return url
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    return url2pathname(urlsplit(url).path)
