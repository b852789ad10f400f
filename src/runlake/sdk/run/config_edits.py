"""Configurations over one another, and what changed between two states of one; pure.

There is one way in which a configuration lies over another, and it is the one in which readers apply records
(`journal.edits.apply_edit`): path by path. So what a running program sees is what is stored, whoever gave which part.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from runlake.differences import MISSING, is_branch, nested_differences
from runlake.store.journal.edits import apply_edit
from runlake.values import flatten, join_path

Edit = tuple[dict[str, Any], list[str]]
"""Paths set (path → canonical value) and paths unset, which go first."""


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Nested plain data of both; where both have a value, that of `above`. Dicts are merged at every depth.

    An empty dict in `above` is a value: it replaces what is below it.
    """
    result = copy.deepcopy(dict(below))
    apply_edit(result, {"set": flatten(above)})
    return result


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Edit:
    """The edit that makes `after` of `before`, both nested plain data, leaf by leaf."""
    paths_set: dict[str, Any] = {}
    paths_unset: list[str] = []
    for keys, was, value in nested_differences(before, after):
        path = join_path(keys)
        if value is MISSING:
            paths_unset.append(path)
            continue
        if was is not MISSING and (is_branch(value) or is_branch(was)):
            paths_unset.append(path)
        above = f"{join_path(keys[:-1])}." if keys[1:] else ""
        paths_set.update((above + below, leaf) for below, leaf in flatten({keys[-1]: value}).items())
    return paths_set, paths_unset


def changed_leaf(before: Any, after: Any, keys: tuple[str, ...] = ()) -> tuple[tuple[str, ...], Any, Any] | None:
    """Keys, old and new value of the first value that `after` changes or lacks; adding some changes none."""
    if is_branch(before) and is_branch(after):
        found = (changed_leaf(value, after.get(key), (*keys, key)) for key, value in before.items())
        return next(filter(None, found), None)
    return None if is_same(before, after) else (keys, before, after)


def leaves(tree: Mapping[str, Any], keys: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value of nested plain data with the keys that lead to it."""
    for key, value in tree.items():
        if is_branch(value):
            yield from leaves(value, (*keys, key))
        else:
            yield (*keys, key), value


def is_same(old: Any, new: Any) -> bool:
    """Whether two plain values are the same; unlike ``==``, NaN is the same as NaN, and True is not 1."""
    if isinstance(old, dict) and isinstance(new, dict):
        return old.keys() == new.keys() and all(is_same(value, new[key]) for key, value in old.items())
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(map(is_same, old, new))
    if isinstance(old, bool) or isinstance(new, bool):
        return old is new
    return bool(old == new) or (old != old and new != new)
