"""The summary of the run that is being written: what was logged last, and what the user set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from runlake.model import HIDDEN_KEY
from runlake.sdk.run.config import OnEdit
from runlake.sdk.run.keys_as_attributes import KeysAsAttributes
from runlake.values import Converter, escape_key, flatten, no_media


class SummaryPart(KeysAsAttributes):
    """One dict of the summary, live: read from the run each time, changed through `on_edit`.

    Keys are also attributes. Setting a key replaces everything that was below it; ``summary["a"]["b"] = 1`` touches
    ``b`` only, whoever else writes into ``a``. Lists and media are copies, so a change inside them is not seen.
    """

    __slots__ = ("_convert", "_keys", "_on_edit", "_read")

    _what, _own = "summary", __slots__

    _read: Callable[[], dict[str, Any]]
    _on_edit: OnEdit
    _convert: Converter
    _keys: tuple[str, ...]

    def __init__(
        self, read: Callable[[], dict[str, Any]], on_edit: OnEdit, convert: Converter, keys: tuple[str, ...]
    ) -> None:
        object.__setattr__(self, "_read", read)
        object.__setattr__(self, "_on_edit", on_edit)
        object.__setattr__(self, "_convert", convert)
        object.__setattr__(self, "_keys", keys)

    def __getitem__(self, key: Any) -> Any:
        value = self._here()[str(key)]
        if isinstance(value, dict) and "_type" not in value:
            return SummaryPart(self._read, self._on_edit, self._convert, (*self._keys, str(key)))
        return value

    def __setitem__(self, key: Any, value: Any) -> None:
        self.update({key: value})

    def __delitem__(self, key: Any) -> None:
        if str(key) not in self._here():
            raise KeyError(key)
        self._on_edit({}, [self._path(key)])

    def __iter__(self) -> Iterator[str]:
        return iter([key for key in self._here() if key != HIDDEN_KEY])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, key: object) -> bool:
        return str(key) in self._here()

    def __eq__(self, other: object) -> bool:
        return self.as_dict() == (other.as_dict() if isinstance(other, SummaryPart) else other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self.as_dict())

    def __reduce__(self) -> tuple[Any, ...]:
        # What another process or a checkpoint gets are the values of this moment.
        return dict, (self.as_dict(),)

    def update(self, other: Any = (), /, **more: Any) -> None:
        """Set keys, each as a whole; all in one edit."""
        new = dict(other, **more)
        if not new:
            return
        nested: dict[str, Any] = {str(key): _snapshot(value) for key, value in new.items()}
        unset = [self._path(key) for key, value in nested.items() if isinstance(value, Mapping)]
        for part in reversed(self._keys):
            nested = {part: nested}
        self._on_edit(flatten(nested, self._convert, stringify_keys=True), self._parents_in_the_way() + unset)

    def as_dict(self) -> dict[str, Any]:
        """A copy as nested plain data, without `_wandb`."""
        return {key: value for key, value in self._here().items() if key != HIDDEN_KEY}

    def _here(self) -> dict[str, Any]:
        """This part as it is now; empty when somebody removed or replaced it in the meantime."""
        data: Any = self._read()
        for key in self._keys:
            data = data.get(key) if isinstance(data, dict) else None
        return data if isinstance(data, dict) else {}

    def _path(self, key: Any) -> str:
        return ".".join(map(escape_key, (*self._keys, str(key))))

    def _parents_in_the_way(self) -> list[str]:
        """Paths on the way here that hold a value of their own (an empty dict is one), which must go first."""
        data: Any = self._read()
        for depth, key in enumerate(self._keys, 1):
            if not isinstance(data, dict) or key not in data:
                return []
            data = data[key]
            if not isinstance(data, dict) or not data:
                return [".".join(map(escape_key, self._keys[:depth]))]
        return []


class Summary(SummaryPart):
    """The whole summary.

    `current` answers the nested plain data as of now, logged values and edits together, as a value that nobody
    else changes; `convert` makes plain data of media (see `values.flatten`).
    """

    __slots__ = ()

    def __init__(self, current: Callable[[], dict[str, Any]], on_edit: OnEdit, convert: Converter = no_media) -> None:
        super().__init__(current, on_edit, convert, ())


def _snapshot(value: Any) -> Any:
    return value.as_dict() if isinstance(value, SummaryPart) else value
