"""What a dotted path finds in nested data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from runlake.query.runs.column import MISSING


def find_values(tree: Mapping[str, Any], keys: tuple[str, ...]) -> Iterator[Any]:
    """The nested value first, then those under literal dotted keys."""
    for split in range(1, len(keys) + 1):
        value = tree.get(".".join(keys[:split]), MISSING)
        if value is MISSING:
            continue
        if split == len(keys):
            yield value
        elif isinstance(value, dict):
            yield from find_values(value, keys[split:])
