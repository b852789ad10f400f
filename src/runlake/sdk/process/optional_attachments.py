"""What a run takes along where a setting asks for it; nothing of it is loaded before.

What knows other people's libraries is found by name, since it stands above the SDK.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module

from runlake.sdk.run.run import Run
from runlake.settings import current_folder

_TENSORBOARD = "runlake.integrations.tensorboard"


def attach_optional(run: Run) -> list[Callable[[], None]]:
    """Start what the settings ask for; answers what ends each of them."""
    ends: list[Callable[[], None]] = []
    if run.settings.save_code and not run.settings.disable_code:
        from runlake.sdk.capture.program import keep_program

        ends.append(keep_program(run.files_of_run.write, run.settings, current_folder()))
    tensorboard = sys.modules.get(_TENSORBOARD)
    if run.settings.sync_tensorboard or (tensorboard is not None and tensorboard.is_patched()):
        ends.append(import_module(_TENSORBOARD).begin(run))
    if run.settings.monitor_gym:
        ends.append(import_module("runlake.integrations.gym").begin(run))
    return ends
