"""What is made when it is first asked for: one key of a run is read, and one journal sent, without all the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

T = TypeVar("T")


class _OnFirstUse:
    """Hands each call on to an object that the first of them makes.

    Two threads that are first may each make one: what they have of files, several processes share as well.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._made: Any = None

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if self._made is None:
                self._made = self._make()
            return getattr(self._made, name)(*arguments, **options)

        return call


def on_first_use(make: Callable[[], T]) -> T:
    """What `make` will make, as far as its calls go; nothing but calls can be asked of it."""
    return cast(T, _OnFirstUse(make))
