"""Edits of trees, as records say them, path by path. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from runlake.errors import CorruptError
from runlake.values import MAX_DEPTH, Json, split_path, stored_json


def apply_edit(tree: dict[str, Any], edit: Mapping[str, Any]) -> None:
    """Apply one ``{"set": {path: canonical}, "unset": [path]}`` in place; setting replaces the whole subtree."""
    for path in edit.get("unset", ()):
        keys = split_path(path)
        parent = _descend(tree, keys[:-1])
        if parent is not None:
            parent.pop(keys[-1], None)
    for path, value in edit.get("set", {}).items():
        is_json = type(value) is Json
        depth = len(split_path(path)) - 1 if is_json or path.count(".") > MAX_DEPTH else 0
        if depth > MAX_DEPTH:
            raise CorruptError(f"the key {path[:60]!r}... is nested deeper than {MAX_DEPTH} levels")
        set_path(tree, path, tree_of(value, MAX_DEPTH - depth) if is_json else value)


def tree_of(text: str, max_levels: int = MAX_DEPTH) -> Any:
    """A value as a part of a tree. Writers take dicts apart: one that comes whole may have keys that nobody wrote."""
    value = stored_json(text, max_levels)
    if type(value) is dict and "\\u" in text:
        try:
            "".join(_keys_in(value)).encode()
        except UnicodeEncodeError:
            raise CorruptError(f"the stored value {text[:60]!r} has a key that is not valid Unicode text") from None
    return value


def _keys_in(tree: Mapping[str, Any]) -> Iterator[str]:
    for key, value in tree.items():
        yield key
        if type(value) is dict:
            yield from _keys_in(value)


def set_path(tree: dict[str, Any], path: str, value: Any) -> None:
    """Put a plain value at a path, making dicts on the way."""
    if "." not in path and "\\" not in path:
        tree[path] = value
        return
    *parents, last = split_path(path)
    for key in parents:
        child = tree.get(key)
        if type(child) is not dict:
            child = tree[key] = {}
        tree = child
    tree[last] = value


def _descend(tree: dict[str, Any], keys: Iterable[str]) -> dict[str, Any] | None:
    for key in keys:
        child = tree.get(key)
        if type(child) is not dict:
            return None
        tree = child
    return tree
