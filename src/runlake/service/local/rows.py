"""The verbs of rows over a folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from runlake.errors import BadValueError
from runlake.model import TIMESTAMP, ConsoleLine, RunPath, Stream, TailCursor
from runlake.query.rows import console, scan
from runlake.query.rows.history import History, HistoryOutline, Tail
from runlake.service.local.listings import Listings
from runlake.service.local.open_store import OpenStore
from runlake.store.run.part_states import PartStates
from runlake.store.store import Store

if TYPE_CHECKING:
    from runlake.listing_model import ConsolePage, ValuesPage
    from runlake.query.many.blocks import HistoryBlock
    from runlake.query.many.merged import MergedFiles
    from runlake.query.rows.console_pages import ConsolePages
    from runlake.query.rows.tail import TailReader

_ROW_COUNTS: dict[Stream, str] = {
    "history": "row_count",
    "events": "event_count",
    "console": "console_line_count",
}


class LocalRows:
    """`contract.rows` over a folder."""

    def __init__(self, folder: OpenStore[Store], listings: Listings, states: PartStates | None = None) -> None:
        self._listings, self._store, self._states = listings, folder.store, states

    @cached_property
    def _merged(self) -> MergedFiles:
        from runlake.query.many.merged import MergedFiles

        return MergedFiles()

    @cached_property
    def _tails(self) -> TailReader:
        from runlake.query.rows.tail import TailReader

        return TailReader(self._store)

    @cached_property
    def _consoles(self) -> ConsolePages:
        from runlake.query.rows.console_pages import ConsolePages

        return ConsolePages(self._store, self._tails)

    def read_history(
        self,
        path: RunPath,
        *,
        stream: Stream = "history",
        keys: Sequence[str] | None = None,
        min_step: int | None = None,
        max_step: int | None = None,
        generation: str | None = None,
    ) -> History:
        self._listings.check_exists(path)
        return scan.read_history(
            self._store,
            path,
            stream=stream,
            keys=keys,
            min_step=min_step,
            max_step=max_step,
            generation=generation,
        )

    def read_histories(
        self,
        entity: str,
        project: str,
        *,
        keys: Sequence[str] | None,
        stream: Stream = "history",
        filters: Mapping[str, Any] | None = None,
        order: Sequence[str] = ("+created_at",),
        version: str | None = None,
    ) -> Iterator[HistoryBlock]:
        from runlake.query.many import blocks

        newest = self._listings.newest(entity, project)
        index = newest if version is None else self._listings.at_version(entity, project, version)
        chosen = index.select(filters, order)
        # How many rows a run has is asked of the newest state, whichever state says which runs are meant.
        names = ("run_id", "incarnation", "generation", _ROW_COUNTS[stream])
        wanted = chosen if index is newest else range(len(newest))
        runs = [blocks.KnownRun(*fields) for fields in newest.fields(names, wanted)]
        if index is not newest:
            known = {run.run_id: run for run in runs}
            run_ids = [run_id for (run_id,) in index.fields(("run_id",), chosen)]
            runs = [known.get(run_id) or blocks.KnownRun(run_id, "", "", 0) for run_id in run_ids]
        return self._listings.with_warnings(
            f"{entity}/{project}",
            blocks.read_histories(self._store, entity, project, runs, keys=keys, stream=stream, known=self._merged),
        )

    def read_tail(
        self,
        path: RunPath,
        cursor: TailCursor | None,
        *,
        stream: Stream = "history",
        keys: Sequence[str] | None = None,
        limit: int | None = None,
        last: int | None = None,
    ) -> Tail:
        if (limit is not None and limit < 1) or (last is not None and last < 0):
            raise BadValueError(f"limit={limit} must be at least 1 and last={last} at least 0")
        if last is not None and (cursor is not None or limit is not None):
            raise BadValueError("last= says where to begin: it goes with neither a cursor nor a limit")
        if cursor is not None and cursor.stream != stream:
            raise BadValueError(f"the cursor is one of the stream {cursor.stream!r}, not of {stream!r}")
        self._listings.check_exists(path)
        return self._tails.read(path, cursor, stream=stream, keys=keys, limit=limit, last=last)

    def sample_history(
        self, path: RunPath, key: str, *, samples: int, stream: Stream = "history", generation: str | None = None
    ) -> History:
        if samples < 1:
            raise BadValueError(f"samples must be at least 1, not {samples}")
        self._listings.check_exists(path)
        return scan.sample_history(self._store, path, key, samples=samples, stream=stream, generation=generation)

    def list_keys(self, path: RunPath, *, stream: Stream = "history", generation: str | None = None) -> list[str]:
        self._listings.check_exists(path)
        return scan.list_keys(self._store, path, stream=stream, generation=generation, states=self._states)

    def outline_history(self, path: RunPath, *, stream: Stream = "history") -> HistoryOutline:
        self._listings.check_exists(path)
        return scan.outline_history(self._store, path, stream=stream)

    def read_console(
        self, path: RunPath, *, last: int | None = None, generation: str | None = None
    ) -> list[ConsoleLine]:
        lines = console.console_lines(self.read_history(path, stream="console", generation=generation))
        return lines if last is None else lines[max(0, len(lines) - last) :]

    def read_console_lines(
        self,
        path: RunPath,
        *,
        offset: int = 0,
        limit: int = 500,
        search: str | None = None,
        generation: str | None = None,
    ) -> ConsolePage:
        self._listings.check_exists(path)
        return self._consoles.read(path, offset=offset, limit=limit, search=search, generation=generation)

    def read_values(
        self,
        path: RunPath,
        key: str,
        *,
        stream: Stream = "history",
        offset: int = 0,
        limit: int = 1000,
        generation: str | None = None,
    ) -> ValuesPage:
        from runlake.query.rows.values_page import values_page

        history = self.read_history(path, stream=stream, keys=[key, TIMESTAMP], generation=generation)
        return values_page(history, key, offset, limit)
