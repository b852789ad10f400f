"""The configuration of the run that is being written: a dict whose keys are also attributes."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from runlake.errors import ConfigError, LogTypeError, warn
from runlake.model import HIDDEN_KEY
from runlake.sdk.run.config_edits import changed_leaf, differences, is_same, leaves, merged
from runlake.sdk.run.config_source import as_plain, read_config
from runlake.sdk.run.keys_as_attributes import KeysAsAttributes
from runlake.store.journal.edits import apply_edit
from runlake.values import escape_key, flatten, unflatten

OnEdit = Callable[[dict[str, Any], list[str]], None]
"""Called with paths set (path → canonical value) and paths unset. A path that is unset or set to another value goes
with all below it, and what is unset goes first: replacing a whole dict `a` is ``({"a.b": 1}, ["a"])``."""


class Config(KeysAsAttributes):
    """Nested plain data; every change goes to `on_edit` before it is kept.

    Values become what a reader will get: tuples are lists, arrays lists of numbers, keys text, unknown objects their
    text. `update` and `setdefaults` merge dicts at every depth, ``config["a"] = {...}`` replaces one. Changing a value
    that is there raises `ConfigError` unless `allow_val_change`. `_wandb` is not listed.

    Dicts and lists that are read are those of the configuration, plain ones for every library. What is changed inside
    them is told by `tell_changes`, which every later use of a dict or list of the configuration and every change calls;
    `on_lend` is told when one was read, so that the run can call it too. Such a change is always allowed.

    Values in `locked` (nested plain data) are parameters of a sweep: they stay, and who sets another is warned once.
    """

    __slots__ = ("_allow_val_change", "_data", "_is_over", "_lent", "_locked", "_on_edit", "_on_lend", "_told")

    _what, _own = "config", __slots__

    _data: dict[str, Any]
    _on_edit: OnEdit | None
    _on_lend: Callable[[], None] | None
    _allow_val_change: bool
    _is_over: bool
    _lent: dict[str, Any]  # keys whose dict or list was read, and copies of these as they were told last
    _locked: dict[str, Any]
    _told: set[tuple[str, ...]]

    def __init__(
        self,
        initial: Mapping[str, Any] | None = None,
        on_edit: OnEdit | None = None,
        *,
        allow_val_change: bool = False,
        locked: Mapping[str, Any] | None = None,
        on_lend: Callable[[], None] | None = None,
    ) -> None:
        """`initial` is taken as it is, without telling `on_edit`."""
        object.__setattr__(self, "_data", plain_config(initial or {}))
        object.__setattr__(self, "_on_edit", on_edit)
        object.__setattr__(self, "_on_lend", on_lend)
        object.__setattr__(self, "_allow_val_change", allow_val_change)
        object.__setattr__(self, "_lent", {})
        object.__setattr__(self, "_locked", plain_config(locked or {}))
        object.__setattr__(self, "_told", set())
        object.__setattr__(self, "_is_over", False)

    def __getitem__(self, key: Any) -> Any:
        key = str(key)
        value = self._data[key]
        if type(value) in (dict, list) and key != HIDDEN_KEY:
            if key in self._lent:
                self._tell_change(key)
            elif not self._is_over:
                self._lent[key] = copy.deepcopy(value)
            if self._on_lend is not None:
                self._on_lend()
        return value

    def __setitem__(self, key: Any, value: Any) -> None:
        self._change(plain_config({key: value}), self._allow_val_change)

    def __delitem__(self, key: Any) -> None:
        name = str(key)
        if name not in self._data:
            raise KeyError(key)
        self._tell({}, [escape_key(name)])
        del self._data[name]
        self._lent.pop(name, None)

    def __iter__(self) -> Iterator[str]:
        return iter([key for key in self._data if key != HIDDEN_KEY])

    def __len__(self) -> int:
        return len(self._data) - (HIDDEN_KEY in self._data)

    def __contains__(self, key: object) -> bool:
        return str(key) in self._data

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
        """Set values from anything `config_source.read_config` takes; all of them, or on an error none."""
        self.tell_changes()
        new = plain_config(read_config(source) | more)
        below = {key: self._data[key] for key in new if key in self._data}
        self._change(merged(below, new), self._allow_val_change if allow_val_change is None else allow_val_change)

    def setdefaults(self, source: Any = None, /, **more: Any) -> None:
        """Set those values that are not there yet."""
        self.tell_changes()
        defaults = plain_config(read_config(source) | more)
        above = {key: self._data[key] for key in defaults if key in self._data}
        self._change(merged(defaults, above), False)

    def setdefault(self, key: Any, default: Any = None) -> Any:
        """The key's value; when it is not there, it is set to `default` first."""
        if key not in self:
            self[key] = default
        return self[key]

    def as_dict(self) -> dict[str, Any]:
        """A copy as nested plain data, without `_wandb`."""
        self.tell_changes()
        return {key: copy.deepcopy(value) for key, value in self._data.items() if key != HIDDEN_KEY}

    def tell_changes(self, *, from_beside: bool = False) -> None:
        """Tell what was changed inside dicts and lists that were read; `from_beside` by a thread that is not theirs."""
        for key in list(self._lent):
            self._tell_change(key, from_beside)

    def tell_last_changes(self) -> None:
        """Tell what is to be told, for the last time."""
        self.tell_changes(from_beside=True)
        object.__setattr__(self, "_is_over", True)
        self._lent.clear()

    def _tell_change(self, key: str, from_beside: bool = False) -> None:
        before, live = self._lent[key], self._data[key]
        try:
            if repr(live) == repr(before):
                return
            after = plain_config({key: live})
        except RuntimeError:
            if from_beside:  # it is being changed at this moment: the next look will see it whole
                return
            raise
        except LogTypeError as error:
            self._warn_once((key,), f"{_place((key,))} was changed inside and cannot be stored: {error}")
            return
        paths_set, paths_unset = differences({key: before}, self._with_locked(after))
        if paths_set or paths_unset:
            self._tell(paths_set, paths_unset)
            self._lent[key] = copy.deepcopy(after[key])
        if not from_beside:
            _settle(live, after[key])

    def _change(self, wanted: Mapping[str, Any], allowed: bool) -> None:
        """Make each key hold what is wanted, as far as that may be; all of them, or on an error none."""
        self.tell_changes()
        after = {}
        for key, value in self._with_locked(wanted).items():
            old = self._data.get(key)
            if key in self._data and is_same(old, value):
                continue
            change = changed_leaf(old, value, (key,)) if key in self._data and not allowed else None
            if change is not None:
                keys, was, now = change
                raise ConfigError(
                    f"{_place(keys)} is {was!r:.200} and cannot become {now!r:.200}; pass allow_val_change=True "
                    "to init or to config.update if that is meant"
                )
            after[key] = value
        paths_set, paths_unset = differences({key: self._data[key] for key in after if key in self._data}, after)
        if not paths_set and not paths_unset:
            return
        self._tell(paths_set, paths_unset)
        apply_edit(self._data, {"set": paths_set, "unset": paths_unset})
        for key in after.keys() & self._lent.keys():
            self._lent[key] = copy.deepcopy(self._data[key])

    def _with_locked(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """What is wanted, with the parameters of the sweep as they are."""
        for keys, value in leaves(self._locked):
            given: Any = wanted
            for key in keys:
                given = given.get(key, _MISSING) if isinstance(given, dict) else given
            if given is not _MISSING and not is_same(value, given):
                self._warn_once(keys, f"{_place(keys)} is a parameter of the sweep and stays {value!r:.200}")
        return merged(wanted, {key: value for key, value in self._locked.items() if key in wanted})

    def _warn_once(self, keys: tuple[str, ...], message: str) -> None:
        if keys not in self._told:
            self._told.add(keys)
            warn(message)

    def _tell(self, paths_set: dict[str, Any], paths_unset: list[str]) -> None:
        if self._on_edit is not None:
            self._on_edit(paths_set, paths_unset)


_MISSING = object()


def plain_config(data: Mapping[Any, Any]) -> dict[str, Any]:
    """A configuration as a reader will get it: nested plain data with text keys."""
    return unflatten(flatten(data, as_plain, stringify_keys=True).items())


def _place(keys: tuple[str, ...]) -> str:
    return "config" + "".join(f"[{key!r}]" for key in keys)


def _settle(live: Any, plain: Any) -> None:
    """Make dicts and lists in use hold the values that are stored, without taking others for them."""
    if type(live) is dict and type(plain) is dict:
        if list(live) != list(plain):
            kept = {str(key): value for key, value in live.items()}
            live.clear()
            live.update({key: kept.get(key, value) for key, value in plain.items()})
        for key, value in plain.items():
            if type(live[key]) is type(value) in (dict, list):
                _settle(live[key], value)
            else:
                live[key] = value
    elif type(live) is list and len(live) == len(plain):
        for index, value in enumerate(plain):
            if type(live[index]) is type(value) in (dict, list):
                _settle(live[index], value)
            else:
                live[index] = value
