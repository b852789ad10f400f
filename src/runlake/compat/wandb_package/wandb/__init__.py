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
    from runlake.compat.modules import find_listed_modules, find_name, known_names, submodules
except ImportError as error:
    raise ImportError(
        f"`import wandb` stands for runlake here, as `runlake exec` started this program, but {sys.executable} "
        f"cannot import runlake ({error}); install runlake for that Python, or start the program with its own runlake",
        name=error.name,
        path=error.path,
    ) from error

if TYPE_CHECKING:
    from runlake import *  # noqa: F403
    from runlake import finish as join
    from runlake.compat.noop_calls import login, setup

__version__ = WANDB_VERSION

__all__ = [*runlake.__all__, "join", "login", "setup"]

find_listed_modules()


def __getattr__(name: str) -> Any:
    if name in submodules(__name__):
        return importlib.import_module(f"{__name__}.{name}")
    if name in runlake.__all__:
        return getattr(runlake, name)
    return find_name(__name__, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *known_names()[__name__], *submodules(__name__)})
