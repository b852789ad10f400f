"""How a process that has numpy and Arrow anyway looks at a run that it opens: without another process."""

from __future__ import annotations

import msgspec

from runlake.model import RunPath
from runlake.store.opening.inspect import FoundRun, RunInspector
from runlake.store.opening.rewind import fork, read_past
from runlake.store.run.state import read_state
from runlake.store.store import Store


def _state(store: Store, path: RunPath) -> FoundRun:
    state = read_state(store, path)
    behind = msgspec.structs.asdict(state.behind)
    return FoundRun(state.info, state.clock, state.numbers, is_begun=state.is_begun, **behind)


def _past(store: Store, path: RunPath, step: int) -> FoundRun:
    past = read_past(store, path, step)
    behind = msgspec.structs.asdict(past.behind)
    return FoundRun(
        past.info, past.clock, past.numbers, is_begun=True, taken=past.taken, writers=past.writers, **behind
    )


IN_PROCESS = RunInspector(_state, _past, fork)
