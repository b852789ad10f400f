"""The session of this process: what the functions of the module `runlake` speak to.

It stands at module level, since ``runlake.log(…)`` names no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from functools import cache
from typing import Any

from runlake.sdk.active_run import active_run
from runlake.sdk.process.session import Session

session = Session(active_run)
init = session.init
finish = session.finish


@cache
def call_of_the_active_run(name: str) -> Callable[..., Any]:
    """The method `name` of whichever run is active when it is called: may be imported before `init`."""

    def call(*args: Any, **options: Any) -> Any:
        return getattr(session.active(name), name)(*args, **options)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"`Run.{name}` of the active run."
    return call


class OfTheActiveRun(MutableMapping[str, Any]):
    """`config` or `summary` of whichever run is active when it is used: may be imported before `init`."""

    __slots__ = ("_name",)

    _name: str

    def __init__(self, name: str) -> None:
        object.__setattr__(self, "_name", name)

    def __here(self) -> Any:
        return getattr(session.active(self._name), self._name)

    @property
    def __dict__(self) -> dict[str, Any]:  # type: ignore[override]
        found: dict[str, Any] = vars(self.__here())
        return found

    def __getitem__(self, key: Any) -> Any:
        return self.__here()[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self.__here()[key] = value

    def __delitem__(self, key: Any) -> None:
        del self.__here()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.__here())

    def __len__(self) -> int:
        return len(self.__here())

    def __contains__(self, key: object) -> bool:
        return key in self.__here()

    def update(self, *args: Any, **options: Any) -> Any:
        return self.__here().update(*args, **options)

    def setdefault(self, key: Any, default: Any = None) -> Any:
        return self.__here().setdefault(key, default)

    def __eq__(self, other: object) -> bool:
        return bool(self.__here() == other)

    __hash__ = None  # type: ignore[assignment]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.__here(), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.__here(), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self.__here(), name)

    def __repr__(self) -> str:
        return repr(self.__here()) if session.run is not None else f"<{self._name} of the run that init() begins>"

    def __reduce__(self) -> Any:
        return self.__here().__reduce__()


config = OfTheActiveRun("config")
summary = OfTheActiveRun("summary")
