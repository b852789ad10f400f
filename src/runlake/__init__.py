"""runlake: an experiment tracker whose store is its export.

    import runlake

    with runlake.init(project="digits", config={"lr": 0.1}) as run:
        for step in range(100):
            run.log({"loss": 1 / (step + 1)})

    runlake.Api().run(run.path).to_pandas()

Nothing is loaded before it is used: importing this costs a few milliseconds, and writing never loads pandas or Arrow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runlake.errors import (
    BadValueError,
    CommError,
    ConfigError,
    ConflictError,
    CorruptError,
    Error,
    FileExistsLocallyError,
    FilterError,
    LogTypeError,
    NewerFormatError,
    NotFoundError,
    NotSupportedError,
    PathError,
    ReadOnlyError,
    RunlakeError,
    RunlakeWarning,
    StoreError,
    TruncatedError,
    UsageError,
)
from runlake.version import __version__

if TYPE_CHECKING:
    from runlake.api.api import Api
    from runlake.compat.install import install_as_wandb
    from runlake.media.histogram import Histogram
    from runlake.media.html import Html
    from runlake.media.image import Image
    from runlake.media.table import Table
    from runlake.sdk.active import finish, init
    from runlake.sdk.config import Config
    from runlake.sdk.run import Run
    from runlake.sdk.summary import Summary
    from runlake.settings import Settings

    run: Run | None
    config: Config
    summary: Summary

_LAZY = {
    "Api": "runlake.api.api",
    "Histogram": "runlake.media.histogram",
    "Html": "runlake.media.html",
    "Image": "runlake.media.image",
    "Run": "runlake.sdk.run",
    "Settings": "runlake.settings",
    "Table": "runlake.media.table",
    "finish": "runlake.sdk.active",
    "init": "runlake.sdk.active",
    "install_as_wandb": "runlake.compat.install",
}
_OF_THE_ACTIVE_RUN = ("config", "define_metric", "log", "run", "save", "summary")

__all__ = [
    "Api",
    "BadValueError",
    "CommError",
    "ConfigError",
    "ConflictError",
    "CorruptError",
    "Error",
    "FileExistsLocallyError",
    "FilterError",
    "Histogram",
    "Html",
    "Image",
    "LogTypeError",
    "NewerFormatError",
    "NotFoundError",
    "NotSupportedError",
    "PathError",
    "ReadOnlyError",
    "Run",
    "RunlakeError",
    "RunlakeWarning",
    "Settings",
    "StoreError",
    "Table",
    "TruncatedError",
    "UsageError",
    "__version__",
    "config",
    "define_metric",
    "finish",
    "init",
    "install_as_wandb",
    "log",
    "run",
    "save",
    "summary",
]


def __getattr__(name: str) -> Any:
    """What takes time to load is loaded when asked for; what belongs to the active run is asked of it each time."""
    if name in _LAZY:
        from importlib import import_module

        found = globals()[name] = getattr(import_module(_LAZY[name]), name)
        return found
    if name in _OF_THE_ACTIVE_RUN:
        from runlake.sdk.active import session

        if name != "run":
            return getattr(session.active(name), name)
        # Integrations begin a run when this is None, so a finished one must not stand here.
        return session.run if session.run is not None and session.run.state == "running" else None
    from runlake.compat.names import find_name

    try:
        return find_name(name)  # login() and the like, which scripts call on whatever they imported as wandb
    except AttributeError:
        raise AttributeError(f"module 'runlake' has no attribute {name!r}") from None


def __dir__() -> list[str]:
    return __all__
