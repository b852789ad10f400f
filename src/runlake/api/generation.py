"""A store in which one run is as an older generation of it was: what `StoredRun.at_generation` reads from."""

from __future__ import annotations

from typing import Any, NoReturn

from runlake.errors import UsageError
from runlake.service.contract import Service

_READ_VERBS = frozenset({"read_run", "read_history", "sample_history", "list_keys", "read_console"})
_EDIT_VERBS = frozenset({"edit_run", "stop_run", "delete_run", "put_file", "receive_file", "delete_file"})


class GenerationService:
    """The verbs of `service`; those that read a run read its `generation`, those that change it are refused."""

    def __init__(self, service: Service, generation: str) -> None:
        self._service, self._generation = service, generation

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self._service, name)
        if name in _READ_VERBS:
            return lambda *arguments, **options: verb(*arguments, **options, generation=self._generation)
        if name == "read_tail":
            raise UsageError(
                f"generation {self._generation} has no tail: an older history does not grow; read all of it"
            )
        return self._refuse if name in _EDIT_VERBS else verb

    def _refuse(self, path: object, *arguments: object, **options: object) -> NoReturn:
        raise UsageError(
            f"this is generation {self._generation} of run {path}, and an older history cannot be changed; "
            "change the run itself: runlake.Api().run(...)"
        )
