"""What is asked of several runs, or of a whole project, at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from runlake.api.opened_store import OpenedStore
from runlake.api.paths import parse_project_path, parse_run_path
from runlake.errors import BadValueError
from runlake.model import RunPath, Stream, TailCursor

if TYPE_CHECKING:  # each is loaded by who asks for it: a run is read without
    from runlake.api.comparison import RunComparison
    from runlake.api.tail import RunsTail, TailFormat
    from runlake.bulk.export import Exported
    from runlake.listing_model import SegmentList
    from runlake.sql.engine import DuckDatabase


class AcrossRuns(OpenedStore):
    """The part of `Api` that follows, compares, queries and exports many runs."""

    _sql_database: DuckDatabase | None = None

    def tail(
        self,
        paths: Sequence[str],
        keys: Sequence[str] | None = None,
        *,
        stream: str = "default",
        cursors: Mapping[str, TailCursor | str] | None = None,
        follow: bool = True,
        poll_s: float = 0.5,
        format: TailFormat = "rows",
        last: int | None = None,
    ) -> RunsTail:
        """The rows of these runs as they are logged, each with its `run_id`; ends when all of them have ended.

        Of a whole project, runs to come included: ``api.runs(project).tail()``.
        """
        places = self._run_places(paths)
        for place in places:
            self._service.read_run(place)
        from runlake.api.tail import RunsTail

        return RunsTail(
            self._service,
            places,
            keys=keys,
            stream=stream,
            cursors=cursors,
            follow=follow,
            poll_s=poll_s,
            format=format,
            last=last,
        )

    def compare(
        self,
        paths: Sequence[str],
        *,
        everything: bool = False,
        curves: bool = True,
        keys: Sequence[str] | None = None,
        fail_if: Sequence[str] = (),
    ) -> RunComparison:
        """Where two runs or more differ, and how far their curves are from those of the first; `picture()` draws them.

        `keys` names the curves, None for all numbers that the runs share, up to 256 of them; `everything` also compares
        what always differs. `fail_if` are conditions as ``"val_loss > +1%"``; `broken` of the answer has those that
        hold.
        """
        from runlake.api.comparison import drawable
        from runlake.comparison.comparison import compare_runs
        from runlake.comparison.gates import parse_gate

        places = self._run_places(paths)
        gates = [parse_gate(text) for text in fail_if]
        found = compare_runs(self._service, places, everything=everything, curves=curves, keys=keys, gates=gates)
        return drawable(found, self._service, keys)

    def sql(
        self,
        query: str,
        *,
        format: Literal["arrow", "pandas", "polars"] = "arrow",
        path: str | None = None,
        at: Literal["auto", "server", "here"] = "auto",
        time_limit_s: float = 60.0,
        memory_limit_bytes: int = 2 * 2**30,
    ) -> Any:
        """The answer of one SELECT over everything in the store, or in the project `path`: an Arrow table or a frame.

        Tables: runs, config, summary, history, events, console, files, sweeps, artifacts, of all projects; rows that
        are not sealed yet are among them. Only what can matter is read: name keys, runs and projects in the WHERE.
        `memory_limit_bytes` is for the rows that are read, and again for DuckDB. A server computes the answer itself,
        within its own limits, and only that travels; ``at="here"`` fetches the rows and computes here.

        Raises `SqlError` for what is no query or does more than read, `SqlLimitError` beyond a limit,
        `NotSupportedError` without the package duckdb.
        """
        from runlake.api.frame import table_to_pandas, table_to_polars
        from runlake.sql.ask import ask
        from runlake.sql.engine import DuckDatabase, SqlLimits

        if format not in ("arrow", "pandas", "polars"):
            raise BadValueError(f"format={format!r}; it can be 'arrow', 'pandas' or 'polars'")
        limits = SqlLimits(time_s=time_limit_s, memory_bytes=memory_limit_bytes)
        database = self._sql_database = self._sql_database or DuckDatabase()
        within = None if path is None else parse_project_path(path, self.default_entity)
        table = ask(self._service, query, limits, within=within, at=at, database=database)
        if format == "arrow":
            return table
        return table_to_pandas(table) if format == "pandas" else table_to_polars(table)

    def segments(
        self, path: str | None = None, *, stream: Stream = "history", signed_for_s: float | None = None
    ) -> SegmentList:
        """The Parquet files with the sealed rows of a project, for DuckDB, Polars, Spark and others that read them.

        `files` of the answer is what an engine opens, `generations` whose rows in them count, `unlisted_run_ids` the
        runs that have rows elsewhere. With `signed_for_s` (seconds, up to a week) files of a bucket need no key.

        Raises `NotSupportedError` for a server whose store is a folder.
        """
        return self._service.list_segments(*self._project_place(path), stream=stream, signed_for_s=signed_for_s)

    def export(
        self,
        path: str | None,
        place: str | os.PathLike[str],
        *,
        format: Literal["parquet", "csv", "jsonl", "arrow"] = "parquet",
        shape: Literal["wide", "long"] = "wide",
        streams: Sequence[Stream] | None = None,
        keys: Sequence[str] | None = None,
        filters: Mapping[str, Any] | None = None,
        files: bool = False,
        artifacts: Literal["metadata", "files"] = "metadata",
        samples: int | None = None,
        since: str | os.PathLike[str] | None = None,
        progress: Callable[[int, int | None], None] | None = None,
    ) -> Exported:
        """Write a project (``project`` or ``entity/project``) into a folder that can be proved; answers its manifest.

        `place` is a folder, or ``s3://bucket/folder``, with the credentials that AWS's tools read. It gets ``runs``,
        ``history/``, ``events/``, ``console/``, with `files` also ``files/``, and ``manifest.json``; ``artifacts``, and
        with ``artifacts="files"`` what is in them. `samples` is how many rows of the history of each run there are at
        most. Started again after it was killed it goes on; a folder that has an export is brought up to
        date. With `since`, the manifest of an export elsewhere, only new and changed runs are written. `streams` are
        all by default, and the history alone with `keys`. `progress` is told rows done and rows in all. Raises
        `ConflictError` for a folder that holds something else or is being exported into, `BadValueError` for runs of
        more than 2,000 keys in the wide shape.
        """
        from runlake.bulk.export import export_folder
        from runlake.bulk.options import options_of

        options = options_of(
            format=format,
            shape=shape,
            streams=streams,
            keys=keys,
            filters=filters,
            has_files=files,
            artifacts=artifacts,
            samples=samples,
        )
        return export_folder(
            self._service,
            *self._project_place(path),
            place,
            options,
            since=since,
            report=progress or (lambda done, total: None),
        )

    def close(self) -> None:
        """Release the store's files and connections."""
        if self._sql_database is not None:
            self._sql_database.close()
        super().close()

    def _run_places(self, paths: Sequence[str]) -> list[RunPath]:
        if isinstance(paths, str):
            raise BadValueError(f"paths={paths!r} is one text; write a list: paths=[{paths!r}]")
        return [parse_run_path(path, self.default_entity, self._default_project) for path in paths]
