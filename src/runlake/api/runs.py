"""A listing of runs, read page by page from one version of the project."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
import pyarrow as pa
from msgspec.structs import replace

from runlake.api.frame import selected_dicts, selected_frame, table_to_pandas, table_to_polars
from runlake.api.run_links import RunLinks
from runlake.api.selection import Selection, select_rows, wanted_keys
from runlake.api.stored_run import StoredRun
from runlake.api.tail import ProjectRuns, RunsTail, TailFormat
from runlake.clean_text import one_line
from runlake.errors import BadValueError, ConflictError, FilterError
from runlake.model import STEP, RunPage, RunPath, Stream, TailCursor
from runlake.query.rows.history import History
from runlake.query.rows.in_short import table_in_short
from runlake.query.rows.select import has_all_rows
from runlake.query.runs.filter import plain_filter
from runlake.service.contract import Service
from runlake.values import encode_json

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    from runlake.api.inline import InlineView, LiveView
    from runlake.query.many.blocks import HistoryBlock

DEFAULT_ORDER = "+created_at"
_MAX_PAGE = 5000


class Runs:
    """The runs of a project that match, in order; oldest first unless ordered otherwise.

    All pages come from the version of the project that the first one showed. Can be iterated again; slices are
    lists; `len` needs one page only. It is no `collections.abc.Sequence`, since frame libraries would then take it
    for a list of objects and not ask it for its columns.
    """

    def __init__(
        self,
        service: Service,
        entity: str,
        project: str,
        links: RunLinks,
        *,
        filters: Mapping[str, Any] | None = None,
        order: str | Sequence[str] = DEFAULT_ORDER,
        per_page: int = 50,
    ) -> None:
        if isinstance(per_page, bool) or not isinstance(per_page, int) or per_page < 1:
            raise BadValueError(f"per_page={per_page!r}; it must be a whole number from 1 up")
        if filters is not None and not isinstance(filters, Mapping):
            raise FilterError(
                f"filters={filters!r} of the runs of {entity}/{project}; filters are a dict like "
                '{"state": "finished"}, and whose project it is stands in the path: api.runs("entity/project")'
            )
        self._service = service
        self.entity = entity
        self.project = project
        self.filters = dict(filters or {})
        self.order = order
        self._page_size = per_page
        self._links = links
        self._runs: list[StoredRun] = []
        self._cursor = 0
        self._first = self._read_page(None)
        self._take(self._first)

    def _read_page(self, version: str | None) -> RunPage:
        return self._service.list_runs(
            self.entity,
            self.project,
            filters=self.filters or None,
            order=(self.order,) if isinstance(self.order, str) else tuple(self.order),
            offset=len(self._runs),
            limit=self._page_size,
            version=version,
        )

    def _take(self, page: RunPage) -> None:
        self._runs += [StoredRun(self._service, info, self._links) for info in page.runs]

    def _load(self, count: int) -> None:
        """Have the first `count` runs here. Pages grow, so that a long listing takes few readings."""
        while len(self._runs) < min(count, self._first.total_count):
            self._page_size = min(self._page_size * 4, _MAX_PAGE)
            page = self._read_page(self._first.version)
            if not page.runs:
                return
            self._take(page)

    def __len__(self) -> int:
        return self._first.total_count

    length = property(__len__)

    @overload
    def __getitem__(self, index: int) -> StoredRun: ...
    @overload
    def __getitem__(self, index: slice) -> list[StoredRun]: ...
    def __getitem__(self, index: int | slice) -> StoredRun | list[StoredRun]:
        if isinstance(index, slice):
            chosen = range(len(self))[index]
            self._load(max(chosen, default=-1) + 1)
            return [self._runs[place] for place in chosen]
        self._load(range(len(self))[index] + 1)
        return self._runs[range(len(self))[index]]

    def __iter__(self) -> Iterator[StoredRun]:
        place = 0
        while place < len(self):
            self._load(place + 1)
            if place >= len(self._runs):
                return
            yield self._runs[place]
            place += 1

    def __next__(self) -> StoredRun:
        """The next run of a walk that all calls of `next` share."""
        if self._cursor >= len(self):
            self._cursor = 0
            raise StopIteration
        self._cursor += 1
        return self[self._cursor - 1]

    next = __next__

    @property
    def objects(self) -> list[StoredRun]:
        """All of them in a list."""
        return self[:]

    @property
    def more(self) -> bool:
        """Whether there are runs that were not read yet."""
        return len(self._runs) < len(self)

    def upgrade_to_full(self) -> None:
        """Nothing: runs are always complete."""

    def histories(
        self,
        samples: int | None = 500,
        keys: Sequence[str] | None = None,
        x_axis: str = STEP,
        format: Literal["default", "pandas", "polars"] = "default",
        stream: Literal["default", "system"] = "default",
    ) -> list[dict[str, Any]] | pd.DataFrame | pl.DataFrame:
        """The sampled histories of all runs, one behind the other, each row with its `run_id`.

        As a list of dicts, or as one frame whose first column is `run_id`. `samples` counts per run. With `keys`, and
        with ``samples=None``, all values are read, and those of merged runs in one go.
        """
        if format == "default":
            return [
                {**row, "run_id": run.id}
                for run, selection in self._selections(samples, keys, x_axis, stream)
                for row in selected_dicts(selection)
            ]
        if format not in ("pandas", "polars"):
            raise BadValueError(f"format={format!r}; it can be 'default', 'pandas' or 'polars'")
        frame = self._joined_histories(samples, keys, x_axis, stream)
        if format == "pandas":
            return frame
        return table_to_polars(pa.Table.from_pandas(frame, preserve_index=False))

    def tail(
        self,
        keys: Sequence[str] | None = None,
        *,
        stream: str = "default",
        cursors: Mapping[str, TailCursor | str] | None = None,
        follow: bool = True,
        poll_s: float = 0.5,
        format: TailFormat = "rows",
        last: int | None = None,
    ) -> RunsTail:
        """The rows of all runs as they are logged, each with its `run_id`; see `StoredRun.tail`.

        Runs that begin later and match are taken up too, so with ``follow=True`` it goes on until you break off.
        `last` begins with the last rows of all runs together, `cursors` where the `cursors` of another tail stood.
        """
        run_ids = [run.id for run in self]
        return RunsTail(
            self._service,
            [RunPath(self.entity, self.project, run_id) for run_id in run_ids],
            project=ProjectRuns(self._service, self.entity, self.project, filters=self.filters, known=run_ids),
            keys=keys,
            stream=stream,
            cursors=cursors,
            follow=follow,
            poll_s=poll_s,
            format=format,
            last=last,
        )

    def _selections(
        self,
        samples: int | None,
        keys: Sequence[str] | None,
        x_axis: str,
        stream: str,
        blocks: Sequence[HistoryBlock] | None = None,
    ) -> Iterator[tuple[StoredRun, Selection]]:
        chosen: Stream = "history" if stream == "default" else "events"
        whole: dict[str, History] = {}
        if samples is None and keys is not None:
            blocks = self._whole_blocks(keys, x_axis, chosen) if blocks is None else blocks
            whole = {run_id: history for block in blocks for run_id, history in block.histories()}
        for run in self:
            path = RunPath(self.entity, self.project, run.id)
            selection = select_rows(
                self._service,
                path,
                stream=chosen,
                keys=keys,
                samples=samples,
                x_axis=x_axis,
                whole=whole.get(run.id),
            )
            yield run, selection

    def _whole_blocks(self, keys: Sequence[str], x_axis: str, stream: Stream) -> Sequence[HistoryBlock]:
        try:
            return list(self._blocks(wanted_keys(keys, x_axis), stream))
        except ConflictError:
            return ()  # the version is forgotten, but its runs are here: one by one, then

    def _blocks(self, keys: Sequence[str], stream: Stream) -> Iterator[HistoryBlock]:
        return self._service.read_histories(
            self.entity,
            self.project,
            keys=keys,
            stream=stream,
            filters=self.filters or None,
            order=(self.order,) if isinstance(self.order, str) else tuple(self.order),
            version=self._first.version,
        )

    def _joined_histories(
        self, samples: int | None, keys: Sequence[str] | None, x_axis: str, stream: str
    ) -> pd.DataFrame:
        import pandas as pd

        from runlake.query.many.blocks import join_histories
        from runlake.query.many.joined import joined_numbers

        blocks = None
        if samples is None and keys is not None:
            blocks = self._whole_blocks(keys, x_axis, "history" if stream == "default" else "events")
            numbers = joined_numbers(blocks, [run.id for run in self], wanted_keys(keys, x_axis), x_axis)
            if numbers is not None:
                return pd.DataFrame({"run_id": numbers.run_ids.to_pandas(), **numbers.columns}, copy=False)
        frames = []
        found = ((r.id, s) for r, s in self._selections(samples, keys, x_axis, stream, blocks) if s.history.row_count)
        # A frame for each of thousands of runs takes far longer than their values.
        for shape, group in groupby(found, key=lambda one: None if keys is None else _plain_shape(one[1])):
            alike = list(group)
            for some in [alike] if shape is not None else [[one] for one in alike]:
                counts = [selection.history.row_count for _, selection in some]
                history = join_histories([selection.history for _, selection in some])
                frame = selected_frame(replace(some[0][1], history=history), is_narrow=keys is not None)
                places = pa.array(np.repeat(np.arange(len(some), dtype=np.int32), counts))
                run_ids = pa.array([run_id for run_id, _ in some], pa.large_string()).take(places)
                frame.insert(0, "run_id", run_ids.to_pandas(), allow_duplicates=True)
                frame.attrs = {}  # they speak of one run
                frames.append(frame)
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()

    def scan(self, keys: Sequence[str], stream: Literal["default", "system"] = "default") -> pa.Table:
        """Every value of some keys of all runs, as one Arrow table: `run_id`, `_step`, and a column a key.

        Of each run the rows that have at least one of the keys, in their order; the runs follow each other in no
        particular order. Types as in `export_project`. Of merged runs (``runlake seal --merge``) it reads a key of
        thousands as fast as one of a single run.
        """
        from runlake.query.many.table import scan_table

        chosen: Stream = "history" if stream == "default" else "events"
        return scan_table(list(self._blocks(wanted_keys(keys), chosen)), keys)

    def to_arrow(self) -> pa.Table:
        """Fields, config and summary of all runs, one row a run, in one reading.

        Columns: run_id, name, state, created_at, …, then ``config.<key>`` and ``summary.<key>``. Of a histogram it has
        a few words; the values are in the `summary` of the run.
        """
        table = table_in_short(self._service.read_runs_table(self.entity, self.project, filters=self.filters or None))
        if self.order == DEFAULT_ORDER:
            return table
        place = {run_id: row for row, run_id in enumerate(table["run_id"].to_pylist())}
        ordered = [place[run.id] for run in self if run.id in place]
        return table.take(pa.array(ordered, pa.int64()))

    def to_pandas(self) -> pd.DataFrame:
        """`to_arrow` as a DataFrame."""
        return table_to_pandas(self.to_arrow())

    def to_polars(self) -> pl.DataFrame:
        """`to_arrow` as a Polars DataFrame."""
        return table_to_polars(self.to_arrow())

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The table of `to_arrow` for any reader of the Arrow PyCapsule interface."""
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        return one_line(f"<Runs {self.entity}/{self.project}>")

    def show(self, height_px: int = 520, *, live: bool | str = False) -> InlineView | LiveView:
        """The table and charts of the page, for the end of a cell: they need no server, and are as the runs are now.

        With `live` the page itself, as `StoredRun.show` has it. `NotSupportedError` where runlake was installed without
        its page.
        """
        from runlake.api.inline import inline_view, live_view, names_text

        order = (self.order,) if isinstance(self.order, str) else tuple(self.order)
        if live:
            query = {"f": str(encode_json(plain_filter(self.filters)))} if self.filters else {}
            query["o"] = names_text(order)
            return live_view(self._service, live, (self.entity, self.project), query, height_px=height_px)
        project = (self.entity, self.project)
        return inline_view(self._service, project, self.filters or None, order=order, height_px=height_px)

    def _repr_html_(self) -> str:
        from runlake.api import notebook

        shown = [run._info for run in self[:10]]
        return notebook.runs_page(f"{self.entity}/{self.project}", shown, len(self))


def _plain_shape(selection: Selection) -> tuple[object, ...] | None:
    """What selections must agree in to be one frame; None where a frame of its own decides what its columns are."""
    history = selection.history
    is_plain = all(
        one.lane in ("f64", "i64", "bool", "str") and has_all_rows(one, history.row_count) for one in history.series
    )
    keys = [one.key for one in history.series]
    if not is_plain or len(set(keys)) < len(keys):
        return None
    return (selection.axes, *((one.key, one.lane) for one in history.series))
