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
    AuthenticationError,
    BadValueError,
    BusyError,
    CommError,
    ConfigError,
    ConflictError,
    CorruptError,
    Error,
    FileExistsLocallyError,
    FilterError,
    ForbiddenError,
    GapError,
    LogTypeError,
    NewerFormatError,
    NotFoundError,
    NotSupportedError,
    PathError,
    ReadOnlyError,
    RunlakeError,
    RunlakeWarning,
    SlowError,
    SqlError,
    SqlLimitError,
    StoreError,
    SweepConfigError,
    TooLargeError,
    TruncatedError,
    UnreachableError,
    UnreadableRunWarning,
    UnsafeNameError,
    UsageError,
)
from runlake.version import __version__

if TYPE_CHECKING:
    from runlake import plot
    from runlake.agents.agent import agent
    from runlake.agents.create import sweep
    from runlake.api.api import Api
    from runlake.api.restore import restore
    from runlake.artifacts.artifact import Artifact
    from runlake.compat.install import install_as_wandb
    from runlake.media.audio import Audio
    from runlake.media.classes import Classes
    from runlake.media.figures import Bokeh, Plotly
    from runlake.media.graph import Graph
    from runlake.media.histogram import Histogram
    from runlake.media.html import Html
    from runlake.media.image import Image
    from runlake.media.molecule import Molecule
    from runlake.media.object3d import Object3D
    from runlake.media.scene import box3d
    from runlake.media.table import Table
    from runlake.media.tables import EvalTable, JoinedTable
    from runlake.media.video import Video
    from runlake.plot.presets import plot_table
    from runlake.sdk.process.active import finish, init
    from runlake.sdk.run.alerts import AlertLevel
    from runlake.sdk.run.config import Config
    from runlake.sdk.run.run import Run
    from runlake.sdk.run.summary import Summary
    from runlake.settings import Settings

    run: Run | None
    config: Config
    summary: Summary

_LAZY = {
    "AlertLevel": "runlake.sdk.run.alerts",
    "Api": "runlake.api.api",
    "Artifact": "runlake.artifacts.artifact",
    "Audio": "runlake.media.audio",
    "Bokeh": "runlake.media.figures",
    "Classes": "runlake.media.classes",
    "EvalTable": "runlake.media.tables",
    "Graph": "runlake.media.graph",
    "Histogram": "runlake.media.histogram",
    "Html": "runlake.media.html",
    "Image": "runlake.media.image",
    "JoinedTable": "runlake.media.tables",
    "Molecule": "runlake.media.molecule",
    "Object3D": "runlake.media.object3d",
    "Plotly": "runlake.media.figures",
    "Run": "runlake.sdk.run.run",
    "Settings": "runlake.settings",
    "Table": "runlake.media.table",
    "Video": "runlake.media.video",
    "agent": "runlake.agents.agent",
    "box3d": "runlake.media.scene",
    "finish": "runlake.sdk.process.active",
    "init": "runlake.sdk.process.active",
    "install_as_wandb": "runlake.compat.install",
    "plot_table": "runlake.plot.presets",
    "restore": "runlake.api.restore",
    "sweep": "runlake.agents.create",
}
_OF_THE_ACTIVE_RUN = ("config", "run", "summary")
_CALLS_OF_THE_ACTIVE_RUN = (
    "alert", "define_metric", "link_artifact", "link_model", "log", "log_artifact", "log_code", "log_model",
    "mark_preempting", "save", "unwatch", "use_artifact", "use_model", "watch",
)  # fmt: skip

__all__ = [
    "AlertLevel",
    "Api",
    "Artifact",
    "Audio",
    "AuthenticationError",
    "BadValueError",
    "Bokeh",
    "BusyError",
    "Classes",
    "CommError",
    "ConfigError",
    "ConflictError",
    "CorruptError",
    "Error",
    "EvalTable",
    "FileExistsLocallyError",
    "FilterError",
    "ForbiddenError",
    "GapError",
    "Graph",
    "Histogram",
    "Html",
    "Image",
    "JoinedTable",
    "LogTypeError",
    "Molecule",
    "NewerFormatError",
    "NotFoundError",
    "NotSupportedError",
    "Object3D",
    "PathError",
    "Plotly",
    "ReadOnlyError",
    "Run",
    "RunlakeError",
    "RunlakeWarning",
    "Settings",
    "SlowError",
    "SqlError",
    "SqlLimitError",
    "StoreError",
    "SweepConfigError",
    "Table",
    "TooLargeError",
    "TruncatedError",
    "UnreachableError",
    "UnreadableRunWarning",
    "UnsafeNameError",
    "UsageError",
    "Video",
    "__version__",
    "agent",
    "alert",
    "box3d",
    "config",
    "define_metric",
    "finish",
    "init",
    "install_as_wandb",
    "link_artifact",
    "link_model",
    "log",
    "log_artifact",
    "log_code",
    "log_model",
    "mark_preempting",
    "plot",
    "plot_table",
    "restore",
    "run",
    "save",
    "summary",
    "sweep",
    "unwatch",
    "use_artifact",
    "use_model",
    "watch",
]


def __getattr__(name: str) -> Any:
    """What takes time to load is loaded when asked for; what belongs to the active run is asked of it each time."""
    if name in _LAZY:
        from importlib import import_module

        found = globals()[name] = getattr(import_module(_LAZY[name]), name)
        return found
    if name in _OF_THE_ACTIVE_RUN:
        from runlake.sdk.process import active

        run = active.session.run
        if name != "run":
            return getattr(active if run is None else run, name)
        # Integrations begin a run when this is None, so a finished one must not stand here.
        return run if run is not None and run.state == "running" else None
    if name in _CALLS_OF_THE_ACTIVE_RUN:
        from runlake.sdk.process.active import call_of_the_active_run

        found = globals()[name] = call_of_the_active_run(name)
        return found
    if name == "plot":
        from importlib import import_module

        return import_module("runlake.plot")
    from pathlib import Path

    if Path(__file__).with_name(f"{name}.py").exists():  # whoever imports a module of ours is asked for it before
        raise AttributeError(f"module 'runlake' has no attribute {name!r}")
    from runlake.compat.modules import find_name

    try:  # login() and the like, which scripts call on whatever they imported as wandb
        return find_name("wandb", name, with_modules=False)
    except AttributeError:
        raise AttributeError(f"module 'runlake' has no attribute {name!r}") from None


def __dir__() -> list[str]:
    return __all__
