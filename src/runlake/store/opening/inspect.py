"""How a run that exists is looked at by who opens it: in a process of its own, for one that loads no Arrow.

`store.opening.inspect_here` does the same for a process that has Arrow anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from runlake.errors import (
    BadValueError,
    CommError,
    ConflictError,
    NotFoundError,
    RunlakeError,
)
from runlake.model import Numbers, RunInfo, RunPath
from runlake.store import side_process
from runlake.store.folder_store import FolderStore
from runlake.store.journal import record
from runlake.store.journal.fold import unpack_info
from runlake.store.store import Store


class FoundRun(msgspec.Struct, frozen=True):
    """A run that exists, as who opens it must know it: as it is, or as it was at the step that it is rewound to.

    `clock` is that of its newest record, in microseconds. `session`, `after`, `next_step` and `is_beside` say where a
    writer stands that goes on with it, as in `run.state.Behind`. Of a rewind, `taken` are [generation, writer, number
    of rows], and `writers` is what the CUT record says of them.
    """

    info: RunInfo
    clock: int
    numbers: dict[str, Numbers]
    is_begun: bool
    session: int
    after: float
    next_step: int
    is_beside: bool
    taken: Sequence[Any] = ()
    writers: Sequence[Any] = ()


class RunInspector(NamedTuple):
    """How a run that exists is looked at by who opens it: in a process of its own, or here (`opening.inspect_here`).

    `state` is `run.state.read_state`, `past` is `rewind.read_past` and `fork` is `rewind.fork`.
    """

    state: Callable[[Store, RunPath], FoundRun]
    past: Callable[[Store, RunPath, int], FoundRun]
    fork: Callable[[Store, RunPath, int, RunPath], object]


def _ask_state(store: Store, path: RunPath) -> FoundRun:
    """`run.state.read_state` of a run, made in a process of its own."""
    code, output, complaint = side_process.ask("runlake.store.run.state", [_folder_of(store, path)])
    if code != 0:
        kind = NotFoundError if complaint.startswith("NotFoundError") else CommError
        raise kind(f'run "{path}" exists, but could not be read to go on with it: {complaint}')
    state: dict[str, Any] = msgspec.msgpack.decode(output)
    return _found(state, is_begun=state["is_begun"])


def _ask_past(store: Store, path: RunPath, step: int) -> FoundRun:
    """`rewind.read_past` of a run, made in a process of its own."""
    past = record.decode_body(_ask_rewind(store, path, str(step)))
    return _found(past, is_begun=True, taken=past["taken"], writers=past["writers"])


def _found(said: dict[str, Any], **rest: Any) -> FoundRun:
    return FoundRun(unpack_info(said["info"]), said["clock"], said["numbers"], **said["behind"], **rest)


def _ask_fork(store: Store, source: RunPath, step: int, path: RunPath) -> None:
    """`rewind.fork`, in a process of its own."""
    _ask_rewind(store, source, str(step), str(path))


def _ask_rewind(store: Store, path: RunPath, *arguments: str) -> bytes:
    code, output, complaint = side_process.ask("runlake.store.opening.rewind", [_folder_of(store, path), *arguments])
    if code != 0:
        kind, _, message = complaint.partition(": ")
        raise _RAISED_BY_REWIND.get(kind, CommError)(message or complaint)
    return output


def _folder_of(store: Store, path: RunPath) -> str:
    """What a process of its own is told: it finds the store around a run's folder."""
    assert isinstance(store, FolderStore), f"runs of {store.url} are looked at by `inspect_here`"
    return str(store.run_dir(path))


_RAISED_BY_REWIND: dict[str, type[RunlakeError]] = {
    kind.__name__: kind for kind in (BadValueError, ConflictError, NotFoundError)
}


IN_SUBPROCESS = RunInspector(_ask_state, _ask_past, _ask_fork)
