"""A run as a reader sees it: its config, summary, rows and files, and the edits that may be made."""

from __future__ import annotations

import copy
import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa

from runlake.api.frame import history_to_pandas, selected_dicts, selected_frame, table_to_polars
from runlake.api.run_links import RunLinks
from runlake.api.selection import Selection, select_rows, stream_named
from runlake.api.stored_summary import StoredSummary, summary_data
from runlake.api.wandb_names import WandbRunNames, also_named
from runlake.errors import NotFoundError, PathError
from runlake.model import HIDDEN_KEY, STEP, GenerationInfo, RunEdit, RunInfo, TailCursor
from runlake.query.rows.select import Join
from runlake.query.rows.table import MAX_COLUMNS, wide_table

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    from runlake.api.files import File, Files, OpenedFile
    from runlake.api.inline import InlineView, LiveView
    from runlake.api.scan import HistoryScan
    from runlake.api.tail import RunTail, TailFormat
    from runlake.artifacts.artifact import Artifact
    from runlake.listing_model import PastEdit
    from runlake.service.contract import Service

_INFO_FIELDS = ("name", "notes", "tags", "group", "job_type")
_logger = logging.getLogger("runlake")


@also_named(
    createdAt="created_at",
    displayName="display_name",
    heartbeatAt="heartbeat_at",
    historyKeys="history_keys",
    historyLineCount="row_count",
    jobType="job_type",
    projectId="project_id",
    readOnly="read_only",
    summaryMetrics="summary_metrics",
    sweepName="sweep_name",
    systemMetrics="system_metrics",
)
class StoredRun(WandbRunNames):
    """One run of a store. What was read stays as it is until `load(force=True)`.

    `config` is a dict, `summary` a `StoredSummary`; `name`, `notes`, `tags`, `group` and `job_type` are plain
    attributes. All of them may be changed; `update()` writes what changed, key by key.
    """

    def __init__(self, service: Service, info: RunInfo, links: RunLinks) -> None:
        super().__init__(service, info)
        self._links = links
        self._take(info)

    def _take(self, info: RunInfo) -> None:
        self._info = info
        self._config_before = {key: value for key, value in info.config.items() if key != HIDDEN_KEY}
        self.config: dict[str, Any] = copy.deepcopy(self._config_before)
        self.summary = StoredSummary(summary_data(info), self._push_summary)
        self.name: str = info.name
        self.notes: str | None = info.notes
        self.tags: list[str] = list(info.tags)
        self.group: str | None = info.group
        self.job_type: str | None = info.job_type
        self._attributes = None

    # What it is, as far as it can be changed, and what it leads to

    @property
    def display_name(self) -> str:
        return self.name

    @property
    def description(self) -> str | None:
        """The notes, by another name."""
        return self.notes

    @description.setter
    def description(self, text: str | None) -> None:
        self.notes = text

    @property
    def generations(self) -> list[GenerationInfo]:
        """Every history that the run has had, oldest first: of each its `generation`, `created_at` and `row_count`."""
        return self._service.list_generations(self._info.path)

    @property
    def edits(self) -> list[PastEdit]:
        """What was changed in the run from outside of its process, oldest first: of each value its `part` ("run",
        "config" or "summary"), `key`, `timestamp`, what stood there `before`, and `after`."""
        return self._service.list_edits(self._info.path)

    def at_generation(self, generation: str) -> StoredRun:
        """The run as an older attempt left it, to be read only; `generations` names them."""
        from runlake.api.generation import GenerationService

        service = cast("Service", GenerationService(self._service, self._info.path, generation))
        return StoredRun(service, service.read_run(self._info.path), self._links)

    @property
    def sweep(self) -> Any:
        """The `Sweep` that made this run, read anew; None where there is none, or it was deleted."""
        if self._info.sweep is None:
            return None
        from runlake.sweep_model import SweepPath

        try:
            return self._links.read_sweep(SweepPath(self.entity, self.project, self._info.sweep))
        except NotFoundError:
            return None

    # Rows

    def history(
        self,
        samples: int | None = 500,
        keys: Sequence[str] | None = None,
        x_axis: str = STEP,
        pandas: bool = True,
        stream: str = "default",
        join: Join = "inner",
    ) -> pd.DataFrame | list[dict[str, Any]]:
        """`samples` rows, or all there are (with None: always), as a DataFrame, or as dicts with ``pandas=False``.

        The choice of rows is the same each time: with one key its lowest and highest values stay, otherwise rows
        are taken evenly; first and last stay always. `keys` gives the rows that have all of them; ``join="outer"``
        makes one row of each step instead. Any `stream` but ``"default"`` means the system metrics.
        The frame says in its ``attrs`` whether it is ``sampled`` and what the ``row_count`` was.
        """
        if stream != "default" and keys is not None:
            _logger.error("history(stream=%r) has no keys=; it returns nothing. Leave one of them out", stream)
            return []
        selection = select_rows(
            self._service,
            self._info.path,
            stream="history" if stream == "default" else "events",
            keys=keys,
            samples=samples,
            x_axis=x_axis,
            join=join,
        )
        if not pandas:
            return selected_dicts(selection)
        return selected_frame(selection, is_narrow=keys is not None)

    def scan_history(
        self,
        keys: Sequence[str] | None = None,
        page_size: int = 1000,
        min_step: int | None = None,
        max_step: int | None = None,
        use_cache: bool = True,
    ) -> HistoryScan:
        """Every row as a dict of what was logged in it; `min_step` is inclusive, `max_step` exclusive.

        With `keys`, the rows that have all of them, and of these only the keys and `_step`. `page_size` rows are
        turned into dicts at a time; `use_cache` is accepted and changes nothing: what is read is always current.
        """
        from runlake.api.scan import HistoryScan

        keys = None if keys is None else list(keys) if not isinstance(keys, str) else keys

        def select() -> Selection:
            return select_rows(self._service, self._info.path, keys=keys, min_step=min_step, max_step=max_step)

        return HistoryScan(select, page_size, keys)

    beta_scan_history = scan_history

    def tail(
        self,
        keys: Sequence[str] | None = None,
        *,
        stream: str = "default",
        cursor: TailCursor | str | None = None,
        follow: bool = True,
        poll_s: float = 0.5,
        format: TailFormat = "rows",
        last: int | None = None,
    ) -> RunTail:
        """Rows as they are logged, from the first on, each once; ends when the run has ended.

        Dicts as of `scan_history`, or with ``format="arrow"`` a table of what was new, each time something was. `last`
        begins with the last rows, `cursor` behind the row where another tail stood (``str(tail.cursor)``).
        ``follow=False`` ends with what is there now. `stream` is ``"default"``, ``"events"`` or ``"console"``. A row
        that is still open waits until it is closed.
        """
        from runlake.api.tail import RunTail

        return RunTail(
            self._service,
            self._info.path,
            keys=keys,
            stream=stream,
            cursor=cursor,
            follow=follow,
            poll_s=poll_s,
            format=format,
            last=last,
        )

    def to_arrow(self, stream: str = "history", keys: Sequence[str] | None = None) -> pa.Table:
        """All rows of a stream (history, events, console) as an Arrow table: `_step, _runtime, _timestamp`, then keys.

        With `keys`, those and `_step`, and the rows that have at least one of them. JSON and mixed columns are
        text; the field's metadata says so. Raises `BadValueError` beyond 2,000 keys that were not named.
        """
        selection = select_rows(self._service, self._info.path, stream=stream_named(stream), keys=keys, join="any")
        limit = MAX_COLUMNS if keys is None else None
        return wide_table(selection.history, axes=selection.axes, max_columns=limit)

    def to_pandas(self, stream: str = "history", keys: Sequence[str] | None = None) -> pd.DataFrame:
        """All rows of a stream as a DataFrame; `keys` as in `to_arrow`."""
        selection = select_rows(self._service, self._info.path, stream=stream_named(stream), keys=keys, join="any")
        limit = MAX_COLUMNS if keys is None else None
        return history_to_pandas(selection.history, axes=selection.axes, max_columns=limit)

    def to_polars(self, stream: str = "history", keys: Sequence[str] | None = None) -> pl.DataFrame:
        """All rows of a stream as a Polars DataFrame; `keys` as in `to_arrow`."""
        return table_to_polars(self.to_arrow(stream, keys))

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The history for any reader of the Arrow PyCapsule interface: ``polars.DataFrame(run)``."""
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def console_logs(self, last: int | None = None) -> list[str]:
        """The lines that the run printed, or the `last` of them; ``to_pandas("console")`` has their times too."""
        return [line.text for line in self._service.read_console(self._info.path, last=last)]

    # Files

    def files(self, names: Sequence[str] | None = None, pattern: str | None = None, per_page: int = 50) -> Files:
        """The files of the run by name, of these only `names`, or those like `pattern` (``%.png``, ``*.png``)."""
        from runlake.api.files import Files, find_files

        return Files(lambda: find_files(self._service, self._info.path, names, pattern))

    def file(self, name: str) -> File:
        """One file; a name that is not there raises `NotFoundError`, which is a `CommError`."""
        from runlake.api.files import find_file

        return find_file(self._service, self._info.path, name)

    def restore(self, name: str, replace: bool = False, root: str | os.PathLike[str] = ".") -> OpenedFile:
        """Copy a file to `root` and open it; one that is there already is opened as it is, unless `replace`."""
        return self.file(name).download(root, replace=replace, exist_ok=True)

    def upload_file(self, path: str | os.PathLike[str], root: str | os.PathLike[str] = ".") -> File:
        """Store a file of this machine under its path as seen from `root`."""
        from runlake.api.files import File

        name = Path(os.path.relpath(path, root)).as_posix()
        if name == ".." or name.startswith("../") or Path(name).is_absolute():
            raise PathError(f"{os.fspath(path)!r} is not below root={os.fspath(root)!r}; name a root above the file")
        with Path(path).open("rb") as content:
            return File(self._service, self._info.path, self._service.put_file(self._info.path, name, content))

    # Edits

    def update(self) -> None:
        """Write what was changed in config, summary, name, notes, tags, group and job_type; nothing else."""
        from runlake.api import edits

        config = self._plain(self.config)
        config_set, config_unset = edits.changes(self._config_before, config)
        summary_set, summary_unset = self._summary_changes()
        info = {name: self._field(name) for name in _INFO_FIELDS if self._field(name) != getattr(self._info, name)}
        edit = RunEdit(
            config_set=config_set,
            config_unset=config_unset,
            summary_set=summary_set,
            summary_unset=summary_unset,
            info=info,
        )
        if edit != RunEdit():
            self._info = self._service.edit_run(self._info.path, edit)
            self._config_before = config
            self.summary.reset(summary_data(self._info))

    save = update

    def load(self, force: bool = False) -> StoredRun:
        """With `force`, read the run anew; changes that were not written are forgotten."""
        if force:
            self._take(self._service.read_run(self._info.path))
        return self

    # Artifacts

    def logged_artifacts(self, per_page: int = 100) -> list[Artifact]:
        """The versions that it logged, in the order in which it did."""
        from runlake.api.artifacts import artifacts_of_run

        return artifacts_of_run(self._service, self._info.path, "logged", self._links.read_run)

    def used_artifacts(self, per_page: int = 100) -> list[Artifact]:
        """The versions that it used, in the order in which it did."""
        from runlake.api.artifacts import artifacts_of_run

        return artifacts_of_run(self._service, self._info.path, "used", self._links.read_run)

    def log_artifact(
        self, artifact: Artifact, aliases: Sequence[str] | None = None, tags: Sequence[str] | None = None
    ) -> Artifact:
        """Keep an artifact as made by this run; of one that is kept, note that this run logged it as well."""
        from runlake.api.artifacts import log_for_run

        return log_for_run(self._service, self._info.path, artifact, aliases, tags, self._links.read_run)

    def use_artifact(self, artifact: Artifact, use_as: str | None = None) -> Artifact:
        """Note that this run uses an artifact."""
        from runlake.api.artifacts import use_for_run

        return use_for_run(self._service, self._info.path, artifact, use_as, self._links.read_run)

    def delete(self, delete_artifacts: bool = False) -> None:
        """Remove the run from the store; its trash keeps it until that is emptied.

        With `delete_artifacts` the versions that it logged go first, with their aliases.
        """
        if delete_artifacts:
            for info in self._service.list_run_artifacts(self._info.path, "logged"):
                self._service.delete_artifact(info.collection.at(info.artifact_id), delete_aliases=True)
        self._service.delete_run(self._info.path)
        self._links.on_delete(self._info.path)

    def stop(self) -> None:
        """Ask the training process to stop; it ends as ``killed`` within seconds."""
        self._service.stop_run(self._info.path)

    def wait_until_finished(self) -> None:
        """Return when the run has ended, in whatever state; reads the run anew."""
        pause_s = 0.05
        while True:
            self.load(force=True)
            if self.state not in ("running", "pending", "preempting"):
                return
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.5, 5.0)

    def _field(self, name: str) -> Any:
        value = getattr(self, name)
        return tuple(value) if name == "tags" else value

    def _plain(self, data: dict[str, Any]) -> dict[str, Any]:
        from runlake.api import edits

        write_file = edits.file_writer(self._service, self._info.path)
        return edits.plain_data(data, write_file, max(0, self._info.last_step))

    def _summary_changes(self) -> tuple[dict[str, Any], tuple[str, ...]]:
        from runlake.api import edits

        return edits.changes(summary_data(self._info), self._plain(self.summary.current), touched=self.summary.touched)

    def _push_summary(self) -> None:
        to_set, to_remove = self._summary_changes()
        if to_set or to_remove:
            self._info = self._service.edit_run(self._info.path, RunEdit(summary_set=to_set, summary_unset=to_remove))
            self.summary.reset(summary_data(self._info))

    def __repr__(self) -> str:
        from runlake.clean_text import one_line

        return one_line(f"<Run {'/'.join(self.path)} ({self.state})>")

    def show(self, height_px: int = 520, *, live: bool | str = False) -> InlineView | LiveView:
        """The charts of the page, for the end of a cell: they need no server, and are as the run is now.

        With `live` the page itself, at that address, or with True at the server that is read from: it goes on as the
        run does. It must have been started with ``--embed-from`` and the notebook's origin, under the host name of the
        notebook, and this browser be signed in there. `NotSupportedError` where runlake was installed without its page.
        """
        from runlake.api.inline import inline_view, live_view

        path = self._info.path
        if live:
            parts = (path.entity, path.project, "runs", path.run_id)
            return live_view(self._service, live, parts, {}, height_px=height_px)
        return inline_view(self._service, path[:2], {"run_id": path.run_id}, panels_only=True, height_px=height_px)

    def _repr_html_(self) -> str:
        from runlake.api import notebook

        return notebook.run_page(self._service, self._info)
