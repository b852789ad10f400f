"""The verbs: everything above the store speaks these, and nothing else.

The list is closed: another verb needs a decision record. `local.LocalService` implements it over a folder; a
remote implementation over HTTP answers the same. One test suite runs over all of them.

The law of the data
-------------------
A *run* is found by `RunPath(entity, project, run_id)`. What a reader sees is the newest *generation* of the run:
a fresh start under an old id, or a rewind, opens a new one. Older ones can be read by their names: `generation` of
the verbs that read a run, None for the newest. Files belong to the run and not to a generation.

Rows of a stream have an identity (generation, writer, n) and an order; their `_step` is data, may repeat and may go
back. Values come back as they went in, bit for bit, types included; a row holds only the keys that were logged in it.

Reading sees every row whose `log()` call has returned in any process, whether sealed or not.

Errors: `NotFoundError` for what is not there, `FilterError` for a filter or an order that cannot be read,
`PathError` for names that cannot be used, `ReadOnlyError` for edits of a store that cannot be written,
`CorruptError` / `NewerFormatError` where bytes are not as they should be.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from runlake.model import (
    Appended,
    ConsoleLine,
    FileInfo,
    Finding,
    Garbage,
    GenerationInfo,
    Merged,
    OpenRequest,
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
    WriterHandle,
    WriterStart,
)
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

    from runlake.query.many.blocks import HistoryBlock
    from runlake.query.rows.history import History, HistoryOutline, Tail


class IncomingFile(Protocol):
    """A file on its way into the store: nobody sees it before `keep`. One of `keep` and `discard` ends it."""

    @property
    def md5(self) -> str:
        """Of what was written so far, in base64."""
        ...

    def write(self, piece: bytes) -> None:
        """The next bytes."""
        ...

    def keep(self) -> FileInfo:
        """Put it under its name, in one step."""
        ...

    def discard(self) -> None:
        """Leave nothing of it."""
        ...


class Service(Protocol):
    """A store of runs, near or far."""

    @property
    def url(self) -> str:
        """Where this is: ``file:///…`` or ``http://…``."""
        ...

    @property
    def default_entity(self) -> str:
        """The entity of paths that name none."""
        ...

    # Projects

    def list_projects(self, entity: str | None = None) -> list[ProjectInfo]:
        """All projects, of all entities when `entity` is None, by entity and name."""
        ...

    def create_project(self, entity: str, project: str) -> ProjectInfo:
        """Make the project be there; an existing one is left as it is."""
        ...

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
        """A slice of the runs that match.

        `filters` is the Mongo-like language of `query.runs.filter`, `order` names fields with `+` or `-` before
        them, first the most important; ties are broken by creation, then id. Pages that pass the `version` of
        the first page are cut from the same state of the project, whatever happened since.
        """
        ...

    def read_run(self, path: RunPath, *, generation: str | None = None) -> RunInfo:
        """One run, as of now."""
        ...

    def list_generations(self, path: RunPath) -> list[GenerationInfo]:
        """Every history the run has had, oldest first; the last one is what readers see."""
        ...

    def read_runs_table(self, entity: str, project: str, *, filters: Mapping[str, Any] | None = None) -> pa.Table:
        """Fields, config and summary of all matching runs, one row a run, oldest first.

        Columns: run_id, name, state, created_at, …, then ``config.<path>`` and ``summary.<path>``. A column whose
        values have several types is text, with the non-text values as JSON.
        """
        ...

    def create_run(self, path: RunPath, *, state: str = "pending", user: str | None = None) -> RunInfo:
        """A run without a writing process. `ConflictError` when the id is taken.

        `user` makes it, by default whom the settings name; over a network always who is signed in.
        """
        ...

    def edit_run(self, path: RunPath, edit: RunEdit) -> RunInfo:
        """Apply per-key edits; keys that are not named are not touched, whoever else edits them."""
        ...

    def stop_run(self, path: RunPath) -> None:
        """Ask the training process to stop; it sees the request within seconds and ends as `killed`."""
        ...

    def delete_run(self, path: RunPath) -> None:
        """Remove the run from every listing; it can be recovered from the trash until it is emptied."""
        ...

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
        """The rows with min_step ≤ `_step` < max_step, and of them the series of `keys` (all when None).

        A key is matched literally and as a dotted path (``a.b`` finds both ``{"a.b": …}`` and
        ``{"a": {"b": …}}``); one that does not exist is simply not among the series. The axis always holds every
        row in range, also rows that have none of the keys; `timestamp` and `runtime` are filled when `keys` is None or
        names ``_timestamp``, ``_runtime``.
        """
        ...

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
        """The rows of the runs that match, with the series of `keys`: of each what `read_history` answers.

        Runs that share files are read together and come together, in one block or a few; blocks come in the order of
        the first run in them that had not come before (`query.many.blocks.histories_in_order` puts runs in order). A
        run that was deleted since `version`, the version of a listing, has no rows, and neither has one that cannot be
        read: a `RunlakeWarning` says why.
        """
        ...

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
        """The rows behind `cursor`, all from the first for None, and of them the series of `keys`; returns at once.

        Passing the cursor of each answer on gives every row of the run exactly once, each writer's in their order
        and those of one answer in reading order, whatever is sealed, resumed or killed meanwhile. Only complete rows
        are handed out: one that its writer may still add to waits until it is closed or its writer is gone. After a
        fresh start or a rewind the answer begins with the first row of the new generation and says so.

        At most `limit` rows; with `last` (and no cursor) the last rows only, 0 for a cursor at the end.
        `BadValueError` for a cursor of another stream.
        """
        ...

    def sample_history(
        self, path: RunPath, key: str, *, samples: int, stream: Stream = "history", generation: str | None = None
    ) -> History:
        """min(rows, `samples`) rows of one numeric key that draw the same line.

        First and last row, and the lowest and highest of each bucket survive; the choice depends on the data
        only. `source_row_count` is the number of rows that have the key.
        """
        ...

    def list_keys(self, path: RunPath, *, stream: Stream = "history", generation: str | None = None) -> list[str]:
        """The escaped paths of all keys, in first-logged order."""
        ...

    def outline_history(self, path: RunPath, *, stream: Stream = "history") -> HistoryOutline:
        """How many rows a stream has, and which series: what `read_history` would give, without values."""
        ...

    def read_console(
        self, path: RunPath, *, last: int | None = None, generation: str | None = None
    ) -> list[ConsoleLine]:
        """What the run printed, rewritten lines in their last form; the `last` lines only when given."""
        ...

    # Files

    def list_files(self, path: RunPath) -> list[FileInfo]:
        """All files of the run, by name."""
        ...

    def open_file(self, path: RunPath, name: str) -> BinaryIO:
        """The bytes of one file, for reading. The caller closes it."""
        ...

    def put_file(self, path: RunPath, name: str, content: BinaryIO) -> FileInfo:
        """Store a file under `name`, replacing an older one in one step."""
        ...

    def receive_file(self, path: RunPath, name: str) -> IncomingFile:
        """The same for a file of which a server gets piece after piece, with no thread that waits for the next."""
        ...

    def delete_file(self, path: RunPath, name: str) -> None:
        """Remove one file."""
        ...

    # Runs of processes elsewhere, whose rows a server writes

    def begin_writer(self, path: RunPath, start: WriterStart) -> WriterHandle:
        """Begin, or go on with, a run whose process is elsewhere: it sends what it has to say in batches.

        It counts as alive for five minutes after each sign of it. `UsageError` where `start` asks for what is not
        there, `ReadOnlyError` when the store cannot be written.
        """
        ...

    def find_writer(self, path: RunPath, client: str | None = None) -> WriterHandle | None:
        """The newest writer of a run that sends batches, of those of `client` when it is named."""
        ...

    def write_batch(self, path: RunPath, writer: str, batch: WriterBatch) -> WriterAnswer:
        """Keep all that a batch says, or nothing; on return it is as durable as what `log()` returned from.

        A batch that comes again changes nothing. `GapError` where rows are missing before it, `NotFoundError` when the
        run was deleted. An empty batch is a sign of life.
        """
        ...

    # Runs of processes elsewhere, that write their journals themselves

    def open_writer(self, path: RunPath, opening: OpenRequest) -> WriterGrant:
        """Begin, or go on with, a run whose process is elsewhere: it writes its journal there, and sends it later.

        Or take on a journal that was begun without asking: where the id is that of another run, under another id
        (``<id>-<beginning of its incarnation>``). Asking twice is as asking once. Errors as `begin_writer`;
        `ConflictError` when the run is not of the incarnation that was asked for.
        """
        ...

    def append_frames(self, path: RunPath, writer: str, number: int, offset: int, data: bytes) -> Appended:
        """Keep the bytes of the writer's part `number` from `offset` on: whole frames, as durable as a batch.

        What is here already must be the same, so sending twice changes nothing. `GapError` where bytes are missing
        before, `BadValueError` for what is not whole, not sound or not of this writer, `ConflictError` where other
        bytes stand, `NotFoundError` when the run was deleted. No bytes are a sign of life.
        """
        ...

    # Sweeps

    def create_sweep(self, entity: str, project: str, start: SweepStart) -> SweepInfo:
        """A new sweep. `SweepConfigError` names all that is wrong with its configuration.

        `ConflictError` for an id that is taken, `NotFoundError` for a prior run that is not there.
        """
        ...

    def list_sweeps(self, entity: str, project: str) -> list[SweepInfo]:
        """The sweeps of a project, oldest first."""
        ...

    def read_sweep(self, path: SweepPath) -> SweepInfo:
        """One sweep, as of now; its runs are those that `list_runs` finds by ``{"sweep": sweep_id}``."""
        ...

    def edit_sweep(self, path: SweepPath, edit: SweepEdit) -> SweepInfo:
        """Pause, resume, finish or cancel it, or name it anew. `ConflictError` for a canceled one."""
        ...

    def delete_sweep(self, path: SweepPath) -> None:
        """Remove it; its runs stay, and its agents find that it is gone."""
        ...

    def join_sweep(self, path: SweepPath, start: AgentStart) -> AgentInfo:
        """A new agent of a sweep: the one who will begin its runs, and report."""
        ...

    def report_agent(self, path: SweepPath, agent_id: str, report: AgentReport) -> tuple[AgentCommand, ...]:
        """What an agent says of itself, at least every few seconds, and what it is to do.

        No parameters are handed out twice and none are forgotten, however many ask: those of an agent that is gone
        before its run has ended go to another. A run of which this agent has not spoken yet is handed to it again, so
        an answer that got lost costs nothing. No orders: wait, and report again.
        """
        ...

    # Care of the store

    def seal(self, entity: str, project: str, run_id: str | None = None) -> Iterator[tuple[RunPath, int]]:
        """Turn journals into segments; yields (run, sealed row count) as it goes."""
        ...

    def pack_runs(self, entity: str, project: str, *, at_once: bool = False) -> Iterator[RunPath]:
        """Bring the small finished runs of a project together in files that they share; yields the runs that moved.

        Nothing else changes. Runs that were sealed within a minute, or fewer than 16 of them, are left for later unless
        `at_once`.
        """
        ...

    def check(self, entity: str | None = None, project: str | None = None) -> Iterator[tuple[RunPath, list[Finding]]]:
        """Read every byte of every run; yields each run with what was found wrong in it.

        What is wrong with a project itself comes with an empty run id, with the store itself with an empty path.
        """
        ...

    def repair(
        self,
        entity: str | None = None,
        project: str | None = None,
        run_id: str | None = None,
        *,
        is_dry_run: bool = False,
        force: bool = False,
    ) -> Iterator[tuple[RunPath, list[Repair]]]:
        """Mend what `check` finds, or with `is_dry_run` say what would be done; yields paths as `check` does.

        Every row whose bytes are whole stays, or comes back; what is replaced is kept in the trash. `ConflictError`, at
        the end, of a run into which a process may still be writing; `force` takes that process for gone.
        """
        ...

    def list_trash(self) -> list[TrashItem]:
        """Deleted runs, and what repairs put aside; the last deleted first."""
        ...

    def restore_run(self, run: RunPath | str) -> RunPath:
        """Take a deleted run back, by its path (of several lives the last) or by its name in the trash.

        `NotFoundError` when it is not in the trash, `ConflictError` when there is a run of that id again.
        """
        ...

    def empty_trash(self, *, older_than_s: float, is_dry_run: bool = False) -> Iterator[Garbage]:
        """Remove what was deleted or put aside that long ago, and what killed processes left; yields what went.

        So are a server's exports of runs, where nobody asked for them in that time.
        """
        ...

    def merge_from(
        self, other: Path, *, projects: Sequence[tuple[str, str]] | None = None, is_dry_run: bool = False
    ) -> Iterator[Merged]:
        """Bring everything of the store in the folder `other` into this one; yields each run and sweep as it goes.

        Only some (entity, project) with `projects`. The other store is not written to. Two copies of one run (of one
        incarnation) become their union; another run whose id is taken gets `<id>-<beginning of its incarnation>`; what
        was deleted in either store stays deleted. A sweep that went on in both stays as it is here. Doing it again
        changes nothing more. With `is_dry_run` nothing is done, and the answers say what would be. `NotFoundError` when
        there is no such store or project, `ConflictError` while another process merges into this store. Runs that
        cannot be read do not stop the others; the first of their errors is raised at the end.
        """
        ...

    def close(self) -> None:
        """Release files and connections."""
        ...
