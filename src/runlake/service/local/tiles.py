"""The verbs of lines over a folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

from runlake.errors import BadValueError, NotFoundError, StoreError
from runlake.lru import LruCache
from runlake.model import STEP, ProjectKeys, RunPath, Stream
from runlake.query.runs.keys import KeyList
from runlake.query.tiles.grid import Grid, grid_over, open_ends
from runlake.query.tiles.groups import RunColumns, group_line
from runlake.query.tiles.points import Points
from runlake.query.tiles.question import Aggregate, TilesQuery, check_answer_size, check_query
from runlake.query.tiles.tiles import LeftOut, Tiles, TileSeries, series_of_group, series_of_run
from runlake.service.local.chosen_runs import ChosenRuns, choose_runs
from runlake.service.local.listings import Listings
from runlake.service.local.looks import Look, Wish
from runlake.service.local.open_store import OpenStore
from runlake.service.local.run_lines import Drawing, Extent, RunLines, TileLimits, columns_on, lines_on
from runlake.stopping import check_wanted
from runlake.store.store import Store

_KEPT_KEY_LISTS = 8
_THREADS_FROM_RUNS = 4
_MAX_THREADS = 4
_RUNS_A_TASK = 8
_HELD_BYTES = 256 * 2**20
"""Points that one question holds until it knows how wide its grid is; others are read once more."""


class LocalTiles:
    """`contract.tiles` over a folder."""

    def __init__(self, folder: OpenStore[Store], listings: Listings, limits: TileLimits) -> None:
        self._folder, self._listings = folder, listings
        self._lines = RunLines(folder.store, limits)
        self._keys: LruCache[tuple[str, str, str, Stream], KeyList] = LruCache(_KEPT_KEY_LISTS)

    def read_tiles(self, entity: str, project: str, asked: TilesQuery) -> Tiles:
        check_query(asked)
        chosen = choose_runs(self._folder, self._listings, entity, project, asked)
        check_answer_size(asked, len(asked.keys) * len(chosen.run_ids if chosen.groups is None else chosen.groups))
        return _Answering(self._lines, self._listings, RunPath(entity, project, ""), asked, chosen).answer()

    def list_project_keys(
        self, entity: str, project: str, *, stream: Stream = "history", offset: int = 0, limit: int | None = None
    ) -> ProjectKeys:
        if stream == "console":
            raise BadValueError("the stream 'console' has lines, and no keys; there are 'history' and 'events'")
        if offset < 0 or (limit is not None and limit < 0):
            raise BadValueError(f"offset={offset} and limit={limit} must be 0 or more")
        index = self._listings.newest(entity, project)
        place = (entity, project, index.version, stream)
        found = self._keys.get(place)
        if found is None:
            found = index.keys("summary" if stream == "history" else "system_metrics")
            self._keys.put(place, found)
        stop = None if limit is None else offset + limit
        return ProjectKeys(version=found.version, total_count=len(found.keys), keys=found.keys[offset:stop])


class _Answering:
    """One question on its way to an answer."""

    def __init__(
        self, lines: RunLines, listings: Listings, place: RunPath, asked: TilesQuery, chosen: ChosenRuns
    ) -> None:
        self._lines, self._listings = lines, listings
        self._place, self._asked, self._chosen = place, asked, chosen
        self._keys = list(dict.fromkeys(asked.keys))
        is_grouped = chosen.groups is not None
        is_local = asked.x == STEP and asked.smoothing is None
        self._wish = Wish(
            asked.stream,
            asked.x,
            asked.bounds if is_local else (None, None),
            with_sketches=not asked.is_exact and is_local and not is_grouped and asked.x_scale == "linear",
            columns=asked.columns,
        )
        self._looks: dict[str, Look] = {}
        self._left_out: dict[str, str] = {}
        self._held: dict[str, dict[str, Points]] = {}
        self._held_bytes = 0

    def answer(self) -> Tiles:
        """Look at every run, find the grid, draw."""
        self._of_each(self._chosen.run_ids, self._look)
        same = {run_id for run_id, version in (self._asked.known or {}).items() if self._version(run_id) == version}
        if self._chosen.groups is not None and same != {*self._looks, *(self._asked.known or {})}:
            same = set()  # a line of a group is of all its runs
        grid = self._grid()
        series = self._of_runs(grid, same) if self._chosen.groups is None else self._of_groups(grid, same)
        return Tiles(
            columns=self._asked.columns,
            window=None if grid is None else (grid.low, grid.high),
            run_count=self._chosen.run_count,
            versions={each: self._looks[each].version for each in self._chosen.run_ids if each in self._looks},
            left_out=[LeftOut(each, self._left_out[each]) for each in self._chosen.run_ids if each in self._left_out],
            series=series,
        )

    def _look(self, path: RunPath) -> None:
        look = self._lines.look(path)
        if not look.is_there:
            self._listings.check_exists(path)
        self._looks[path.run_id] = look

    def _version(self, run_id: str) -> str | None:
        look = self._looks.get(run_id)
        return None if look is None else look.version

    def _of_each(self, run_ids: Sequence[str], ask: Any, *arguments: Any) -> list[Any]:
        """`_of_run` of each, in order; several at once, since what they cost is spent outside of Python."""
        if len(run_ids) < _THREADS_FROM_RUNS:
            return self._of_some(run_ids, ask, *arguments)
        with ThreadPoolExecutor(min(os.cpu_count() or 1, _MAX_THREADS), thread_name_prefix="runlake-tiles") as pool:
            # A few runs a task: handing one out costs as much as what is kept of a run. Whether anybody still waits is
            # asked in the context of who asked.
            parts = [run_ids[at : at + _RUNS_A_TASK] for at in range(0, len(run_ids), _RUNS_A_TASK)]
            tasks = [pool.submit(copy_context().run, self._of_some, part, ask, *arguments) for part in parts]
            try:
                return [answer for task in tasks for answer in task.result()]
            finally:
                for task in tasks:
                    task.cancel()

    def _of_some(self, run_ids: Sequence[str], ask: Any, *arguments: Any) -> list[Any]:
        return [self._of_run(run_id, ask, *arguments) for run_id in run_ids]

    def _of_run(self, run_id: str, ask: Any, *arguments: Any) -> Any:
        """What `ask` says of a run; one that cannot be read is left out, and the others are answered."""
        check_wanted()
        if run_id in self._left_out:
            return None
        try:
            return ask(self._place._replace(run_id=run_id), *arguments)
        except (NotFoundError, StoreError, OSError) as error:
            self._left_out[run_id] = str(error) or type(error).__name__
            self._looks.pop(run_id, None)
            self._held.pop(run_id, None)
            return None

    def _grid(self) -> Grid | None:
        asked = self._asked
        extents: list[Extent] = []
        if any(open_ends(asked.bounds, asked.x_scale)):
            for of_run in self._of_each(list(self._looks), self._extents):
                extents += of_run or ()
        found = [extent for extent in extents if extent is not None]
        return grid_over(asked.bounds, found, asked.columns, asked.x_scale)

    def _extents(self, path: RunPath) -> list[Extent]:
        """How far a run's lines go, within what is open of the window."""
        # Where steps ascend a sketch goes as far as the rows, and elsewhere what lies beyond an open end is drawn too.
        wish = self._wish._replace(window=(None, None), with_sketches=self._asked.x_scale == "linear")
        extents, points = self._lines.extents(self._looks[path.run_id], self._keys, wish, self._asked.x_scale)
        points = {key: one for key, one in points.items() if one.is_exact}
        self._held_bytes += sum(one.size_bytes for one in points.values())
        if self._held_bytes < _HELD_BYTES:
            self._held[path.run_id] = points
        return extents

    def _of_runs(self, grid: Grid | None, same: set[str]) -> list[TileSeries]:
        drawing = lines_on(grid, self._asked.smoothing, self._wish)
        moved = [run_id for run_id in self._chosen.run_ids if run_id not in same]
        drawn = dict(zip(moved, self._of_each(moved, self._drawn, drawing), strict=True))
        series = []
        for run_id in self._chosen.run_ids:
            if run_id in same:
                series += [TileSeries(key=key, run=run_id, is_unchanged=True) for key in self._keys]
                continue
            lines = drawn[run_id] or {}
            series += [series_of_run(run_id, key, lines[key]) for key in self._keys if key in lines]
        return series

    def _of_groups(self, grid: Grid | None, same: set[str]) -> list[TileSeries]:
        asked, series = self._asked, []
        aggregate = asked.aggregate or Aggregate()
        for group in self._chosen.groups or ():
            if same:
                series += [TileSeries(key=key, group=group.values, is_unchanged=True) for key in self._keys]
                continue
            if grid is None:
                continue
            runs: dict[str, list[RunColumns]] = {}
            for found in self._of_each(group.run_ids, self._drawn, columns_on(grid, asked.smoothing)):
                for key, columns in (found or {}).items():
                    runs.setdefault(key, []).append(columns)
            for key in self._keys:
                if key in runs:
                    line = group_line(runs[key], grid, aggregate, is_smooth=asked.smoothing is not None)
                    series.append(series_of_group(group.values, key, runs[key], line))
        return series

    def _drawn(self, path: RunPath, drawing: Drawing[Any]) -> dict[str, Any]:
        held = self._held.pop(path.run_id, {})
        return self._lines.drawn(self._looks[path.run_id], self._keys, self._wish, drawing, held)
