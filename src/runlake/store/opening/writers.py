"""A new writer into a run: a run that exists is written into where it was found, or not at all.

Needs neither numpy nor Arrow.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal
from zlib import crc32

import msgspec

from runlake.errors import ConflictError, NotFoundError, ReadOnlyError, StoreError
from runlake.model import Numbers, RunInfo, RunPath, WriterGrant
from runlake.store.incarnation import new_writer_id
from runlake.store.journal import record
from runlake.store.journal.bodies import clock_of
from runlake.store.journal.header import PartHeader
from runlake.store.journal.journal import Journal, PartName, PartPlace
from runlake.store.journal.limits import WriterLimits
from runlake.store.journal.row_encoder import Prepare
from runlake.store.journal.stop_requests import records
from runlake.store.journal.writer import JournalWriter
from runlake.store.layout import check_run_path
from runlake.store.noting import append_change
from runlake.store.store import Store

Role = Literal["run", "child", "editor"]


class OvertakenError(NotFoundError):
    """The run is another than it was when it was read."""


class OpenedRun(msgspec.Struct, frozen=True):
    """A run that this process may write into.

    `before` is the run as it was, when it is gone on with, and `numbers` what its aggregates were made from.
    `is_beside`: other processes are writing into it too, as far as this one can know. `name` is what it is called,
    `journal` where its parts are.
    """

    path: RunPath
    writer: JournalWriter
    incarnation: str
    generation: str
    header: Mapping[str, Any] = {}
    before: RunInfo | None = None
    numbers: dict[str, Numbers] = {}
    next_step: int = 0
    is_beside: bool = False
    name: str | None = None
    journal: Journal | None = None


class NewWriter(msgspec.Struct, frozen=True):
    """What the parts of a writer to be say of it.

    `journal` is what `hold_journal` gave before the run was read, None for a run that is only being made. Its records
    come after `clock_floor`, in microseconds; `header` is what is in its headers besides.
    """

    path: RunPath
    writer_id: str
    incarnation: str
    generation: str
    role: Role
    journal: Journal | None
    clock_floor: int = 0
    header: Mapping[str, Any] = {}


def begin_writer(
    store: Store,
    new: NewWriter,
    *,
    prepare: Prepare | None = None,
    clock: Callable[[], float] = time.time,
    limits: WriterLimits | None = None,
) -> OpenedRun:
    """Begin to write. OvertakenError when the run was deleted since it was read, ReadOnlyError when nobody can."""
    header = {
        "format": record.FORMAT_VERSION,
        "entity": new.path.entity,
        "project": new.path.project,
        "run_id": new.path.run_id,
        "incarnation": new.incarnation,
        "generation": new.generation,
        "role": new.role,
        "pid": os.getpid(),
        "created_at": clock(),
        **new.header,
    }
    try:
        journal = store.journal(new.path) if new.journal is None else new.journal
        writer = JournalWriter(
            journal,
            new.writer_id,
            header,
            prepare=prepare,
            clock=clock,
            clock_floor=new.clock_floor,
            limits=limits,
        )
    except FileNotFoundError:
        raise overtaken(new.path) from None
    except OSError as error:
        raise cannot_write(store, new.path, error) from error
    return OpenedRun(new.path, writer, new.incarnation, new.generation, new.header, journal=journal)


def hold_journal(store: Store, path: RunPath) -> Journal | None:
    """The journal of the run that is there now: it cannot be written to any more once that run is deleted.

    To be taken before the run is read. None when there is no run.
    """
    journal = store.journal(path)
    try:
        journal.prepare()  # a copy of a store may lack empty folders
        journal.bind()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise cannot_write(store, path, error) from error
    return journal


def open_child(store: Store, parent: OpenedRun, *, prepare: Prepare | None, clock: Callable[[], float]) -> OpenedRun:
    """A writer for a forked child of the training process, into the same run."""
    header = {name: value for name, value in parent.header.items() if name != "taken"}
    new = NewWriter(
        path=parent.path,
        writer_id=new_writer_id(clock()),
        incarnation=parent.incarnation,
        generation=parent.generation,
        role="child",
        journal=parent.journal,
        header=header,
    )
    try:
        return begin_writer(store, new, prepare=prepare, clock=clock)
    except NotFoundError as error:
        raise StoreError(str(error)) from None  # a fault of the world, like a disk that is gone


def open_editor(
    store: Store,
    path: RunPath,
    info: RunInfo,
    clock_floor: int,
    *,
    journal: Journal | None = None,
    clock: Callable[[], float] = time.time,
) -> OpenedRun:
    """A writer for edits of a stored run: its records come after everything the editor has seen.

    `journal` is what `hold_journal` gave before the run was read. NotFoundError when it was deleted since.
    """
    new = NewWriter(
        path=path,
        writer_id=new_writer_id(clock()),
        incarnation=info.incarnation,
        generation=info.generation,
        role="editor",
        journal=journal,
        clock_floor=clock_floor,
    )
    return begin_writer(store, new, clock=clock)


def open_granted(
    store: Store,
    grant: WriterGrant,
    *,
    path: RunPath | None = None,
    prepare: Prepare | None = None,
    clock: Callable[[], float] = time.time,
    limits: WriterLimits | None = None,
) -> OpenedRun:
    """Go on here with a journal that a server has begun: what it wrote stands in the first part, to the byte.

    `path` is where it lies here, by default where it is there. ConflictError when another run lies there.
    """
    path = path or grant.path
    check_run_path(path)
    store.create()
    said = PartHeader(grant.header)
    incarnation = said.incarnation
    try:
        store.make_run(path)
        claimed = store.claim_incarnation(path, incarnation)
        if claimed != incarnation:
            raise ConflictError(f"another run ({claimed}) lies at {path} in {store.url} than on the server")
        journal = store.journal(path)
        part = journal.create_part(PartName(grant.writer, 0))
        part.write(grant.frames)
    except OSError as error:
        raise cannot_write(store, path, error) from error
    clocks = [int(clock_of(body)) for _, body in records(grant.frames)]
    next_n = dict.fromkeys(record.STREAM_BITS, 0)
    place = PartPlace(0, part, next_n, crc=crc32(grant.frames))
    header: dict[str, Any] = {
        name: grant.header[name] for name in ("session", "after", "taken") if name in grant.header
    }
    writer = JournalWriter(
        journal,
        grant.writer,
        grant.header,
        prepare=prepare,
        clock=clock,
        clock_floor=max(clocks),
        limits=limits,
        place=place,
    )
    append_change(store, path, grant.writer, "init", incarnation)
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


def overtaken(path: RunPath) -> OvertakenError:
    """What to raise for a run that is gone since it was looked at."""
    return OvertakenError(f"run {path} was deleted by somebody else just now")


def cannot_write(store: Store, path: RunPath, error: OSError) -> ReadOnlyError:
    """What to raise for a run that the disk does not let us write into."""
    return ReadOnlyError(f"run {path} cannot be written in {store.url}: {error}")
