"""What a dotted path finds in nested data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def find_values(tree: Mapping[str, Any], keys: tuple[str, ...]) -> Iterator[Any]:
    """The nested value first, then those under literal dotted keys."""
    for split in range(1, len(keys) + 1):
        key = ".".join(keys[:split])
        if key not in tree:
            continue
        value = tree[key]
        if split == len(keys):
            yield value
        elif isinstance(value, dict):
            yield from find_values(value, keys[split:])
