"""`import wandb` gives runlake, inside one process."""

from __future__ import annotations

import importlib
import sys

from runlake.compat.finder import PACKAGE_FOLDER, put_first
from runlake.errors import UsageError


def install_as_wandb() -> None:
    """Make `import wandb` give runlake in this process, for libraries that import wandb by themselves.

    Call it before anything imports wandb; calling it again changes nothing. Processes that multiprocessing
    starts inherit it; programs started through subprocess do not: those need ``runlake exec``.

    Raises `UsageError` when another wandb has been imported already: parts of the program hold its functions, and
    runs would be split between the two.
    """
    loaded = sys.modules.get("wandb")
    if loaded is not None:
        place = str(getattr(loaded, "__file__", None) or "a place without a file")
        if not place.startswith(str(PACKAGE_FOLDER)):
            raise UsageError(
                "install_as_wandb() came too late: another wandb has been imported already, from "
                f"{place}; call install_as_wandb() before the first `import wandb`, "
                "or start the script with `runlake exec`"
            )
    put_first()
    folder = str(PACKAGE_FOLDER)
    if folder not in sys.path:
        # A spawned process is handed sys.path, but no finders.
        sys.path.insert(0, folder)
    importlib.import_module("wandb")
