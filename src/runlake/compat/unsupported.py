"""Names of W&B that runlake knows and does not have (yet).

They exist, so that a module which merely imports or annotates with one still loads, and say what is missing
when they are used; where runs are disabled they do nothing instead.
"""

from __future__ import annotations

from functools import cache
from typing import Any, ClassVar

from runlake.errors import NotSupportedError, RunlakeError

_CONTROLLER = "the search is the store's: every agent asks it for the next run, and no controller is needed"
_MEDIA = "log a figure as it is, or an Image, Table or Html, or keep the file with save(path)"
_REMOTE = "it belongs to W&B's server"
_INTEGRATION = "log from a callback of the library's own with runlake.log(…)"

REASONS: dict[str, str] = {
    "controller": _CONTROLLER,
    **dict.fromkeys(("launch", "launch_add", "LaunchJob"), _REMOTE),
}
_REASONS_BY_ROOM = {
    "wandb.integration.": _INTEGRATION,
    "wandb.data_types.": _MEDIA,
    "wandb.sdk.data_types.": _MEDIA,
    "wandb.sdk.launch.": _REMOTE,
    "wandb.automations.": _REMOTE,
    "wandb.apis.": _REMOTE,
}
_ELSEWHERE = "it is a part of W&B's own machinery, and nothing here stands for it"


class UnsupportedType:
    """A data type that cannot be made; `isinstance` against it is simply false."""

    message: ClassVar[str]

    def __new__(cls, *args: Any, **options: Any) -> Any:
        return refuse(cls.message)


def refuse(message: str) -> Any:
    """Raise `NotSupportedError`; where runs are disabled, answer an object that does nothing."""
    from runlake.sdk.active import is_disabled
    from runlake.sdk.inert import Inert

    if is_disabled():
        return Inert()
    raise NotSupportedError(message)


@cache
def unsupported(place: str) -> Any:
    """What stands at a place like ``wandb.sdk.launch.launch``: a type or a function that says so when it is used.

    What is called an error is one that is never raised, so that it can stand behind ``except``.
    """
    name = place.rpartition(".")[2]
    message = f"{place.removeprefix('wandb.')} is not in runlake: {_reason(place, name)}"
    if name.endswith(("Error", "Exception", "Warning")):
        return type(name, (RunlakeError,), {"__doc__": message})
    if name[0].isupper():
        return type(name, (UnsupportedType,), {"message": message, "__doc__": message})

    def use(*args: Any, **options: Any) -> Any:
        return refuse(message)(*args, **options)  # what does nothing leaves a function that it decorates as it is

    use.__name__ = use.__qualname__ = name
    use.__doc__ = message
    return use


def _reason(place: str, name: str) -> str:
    by_room = next((why for room, why in _REASONS_BY_ROOM.items() if place.startswith(room)), _ELSEWHERE)
    return REASONS.get(name, by_room)
