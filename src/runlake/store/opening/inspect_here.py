"""How a process that has numpy and Arrow anyway looks at a run that it opens: without another process."""

from __future__ import annotations

import msgspec

from runlake.model import RunPath
from runlake.store.layout import Layout
from runlake.store.opening.inspect import FoundRun, RunInspector
from runlake.store.opening.rewind import fork, read_past
from runlake.store.run.state import read_state


def _state(layout: Layout, path: RunPath) -> FoundRun:
    state = read_state(layout, path)
    behind = msgspec.structs.asdict(state.behind)
    return FoundRun(state.info, state.clock, state.numbers, is_begun=state.is_begun, **behind)


def _past(layout: Layout, path: RunPath, step: int) -> FoundRun:
    past = read_past(layout, path, step)
    behind = msgspec.structs.asdict(past.behind)
    return FoundRun(
        past.info, past.clock, past.numbers, is_begun=True, taken=past.taken, writers=past.writers, **behind
    )


IN_PROCESS = RunInspector(_state, _past, fork)
