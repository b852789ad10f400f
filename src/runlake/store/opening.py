"""Opening a run for writing: a new one, a new attempt under an old id, or one that goes on.

Needs neither numpy nor Arrow: what a resumed run looks like is asked of a process of its own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import msgspec

from runlake.errors import CommError, ConflictError, NotFoundError, ReadOnlyError, UsageError
from runlake.model import RunInfo, RunPath
from runlake.store import record, side_process
from runlake.store.changes import append_change
from runlake.store.fold import Numbers
from runlake.store.journal import FolderJournal, JournalWriter, Prepare
from runlake.store.layout import Layout, check_run_path, write_atomically

Resume = Literal["allow", "must", "never", "auto"]
Role = Literal["run", "child", "editor"]


@dataclass(frozen=True, slots=True)
class OpenedRun:
    """A run that this process may write into.

    `before` is the run as it was, when it is gone on with, and `numbers` what its aggregates were made from.
    """

    path: RunPath
    writer: JournalWriter
    incarnation: str
    generation: str
    before: RunInfo | None = None
    numbers: dict[str, Numbers] = field(default_factory=dict)


def new_writer_id(now_s: float) -> str:
    """A name for one writer; names sort by the time of their making."""
    return f"{int(now_s * 1000):011x}{os.urandom(4).hex()}"


def create_store(layout: Layout) -> None:
    """Make the folder a store, if it is none. ReadOnlyError when it cannot be written."""
    marker = layout.root / "store.toml"
    if marker.exists():
        return
    try:
        layout.root.mkdir(parents=True, exist_ok=True)
        write_atomically(marker, f'format_version = 1\nid = "{os.urandom(8).hex()}"\n'.encode())
    except OSError as error:
        raise ReadOnlyError(
            f"the store {layout.root} cannot be written: {error}; choose another with RUNLAKE_DIR"
        ) from error


def open_run(
    layout: Layout,
    path: RunPath,
    start: Mapping[str, Any],
    *,
    resume: Resume | None = None,
    prepare: Prepare | None = None,
    clock: Callable[[], float] = time.time,
) -> OpenedRun:
    """Open `path` for the process that trains; `start` is the body of its START record.

    Without `resume` an existing run gets a new generation: readers see only that from now on. "allow" goes on where
    there is something to go on with, "must" demands it and "never" forbids it: both raise UsageError.
    """
    check_run_path(path)
    create_store(layout)
    state = _ask_state_if_any(layout, path)
    exists = state is not None
    if resume == "never" and exists:
        raise UsageError(f'run "{path}" exists, and resume="never" was asked for; use another id or resume="allow"')
    if resume == "must" and not exists:
        raise UsageError(f'resume="must" was asked for, and there is no run "{path}"; start it first or use "allow"')
    now_s = clock()
    writer_id = new_writer_id(now_s)
    if state is not None:
        incarnation, clock_floor, before = state["info"].incarnation, state["clock"], state["info"]
    else:
        incarnation, clock_floor, before = writer_id, 0, None
    goes_on = before is not None and resume in ("allow", "must", "auto")
    generation = before.generation if before and goes_on else _after(before, writer_id)
    opened = _open(
        layout,
        path,
        writer_id,
        incarnation,
        generation,
        "run",
        clock,
        clock_floor,
        prepare,
        before if goes_on else None,
    )
    base = {"row_count": before.row_count, "last_step": before.last_step} if before and goes_on else {}
    try:
        opened.writer.record(record.START, {**start, "base": base})
        append_change(layout, path, writer_id, "init", incarnation)
    except OSError as error:
        opened.writer.close()
        raise ReadOnlyError(f"run {path} cannot be written in {layout.root}: {error}") from error
    return replace(opened, numbers=state["numbers"]) if state is not None and goes_on else opened


def open_child(layout: Layout, parent: OpenedRun, *, prepare: Prepare | None, clock: Callable[[], float]) -> OpenedRun:
    """A writer for a forked child of the training process, into the same run."""
    writer_id = new_writer_id(clock())
    return _open(
        layout, parent.path, writer_id, parent.incarnation, parent.generation, "child", clock, 0, prepare, parent.before
    )


def open_editor(
    layout: Layout, path: RunPath, info: RunInfo, clock_floor: int, *, clock: Callable[[], float] = time.time
) -> OpenedRun:
    """A writer for edits of a stored run: its records come after everything the editor has seen."""
    writer_id = new_writer_id(clock())
    return _open(layout, path, writer_id, info.incarnation, info.generation, "editor", clock, clock_floor, None, info)


def create_pending(layout: Layout, path: RunPath, state: str, user: str | None) -> None:
    """A run that no process writes into yet. ConflictError when there is one of that id."""
    check_run_path(path)
    create_store(layout)
    if layout.journal_dir(path).is_dir():
        raise ConflictError(f'run "{path}" exists already; choose another id')
    writer_id = new_writer_id(time.time())
    opened = _open(layout, path, writer_id, writer_id, writer_id, "editor", time.time, 0, None, None)
    opened.writer.record(record.INFO, {"user": user})
    opened.writer.record(record.STATE, {"state": state})
    opened.writer.end({})
    append_change(layout, path, writer_id, "init", writer_id)


def ask_state(layout: Layout, path: RunPath) -> dict[str, Any]:
    """`run_state.read_state` of a run, made in a process of its own: info, clock, row_counts and numbers."""
    code, output, complaint = side_process.ask("runlake.store.run_state", [str(layout.run_dir(path))])
    if code != 0:
        kind = NotFoundError if complaint.startswith("NotFoundError") else CommError
        raise kind(f'run "{path}" exists, but could not be read to go on with it: {complaint}')
    state: dict[str, Any] = msgspec.msgpack.decode(output)
    state["info"] = msgspec.convert(state["info"], RunInfo)
    return state


def _ask_state_if_any(layout: Layout, path: RunPath) -> dict[str, Any] | None:
    folders = (layout.journal_dir(path), layout.segments_dir(path))
    if not any(folder.is_dir() and any(folder.iterdir()) for folder in folders):
        return None
    try:
        return ask_state(layout, path)
    except NotFoundError:
        return None  # a process that was killed before it had written anything whole


def _after(before: RunInfo | None, writer_id: str) -> str:
    """A generation id that sorts behind the one before, also when the clock went back."""
    if before is None or writer_id > before.generation:
        return writer_id
    return f"{int(before.generation[:11], 16) + 1:011x}{writer_id[11:]}"


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
    before: RunInfo | None,
) -> OpenedRun:
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
    }
    try:
        layout.make_run_dir(path)
        layout.journal_dir(path).mkdir(exist_ok=True)
        journal = FolderJournal(layout.journal_dir(path))
        writer = JournalWriter(journal, writer_id, header, prepare=prepare, clock=clock, clock_floor=clock_floor)
    except OSError as error:
        raise ReadOnlyError(f"run {path} cannot be written in {layout.root}: {error}") from error
    return OpenedRun(path, writer, incarnation, generation, before)
