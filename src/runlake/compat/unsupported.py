"""Names of W&B that runlake knows and does not have (yet).

They exist, so that a module which merely imports or annotates with one still loads, and say what is missing
when they are used.
"""

from __future__ import annotations

from functools import cache
from typing import Any, ClassVar, NoReturn

from runlake.errors import NotSupportedError

_CONTROLLER = "the search is the store's: every agent asks it for the next run, and no controller is needed"
_ARTIFACTS = "artifacts come later; save(path) keeps a file with its run, Api().run(path).file(name) gets it back"
_REGISTRY = "registries come with artifacts, later; log_model(path, name) keeps a model, use_model(name) gets it back"
_REMOTE = "it belongs to W&B's server"

REASONS: dict[str, str] = {
    "controller": _CONTROLLER,
    **dict.fromkeys(("Artifact", "log_artifact", "use_artifact", "link_artifact"), _ARTIFACTS),
    "link_model": _REGISTRY,
    **dict.fromkeys(("InternalApi", "launch", "launch_add", "LaunchJob"), _REMOTE),
}


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
    message = f"{name} is not in runlake: {REASONS[name]}"
    if name[0].isupper():
        return type(name, (UnsupportedType,), {"message": message, "__doc__": message})

    def refuse(*args: Any, **kwargs: Any) -> NoReturn:
        raise NotSupportedError(message)

    refuse.__name__ = refuse.__qualname__ = name
    refuse.__doc__ = message
    return refuse
