"""A store in which one run is as an older generation of it was: what `StoredRun.at_generation` reads from."""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any, NoReturn

from runlake.errors import UsageError
from runlake.model import RunPath
from runlake.service.contract import Service


@cache
def _read_verbs() -> frozenset[str]:
    """What can be read of an older generation: the contract says so by a parameter."""
    verbs = inspect.getmembers(Service, inspect.isfunction)
    return frozenset(name for name, verb in verbs if "generation" in inspect.signature(verb).parameters)


_SAME_FOR_ALL = frozenset({"url", "default_entity", "list_generations", "count_files", "list_files", "open_file"})
"""What does not depend on the generation, and changes nothing."""


class GenerationService:
    """The verbs of `service` for one run: those that read it read its `generation`.

    What would change it is refused, and so is every verb that is not known to be right for an older history.
    """

    def __init__(self, service: Service, path: RunPath, generation: str) -> None:
        self._service, self._path, self._generation = service, path, generation

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self._service, name)
        if name in _read_verbs():
            return lambda *arguments, **options: verb(*arguments, **options, generation=self._generation)
        if name in _SAME_FOR_ALL:
            return verb
        if name == "read_tail":
            raise UsageError(
                f"generation {self._generation} has no tail: an older history does not grow; read all of it"
            )
        return self._refuse

    def _refuse(self, *arguments: object, **options: object) -> NoReturn:
        raise UsageError(
            f"this is generation {self._generation} of run {self._path}, and an older history cannot be changed; "
            "change the run itself: runlake.Api().run(...)"
        )
