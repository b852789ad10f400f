"""Opening a run for writing: a new one, a new attempt under an old id, or one that goes on.

Needs neither numpy nor Arrow: what a resumed run looks like is asked of a process of its own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from zlib import crc32

from runlake.errors import (
    BadValueError,
    ConflictError,
    NotFoundError,
    ReadOnlyError,
    StoreError,
    UsageError,
)
from runlake.model import Numbers, RunInfo, RunPath, WriterGrant
from runlake.store.changes import append_change, latest_death
from runlake.store.incarnation import claim_incarnation, new_writer_id
from runlake.store.journal import record
from runlake.store.journal.folder import FolderJournal
from runlake.store.journal.header import PartHeader
from runlake.store.journal.journal import Journal, PartName, PartPlace
from runlake.store.journal.proof import prove_record
from runlake.store.journal.stop_requests import records
from runlake.store.journal.writer import JournalWriter, Prepare
from runlake.store.layout import Layout, check_run_path
from runlake.store.opening.inspect import IN_SUBPROCESS, RunInspector
from runlake.store.store_format import create_store
from runlake.values import I64_MAX, I64_MIN

Resume = Literal["allow", "must", "never", "auto"]
Role = Literal["run", "child", "editor"]

_ATTEMPTS = 20


class _OvertakenError(NotFoundError):
    """The run is another than it was when it was read."""


@dataclass(frozen=True, slots=True)
class OpenedRun:
    """A run that this process may write into.

    `before` is the run as it was, when it is gone on with, and `numbers` what its aggregates were made from.
    `is_beside`: other processes are writing into it too, as far as this one can know. `name` is what it is called,
    `journal` where its parts are.
    """

    path: RunPath
    writer: JournalWriter
    incarnation: str
    generation: str
    header: Mapping[str, Any] = field(default_factory=dict)
    before: RunInfo | None = None
    numbers: dict[str, Numbers] = field(default_factory=dict)
    next_step: int = 0
    is_beside: bool = False
    name: str | None = None
    journal: Journal | None = None


def open_run(
    layout: Layout,
    path: RunPath,
    start: Mapping[str, Any],
    *,
    resume: Resume | None = None,
    is_shared: bool = False,
    default_name: str | None = None,
    rewind_to: int | None = None,
    fork_from: tuple[RunPath, int] | None = None,
    prepare: Prepare | None = None,
    clock: Callable[[], float] = time.time,
    inspector: RunInspector | None = None,
) -> OpenedRun:
    """Open `path` for the process that trains; `start` is the body of its START record.

    Without `resume` an existing run gets a new generation: readers see only that from now on. "allow" goes on where
    there is something to go on with, "must" demands it and "never" forbids it: both raise UsageError. `is_shared` joins
    the run as one of several processes, each of which counts its own steps. Processes that open one run at the same
    moment, and may go on with it, find each other: see `store.incarnation`. `rewind_to` opens a generation that has the
    rows up to that step, `fork_from` a new run that has those of another run; BadValueError when it never came so far.
    """
    check_run_path(path)
    for step in (rewind_to, None if fork_from is None else fork_from[1]):
        if step is not None and not I64_MIN <= step <= I64_MAX:
            raise BadValueError(f"there can be no step {step} to go back to: it has more than 64 bits")
    create_store(layout)
    inspector = inspector or IN_SUBPROCESS
    if fork_from is not None:
        _fork(layout, path, *fork_from, inspector)
    for attempt in range(_ATTEMPTS):
        time.sleep(attempt * os.urandom(1)[0] / 20_000)
        try:
            place = _find_place(layout, path, resume, rewind_to, new_writer_id(clock()), inspector, is_shared=is_shared)
            return _begin(layout, path, place, start, default_name, prepare, clock)
        except _OvertakenError:
            continue
    raise ConflictError(f"run {path} is made and deleted by others too fast to be opened: {_ATTEMPTS} attempts")


def _find_place(
    layout: Layout,
    path: RunPath,
    resume: Resume | None,
    rewind_to: int | None,
    writer_id: str,
    inspector: RunInspector,
    *,
    is_shared: bool,
) -> _Opening:
    journal = hold_journal(layout, path)
    state = _look(layout, path, journal, inspector, rewind_to)
    if resume == "must" and state is None:
        raise UsageError(f'resume="must" was asked for, and there is no run "{path}"; start it first or use "allow"')
    try:
        if state is None:
            layout.make_run_dir(path)
            journal = hold_journal(layout, path)
        claimed = claim_incarnation(layout, path, writer_id) if state is None else state["info"].incarnation
    except FileNotFoundError:
        raise _OvertakenError(f"run {path} was deleted by somebody else just now") from None
    except OSError as error:
        raise _read_only(layout, path, error) from error
    if state is None and claimed != writer_id:
        state = _look(layout, path, journal, inspector)  # whoever was first may have begun meanwhile
    if resume == "never" and claimed != writer_id:
        raise UsageError(f'run "{path}" exists, and resume="never" was asked for; use another id or resume="allow"')
    joins = is_shared or resume in ("allow", "must", "auto") or rewind_to is not None
    if state is None:
        generation = claimed if joins else _after(claimed, writer_id)
        return _Opening(writer_id, claimed, generation, journal=journal, is_beside=joins and claimed != writer_id)
    if joins or not state["is_begun"]:
        counts_on = resume is not None or not is_shared
        return _going_on(state, writer_id, journal, counts_on=counts_on, is_rewound=rewind_to is not None)
    generation = _after(state["info"].generation, writer_id)
    return _Opening(writer_id, claimed, generation, journal=journal, clock_floor=state["clock"])


@dataclass(slots=True)
class _Opening:
    """Where a run is opened: what the header of the new writer says, and what the process is told of the run before."""

    writer_id: str
    incarnation: str
    generation: str
    journal: FolderJournal | None
    clock_floor: int = 0
    header: dict[str, Any] = field(default_factory=dict)
    before: RunInfo | None = None
    numbers: dict[str, Numbers] = field(default_factory=dict)
    next_step: int = 0
    is_beside: bool = False
    cut: dict[str, Any] | None = None


def _going_on(
    state: Mapping[str, Any], writer_id: str, journal: FolderJournal | None, *, counts_on: bool, is_rewound: bool
) -> _Opening:
    info, place = state["info"], state["behind"]
    header = {name: place[name] for name in ("session", "after") if place[name]}
    if is_rewound:
        header["taken"] = state["taken"]
    return _Opening(
        writer_id,
        info.incarnation,
        _after(info.generation, writer_id) if is_rewound else info.generation,
        journal,
        clock_floor=state["clock"],
        header=header,
        before=info,
        numbers=state["numbers"],
        next_step=place["next_step"] if counts_on else 0,
        is_beside=place["is_beside"],
        cut={"taken": state["taken"], "writers": state["writers"]} if is_rewound else None,
    )


def _begin(
    layout: Layout,
    path: RunPath,
    opening: _Opening,
    start: Mapping[str, Any],
    default_name: str | None,
    prepare: Prepare | None,
    clock: Callable[[], float],
) -> OpenedRun:
    before = opening.before
    opened = _open(
        layout,
        path,
        opening.writer_id,
        opening.incarnation,
        opening.generation,
        "run",
        clock,
        opening.clock_floor,
        prepare,
        opening.header,
        opening.journal,
    )
    base = {"row_count": before.row_count, "last_step": before.last_step} if before else {}
    is_named = before.name != path.run_id if before else opening.is_beside
    named = {"name": start.get("name") or (None if is_named else default_name)}
    try:
        if opening.cut is not None:
            opened.writer.record(record.CUT, opening.cut)
        opened.writer.record(record.START, {**start, **named, "base": base})
        append_change(layout, path, opening.writer_id, "init", opening.incarnation)
    except OSError as error:
        opened.writer.close()
        raise _read_only(layout, path, error) from error
    return replace(
        opened,
        before=before,
        numbers=opening.numbers,
        next_step=opening.next_step,
        is_beside=opening.is_beside,
        name=named["name"] or (before.name if before else default_name),
    )


def open_granted(
    layout: Layout,
    grant: WriterGrant,
    *,
    path: RunPath | None = None,
    prepare: Prepare | None = None,
    clock: Callable[[], float] = time.time,
) -> OpenedRun:
    """Go on here with a journal that a server has begun: what it wrote stands in the first part, to the byte.

    `path` is where it lies here, by default where it is there. ConflictError when another run lies there.
    """
    path = path or grant.path
    check_run_path(path)
    create_store(layout)
    said = PartHeader(grant.header)
    incarnation = said.incarnation
    try:
        layout.make_run_dir(path)
        claimed = claim_incarnation(layout, path, incarnation)
        if claimed != incarnation:
            raise ConflictError(f"another run ({claimed}) lies at {path} in {layout.root} than on the server")
        journal = FolderJournal(layout.journal_dir(path))
        part = journal.claim(PartName(grant.writer, 0))
        part.write(grant.frames)
    except OSError as error:
        raise _read_only(layout, path, error) from error
    clocks = [int(body.get("clock", 0)) for _, body in records(grant.frames)]
    next_n = dict.fromkeys(record.STREAM_BITS, 0)
    place = PartPlace(0, part, next_n, crc=crc32(grant.frames))
    header: dict[str, Any] = {
        name: grant.header[name] for name in ("session", "after", "taken") if name in grant.header
    }
    writer = JournalWriter(
        journal, grant.writer, grant.header, prepare=prepare, clock=clock, clock_floor=max(clocks), place=place
    )
    append_change(layout, path, grant.writer, "init", incarnation)
    return OpenedRun(
        path,
        writer,
        incarnation,
        said.generation,
        header,
        before=grant.before,
        numbers=grant.numbers,
        next_step=grant.next_step,
        is_beside=grant.is_beside,
        name=grant.name,
        journal=journal,
    )


def open_child(layout: Layout, parent: OpenedRun, *, prepare: Prepare | None, clock: Callable[[], float]) -> OpenedRun:
    """A writer for a forked child of the training process, into the same run."""
    writer_id = new_writer_id(clock())
    header = {name: value for name, value in parent.header.items() if name != "taken"}
    where = (parent.path, writer_id, parent.incarnation, parent.generation)
    try:
        return _open(layout, *where, "child", clock, 0, prepare, header, parent.journal)
    except NotFoundError as error:
        raise StoreError(str(error)) from None  # a fault of the world, like a disk that is gone


def hold_journal(layout: Layout, path: RunPath) -> FolderJournal | None:
    """The journal of the run that is there now: it cannot be written to any more once that run is deleted.

    To be taken before the run is read. None when there is no run.
    """
    journal = FolderJournal(layout.journal_dir(path))
    try:
        journal.folder.mkdir(exist_ok=True)  # a copy of a store may lack empty folders
        journal.bind()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _read_only(layout, path, error) from error
    return journal


def open_editor(
    layout: Layout,
    path: RunPath,
    info: RunInfo,
    clock_floor: int,
    *,
    journal: FolderJournal | None = None,
    clock: Callable[[], float] = time.time,
) -> OpenedRun:
    """A writer for edits of a stored run: its records come after everything the editor has seen.

    `journal` is what `hold_journal` gave before the run was read. NotFoundError when it was deleted since.
    """
    writer_id = new_writer_id(clock())
    where = (path, writer_id, info.incarnation, info.generation)
    return _open(layout, *where, "editor", clock, clock_floor, None, {}, journal)


def create_pending(layout: Layout, path: RunPath, state: str, user: str | None) -> None:
    """A run that no process writes into yet. ConflictError when there is one of that id."""
    check_run_path(path)
    prove_record(record.STATE, {"clock": 0, "n": 0, "state": state})
    create_store(layout)
    if layout.journal_dir(path).is_dir():
        raise ConflictError(f'run "{path}" exists already; choose another id')
    writer_id = new_writer_id(time.time())
    try:
        layout.make_run_dir(path)
        journal = hold_journal(layout, path)
        claimed = claim_incarnation(layout, path, writer_id)
    except OSError as error:
        raise _read_only(layout, path, error) from error
    if claimed != writer_id:
        raise ConflictError(f'run "{path}" exists already; choose another id')
    opened = _open(layout, path, writer_id, writer_id, writer_id, "editor", time.time, 0, None, {}, journal)
    opened.writer.record(record.INFO, {"user": user})
    opened.writer.record(record.STATE, {"state": state})
    opened.writer.end({})
    append_change(layout, path, writer_id, "init", writer_id)


def _fork(layout: Layout, path: RunPath, source: RunPath, step: int, inspector: RunInspector) -> None:
    if _has_content(layout, path):
        raise UsageError(f'run "{path}" exists already; choose another id to fork into')
    if not _has_content(layout, source):
        raise _nothing_to_go_back_in(layout, source)
    inspector.fork(layout, source, step, path)


def _state_if_any(layout: Layout, path: RunPath, inspector: RunInspector) -> dict[str, Any] | None:
    if not _has_content(layout, path):
        return None
    try:
        return inspector.state(layout, path)
    except NotFoundError:
        return None  # a process that was killed before it had written anything whole


def _look(
    layout: Layout, path: RunPath, journal: FolderJournal | None, inspector: RunInspector, rewind_to: int | None = None
) -> dict[str, Any] | None:
    """The run to go on with or to follow, None when there is none; one that was deleted is moved out of the way."""
    if rewind_to is None:
        state = _state_if_any(layout, path, inspector)
    elif _has_content(layout, path):
        state = inspector.past(layout, path, rewind_to)
    else:
        raise _nothing_to_go_back_in(layout, path)
    if state is not None and _is_deleted(layout, path, state["info"].incarnation):
        if journal is not None and journal.is_here():
            _finish_deletion(layout, path, state["info"].incarnation)
        raise _OvertakenError(f"run {path} was deleted")
    return state


def _nothing_to_go_back_in(layout: Layout, path: RunPath) -> NotFoundError:
    return NotFoundError(f'there is no run "{path}" in {layout.root} to go back in; see: runlake ls')


def _has_content(layout: Layout, path: RunPath) -> bool:
    folders = (layout.journal_dir(path), layout.segments_dir(path))
    return any(folder.is_dir() and any(folder.iterdir()) for folder in folders)


def _is_deleted(layout: Layout, path: RunPath, incarnation: str) -> bool:
    """Whether the run has its tombstone, although it is still here: no listing would show what is written into it."""
    death = latest_death(layout.changes_dir(path.entity, path.project), incarnation)
    return death is not None and death.action == "delete"


def _finish_deletion(layout: Layout, path: RunPath, incarnation: str) -> None:
    """What a deleter that was killed, or is at it, or had another copy of the store has left to do."""
    from runlake.store.opening import trash  # it loads numpy: not in every training process

    try:
        trashed = trash.move_folder_to_trash(layout, path, incarnation)
        if not _is_deleted(layout, path, incarnation):  # it was taken back since it was looked at
            trash.restore_run(layout, trashed, "restored", path)
    except (NotFoundError, ConflictError):
        pass  # somebody else has done it, or there is a new run already


def _after(generation: str, writer_id: str) -> str:
    """The writer's id as a generation id, or one that sorts behind the one before when the clock went back."""
    if writer_id >= generation:
        return writer_id
    return f"{int(generation[:11], 16) + 1:011x}{writer_id[11:]}"


def _read_only(layout: Layout, path: RunPath, error: OSError) -> ReadOnlyError:
    return ReadOnlyError(f"run {path} cannot be written in {layout.root}: {error}")


def _open(
    layout: Layout,
    path: RunPath,
    writer_id: str,
    incarnation: str,
    generation: str,
    role: Role,
    clock: Callable[[], float],
    clock_floor: int,
    prepare: Prepare | None,
    more_header: Mapping[str, Any],
    journal: Journal | None,
) -> OpenedRun:
    """A new writer. A run that exists is written into where it was found (`journal`), or not at all."""
    header = {
        "format": record.FORMAT_VERSION,
        "entity": path.entity,
        "project": path.project,
        "run_id": path.run_id,
        "incarnation": incarnation,
        "generation": generation,
        "role": role,
        "pid": os.getpid(),
        "created_at": clock(),
        **more_header,
    }
    try:
        journal = FolderJournal(layout.journal_dir(path)) if journal is None else journal
        writer = JournalWriter(journal, writer_id, header, prepare=prepare, clock=clock, clock_floor=clock_floor)
    except FileNotFoundError:
        raise _OvertakenError(f"run {path} was deleted by somebody else just now") from None
    except OSError as error:
        raise _read_only(layout, path, error) from error
    return OpenedRun(path, writer, incarnation, generation, more_header, journal=journal)
