"""What W&B's Api has and this one has not (yet): named, so that a script fails with a reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from runlake.errors import NotSupportedError

T = TypeVar("T")

API_ABSENT = (
    "automation", "automations",
    "create_automation", "create_custom_chart", "create_registry", "create_run_queue", "create_team", "create_user",
    "delete_automation", "integrations", "job", "list_jobs", "queued_run", "registries", "registry",
    "run_queue", "slack_integrations", "sync_tensorboard", "team", "update_automation", "upsert_run_queue",
    "users", "webhook_integrations",
)  # fmt: skip
PROJECT_ABSENT = ("automations",)


def absent(owner: str, name: str) -> Callable[..., NoReturn]:
    """A method that says that it is not there."""

    def refuse(self: Any, *args: Any, **options: Any) -> NoReturn:
        raise NotSupportedError(
            f"{owner}.{name}() is known from W&B and is not there (yet); runs, rows, files, artifacts and sweeps are"
        )

    refuse.__name__ = name
    refuse.__qualname__ = f"{owner}.{name}"
    refuse.__doc__ = "Not there (yet): raises `NotSupportedError`."
    return refuse


def name_absent(*names: str) -> Callable[[type[T]], type[T]]:
    """A class decorator that gives the class each of these methods as an `absent` one."""

    def extend(cls: type[T]) -> type[T]:
        for name in names:
            setattr(cls, name, absent(cls.__name__, name))
        return cls

    return extend
