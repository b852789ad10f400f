"""The verbs over a folder: see `service.contract` for what they promise."""

from __future__ import annotations

import difflib
import secrets
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
    RunlakeError,
    RunlakeWarning,
    StoreError,
)
from runlake.model import (
    Appended,
    BegunWriter,
    ConsoleLine,
    FileInfo,
    Finding,
    Garbage,
    GenerationInfo,
    Merged,
    ProjectInfo,
    Repair,
    RunEdit,
    RunInfo,
    RunPage,
    RunPath,
    Stream,
    TailCursor,
    TrashItem,
    WriterAnswer,
    WriterBatch,
    WriterGrant,
    WriterOpening,
    WriterStart,
)
from runlake.query import across, console, scan
from runlake.query.across import HistoryBlock, KnownRun
from runlake.query.history import History, HistoryOutline, Tail
from runlake.query.run_chunk import RunChunk
from runlake.query.run_index import RunIndex
from runlake.query.tail import TailReader
from runlake.store import record, trash
from runlake.store.blobs import FolderBlobs
from runlake.store.catalog import ENDED_STATES, Catalog, Progress, ProjectState
from runlake.store.changes import Action, append_change
from runlake.store.claim import new_writer_id
from runlake.store.fed_journal import FedJournals
from runlake.store.fold_many import fold_many
from runlake.store.journal_mark import read_journal_mark
from runlake.store.layout import Layout, check_run_path
from runlake.store.opening import create_pending, create_store, hold_journal, open_editor
from runlake.store.run_state import list_generations, read_run, read_state
from runlake.store.served_runs import ServedRuns
from runlake.values import canonical

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
_INFO_KEYS = frozenset({"name", "notes", "tags", "group", "job_type"})


class LocalService:
    """A store in a folder. Threads may share it; nothing is opened before it is needed.

    A listing of a project that no catalog knows waits until every run of it was read, and `progress` is told how far
    that is (`store.catalog.Progress`). What names a run does not wait for it. With `seals_what_is_sent`, as a server
    has it, runs whose journals are sent here are sealed when they have ended.
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
    ) -> None:
        self._layout = Layout(root.absolute())
        self._default_entity = default_entity
        self._user = user
        self._blobs = FolderBlobs(self._layout)
        self._catalog = Catalog(
            self._layout,
            fold=lambda path: read_run(self._layout, path),
            journal_mark=lambda path: read_journal_mark(self._layout, path),
            fold_many=lambda *project: fold_many(self._layout, *project),
            cache_dir=cache_dir,
            progress=progress,
        )
        self._tails = TailReader(self._layout)
        self._served_runs = ServedRuns(self._layout)
        self._fed_journals = FedJournals(self._layout, seals=seals_what_is_sent)
        self._writer_id = new_writer_id(time.time())
        self._token = secrets.token_hex(4)
        self._listings: OrderedDict[tuple[str, str, str], RunIndex] = OrderedDict()
        self._newest: dict[tuple[str, str], RunIndex] = {}
        self._listings_lock = threading.Lock()
        self._told: set[tuple[str, str]] = set()

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

    def create_run(self, path: RunPath, *, state: str = "pending") -> RunInfo:
        create_pending(self._layout, path, state, self._user)
        return read_run(self._layout, path)

    def edit_run(self, path: RunPath, edit: RunEdit) -> RunInfo:
        records = _records_of(edit)
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
        return across.read_histories(self._layout, entity, project, runs, keys=keys, stream=stream)

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

    def delete_file(self, path: RunPath, name: str) -> None:
        info = self.read_run(path)
        self._blobs.delete_file(path, name)
        self._tell(path, "files", info.incarnation)

    # Runs of processes elsewhere, whose rows a server writes

    def begin_writer(self, path: RunPath, start: WriterStart) -> BegunWriter:
        return self._served_runs.begin(path, start)

    def find_writer(self, path: RunPath, client: str | None = None) -> BegunWriter | None:
        check_run_path(path)
        return self._served_runs.find_writer(path, client)

    def write_batch(self, path: RunPath, writer: str, batch: WriterBatch) -> WriterAnswer:
        check_run_path(path)
        return self._served_runs.write(path, writer, batch)

    # Runs of processes elsewhere, that write their journals themselves

    def open_writer(self, path: RunPath, opening: WriterOpening) -> WriterGrant:
        return self._fed_journals.open(path, opening)

    def append_frames(self, path: RunPath, writer: str, number: int, offset: int, data: bytes) -> Appended:
        return self._fed_journals.append(path, writer, number, offset, data)

    # Care of the store

    def seal(self, entity: str, project: str, run_id: str | None = None) -> Iterator[tuple[RunPath, int]]:
        """Runs that cannot be sealed do not stop the others; the first of their errors is raised at the end."""
        self._check_project(entity, project)
        if run_id is not None:
            self._check_exists(RunPath(entity, project, run_id))
        run_ids = sorted(self._layout.run_ids(entity, project)) if run_id is None else [run_id]
        return self._seal_each([RunPath(entity, project, each) for each in run_ids])

    def merge_runs(self, entity: str, project: str, *, at_once: bool = False) -> Iterator[RunPath]:
        from runlake.store import merged_runs

        self._check_project(entity, project)
        if at_once:
            return merged_runs.merge_runs(self._layout, entity, project, quiet_s=0.0, min_run_count=2)
        return merged_runs.merge_runs(self._layout, entity, project)

    def check(self, entity: str | None = None, project: str | None = None) -> Iterator[tuple[RunPath, list[Finding]]]:
        from runlake.store.check import MergedFiles, check_run
        from runlake.store.check_project import check_project, check_store

        if entity is None and (findings := check_store(self._layout)):
            yield RunPath("", "", ""), findings
        for owner, name in self._projects(entity, project):
            if findings := check_project(self._layout, owner, name):
                yield RunPath(owner, name, ""), findings
            merged = MergedFiles()
            for run_id in sorted(self._layout.run_ids(owner, name)):
                path = RunPath(owner, name, run_id)
                yield path, check_run(self._layout, path, merged)

    def repair(
        self,
        entity: str | None = None,
        project: str | None = None,
        run_id: str | None = None,
        *,
        is_dry_run: bool = False,
        force: bool = False,
    ) -> Iterator[tuple[RunPath, list[Repair]]]:
        """Runs that cannot be mended do not stop the others; the first of their errors is raised at the end."""
        from runlake.store.repair import repair_run
        from runlake.store.repair_project import repair_project, repair_store

        if entity is not None and project is not None and run_id is not None:
            self._check_exists(RunPath(entity, project, run_id))
        if entity is None and (repairs := repair_store(self._layout, is_dry_run=is_dry_run)):
            yield RunPath("", "", ""), repairs
        failures: list[RunlakeError] = []
        for owner, name in self._projects(entity, project):
            if run_id is None and (
                repairs := repair_project(
                    self._layout, owner, name, self._writer_id, is_dry_run=is_dry_run, force=force
                )
            ):
                yield RunPath(owner, name, ""), repairs
            for each in sorted(self._layout.run_ids(owner, name)) if run_id is None else [run_id]:
                path = RunPath(owner, name, each)
                try:
                    yield path, repair_run(self._layout, path, is_dry_run=is_dry_run, force=force)
                except NotFoundError:
                    continue  # deleted since the runs were listed, or a folder without a journal
                except RunlakeError as error:
                    failures.append(error)
        if failures:
            raise failures[0]

    def list_trash(self) -> list[TrashItem]:
        return trash.list_trash(self._layout)

    def restore_run(self, run: RunPath | str) -> RunPath:
        if isinstance(run, RunPath):
            folder = trash.find_trashed(self._layout, check_run_path(run))
            return trash.restore_run(self._layout, folder, self._writer_id, run)
        if run not in {item.name for item in self.list_trash() if item.is_run}:
            raise NotFoundError(f"no deleted run {run!r} in the trash of {self.url}; see: runlake trash")
        return trash.restore_run(self._layout, self._layout.trash_dir / run, self._writer_id)

    def empty_trash(self, *, older_than_s: float, is_dry_run: bool = False) -> Iterator[Garbage]:
        from runlake.store.garbage import collect

        return collect(self._layout, older_than_s=older_than_s, is_dry_run=is_dry_run)

    def merge_from(
        self, other: Path, *, projects: Sequence[tuple[str, str]] | None = None, is_dry_run: bool = False
    ) -> Iterator[Merged]:
        from runlake.store.merge_stores import choose_projects, merge_projects

        theirs = Layout(other.absolute())
        chosen = choose_projects(self._layout, theirs, projects)
        return merge_projects(self._layout, theirs, chosen, self._writer_id, is_dry_run=is_dry_run)

    def close(self) -> None:
        """Nothing stays open between calls."""

    def _seal_each(self, paths: list[RunPath]) -> Iterator[tuple[RunPath, int]]:
        from runlake.store.seal import seal_run

        failures: list[RunlakeError] = []
        for path in paths:
            try:
                yield path, seal_run(self._layout, path)
            except NotFoundError:
                continue  # deleted since the runs were listed, or a folder without a journal
            except RunlakeError as error:
                failures.append(error)
        if failures:
            raise failures[0]

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

    def _tell(self, path: RunPath, action: Action, incarnation: str) -> None:
        append_change(self._layout, path, self._writer_id, action, incarnation)

    def _index(self, entity: str, project: str) -> RunIndex:
        """The project as of now; the same object as long as nothing moved."""
        self._check_project(entity, project)
        state = self._catalog.refresh(entity, project)
        for folder, problem in state.problems.items():
            path = self._layout.run_path_of(self._layout.runs_dir(entity, project) / folder)
            self._tell_once(str(path), problem)
        version = f"{self._token}.{state.number}"
        with self._listings_lock:
            index = self._listings.get((entity, project, version))
            if index is None:
                index = self._index_of(state, self._newest.get((entity, project)), version)
                self._listings[entity, project, version] = self._newest[entity, project] = index
                while len(self._listings) > _KEPT_LISTINGS:
                    self._listings.popitem(last=False)
            return index

    def _index_of(self, state: ProjectState, before: RunIndex | None, version: str) -> RunIndex:
        """The index of a state; what the one before it has of the stored columns is used again."""
        chunk = None
        if before is not None:
            before.forget_columns()
            chunk = before.chunk
        if state.columns is None:
            chunk = None
        elif chunk is None or chunk.stored is not state.columns:
            chunk = RunChunk(state.columns)
        return RunIndex(state.added, version, chunk=chunk, hidden=state.hidden)

    def _kept_index(self, entity: str, project: str, version: str) -> RunIndex:
        with self._listings_lock:
            try:
                self._listings.move_to_end((entity, project, version))
                return self._listings[entity, project, version]
            except KeyError:
                raise ConflictError(
                    f"the state {version!r} of {entity}/{project} is not kept any more; list again from the first page"
                ) from None

    def _tell_once(self, run: str, problem: str) -> None:
        if (run, problem) not in self._told:
            self._told.add((run, problem))
            warnings.warn(
                f"run {run} cannot be read and is shown as it last was, if at all: {problem}; see: runlake check {run}",
                RunlakeWarning,
                stacklevel=4,
            )

    def _describe_project(self, entity: str, project: str) -> ProjectInfo:
        folder = self._layout.project_dir(entity, project)
        run_count = len(self._layout.run_ids(entity, project))
        return ProjectInfo(entity=entity, name=project, created_at=folder.stat().st_mtime, run_count=run_count)

    def _projects(self, entity: str | None, project: str | None) -> Iterator[tuple[str, str]]:
        if entity is not None and project is not None:
            self._check_project(entity, project)
        for owner in self._layout.entities() if entity is None else [entity]:
            for name in self._layout.projects(owner) if project is None else [project]:
                yield owner, name

    def _check_project(self, entity: str, project: str) -> None:
        check_run_path(RunPath(entity, project, "any"))
        if self._layout.project_dir(entity, project).is_dir():
            return
        projects = self._layout.projects(entity)
        if projects:
            known, asked, prefix = projects, project, f"{entity}/"
            found = f"{entity} has {len(projects)} projects"
        else:
            known, asked, prefix = self._layout.entities(), entity, ""
            found = f"there is nothing of {entity!r} in {self.url}"
        raise NotFoundError(f"no project {entity}/{project}: {found}; {_advice(asked, known, prefix, 'runlake ls')}")

    def _check_exists(self, path: RunPath) -> None:
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


def _records_of(edit: RunEdit) -> list[tuple[int, dict[str, Any]]]:
    """What an edit leaves in the journal, all of it checked before anything is written."""
    records: list[tuple[int, dict[str, Any]]] = []
    for kind, to_set, to_unset in (
        (record.CONFIG, edit.config_set, edit.config_unset),
        (record.SUMMARY, edit.summary_set, edit.summary_unset),
    ):
        if to_set or to_unset:
            values = {path: canonical(value) for path, value in to_set.items()}
            records.append((kind, {"set": values, "unset": list(to_unset)}))
    if edit.info:
        unknown = sorted(edit.info.keys() - _INFO_KEYS)
        if unknown:
            raise BadValueError(
                f"a run has no editable field {unknown[0]!r}; there are {', '.join(sorted(_INFO_KEYS))}"
            )
        records.append((record.INFO, {key: _info_value(key, value) for key, value in edit.info.items()}))
    return records


def _info_value(key: str, value: Any) -> Any:
    if key == "tags" and isinstance(value, list | tuple) and all(isinstance(tag, str) for tag in value):
        return list(value)
    if key != "tags" and (value is None or isinstance(value, str)):
        return value
    raise BadValueError(f"{key} must be {'a list of texts' if key == 'tags' else 'text or None'}, not {value!r}")


def _advice(asked: str, known: Sequence[str], prefix: str, command: str) -> str:
    near = difflib.get_close_matches(asked, known, 3)
    listed = " or ".join(prefix + name for name in near)
    return f"did you mean {listed}? See: {command}" if near else f"see: {command}"
