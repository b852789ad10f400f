"""Keys and values as records of a ``.wandb`` file hold them: each a small message, most of them with one key and JSON.

A row of ten numbers is thirteen such messages, so the usual ones are read by place, and only others field by field.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Sequence
from typing import Any

import msgspec

from runlake.errors import BadValueError
from runlake.integrations.tensorboard.wire import BYTES, WireError, fields, raw, signed, text, varint_at

KEY, NESTED_KEY, NONE, BOOLEAN, INTEGER, NUMBER, TEXT, JSON, VALUE_JSON = 1, 2, 3, 4, 5, 6, 7, 8, 16

_NUMBER_TAG, _MORE = 0x08, 0x80
_STEP_TAG, _STEP_HEAD = b"\x12", b"\x08"
_USUAL = {
    number: re.compile(
        rb"%c([\x00-\x7f])[\x0a\x12]([\x00-\x7f])([^\x00-\x1f\x82]+)\x82\x01([\x00-\x7f])" % (number << 3 | 2),
        re.DOTALL,
    )
    for number in (1, 3)
}
"""What stands before the JSON of a usual item, by the number of the field that items are: three lengths and the key."""

Path = tuple[str, ...]


def read_items(message: bytes, item_field: int = 1) -> tuple[list[tuple[Path, Any]], list[tuple[int, int | bytes]]]:
    """The (path, value) of each item in a message, and its other fields. BadValueError for a value that is no JSON."""
    keys, texts, end = split_items(message, item_field)
    found: list[tuple[Path, Any]] = [
        ((key.decode("utf-8", "replace"),), value) for key, value in zip(keys, all_json(texts), strict=True)
    ]
    others: list[tuple[int, int | bytes]] = []
    for number, _, content in fields(message[end:]):
        if number == item_field:
            found.append(_read_item(raw(content)))
        else:
            others.append((number, content))
    return found, others


def split_items(message: bytes, item_field: int = 1) -> tuple[list[bytes], list[bytes], int]:
    """The usual items at the beginning of a message as they stand: the text of each key, and its JSON.

    A usual item is a tag, a short key without control characters, a tag of two bytes, a short JSON text, and nothing
    behind it. The number is where they end: what is there is not one of them. JSON has no control characters, so a
    message is parted at the tags, and the lengths between them prove that it was parted right.
    """
    parts = _USUAL[item_field].split(message)
    keys, texts = parts[3::5], parts[5::5]
    if not keys or parts[0]:
        return [], [], 0
    end = len(message)
    last_length = parts[-2][0]
    if len(texts[-1]) > last_length:
        end -= len(texts[-1]) - last_length
        texts[-1] = texts[-1][:last_length]
    key_lengths, text_lengths = list(map(len, keys)), list(map(len, texts))
    whole_lengths = [key + text + 5 for key, text in zip(key_lengths, text_lengths, strict=True)]
    try:
        is_right = (
            bytes(key_lengths) == b"".join(parts[2::5])
            and bytes(text_lengths) == b"".join(parts[4::5])
            and bytes(whole_lengths) == b"".join(parts[1::5])
        )
    except ValueError:  # a length of more than a byte
        is_right = False
    return (keys, texts, end) if is_right else ([], [], 0)


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


def edit(document: dict[str, Any], message: bytes) -> None:
    """Change a document as a message says: items that are set, and paths that are removed."""
    items, others = read_items(message)
    for path, value in items:
        put(document, path, value)
    for number, content in others:
        if number == 2:
            removed = tuple(text(part) for field, _, part in fields(raw(content)) if field in (1, 2))
            if removed:
                remove(document, removed)


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


def all_json(texts: list[bytes]) -> list[Any]:
    """The values of several texts, read at once as one list. BadValueError for one that is no JSON."""
    whole = b"[%b]" % b",".join(texts)
    try:
        found: list[Any] = msgspec.json.decode(whole) if all(texts) else []
    except (msgspec.MsgspecError, UnicodeError, RecursionError):  # NaN, infinities, and what others take for JSON
        found = read_json(whole)
    if len(found) != len(texts):  # a text that is several values, or none
        return [read_json(value_text) for value_text in texts]
    return found


def read_json(value_text: bytes) -> Any:
    """A value as its JSON says, NaN and infinities included. BadValueError for what is none."""
    try:
        return json.loads(value_text.decode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise BadValueError(f"a value is no JSON: {error}; it begins with {value_text[:60]!r}") from None


def only_field(record: bytes, kinds: frozenset[int]) -> tuple[int, bytes] | None:
    """The field of a record that has nothing beside it but its number, if it is one of `kinds`; None for any other."""
    try:
        at = 1
        while record[at] >= _MORE:
            at += 1
        tag, length, at = record[at + 1], record[at + 2], at + 3
        if length >= _MORE:
            length, at = length & _MORE - 1 | record[at] << 7, at + 1
            if record[at - 1] >= _MORE:
                return None
    except IndexError:
        return None
    if record[0] != _NUMBER_TAG or tag >> 3 not in kinds or tag & 7 != BYTES or at + length != len(record):
        return None
    return tag >> 3, record[at:]


def step_of(message: bytes) -> int:
    """The number in the step of a row; 0 where none is said, as such messages have it."""
    if message[:1] == _STEP_HEAD:
        number, end = varint_at(message, 1)
        if end == len(message):
            return number
    return next((int(value) for field, _, value in fields(message) if field == 1), 0)


def fields_behind(message: bytes) -> list[tuple[int, int | bytes]]:
    """The fields of a row behind its items: its step, and nothing else in most."""
    if message[:1] == _STEP_TAG and message[1:2] and message[1] == len(message) - 2:
        return [(2, message[2:])]
    return [(number, content) for number, _, content in fields(message)]


class Names(dict[bytes, str]):
    """The keys that came, as text."""

    def __missing__(self, key: bytes) -> str:
        name = self[key] = key.decode("utf-8", "replace")
        return name
