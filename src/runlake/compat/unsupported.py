"""Names of W&B that runlake knows and does not have (yet).

They exist, so that a module which merely imports or annotates with one still loads, and say what is missing
when they are used.
"""

from __future__ import annotations

from functools import cache
from typing import Any, ClassVar, NoReturn

from runlake.errors import NotSupportedError

_SWEEPS = "sweeps come later; start the runs from a loop or a shell script, and compare them with Api().runs()"
_ARTIFACTS = "artifacts come later; save(path) keeps a file with its run, Api().run(path).file(name) gets it back"
_MEDIA = "this data type comes later; log an Image, Table, Html or Histogram, or keep the file with save(path)"
_PLOTS = "ready-made charts come later; log the numbers as a Table, or a picture as an Image"
_WATCH = "gradients are not recorded by themselves; log a Histogram of what you want to see"
_CODE = "save(path) keeps a file with the run; the git commit and diff are recorded anyway"
_ALERT = "runlake sends no messages; print() goes to the run's output.log"
_REMOTE = "it belongs to W&B's server"

REASONS: dict[str, str] = {
    **dict.fromkeys(("sweep", "agent", "controller"), _SWEEPS),
    **dict.fromkeys(("Artifact", "log_artifact", "use_artifact", "link_artifact"), _ARTIFACTS),
    **dict.fromkeys(("log_model", "use_model", "link_model"), _ARTIFACTS),
    **dict.fromkeys(("Audio", "Video", "Object3D", "Molecule", "Plotly", "Bokeh", "Graph"), _MEDIA),
    **dict.fromkeys(("Classes", "JoinedTable", "EvalTable"), _MEDIA),
    **dict.fromkeys(("watch", "unwatch"), _WATCH),
    **dict.fromkeys(("plot_table",), _PLOTS),
    "log_code": _CODE,
    "alert": _ALERT,
    **dict.fromkeys(("InternalApi", "launch", "launch_add", "LaunchJob"), _REMOTE),
}

PLOTS = (
    "bar",
    "confusion_matrix",
    "histogram",
    "line",
    "line_series",
    "plot_table",
    "pr_curve",
    "roc_curve",
    "scatter",
)


class UnsupportedType:
    """A data type that cannot be made; `isinstance` against it is simply false."""

    message: ClassVar[str]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotSupportedError(self.message)


@cache
def unsupported(name: str) -> Any:
    """What stands at `name` of the package: a type or a function that raises `NotSupportedError` when used.

    Raises `AttributeError` for a name that W&B does not have either.
    """
    if name not in REASONS:
        raise AttributeError(f"there is no {name!r} here")
    return _stand_in(name, f"{name} is not in runlake: {REASONS[name]}")


@cache
def unsupported_plot(name: str) -> Any:
    """The same for the functions of ``wandb.plot``."""
    if name not in PLOTS:
        raise AttributeError(f"there is no plot {name!r} here")
    return _stand_in(name, f"plot.{name} is not in runlake: {_PLOTS}")


def _stand_in(name: str, message: str) -> Any:
    if name[0].isupper():
        return type(name, (UnsupportedType,), {"message": message, "__doc__": message})

    def refuse(*args: Any, **kwargs: Any) -> NoReturn:
        raise NotSupportedError(message)

    refuse.__name__ = refuse.__qualname__ = name
    refuse.__doc__ = message
    return refuse
