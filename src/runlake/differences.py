"""What changed between two states of a document, as plain data; pure.

Nested documents are compared by `nested_differences`, those that are path → value already by `flat_differences`. What
an edit says of a difference is for who makes the edit: the SDK sets leaves, a reader sets what it changed as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final, NamedTuple

MISSING: Final = object()
"""In a `Difference`: the key was not there, or is not there any more."""


class Difference(NamedTuple):
    """A value that is another, or is new or gone, and the keys that lead to it."""

    keys: tuple[str, ...]
    before: Any
    after: Any


def nested_differences(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    touched: Collection[str] = (),
    parents: tuple[str, ...] = (),
) -> Iterator[Difference]:
    """What must change in `before`, nested plain data, to make `after` of it; what is gone comes first at each level.

    Dicts on both sides are compared inside, unless they are empty or describe media. Keys in `touched` differ whatever
    they hold.
    """
    for key, was in before.items():
        if key not in after:
            yield Difference((*parents, key), was, MISSING)
    for key, value in after.items():
        was = before.get(key, MISSING)
        if key not in touched and is_branch(value) and is_branch(was):
            yield from nested_differences(was, value, (), (*parents, key))
        # By representation, since 1, 1.0 and True are equal, and NaN is not equal to itself.
        elif key in touched or was is MISSING or repr(was) != repr(value):
            yield Difference((*parents, key), was, value)


def flat_differences(
    before: Mapping[str, Any], after: Mapping[str, Any], is_same: Callable[[Any, Any], bool]
) -> tuple[dict[str, Any], list[str]]:
    """Paths to set with their values, and paths to unset, that make `after` of `before`; both path → value.

    `is_same` says of a value of each whether it is one.
    """
    to_set = {path: value for path, value in after.items() if path not in before or not is_same(before[path], value)}
    return to_set, [path for path in before if path not in after]


def is_branch(value: Any) -> bool:
    """Whether a plain value has paths of its own below it."""
    return isinstance(value, dict) and bool(value) and "_type" not in value
