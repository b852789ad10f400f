"""The verbs over a folder: see `service.contract` for what they promise."""

from __future__ import annotations

import threading
import time
import warnings
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from runlake.errors import (
    BadValueError,
    ConflictError,
    NotFoundError,
    ReadOnlyError,
    StoreError,
    UnreadableRunWarning,
)
from runlake.model import (
    Appended,
    ConsoleLine,
    FileInfo,
    GenerationInfo,
    OpenRequest,
    ProjectInfo,
    RunEdit,
    RunInfo,
    RunPage,
    RunPath,
    Stream,
    TailCursor,
    WriterAnswer,
    WriterBatch,
    WriterGrant,
    WriterHandle,
    WriterStart,
)
from runlake.near import near_names
from runlake.query.many import blocks
from runlake.query.many.blocks import HistoryBlock, KnownRun
from runlake.query.rows import console, scan
from runlake.query.rows.history import History, HistoryOutline, Tail
from runlake.query.rows.metric import numbers_in_order
from runlake.query.rows.tail import TailReader
from runlake.query.runs.chunk import RunChunk
from runlake.query.runs.index import RunIndex
from runlake.scheduler.open_sweep import Runs
from runlake.service.local.care import LocalCare
from runlake.service.local.edit_records import records_of
from runlake.service.local.sweeps import Sweeps
from runlake.store.catalog.catalog import ENDED_STATES, Catalog, Progress
from runlake.store.catalog.fold_many import fold_many
from runlake.store.catalog.project_records import ProjectState
from runlake.store.changes import Action, append_change
from runlake.store.files import FolderBlobs, IncomingBlob
from runlake.store.incarnation import new_writer_id
from runlake.store.ingest.batches import RemoteRuns
from runlake.store.ingest.replicate import JournalReplicas
from runlake.store.journal import record
from runlake.store.journal.fingerprint import read_fingerprint
from runlake.store.layout import Layout, check_run_path
from runlake.store.opening import trash
from runlake.store.opening.open import create_pending, hold_journal, open_editor
from runlake.store.run.state import list_generations, read_run, read_state
from runlake.store.store_format import check_format, create_store
from runlake.sweep_model import (
    AgentCommand,
    AgentInfo,
    AgentReport,
    AgentStart,
    SweepEdit,
    SweepInfo,
    SweepPath,
    SweepStart,
)

if TYPE_CHECKING:
    import pyarrow as pa

_KEPT_LISTINGS = 256
"""States of projects that pages can still be cut from; most of each is shared with its neighbours."""

_ADVICE_READS = 2000
"""So many runs are read anew only to say which of them has a name."""

_ROW_COUNTS: dict[Stream, str] = {
    "history": "row_count",
    "events": "event_count",
    "console": "console_line_count",
}
_STATES_WITHOUT_A_PROCESS = ("pending", "failed")


class LocalService(LocalCare):
    """A store in a folder. Threads may share it; nothing is opened before it is needed.

    A listing of a project that no catalog knows waits until every run of it was read, and `progress` is told how far
    that is (`catalog.catalog.Progress`). What names a run does not wait for it. With `seals_what_is_sent`, as a server
    has it, runs whose journals are sent here are sealed when they have ended; with `shares_versions`, other processes
    can cut pages from the versions that were given here, for ten minutes at least.
    """

    def __init__(
        self,
        root: Path,
        *,
        default_entity: str,
        user: str | None = None,
        cache_dir: Path | None = None,
        progress: Progress | None = None,
        seals_what_is_sent: bool = False,
        shares_versions: bool = False,
    ) -> None:
        self._layout = Layout(root.absolute())
        self._default_entity = default_entity
        self._user = user
        self._blobs = FolderBlobs(self._layout)
        self._catalog = Catalog(
            self._layout,
            fold=lambda path: read_run(self._layout, path),
            fingerprint=lambda path: read_fingerprint(self._layout, path),
            fold_many=lambda *project: fold_many(self._layout, *project),
            cache_dir=cache_dir,
            progress=progress,
            tells_states=shares_versions,
        )
        self._tails = TailReader(self._layout)
        self._served_runs = RemoteRuns(self._layout)
        self._fed_journals = JournalReplicas(self._layout, seals=seals_what_is_sent)
        runs = Runs(
            find=self._find_runs, read=self._run_if_readable, stop=self.stop_run, metric_values=self._metric_values
        )
        self._sweeps = Sweeps(self._layout, runs, user=user)
        self._writer_id = new_writer_id(time.time())
        self._listings: OrderedDict[tuple[str, str, str], RunIndex] = OrderedDict()
        self._newest: dict[tuple[str, str], RunIndex] = {}
        self._listings_lock = threading.Lock()
        self._told: set[tuple[str, str]] = set()
        self._is_format_known = False

    @property
    def url(self) -> str:
        return self._layout.root.as_uri()

    @property
    def default_entity(self) -> str:
        return self._default_entity

    @property
    def exports_dir(self) -> Path:
        """Where a server keeps what it makes of runs to hand out; `empty_trash` clears it."""
        return self._layout.exports_dir

    # Projects

    def list_projects(self, entity: str | None = None) -> list[ProjectInfo]:
        self._check_format()
        entities = self._layout.entities() if entity is None else [entity]
        return [
            self._describe_project(owner, project) for owner in entities for project in self._layout.projects(owner)
        ]

    def create_project(self, entity: str, project: str) -> ProjectInfo:
        check_run_path(RunPath(entity, project, "any"))
        create_store(self._layout)
        try:
            self._layout.make_project_dir(entity, project)
        except OSError as error:
            raise ReadOnlyError(f"project {entity}/{project} cannot be made in {self._layout.root}: {error}") from error
        return self._describe_project(entity, project)

    # Runs

    def list_runs(
        self,
        entity: str,
        project: str,
        *,
        filters: Mapping[str, Any] | None = None,
        order: Sequence[str] = ("+created_at",),
        offset: int = 0,
        limit: int | None = None,
        version: str | None = None,
    ) -> RunPage:
        if offset < 0 or (limit is not None and limit < 0):
            raise BadValueError(f"offset {offset} and limit {limit} must not be negative")
        index = self._index(entity, project) if version is None else self._kept_index(entity, project, version)
        page = index.page(filters, order, offset=offset, limit=limit)
        return RunPage(runs=tuple(index.infos(page.positions)), total_count=page.total_count, version=index.version)

    def read_run(self, path: RunPath, *, generation: str | None = None) -> RunInfo:
        self._check_exists(path)
        return read_run(self._layout, path, generation=generation)

    def list_generations(self, path: RunPath) -> list[GenerationInfo]:
        self._check_exists(path)
        return list_generations(self._layout, path)

    def read_runs_table(self, entity: str, project: str, *, filters: Mapping[str, Any] | None = None) -> pa.Table:
        index = self._index(entity, project)
        return index.to_table(index.select(filters) if filters else None)

    def create_run(self, path: RunPath, *, state: str = "pending", user: str | None = None) -> RunInfo:
        create_pending(self._layout, path, state, user or self._user)
        return read_run(self._layout, path)

    def edit_run(self, path: RunPath, edit: RunEdit) -> RunInfo:
        records = records_of(edit)
        if edit.state is not None:
            if edit.state not in _STATES_WITHOUT_A_PROCESS:
                raise BadValueError(f"a run can be made {' or '.join(_STATES_WITHOUT_A_PROCESS)}, not {edit.state!r}")
            if self.read_run(path).row_count or self.find_writer(path) is not None:
                raise ConflictError(f'the state of run "{path}" is that of its process; use stop_run to end it')
            records.append((record.STATE, {"state": edit.state}))
        if not records:
            return self.read_run(path)
        self._write_records(path, records)
        return read_run(self._layout, path)

    def stop_run(self, path: RunPath) -> None:
        if self.read_run(path).state not in ENDED_STATES:
            self._write_records(path, [(record.STATE, {"stop": True})])

    def delete_run(self, path: RunPath) -> None:
        self._check_exists(path)
        trash.move_run_to_trash(self._layout, path, self._writer_id)

    # Rows

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
        self._check_exists(path)
        return scan.read_history(
            self._layout,
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
        keys: Sequence[str],
        stream: Stream = "history",
        filters: Mapping[str, Any] | None = None,
        order: Sequence[str] = ("+created_at",),
        version: str | None = None,
    ) -> Iterator[HistoryBlock]:
        newest = self._index(entity, project)
        index = newest if version is None else self._kept_index(entity, project, version)
        run_ids = [run_id for (run_id,) in index.fields(("run_id",), index.select(filters, order))]
        # How many rows a run has is asked of the newest state, whichever state says which runs are meant.
        names = ("run_id", "incarnation", "generation", _ROW_COUNTS[stream])
        known = {fields[0]: KnownRun(*fields) for fields in newest.fields(names, range(len(newest)))}
        runs = [known.get(run_id) or KnownRun(run_id, "", "", 0) for run_id in run_ids]
        return self._with_warnings(
            f"{entity}/{project}", blocks.read_histories(self._layout, entity, project, runs, keys=keys, stream=stream)
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
        self._check_exists(path)
        return self._tails.read(path, cursor, stream=stream, keys=keys, limit=limit, last=last)

    def sample_history(
        self, path: RunPath, key: str, *, samples: int, stream: Stream = "history", generation: str | None = None
    ) -> History:
        if samples < 1:
            raise BadValueError(f"samples must be at least 1, not {samples}")
        self._check_exists(path)
        return scan.sample_history(self._layout, path, key, samples=samples, stream=stream, generation=generation)

    def list_keys(self, path: RunPath, *, stream: Stream = "history", generation: str | None = None) -> list[str]:
        self._check_exists(path)
        return scan.list_keys(self._layout, path, stream=stream, generation=generation)

    def outline_history(self, path: RunPath, *, stream: Stream = "history") -> HistoryOutline:
        self._check_exists(path)
        return scan.outline_history(self._layout, path, stream=stream)

    def read_console(
        self, path: RunPath, *, last: int | None = None, generation: str | None = None
    ) -> list[ConsoleLine]:
        lines = console.console_lines(self.read_history(path, stream="console", generation=generation))
        return lines if last is None else lines[max(0, len(lines) - last) :]

    # Files

    def list_files(self, path: RunPath) -> list[FileInfo]:
        self._check_exists(path)
        return self._blobs.list_files(path)

    def open_file(self, path: RunPath, name: str) -> BinaryIO:
        self._check_exists(path)
        return self._blobs.open_file(path, name)

    def put_file(self, path: RunPath, name: str, content: BinaryIO) -> FileInfo:
        info = self.read_run(path)
        stored = self._blobs.put_file(path, name, content)
        self._tell(path, "files", info.incarnation)
        return stored

    def receive_file(self, path: RunPath, name: str) -> IncomingBlob:
        info = self.read_run(path)
        return self._blobs.receive_file(path, name, lambda: self._tell(path, "files", info.incarnation))

    def delete_file(self, path: RunPath, name: str) -> None:
        info = self.read_run(path)
        self._blobs.delete_file(path, name)
        self._tell(path, "files", info.incarnation)

    # Runs of processes elsewhere, whose rows a server writes

    def begin_writer(self, path: RunPath, start: WriterStart) -> WriterHandle:
        return self._served_runs.begin(path, start)

    def find_writer(self, path: RunPath, client: str | None = None) -> WriterHandle | None:
        check_run_path(path)
        return self._served_runs.find_writer(path, client)

    def write_batch(self, path: RunPath, writer: str, batch: WriterBatch) -> WriterAnswer:
        check_run_path(path)
        return self._served_runs.write(path, writer, batch)

    # Runs of processes elsewhere, that write their journals themselves

    def open_writer(self, path: RunPath, opening: OpenRequest) -> WriterGrant:
        return self._fed_journals.open(path, opening)

    def append_frames(self, path: RunPath, writer: str, number: int, offset: int, data: bytes) -> Appended:
        return self._fed_journals.append(path, writer, number, offset, data)

    # Sweeps

    def create_sweep(self, entity: str, project: str, start: SweepStart) -> SweepInfo:
        create_store(self._layout)
        return self._sweeps.create(entity, project, start)

    def list_sweeps(self, entity: str, project: str) -> list[SweepInfo]:
        self._check_project(entity, project)
        return self._sweeps.list(entity, project)

    def read_sweep(self, path: SweepPath) -> SweepInfo:
        return self._sweeps.read(path)

    def edit_sweep(self, path: SweepPath, edit: SweepEdit) -> SweepInfo:
        return self._sweeps.edit(path, edit)

    def delete_sweep(self, path: SweepPath) -> None:
        self._sweeps.delete(path)

    def join_sweep(self, path: SweepPath, start: AgentStart) -> AgentInfo:
        return self._sweeps.join(path, start)

    def report_agent(self, path: SweepPath, agent_id: str, report: AgentReport) -> tuple[AgentCommand, ...]:
        return self._sweeps.report(path, agent_id, report)

    def close(self) -> None:
        """Nothing stays open between calls."""

    def _write_records(self, path: RunPath, records: list[tuple[int, dict[str, Any]]]) -> None:
        """Leave records in the run as a short-lived writer, and tell the readers."""
        self._check_exists(path)
        journal = hold_journal(self._layout, path)
        state = read_state(self._layout, path)
        editor = open_editor(self._layout, path, state.info, state.clock, journal=journal)
        try:
            for kind, body in records:
                editor.writer.record(kind, body)
            editor.writer.end({})
        finally:
            editor.writer.close()
        self._tell(path, "edit", editor.incarnation)

    def _find_runs(self, entity: str, project: str, filters: Mapping[str, Any]) -> list[RunInfo]:
        index = self._index(entity, project)
        return index.infos(index.select(filters))

    def _run_if_readable(self, path: RunPath) -> RunInfo | None:
        """A run; None as well where a listing would leave it out, because it is damaged."""
        try:
            return read_run(self._layout, path)
        except (NotFoundError, StoreError):
            return None

    def _metric_values(self, path: SweepPath, metric: str) -> dict[str, list[float]]:
        """Of each run of a sweep the values of a metric, in the order in which they were logged."""
        blocks = self.read_histories(path.entity, path.project, keys=[metric], filters={"sweep": path.sweep_id})
        return {run_id: numbers_in_order(history) for block in blocks for run_id, history in block.histories()}

    def _tell(self, path: RunPath, action: Action, incarnation: str) -> None:
        append_change(self._layout, path, self._writer_id, action, incarnation)

    def _index(self, entity: str, project: str) -> RunIndex:
        """The project as of now; the same object as long as nothing moved."""
        self._check_project(entity, project)
        state = self._catalog.refresh(entity, project)
        for path, problem in self._problems(entity, project, state):
            self._tell_once(str(path), problem)
        with self._listings_lock:
            index = self._listings.get((entity, project, state.version))
            if index is None:
                index = self._index_of(state, self._newest.get((entity, project)))
                self._newest[entity, project] = index
                self._keep(entity, project, index)
            return index

    def _problems(self, entity: str, project: str, state: ProjectState) -> Iterator[tuple[RunPath, str]]:
        """The runs that cannot be read, and why."""
        for folder, problem in sorted(state.problems.items()):
            try:
                yield self._layout.run_path_of(self._layout.runs_dir(entity, project) / folder), problem
            except FileNotFoundError:
                continue  # deleted at this moment

    def _index_of(self, state: ProjectState, before: RunIndex | None) -> RunIndex:
        """The index of a state; what the one before it has of the stored columns is used again."""
        chunk = None
        if before is not None:
            before.forget_columns()
            chunk = before.chunk
        if state.columns is None:
            chunk = None
        elif chunk is None or chunk.stored is not state.columns:
            chunk = RunChunk(state.columns)
        return RunIndex(state.added, state.version, chunk=chunk, hidden=state.hidden)

    def _keep(self, entity: str, project: str, index: RunIndex) -> None:
        self._listings[entity, project, index.version] = index
        while len(self._listings) > _KEPT_LISTINGS:
            self._listings.popitem(last=False)

    def _kept_index(self, entity: str, project: str, version: str) -> RunIndex:
        """The project as it was in a version that was given here, or by another process."""
        key = (entity, project, version)
        with self._listings_lock:
            if key in self._listings:
                self._listings.move_to_end(key)
                return self._listings[key]
        state = self._catalog.recall(entity, project, version)
        if state is None:
            raise ConflictError(
                f"the state {version!r} of {entity}/{project} is not kept any more; list again from the first page"
            )
        with self._listings_lock:
            if key not in self._listings:
                chunks = [index.chunk for index in self._listings.values() if index.chunk is not None]
                like = next((chunk for chunk in chunks if chunk.stored is state.columns), None)
                if like is None and state.columns is not None:
                    like = RunChunk(state.columns)
                self._keep(entity, project, RunIndex(state.added, version, chunk=like, hidden=state.hidden))
            return self._listings[key]

    def _with_warnings(self, place: str, blocks: Iterator[HistoryBlock]) -> Iterator[HistoryBlock]:
        for block in blocks:
            if block.problem is not None:
                self._tell_once(f"{place}/{block.run_ids[0]}", block.problem)
            yield block

    def _tell_once(self, run: str, problem: str) -> None:
        if (run, problem) not in self._told:
            self._told.add((run, problem))
            warnings.warn(
                f"run {run} cannot be read and is shown as it last was, if at all: {problem}; see: runlake check {run}",
                UnreadableRunWarning,
                stacklevel=4,
            )

    def _describe_project(self, entity: str, project: str) -> ProjectInfo:
        folder = self._layout.project_dir(entity, project)
        run_count = len(self._layout.run_ids(entity, project))
        return ProjectInfo(entity=entity, name=project, created_at=folder.stat().st_mtime, run_count=run_count)

    def _check_format(self) -> None:
        if not self._is_format_known:
            check_format(self._layout)
            self._is_format_known = True

    def _check_project(self, entity: str, project: str) -> None:
        self._check_format()
        check_run_path(RunPath(entity, project, "any"))
        if self._layout.project_dir(entity, project).is_dir():
            return
        projects = self._layout.projects(entity)
        if projects:
            known, asked, prefix = projects, project, f"{entity}/"
            found = f"{entity} has {len(projects)} project{'s' * (len(projects) != 1)}"
        else:
            known, asked, prefix = self._layout.entities(), entity, ""
            found = f"there is nothing of {entity!r} in {self.url}"
        raise NotFoundError(f"no project {entity}/{project}: {found}; {_advice(asked, known, prefix, 'runlake ls')}")

    def _check_exists(self, path: RunPath) -> None:
        self._check_format()
        check_run_path(path)
        if self._layout.run_dir(path).is_dir():
            return
        self._check_project(path.entity, path.project)
        run_ids = self._layout.run_ids(path.entity, path.project)
        place = f"{path.entity}/{path.project}"
        advice = self._advice_by_name(path, len(run_ids)) or _advice(path.run_id, run_ids, "", f"runlake ls {place}")
        raise NotFoundError(f'run "{path.run_id}" not in project {place} ({len(run_ids)} runs); {advice}')

    def _advice_by_name(self, path: RunPath, run_count: int) -> str | None:
        """Many take a run's name for its id."""
        if self._catalog.peek(path.entity, path.project) is None and run_count > _ADVICE_READS:
            return None  # it would take longer than advice is worth
        try:
            index = self._index(path.entity, path.project)
        except (StoreError, OSError):
            return None  # this is only advice, and the error that matters is being made
        ids = [run.run_id for run in index.infos(index.page({"display_name": path.run_id}, limit=3).positions)]
        return f"the run of that name has the id {' or '.join(ids)}" if ids else None


def _advice(asked: str, known: Sequence[str], prefix: str, command: str) -> str:
    near = near_names(asked, known)
    listed = " or ".join(prefix + name for name in near)
    return f"did you mean {listed}? See: {command}" if near else f"see: {command}"
