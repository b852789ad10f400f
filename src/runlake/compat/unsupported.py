"""Names of W&B that runlake knows and does not have (yet).

They exist, so that a module which merely imports or annotates with one still loads, and say what is missing
when they are used. Where runs are disabled they do nothing instead. So does an integration, for the training beside
it goes on without: that is said once, and is an error in a strict run.
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
_BESIDE_TRAINING = "wandb.integration."
_REASONS_BY_ROOM = {
    _BESIDE_TRAINING: _INTEGRATION,
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
    ends_nothing: ClassVar[bool]

    def __new__(cls, *args: Any, **options: Any) -> Any:
        return refuse(cls.message, ends_nothing=cls.ends_nothing)


def refuse(message: str, *, ends_nothing: bool = False) -> Any:
    """Raise `NotSupportedError`; where runs are disabled, answer an object that does nothing.

    What `ends_nothing` is said once and answers such an object too, except where runs are strict.
    """
    from runlake.media.left_out import say_once
    from runlake.sdk.active_run import active_run
    from runlake.sdk.run.inert import Inert

    if active_run.is_disabled():
        return Inert()
    if ends_nothing and not active_run.is_strict():
        say_once(f"{message}; left out")
        return Inert()
    raise NotSupportedError(message)


@cache
def unsupported(place: str) -> Any:
    """What stands at a place like ``wandb.sdk.launch.launch``: a type or a function that says so when it is used.

    What is called an error is one that is never raised, so that it can stand behind ``except``.
    """
    name = place.rpartition(".")[2]
    message = f"{place.removeprefix('wandb.')} is not in runlake: {_reason(place, name)}"
    ends_nothing = place.startswith(_BESIDE_TRAINING)
    if name.endswith(("Error", "Exception", "Warning")):
        return type(name, (RunlakeError,), {"__doc__": message})
    if name[0].isupper():
        return type(name, (UnsupportedType,), {"message": message, "ends_nothing": ends_nothing, "__doc__": message})

    def use(*args: Any, **options: Any) -> Any:
        return refuse(message, ends_nothing=ends_nothing)(
            *args, **options
        )  # what does nothing leaves a function that it decorates as it is

    use.__name__ = use.__qualname__ = name
    use.__doc__ = message
    return use


def _reason(place: str, name: str) -> str:
    by_room = next((why for room, why in _REASONS_BY_ROOM.items() if place.startswith(room)), _ELSEWHERE)
    return REASONS.get(name, by_room)
