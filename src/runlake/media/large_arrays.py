"""Large arrays that are logged as they are: a histogram each, as W&B does, instead of a list of numbers a row.

A list stays a list, however long, and so does what is given to config, summary and tables.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from runlake.media.histogram import Histogram
from runlake.values import MAX_DEPTH

LARGEST_LIST_COUNT = 32
"""An array of more numbers is a histogram; the same limit as W&B's."""

BIN_COUNT = 32

_PLAIN = frozenset({float, int, str, bool, type(None), bytes})
_PACKAGES = frozenset({"numpy", "torch", "jax", "jaxlib", "tensorflow", "cupy"})


def with_histograms(data: Any, depth: int = 0) -> Any:
    """A row, or a value in it, with its large arrays of numbers as histograms; itself if there is none."""
    if type(data) in _PLAIN or depth > MAX_DEPTH:  # a cycle: canonicalising the row says so
        return data
    if isinstance(data, Mapping):
        if _PLAIN.issuperset(map(type, data.values())):
            return data
        replaced = {}
        for key, value in data.items():
            new = value if type(value) in _PLAIN else with_histograms(value, depth + 1)
            if new is not value:
                replaced[key] = new
        return {**data, **replaced} if replaced else data
    if isinstance(data, list | tuple):
        if _PLAIN.issuperset(map(type, data)):
            return data
        items = [with_histograms(item, depth + 1) for item in data]
        return items if any(new is not old for new, old in zip(items, data, strict=True)) else data
    return Histogram(data, num_bins=BIN_COUNT) if _is_large(data) else data


def _is_large(value: Any) -> bool:
    """Whether it is an array of more real numbers than a row should list."""
    if type(value).__module__.partition(".")[0] not in _PACKAGES or not hasattr(value, "dtype"):
        return False
    if math.prod(getattr(value, "shape", ())) <= LARGEST_LIST_COUNT or hasattr(value, "mask"):
        return False
    name = str(value.dtype)  # float32, torch.float32, bfloat16, bool
    return "complex" not in name and any(word in name for word in ("float", "int", "bool"))
