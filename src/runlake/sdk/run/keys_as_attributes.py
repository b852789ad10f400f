"""Mappings whose keys are also attributes, as scripts for W&B have it."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, ClassVar


class KeysAsAttributes(MutableMapping[str, Any]):
    """A mapping `_what` is said of in errors. Its `_own` names are no keys; it sets them by `object.__setattr__`."""

    __slots__ = ()

    _what: ClassVar[str]
    _own: ClassVar[tuple[str, ...]]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in self._own:
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError:
            known = ", ".join(self) or "none"
            raise AttributeError(f"the {self._what} has no key {name!r}; it has: {known}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        try:
            del self[name]
        except KeyError:
            raise AttributeError(f"the {self._what} has no key {name!r}") from None
