"""The configuration of the run that is being written: a dict whose keys are also attributes."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from typing import Any

from runlake.errors import ConfigError, RunlakeWarning
from runlake.sdk.config_source import as_plain, read_config
from runlake.values import escape_key, flatten, unflatten

OnEdit = Callable[[dict[str, Any], list[str]], None]
"""Called with paths set (path → canonical value) and paths unset. A path that is unset or set to another value goes
with all below it, and what is unset goes first: replacing a whole dict `a` is ``({"a.b": 1}, ["a"])``."""

HIDDEN_KEY = "_wandb"


class Config(MutableMapping[str, Any]):
    """Nested plain data; every change goes to `on_edit` before it is kept.

    Values become what a reader will get: tuples are lists, arrays lists of numbers, keys text, unknown objects their
    text. Dicts and lists that are read are copies: a change inside one is made with ``config["a"] = {...}``.
    Changing a key to another value raises `ConfigError` unless `allow_val_change`. `_wandb` is not listed. Keys in
    `locked` are parameters of a sweep: they keep their values, and who sets another one is warned once.
    """

    __slots__ = ("_allow_val_change", "_data", "_locked", "_on_edit", "_told")

    _data: dict[str, Any]
    _on_edit: OnEdit | None
    _allow_val_change: bool
    _locked: frozenset[str]
    _told: set[str]

    def __init__(
        self,
        initial: Mapping[str, Any] | None = None,
        on_edit: OnEdit | None = None,
        *,
        allow_val_change: bool = False,
        locked: Iterable[str] = (),
    ) -> None:
        """`initial` is taken as it is, without telling `on_edit`."""
        object.__setattr__(self, "_data", plain_config(initial or {}))
        object.__setattr__(self, "_on_edit", on_edit)
        object.__setattr__(self, "_allow_val_change", allow_val_change)
        object.__setattr__(self, "_locked", frozenset(locked))
        object.__setattr__(self, "_told", set())

    def __getitem__(self, key: Any) -> Any:
        return copy.deepcopy(self._data[str(key)])

    def __setitem__(self, key: Any, value: Any) -> None:
        self.update({key: value})

    def __delitem__(self, key: Any) -> None:
        if str(key) not in self._data:
            raise KeyError(key)
        self._tell({}, [escape_key(str(key))])
        del self._data[str(key)]

    def __iter__(self) -> Iterator[str]:
        return iter([key for key in self._data if key != HIDDEN_KEY])

    def __len__(self) -> int:
        return len(self._data) - (HIDDEN_KEY in self._data)

    def __contains__(self, key: object) -> bool:
        return str(key) in self._data

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in Config.__slots__:
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"the config has no key {name!r}; it has: {', '.join(self) or 'none'}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        try:
            del self[name]
        except KeyError:
            raise AttributeError(f"the config has no key {name!r}") from None

    @property
    def __dict__(self) -> dict[str, Any]:  # type: ignore[override]
        """What ``vars(config)`` gives: the values under the name by which integrations of W&B reach them."""
        return {"_items": self.as_dict()}

    def __repr__(self) -> str:
        return repr(self.as_dict())

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy, or what another process or a checkpoint gets, holds the values and no longer tells anybody.
        return Config, (self._data,)

    def update(self, source: Any = None, /, allow_val_change: bool | None = None, **more: Any) -> None:
        """Set keys from anything `config_source.read_config` takes; all of them, or on an error none."""
        new = plain_config(read_config(source) | more)
        allowed = self._allow_val_change if allow_val_change is None else allow_val_change
        changed = {}
        for key, value in new.items():
            if key in self._data:
                old = self._data[key]
                if _is_same(old, value):
                    continue
                if key in self._locked:
                    if key not in self._told:
                        self._told.add(key)
                        warnings.warn(
                            f"runlake: config[{key!r}] is a parameter of the sweep and stays {old!r:.200}",
                            RunlakeWarning,
                            stacklevel=2,
                        )
                    continue
                if not allowed:
                    raise ConfigError(
                        f"config[{key!r}] is {old!r:.200} and cannot become {value!r:.200}; pass allow_val_change=True "
                        "to init or to config.update if that is meant"
                    )
            changed[key] = value
        if changed:
            replaced = [key for key in changed if isinstance(self._data.get(key), dict)]
            replaced += [key for key in changed.keys() & self._data.keys() if isinstance(changed[key], dict)]
            unset = sorted({escape_key(key) for key in replaced})
            self._tell(flatten(changed, stringify_keys=True), unset)
            self._data.update(changed)

    def setdefaults(self, source: Any = None, /, **more: Any) -> None:
        """Set those keys that are not there yet."""
        defaults = read_config(source) | more
        self.update({key: value for key, value in defaults.items() if key not in self})

    def setdefault(self, key: Any, default: Any = None) -> Any:
        """The key's value; when it is not there, it is set to `default` first."""
        self.setdefaults({key: default})
        return self[key]

    def as_dict(self) -> dict[str, Any]:
        """A copy as nested plain data, without `_wandb`."""
        return {key: copy.deepcopy(value) for key, value in self._data.items() if key != HIDDEN_KEY}

    def _tell(self, paths_set: dict[str, Any], paths_unset: list[str]) -> None:
        if self._on_edit is not None:
            self._on_edit(paths_set, paths_unset)


def plain_config(data: Mapping[Any, Any]) -> dict[str, Any]:
    """A configuration as a reader will get it: nested plain data with text keys."""
    return unflatten(flatten(data, as_plain, stringify_keys=True).items())


def _is_same(old: Any, new: Any) -> bool:
    """Whether two plain values are the same; unlike ``==``, NaN is the same as NaN, and True is not 1."""
    if isinstance(old, dict) and isinstance(new, dict):
        return old.keys() == new.keys() and all(_is_same(value, new[key]) for key, value in old.items())
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(map(_is_same, old, new))
    if isinstance(old, bool) or isinstance(new, bool):
        return old is new
    return bool(old == new) or (old != old and new != new)
