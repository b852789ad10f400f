"""How a run that exists is looked at by who opens it: in a process of its own, for one that loads no Arrow.

`store.opening.inspect_here` does the same for a process that has Arrow anyway.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from runlake.errors import (
    BadValueError,
    CommError,
    ConflictError,
    NotFoundError,
    RunlakeError,
)
from runlake.model import RunPath
from runlake.store import side_process
from runlake.store.journal import record
from runlake.store.journal.fold import unpack_info
from runlake.store.layout import Layout


class RunInspector(NamedTuple):
    """How a run that exists is looked at by who opens it: in a process of its own, or here (`opening.inspect_here`).

    `state` is `run_state.read_state` and `past` is `rewind.read_past`, both as dicts; `fork` is `rewind.fork`.
    """

    state: Callable[[Layout, RunPath], dict[str, Any]]
    past: Callable[[Layout, RunPath, int], dict[str, Any]]
    fork: Callable[[Layout, RunPath, int, RunPath], object]


def ask_state(layout: Layout, path: RunPath) -> dict[str, Any]:
    """`run_state.read_state` of a run, made in a process of its own, as a dict of which `info` is a `RunInfo`."""
    code, output, complaint = side_process.ask("runlake.store.run.state", [str(layout.run_dir(path))])
    if code != 0:
        kind = NotFoundError if complaint.startswith("NotFoundError") else CommError
        raise kind(f'run "{path}" exists, but could not be read to go on with it: {complaint}')
    state: dict[str, Any] = msgspec.msgpack.decode(output)
    return {**state, "info": unpack_info(state["info"])}


def _ask_past(layout: Layout, path: RunPath, step: int) -> dict[str, Any]:
    """`rewind.read_past` of a run, made in a process of its own."""
    past = record.decode_body(_ask_rewind(layout, path, str(step)))
    return {**past, "info": unpack_info(past["info"]), "is_begun": True}


def _ask_fork(layout: Layout, source: RunPath, step: int, path: RunPath) -> None:
    """`rewind.fork`, in a process of its own."""
    _ask_rewind(layout, source, str(step), str(path))


def _ask_rewind(layout: Layout, path: RunPath, *arguments: str) -> bytes:
    code, output, complaint = side_process.ask("runlake.store.opening.rewind", [str(layout.run_dir(path)), *arguments])
    if code != 0:
        kind, _, message = complaint.partition(": ")
        raise _RAISED_BY_REWIND.get(kind, CommError)(message or complaint)
    return output


_RAISED_BY_REWIND: dict[str, type[RunlakeError]] = {
    kind.__name__: kind for kind in (BadValueError, ConflictError, NotFoundError)
}


IN_SUBPROCESS = RunInspector(lambda layout, path: ask_state(layout, path), _ask_past, _ask_fork)
