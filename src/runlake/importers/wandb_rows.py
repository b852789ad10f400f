"""Rows of a ``.wandb`` file, many at a time: their items are found side by side, and their JSON is read at once.

A row is items, each of them lengths, a key and JSON. Where it has nothing but usual ones, and no text in them, writing
quotes, commas and braces over the lengths makes one JSON object of it. Every length is looked at before, and quotes are
counted, so that what would be another row is none here: it is for `wandb_items`, as is all else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

_ITEM_TAGS, _ITEM_MASK = (0x0A000A, 0x12000A), 0xFF00FF
_JSON_TAG, _JSON_MASK = 0x0182, 0xFFFF
_OPEN, _NEXT, _COLON = (int.from_bytes(each, "little") for each in (b'{  "', b',  "', b'": '))
_BETWEEN, _SHORT = 5, 0x80
_STEP_TAG, _NUMBER_TAG, _MOST_DIGITS = 0x12, 0x08, 4
_FIRST_ITEM_HEAD = 7
_LOOKED_BEHIND = 4 + _SHORT + 4
"""So many bytes behind the begin of an item are looked at, whether they are of it or not."""

Ints = npt.NDArray[np.int64]


class PlainRow(NamedTuple):
    """A row as it stands: its values by key, their JSON in the place of its items, and the step behind them, or -1."""

    values: dict[str, Any]
    text: bytes
    step: int

    def has_items(self, message: bytes, other: bytes) -> bool:
        """Whether `message`, its own, begins with the items that are all of another one, which may begin elsewhere."""
        end = len(self.text)
        if len(other) != end:
            return False
        at = message.find(other[: _FIRST_ITEM_HEAD + other[3]], 0, end)
        if at < 0 or message[at:end] + message[:at] != other:
            return False
        return at == 0 or (self.text[at + 1 : at + 4] == b'  "' and self.text.count(b'"', 0, at) % 2 == 0)


def read_plain(messages: Sequence[bytes]) -> list[PlainRow | None]:
    """The rows that have nothing but usual items of numbers; None for each of the others."""
    if not messages:
        return []
    ends = np.cumsum(np.fromiter(map(len, messages), np.int64, len(messages)))
    begins = np.append(0, ends[:-1])
    text = bytearray(b"".join(messages) + bytes(_LOOKED_BEHIND))
    item_ends, item_counts = _write_json(text, begins, ends)
    steps, is_right = _read_steps(np.frombuffer(text, np.uint8), item_ends, ends)
    item_counts[~is_right] = 0
    written, objects = bytes(text), list[bytes]()
    places: list[int] = []
    spans = zip(begins.tolist(), item_ends.tolist(), item_counts.tolist(), strict=True)
    for place, (begin, end, item_count) in enumerate(spans):
        each = written[begin:end]
        if item_count and each.count(b'"') == 2 * item_count and b"\\" not in each:
            objects.append(each)
            places.append(place)
    rows = _decoded(objects)
    if rows is None:
        rows = [(_decoded([each]) or [None])[0] for each in objects]
    found: list[PlainRow | None] = [None] * len(messages)
    for place, row, each, step in zip(places, rows, objects, steps[places].tolist(), strict=True):
        found[place] = None if row is None else PlainRow(row, each, step)
    return found


def _decoded(objects: list[bytes]) -> list[dict[str, Any] | None] | None:
    """Objects that lack nothing but their last brace; None where something is no JSON, NaN for one."""
    try:
        rows: list[dict[str, Any] | None] = msgspec.json.decode(b"[%b}]" % b"},".join(objects)) if objects else []
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    return rows if len(rows) == len(objects) else None


def _write_json(text: bytearray, begins: Ints, ends: Ints) -> tuple[Ints, Ints]:
    """Make JSON of the usual items at the begin of each message: where they end, and how many they are."""
    words = np.ndarray(len(text) - 3, "<u4", text, strides=(1,))  # the four bytes at each place
    pairs, single = np.ndarray(len(text) - 1, "<u2", text, strides=(1,)), np.frombuffer(text, np.uint8)
    at, counts = begins.copy(), np.zeros(len(begins), np.int64)
    left = np.flatnonzero(at < ends)
    opening = _OPEN
    while len(left):
        place = at[left]
        head = words[place]
        length, key_length = (head >> 8 & 0xFF).astype(np.int64), (head >> 24).astype(np.int64)
        behind_key = place + 4 + key_length
        tail = words[np.minimum(behind_key, len(words) - 1)]
        text_length = (tail >> 16 & 0xFF).astype(np.int64)
        kind = head & _ITEM_MASK
        is_usual = (
            ((kind == _ITEM_TAGS[0]) | (kind == _ITEM_TAGS[1]))
            & (tail & _JSON_MASK == _JSON_TAG)
            & (np.maximum(length, text_length) < _SHORT)
            & (key_length > 0)
            & (text_length > 0)
            & (length == key_length + text_length + _BETWEEN)
            & (place + 2 + length <= ends[left])
        )
        if not is_usual.all():
            left, place, behind_key, length = (each[is_usual] for each in (left, place, behind_key, length))
        words[place] = opening
        pairs[behind_key], single[behind_key + 2] = _COLON & 0xFFFF, _COLON >> 16
        at[left] = place + 2 + length
        counts[left] += 1
        left = left[at[left] < ends[left]]
        opening = _NEXT
    return at, counts


def _read_steps(text: npt.NDArray[np.uint8], at: Ints, ends: Ints) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """The step that each message says behind its items, -1 for none; and whether nothing else is there."""
    length = text[at + 1].astype(np.int64)
    is_there = at < ends
    digits = length - 1
    is_right = (text[at] == _STEP_TAG) & (at + 2 + length == ends) & (digits != 0) & (digits <= _MOST_DIGITS)
    is_right &= (digits < 0) | (text[at + 2] == _NUMBER_TAG)
    steps = np.zeros(len(at), np.int64)
    for digit in range(_MOST_DIGITS):
        byte = text[at + 3 + digit].astype(np.int64)
        steps += np.where(digit < digits, (byte & 0x7F) << 7 * digit, 0)
        is_right &= (digit >= digits) | ((byte >= _SHORT) == (digit < digits - 1))
    return np.where(is_there, steps, -1), is_right | ~is_there
