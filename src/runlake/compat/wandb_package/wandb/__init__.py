"""runlake under the name `wandb`, for scripts and libraries that import wandb by themselves.

Nothing is defined here that runlake has: each name is looked up in runlake at the moment it is used, so that
``wandb.run``, ``wandb.config`` and ``wandb.summary`` are those of the active run, and a program may mix
`import runlake` and `import wandb`.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

try:
    import runlake
    from runlake.compat.finder import WANDB_VERSION
    from runlake.compat.names import NAMES, find_name
except ImportError as error:
    raise ImportError(
        f"`import wandb` stands for runlake here, as `runlake exec` started this program, but {sys.executable} "
        f"cannot import runlake ({error}); install runlake for that Python, or start the program with its own runlake",
        name=error.name,
        path=error.path,
    ) from error

if TYPE_CHECKING:
    from runlake import *  # noqa: F403

__version__ = WANDB_VERSION

SUBMODULES = (
    "apis", "catboost", "data_types", "errors", "gym", "integration", "keras", "lightgbm", "plot", "sdk", "sklearn",
    "tensorboard", "util", "wandb_run", "xgboost",
)  # fmt: skip

__all__ = [*runlake.__all__, *SUBMODULES]


def __getattr__(name: str) -> Any:
    if name in SUBMODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name == "wandb_lib":
        return importlib.import_module("wandb.sdk.lib")
    if name == "PublicApi":
        return runlake.Api
    try:
        return getattr(runlake, name)
    except AttributeError as error:
        if isinstance(error, runlake.Error):  # the name is there, but not before init()
            raise
    try:
        return find_name(name)
    except AttributeError:
        raise AttributeError(f"module 'wandb' (runlake) has no attribute {name!r}") from None


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *NAMES})
