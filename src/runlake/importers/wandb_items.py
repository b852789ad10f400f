"""Keys and values as records of a ``.wandb`` file hold them: each a small message, most of them with one key and JSON.

A row of ten numbers is thirteen such messages, so the usual ones are read by place, and only others field by field.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import Any

from runlake.errors import BadValueError
from runlake.integrations.tensorboard.wire import WireError, fields, raw, signed, text

KEY, NESTED_KEY, NONE, BOOLEAN, INTEGER, NUMBER, TEXT, JSON, VALUE_JSON = 1, 2, 3, 4, 5, 6, 7, 8, 16

_KEY_TAGS = frozenset({0x0A, 0x12})
_VALUE_TAG = b"\x82\x01"
_LONG = 0x80

Path = tuple[str, ...]


def read_items(message: bytes, item_field: int = 1) -> tuple[list[tuple[Path, Any]], list[tuple[int, int | bytes]]]:
    """The (path, value) of each item in a message, and its other fields. BadValueError for a value that is no JSON."""
    keys, texts, end = split_items(message, item_field)
    found = [(path_of(key), value) for key, value in zip(keys, _all_json(texts), strict=True)]
    others: list[tuple[int, int | bytes]] = []
    for number, _, content in fields(message[end:]):
        if number == item_field:
            found.append(_read_item(raw(content)))
        else:
            others.append((number, content))
    return found, others


def split_items(message: bytes, item_field: int = 1) -> tuple[list[bytes], list[bytes], int]:
    """The usual items at the beginning of a message as they stand: the bytes of each key, those of its JSON.

    A usual item is a tag, a short key, a tag of two bytes, a short text, and nothing behind it. The number is where
    they end: what is there is not one of them.
    """
    tag, keys, texts = item_field << 3 | 2, list[bytes](), list[bytes]()
    at, end = 0, len(message)
    try:
        while at < end and message[at] == tag:
            begin = at + 2
            stop = begin + message[at + 1]
            key_end = begin + 2 + message[begin + 1]
            text_begin = key_end + 3
            if (
                stop - begin >= _LONG
                or message[begin] not in _KEY_TAGS
                or key_end - begin >= _LONG
                or message[key_end : key_end + 2] != _VALUE_TAG
                or text_begin + message[key_end + 2] != stop
                or stop > end
            ):
                break
            keys.append(message[begin:key_end])
            texts.append(message[text_begin:stop])
            at = stop
    except IndexError:
        pass  # it ends in the midst of an item: what reads it field by field says so
    return keys, texts, at


def path_of(key: bytes) -> Path:
    """The path that the key of a usual item says."""
    return (key[2:].decode("utf-8", "replace"),)


def nested(items: Sequence[tuple[Path, Any]]) -> dict[str, Any]:
    """Items as the dict that they are the leaves of."""
    document: dict[str, Any] = {}
    for path, value in items:
        if len(path) == 1:
            document[path[0]] = value
        else:
            put(document, path, value)
    return document


def put(document: dict[str, Any], path: Path, value: Any) -> None:
    """Set what stands at a path, and make the dicts on the way."""
    for part in path[:-1]:
        if not isinstance(document.get(part), dict):
            document[part] = {}
        document = document[part]
    document[path[-1]] = value


def remove(document: dict[str, Any], path: Path) -> None:
    """Remove what stands at a path, if anything does."""
    for part in path[:-1]:
        inner = document.get(part)
        if not isinstance(inner, dict):
            return
        document = inner
    document.pop(path[-1], None)


def _read_item(item: bytes) -> tuple[Path, Any]:
    path: list[str] = []
    value: Any = None
    for number, _, content in fields(item):
        if number in (KEY, NESTED_KEY):
            path.append(text(content))
        elif number in (VALUE_JSON, JSON):
            value = read_json(raw(content))
        elif number == TEXT:
            value = text(content)
        elif number == NUMBER:
            (value,) = struct.unpack("<d", raw(content))
        elif number in (INTEGER, BOOLEAN):
            value = bool(content) if number == BOOLEAN else signed(int(content))
    if not path:
        raise WireError("an item without a key")
    return tuple(path), value


def _all_json(texts: list[bytes]) -> list[Any]:
    """The values of several texts, read at once as one list."""
    found: list[Any] = read_json(b"[" + b",".join(texts) + b"]") if all(texts) else []
    if len(found) != len(texts):  # a text that is several values, or none
        return [read_json(value_text) for value_text in texts]
    return found


def read_json(value_text: bytes) -> Any:
    """A value as its JSON says, NaN and infinities included. BadValueError for what is none."""
    try:
        return json.loads(value_text.decode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise BadValueError(f"a value is no JSON: {error}; it begins with {value_text[:60]!r}") from None
