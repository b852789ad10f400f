"""Rows as they come: of one run until it has ended, or of many at once."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from msgspec.structs import replace

from runlake.api.selection import check_keys, stream_named
from runlake.errors import BadValueError, NotFoundError
from runlake.model import TIMESTAMP, RunPage, RunPath, TailCursor
from runlake.query.rows.dicts import axes_of_keys, iter_rows
from runlake.query.rows.history import History, Int64s, Tail
from runlake.query.rows.select import take_rows, with_keys
from runlake.query.rows.table import MAX_COLUMNS, wide_table
from runlake.service.contract import Service

TailFormat = Literal["rows", "arrow"]

BATCH_ROWS = 65_536
"""No look takes more rows of a run at once: a long run is caught up with piece by piece."""

_LISTING_SHARE = 0.05
"""Looking for runs that are new may take this share of the time."""

_LISTED_RUNS = 100
_GROWTH = 8


class _Tailing(Iterator[Any]):
    """Waits between looks; `poll` looks."""

    is_over = False
    """Whether nothing will follow."""

    def __init__(self, poll_s: float, last: int | None) -> None:
        if isinstance(poll_s, bool) or not isinstance(poll_s, int | float) or not poll_s > 0:
            raise BadValueError(f"poll_s={poll_s!r}; it must be a number of seconds above 0")
        if last is not None and (isinstance(last, bool) or not isinstance(last, int) or last < 0):
            raise BadValueError(f"last={last!r}; it must be a whole number from 0 up")
        self.poll_s = poll_s
        self._last = last

    def poll(self) -> Any:
        """The next row, or table, that is there by now; None when there is nothing new."""
        raise NotImplementedError

    def __next__(self) -> Any:
        while True:
            item = self.poll()
            if item is not None:
                return item
            if self.is_over:
                raise StopIteration
            time.sleep(self.poll_s)


class RunTail(_Tailing):
    """The rows of one run as they come, each once; ends when the run has ended and every row was handed out.

    When the run begins anew meanwhile, its rows begin again with the first.
    """

    def __init__(
        self,
        service: Service,
        path: RunPath,
        *,
        keys: Sequence[str] | None = None,
        stream: str = "default",
        cursor: TailCursor | str | None = None,
        follow: bool = True,
        poll_s: float = 0.5,
        format: TailFormat = "rows",
        last: int | None = None,
    ) -> None:
        super().__init__(poll_s, last)
        if format not in ("rows", "arrow"):
            raise BadValueError(f"format={format!r}; it can be 'rows' or 'arrow'")
        if last is not None and cursor is not None:
            raise BadValueError("last= and cursor= both say where to begin; leave one of them out")
        self.path = path
        self._service, self._follow, self._is_arrow = service, follow, format == "arrow"
        self._keys = None if keys is None else list(dict.fromkeys(check_keys(keys)))
        self._axes = None if self._keys is None else axes_of_keys(self._keys)
        self._stream = stream_named(stream)
        self._cursor = TailCursor.parse(cursor) if isinstance(cursor, str) else cursor
        self._tail: Tail | None = None
        self._places: Int64s = np.array([], np.int64)
        self._history: History | None = None
        self._rows: Iterator[dict[str, Any]] = iter(())
        self._handed_count = 0
        self._is_read = False
        self.restart_count = 0
        """How often the run began anew."""

    @property
    def cursor(self) -> TailCursor | None:
        """Stands behind the last row or table that was handed out, to be kept as ``str(cursor)``; None at first."""
        if self._tail is None or self._handed_count >= len(self._places):
            return self._cursor
        return self._tail.cursor_at(int(self._places[self._handed_count - 1]) + 1 if self._handed_count else 0)

    def poll(self) -> Any:
        """The next row, or table, that is there by now; None when there is nothing new."""
        if self._handed_count >= len(self._places):
            if self._is_read:
                self.is_over = True
            if self.is_over or not self.look():
                return None
        if self._is_arrow:
            first, self._handed_count = self._handed_count, len(self._places)
            return self._table().slice(first)
        self._handed_count += 1
        return next(self._rows)

    def look(self) -> bool:
        """Read what is new, when all was handed out; whether there is something to hand out now."""
        while True:
            wanted = None if self._keys is None else [*self._keys, *([] if self._last is None else [TIMESTAMP])]
            if self._last is None:
                tail = self._service.read_tail(
                    self.path, self._cursor, stream=self._stream, keys=wanted, limit=BATCH_ROWS
                )
                places = self._rows_with_keys(tail.history)
                is_whole = tail.history.row_count < BATCH_ROWS
            else:
                tail, places, is_whole = *self._read_last(wanted, self._last), True
            self._tail, self._cursor, self._places, self._handed_count = tail, tail.cursor, places, 0
            self._last = None
            self.restart_count += tail.is_restarted
            self._is_read = tail.is_ended or (is_whole and not self._follow)
            self._history = take_rows(tail.history, places)
            if self._keys is not None:
                self._history = with_keys(self._history, self._keys, "any")
            self._rows = iter_rows(self._history, axes=self._axes)
            if len(places):
                return True
            if is_whole:
                self.is_over = self._is_read
                return False

    def times(self) -> list[float]:
        """When the rows were logged that a tail begun with `last` can hand out, never going back."""
        if self._history is None or self._history.timestamp is None or not len(self._places):
            return []
        return np.maximum.accumulate(self._history.timestamp).tolist()  # type: ignore[no-any-return]

    def skip(self, row_count: int) -> None:
        """Leave out the next rows of those that are there."""
        for _ in range(row_count):
            next(self._rows)
        self._handed_count += row_count

    def _read_last(self, keys: Sequence[str] | None, count: int) -> tuple[Tail, Int64s]:
        """The last `count` rows that have the keys, however far back they are."""
        size = count
        while True:
            tail = self._service.read_tail(self.path, None, stream=self._stream, keys=keys, last=size)
            places = self._rows_with_keys(tail.history)
            if len(places) >= count or tail.history.row_count < size:
                return tail, places[max(0, len(places) - count) :]
            size *= _GROWTH

    def _rows_with_keys(self, history: History) -> Int64s:
        """The places of the rows to hand out: all, or those with the keys as `scan_history` and `to_arrow` have it."""
        places = np.arange(history.row_count)
        if self._keys is None:
            return places
        return with_keys(replace(history, step=places), self._keys, "any" if self._is_arrow else "inner").step

    def _table(self) -> pa.Table:
        assert self._history is not None
        return wide_table(self._history, axes=self._axes, max_columns=MAX_COLUMNS if self._keys is None else None)


class RunsTail(_Tailing):
    """The rows of many runs as they come, each with its `run_id`; those of one look run by run.

    With `last`, it begins with the last rows of all runs together, by their times. It ends when all runs have ended,
    except for a `project`: there a run may begin at any time. A run that is deleted meanwhile is left out. What
    else there is for a tail of one run goes in `options`.
    """

    def __init__(
        self,
        service: Service,
        paths: Iterable[RunPath],
        *,
        project: ProjectRuns | None = None,
        cursors: Mapping[str, TailCursor | str] | None = None,
        follow: bool = True,
        poll_s: float = 0.5,
        last: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(poll_s, last)
        if last is not None and cursors:
            raise BadValueError("last= and cursors= both say where to begin; leave one of them out")
        self._service, self._project, self._follow, self._options = service, project, follow, options
        self._cursors = {
            path: TailCursor.parse(cursor) if isinstance(cursor, str) else cursor
            for path, cursor in (cursors or {}).items()
        }
        self._active: dict[RunPath, RunTail] = {}
        self._items = self._walk()
        for path in paths:
            self._begin(path, last)

    @property
    def cursors(self) -> dict[str, TailCursor]:
        """For each run that was looked at, by its path, what `RunTail.cursor` says: to be passed on as `cursors`."""
        now = {str(path): cursor for path, tail in self._active.items() if (cursor := tail.cursor) is not None}
        return {**self._cursors, **now}

    def poll(self) -> Any:
        """The next row, or table, that is there by now; None after each look at all runs."""
        if self.is_over:
            return None
        return next(self._items)

    def _walk(self) -> Iterator[Any]:
        """Everything there is to hand out, and None after each look at all runs."""
        if self._last is not None:
            yield from self._last_rows(self._last)
        while True:
            for path, tail in list(self._active.items()):
                yield from self._new_of(path, tail)
                if tail.is_over and tail.cursor is not None:
                    self._cursors[str(path)] = tail.cursor
                    del self._active[path]
            self._take_up_runs()
            self.is_over = not self._active and (self._project is None or not self._follow)
            yield None

    def _new_of(self, path: RunPath, tail: RunTail) -> Iterator[Any]:
        try:
            while (item := tail.poll()) is not None:
                yield self._named(path, item)
        except NotFoundError:
            self._active.pop(path, None)

    def _named(self, path: RunPath, item: Any) -> Any:
        if isinstance(item, pa.Table):
            return item.add_column(0, "run_id", pa.array([path.run_id] * len(item), pa.string()))
        return {**item, "run_id": path.run_id}

    def _last_rows(self, count: int) -> Iterator[Any]:
        found: list[tuple[float, int, RunTail]] = []
        for path, tail in list(self._active.items()):
            try:
                tail.look()
            except NotFoundError:
                self._active.pop(path)
                continue
            found += [(at, place, tail) for place, at in enumerate(tail.times())]
        found.sort(key=lambda entry: entry[0])
        for _, _, tail in found[: max(0, len(found) - count)]:
            tail.skip(1)
        for _, _, tail in found[max(0, len(found) - count) :]:
            item = tail.poll()
            if item is not None:
                yield self._named(tail.path, item)

    def _begin(self, path: RunPath, last: int | None = None) -> None:
        """Follow a run from its cursor, or from its first row; one that was over may have been gone on with."""
        cursor = self._cursors.get(str(path))
        self._active[path] = RunTail(
            self._service,
            path,
            cursor=cursor,
            follow=self._follow,
            poll_s=self.poll_s,
            last=last if cursor is None else None,
            **self._options,
        )

    def _take_up_runs(self) -> None:
        if self._project is not None and self._follow:
            for path, is_new in self._project.find().items():
                if path not in self._active:
                    # One that was not worth a look at the start, and is gone on with: what is old stays aside.
                    self._begin(path, None if is_new or self._last is None else 0)


class ProjectRuns:
    """The runs of a project that begin, or are gone on with, after this was made, or the `known` ones listed.

    Looking for them takes a small share of the time, whatever the size of the project.
    """

    def __init__(
        self,
        service: Service,
        entity: str,
        project: str,
        *,
        filters: Mapping[str, Any] | None = None,
        known: Iterable[str] = (),
    ) -> None:
        self._service, self._entity, self._project = service, entity, project
        self._filters = dict(filters or {})
        newest = self._list(order=("-created_at",), limit=_LISTED_RUNS)
        self._known = set(known) or {run.run_id for run in newest.runs}
        self._version = newest.version
        self._due_at = 0.0

    def recent(self, count: int) -> list[RunPath]:
        """The runs at work when this was made, and the `count` that were heard of last."""
        recent = self._list(order=("-heartbeat_at",), limit=count, version=self._version)
        running = self._list(state="running", version=self._version)
        return sorted({run.path for run in (*recent.runs, *running.runs)})

    def find(self) -> dict[RunPath, bool]:
        """The runs at work and those that are new, and whether they are; none where it was looked for a moment ago."""
        begun_at = time.monotonic()
        if begun_at < self._due_at:
            return {}
        found = {run.path: False for run in self._list(state="running").runs}
        offset, version = 0, None
        while True:
            page = self._list(order=("-created_at",), offset=offset, limit=_LISTED_RUNS, version=version)
            new = [run.path for run in page.runs if run.run_id not in self._known]
            found.update(dict.fromkeys(new, True))
            offset, version = offset + _LISTED_RUNS, page.version
            if len(new) < _LISTED_RUNS:
                break
        self._known |= {path.run_id for path in found}
        self._due_at = time.monotonic() + (time.monotonic() - begun_at) / _LISTING_SHARE
        return found

    def _list(self, *, state: str | None = None, **page: Any) -> RunPage:
        filters = [f for f in (self._filters, {"state": state} if state else None) if f]
        return self._service.list_runs(
            self._entity, self._project, filters={"$and": filters} if filters else None, **page
        )
