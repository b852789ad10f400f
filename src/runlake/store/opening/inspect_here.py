"""How a process that has numpy and Arrow anyway looks at a run that it opens: without another process."""

from __future__ import annotations

from typing import Any

import msgspec

from runlake.model import RunPath
from runlake.store.layout import Layout
from runlake.store.opening.inspect import RunInspector
from runlake.store.opening.rewind import fork, read_past
from runlake.store.run.state import read_state


def _state(layout: Layout, path: RunPath) -> dict[str, Any]:
    state = read_state(layout, path)
    return {**msgspec.structs.asdict(state), "behind": msgspec.structs.asdict(state.behind)}


def _past(layout: Layout, path: RunPath, step: int) -> dict[str, Any]:
    past = read_past(layout, path, step)
    behind = msgspec.structs.asdict(past.behind)
    return {**msgspec.structs.asdict(past), "behind": behind, "is_begun": True}


IN_PROCESS = RunInspector(_state, _past, fork)
