"""What a run takes along that knows other people's libraries: found by name, since it stands above the SDK.

Nothing of it is loaded before a setting asks for it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module

from runlake.sdk.run import Run

_TENSORBOARD = "runlake.integrations.tensorboard"


def attach_integrations(run: Run) -> list[Callable[[], None]]:
    """Start what the settings ask for; answers what ends each of them."""
    ends: list[Callable[[], None]] = []
    tensorboard = sys.modules.get(_TENSORBOARD)
    if run.settings.sync_tensorboard or (tensorboard is not None and tensorboard.is_patched()):
        ends.append(import_module(_TENSORBOARD).begin(run))
    return ends
