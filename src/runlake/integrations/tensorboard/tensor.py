"""A tensor of an event file: its shape and its items, as Python numbers or bytes."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from runlake.integrations.tensorboard.wire import WireError, doubles, fields, floats, raw, signed, varints

FLOAT32, STRING, BOOL = 1, 7, 10

_CODES = {1: "f", 2: "d", 3: "i", 4: "B", 5: "h", 6: "b", 9: "q", 10: "?", 17: "H", 19: "e", 22: "I", 23: "Q"}
"""Number of a type → how it lies in the bytes of a tensor."""

MAX_REPEATED_COUNT = 2**24
"""Items that a tensor may leave out because they are all the same."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """Items in the order in which the last dimension runs fastest."""

    shape: tuple[int, ...]
    items: tuple[Any, ...]


def read_tensor(message: bytes) -> Tensor | None:
    """The tensor of a message; None for a type that is neither number nor text."""
    kind, shape, content = 0, (), b""  # type: int, tuple[int, ...], bytes
    items: list[Any] = []
    for number, _, value in fields(message):
        if number == 1 and isinstance(value, int):
            kind = value
        elif number == 2:
            shape = _shape(raw(value))
        elif number == 4:
            content = raw(value)
        elif number == 5:
            items += map(shortest, floats(value))
        elif number == 6:
            items += doubles(value)
        elif number in (7, 10, 16, 17):
            items += varints(value)
        elif number == 8:
            items.append(raw(value))
    if content:
        items = _unpack(kind, content)
    if kind == BOOL:
        items = list(map(bool, items))
    elif kind not in _CODES and kind != STRING:
        return None
    count = 1
    for size in shape:
        count *= size
    if len(items) < count <= MAX_REPEATED_COUNT and (items or kind != STRING):
        items += (items[-1:] or [0]) * (count - len(items))  # the last item stands for all that follow it
    if len(items) != count:
        raise WireError(f"a tensor of {count} items that has {len(items)}")
    return Tensor(shape, tuple(items))


def shortest(number: float) -> float:
    """The number with the fewest digits that is the same in 32 bits."""
    for digit_count in range(6, 10):
        short = float(f"{number:.{digit_count}g}")
        if struct.pack("<f", short) == struct.pack("<f", number):
            return short
    return number


def _unpack(kind: int, content: bytes) -> list[Any]:
    code = _CODES.get(kind)
    if code is None:
        return []
    size = struct.calcsize(code)
    if len(content) % size:
        raise WireError(f"{len(content)} bytes are no numbers of {size} bytes")
    items = list(struct.unpack(f"<{len(content) // size}{code}", content))
    return list(map(shortest, items)) if kind == FLOAT32 else items


def _shape(message: bytes) -> tuple[int, ...]:
    sizes = []
    for number, _, dimension in fields(message):
        if number == 2:
            found = [value for inner, _, value in fields(raw(dimension)) if inner == 1]
            sizes.append(signed(found[0]) if found and isinstance(found[0], int) else 0)
    return tuple(sizes)
