"""Opening a run for writing: a new one, a new attempt under an old id, or one that goes on.

Needs neither numpy nor Arrow: what a resumed run looks like is asked of a process of its own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from runlake.errors import BadValueError, ConflictError, UsageError
from runlake.model import RunPath
from runlake.store.incarnation import new_writer_id
from runlake.store.journal import record
from runlake.store.journal.journal import Journal
from runlake.store.journal.limits import WriterLimits
from runlake.store.journal.proof import prove_record
from runlake.store.journal.row_encoder import Prepare
from runlake.store.layout import check_run_path
from runlake.store.noting import append_change
from runlake.store.opening.existing import find_run, fork_run
from runlake.store.opening.inspect import IN_SUBPROCESS, FoundRun, RunInspector
from runlake.store.opening.writers import (
    NewWriter,
    OpenedRun,
    OvertakenError,
    begin_writer,
    cannot_write,
    hold_journal,
    overtaken,
)
from runlake.store.store import Store
from runlake.values import I64_MAX, I64_MIN

Resume = Literal["allow", "must", "never", "auto"]

_ATTEMPTS = 20


def open_run(
    store: Store,
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
    limits: WriterLimits | None = None,
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
    store.create()
    inspector = inspector or IN_SUBPROCESS
    if fork_from is not None:
        fork_run(store, path, *fork_from, inspector)
    request = _Request(store, path, resume, rewind_to, is_shared, inspector)
    for attempt in range(_ATTEMPTS):
        time.sleep(attempt * os.urandom(1)[0] / 20_000)
        try:
            place = _find_place(request, new_writer_id(clock()))
            opened = begin_writer(store, place.new, prepare=prepare, clock=clock, limits=limits)
        except OvertakenError:
            continue
        return _say_start(request, place, opened, start, default_name)
    raise ConflictError(f"run {path} is made and deleted by others too fast to be opened: {_ATTEMPTS} attempts")


class _Request(msgspec.Struct, frozen=True):
    """How a run is to be opened: see `open_run`."""

    store: Store
    path: RunPath
    resume: Resume | None
    rewind_to: int | None
    is_shared: bool
    inspector: RunInspector

    @property
    def joins(self) -> bool:
        """Whether it goes on with a run that is there."""
        return self.is_shared or self.resume in ("allow", "must", "auto") or self.rewind_to is not None


class _Place(msgspec.Struct, frozen=True):
    """Where a run is opened: the writer to be, and the run that it goes on with.

    `is_beside`: others are writing into it too. `next_step` is where this process goes on, `cut` what its CUT record
    says of a run that is rewound.
    """

    new: NewWriter
    found: FoundRun | None = None
    next_step: int = 0
    is_beside: bool = False
    cut: dict[str, Any] | None = None


def _find_place(request: _Request, writer_id: str) -> _Place:
    store, path, resume = request.store, request.path, request.resume
    journal = hold_journal(store, path)
    found = find_run(store, path, journal, request.inspector, request.rewind_to)
    if resume == "must" and found is None:
        raise UsageError(f'resume="must" was asked for, and there is no run "{path}"; start it first or use "allow"')
    try:
        if found is None:
            store.make_run(path)
            journal = hold_journal(store, path)
        claimed = store.claim_incarnation(path, writer_id) if found is None else found.info.incarnation
    except FileNotFoundError:
        raise overtaken(path) from None
    except OSError as error:
        raise cannot_write(store, path, error) from error
    if found is None and claimed != writer_id:
        found = find_run(store, path, journal, request.inspector)  # whoever was first may have begun meanwhile
    if resume == "never" and claimed != writer_id:
        raise UsageError(f'run "{path}" exists, and resume="never" was asked for; use another id or resume="allow"')
    if found is None:
        generation = claimed if request.joins else _after(claimed, writer_id)
        new = NewWriter(path, writer_id, claimed, generation, "run", journal)
        return _Place(new, is_beside=request.joins and claimed != writer_id)
    if request.joins or not found.is_begun:
        return _going_on(request, found, writer_id, journal)
    generation = _after(found.info.generation, writer_id)
    return _Place(NewWriter(path, writer_id, claimed, generation, "run", journal, found.clock))


def _going_on(request: _Request, found: FoundRun, writer_id: str, journal: Journal | None) -> _Place:
    is_rewound = request.rewind_to is not None
    header: dict[str, Any] = {
        name: value for name, value in (("session", found.session), ("after", found.after)) if value
    }
    if is_rewound:
        header["taken"] = found.taken
    new = NewWriter(
        path=request.path,
        writer_id=writer_id,
        incarnation=found.info.incarnation,
        generation=_after(found.info.generation, writer_id) if is_rewound else found.info.generation,
        role="run",
        journal=journal,
        clock_floor=found.clock,
        header=header,
    )
    counts_on = request.resume is not None or not request.is_shared
    return _Place(
        new,
        found,
        next_step=found.next_step if counts_on else 0,
        is_beside=found.is_beside,
        cut={"taken": found.taken, "writers": found.writers} if is_rewound else None,
    )


def _say_start(
    request: _Request, place: _Place, opened: OpenedRun, start: Mapping[str, Any], default_name: str | None
) -> OpenedRun:
    """The first records of the process that trains, and the word to the readers."""
    store, path = request.store, request.path
    before = place.found.info if place.found else None
    base = {"row_count": before.row_count, "last_step": before.last_step} if before else {}
    is_named = before.name != path.run_id if before else place.is_beside
    named = {"name": start.get("name") or (None if is_named else default_name)}
    try:
        if place.cut is not None:
            opened.writer.record(record.CUT, place.cut)
        opened.writer.record(record.START, {**start, **named, "base": base})
        append_change(store, path, place.new.writer_id, "init", place.new.incarnation)
    except OSError as error:
        opened.writer.close()
        raise cannot_write(store, path, error) from error
    return replace(
        opened,
        before=before,
        numbers=place.found.numbers if place.found else {},
        next_step=place.next_step,
        is_beside=place.is_beside,
        name=named["name"] or (before.name if before else default_name),
    )


def create_pending(store: Store, path: RunPath, state: str, user: str | None) -> None:
    """A run that no process writes into yet. ConflictError when there is one of that id."""
    check_run_path(path)
    prove_record(record.STATE, {"clock": 0, "n": 0, "state": state})
    store.create()
    if store.has_run(path):
        raise ConflictError(f'run "{path}" exists already; choose another id')
    writer_id = new_writer_id(time.time())
    try:
        store.make_run(path)
        journal = hold_journal(store, path)
        claimed = store.claim_incarnation(path, writer_id)
    except OSError as error:
        raise cannot_write(store, path, error) from error
    if claimed != writer_id:
        raise ConflictError(f'run "{path}" exists already; choose another id')
    opened = begin_writer(store, NewWriter(path, writer_id, writer_id, writer_id, "editor", journal))
    opened.writer.record(record.INFO, {"user": user})
    opened.writer.record(record.STATE, {"state": state})
    opened.writer.end({})
    append_change(store, path, writer_id, "init", writer_id)


def _after(generation: str, writer_id: str) -> str:
    """The writer's id as a generation id, or one that sorts behind the one before when the clock went back."""
    if writer_id >= generation:
        return writer_id
    return f"{int(generation[:11], 16) + 1:011x}{writer_id[11:]}"
