"""The summary of a stored run: the last value of each metric, and what was set by hand."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

from runlake.model import HIDDEN_KEY, RUNTIME, STEP, TIMESTAMP, RunInfo

Push = Callable[[], None]


def summary_data(info: RunInfo) -> dict[str, Any]:
    """The summary as W&B has it: plain nested data with `_step`, `_runtime`, `_timestamp` and `_wandb`."""
    data = copy.deepcopy(info.summary)
    data.setdefault(STEP, info.last_step)
    data.setdefault(RUNTIME, info.runtime_s)
    data.setdefault(TIMESTAMP, info.last_row_at or info.heartbeat_at)
    data.setdefault(HIDDEN_KEY, {"runtime": int(info.runtime_s)})
    return data


class StoredSummary(MutableMapping[str, Any]):
    """The summary of a stored run as nested dicts. Changes stay here until `update()` writes them to the store.

    ``summary["a"]["b"] = 1`` changes `b` alone; ``summary["a"] = {...}`` replaces all of `a`. A key that is not
    there raises `KeyError`. Keys that are names can be read and set as attributes too: ``summary.best``. Arrays,
    histograms and other media can be set; they are stored by `update()`.
    """

    def __init__(self, data: dict[str, Any], push: Push) -> None:
        self._push = push
        self.reset(data)

    def reset(self, data: dict[str, Any]) -> None:
        """Hold `data` and forget every change."""
        self._data = data
        self._touched: set[str] = set()

    @property
    def current(self) -> dict[str, Any]:
        """The data with the changes that were not written yet; media may be among the values."""
        return self._data

    @property
    def touched(self) -> set[str]:
        """The keys that were set since the last `update()`."""
        return self._touched

    @property
    def _json_dict(self) -> dict[str, Any]:
        """The very dict that this summary holds, the same each time, as in W&B: what is put in is in the summary."""
        return self._data

    def __getitem__(self, key: str) -> Any:
        return self._data[key]

    def __setitem__(self, key: str, value: Any) -> None:
        key = str(key)
        self._data[key] = copy.deepcopy(value) if type(value) in (dict, list) else value
        self._touched.add(key)

    def __delitem__(self, key: str) -> None:
        del self._data[key]
        self._touched.discard(key)

    def __getattr__(self, name: str) -> Any:
        return _read_attribute(self.__dict__.get("_data", {}), name, "summary")

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            object.__setattr__(self, name, value)
        else:
            self[name] = value

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)

    def update(  # type: ignore[override]
        self, key_vals: Mapping[str, Any] | None = None, overwrite: bool = True, **more: Any
    ) -> None:
        """Set `key_vals`, each replacing what was there, and write all changes to the store.

        With `overwrite=False` keys that are there already keep their value.
        """
        for key, value in {**(key_vals or {}), **more}.items():
            if overwrite or key not in self._data:
                self[key] = value
        self._push()

    def __repr__(self) -> str:
        shown = {key: value for key, value in self._data.items() if key != HIDDEN_KEY}
        return f"<summary {shown!r}>"


class _Branch(MutableMapping[str, Any]):
    """A nested dict of the summary, whose keys are attributes too; changes are changes of the summary."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.__dict__["_data"] = data

    def __getattr__(self, name: str) -> Any:
        return _read_attribute(self.__dict__.get("_data", {}), name, "this part of the summary")

    def __setattr__(self, name: str, value: Any) -> None:
        self._data[name] = value

    def __getitem__(self, key: str) -> Any:
        return self._data[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._data[key] = value

    def __delitem__(self, key: str) -> None:
        del self._data[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)

    def __repr__(self) -> str:
        return repr(self._data)


def _read_attribute(data: dict[str, Any], name: str, place: str) -> Any:
    if name not in data:
        raise AttributeError(f"{place} has no key {name!r}; it has: {', '.join(map(repr, list(data)[:10])) or 'none'}")
    value = data[name]
    return _Branch(value) if type(value) is dict else value
