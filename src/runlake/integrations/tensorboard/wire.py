"""Reads the wire format of Protocol Buffers: numbered fields, without a schema and without the protobuf package.

Event files are written by several packages, each with a generated module of its own, of which two may not even be
loadable together. What an event holds is a few fields of a few messages, whose numbers are fixed for ever.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

_FIXED_SIZES = {FIXED64: 8, FIXED32: 4}


class WireError(ValueError):
    """The bytes are no message."""


def fields(message: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """(number, wire type, value) of each field, in order: an int for a varint, the bytes for all others."""
    position, end = 0, len(message)
    while position < end:
        key, position = varint_at(message, position)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, position = varint_at(message, position)
            yield number, kind, value
            continue
        if kind == BYTES:
            size, position = varint_at(message, position)
        elif kind in _FIXED_SIZES:
            size = _FIXED_SIZES[kind]
        else:
            raise WireError(f"a field of wire type {kind}")
        if position + size > end:
            raise WireError("a field that ends behind its message")
        yield number, kind, message[position : position + size]
        position += size


def signed(value: int) -> int:
    """An int32 or int64 as it was before it became a varint."""
    return value - (1 << 64) if value >= 1 << 63 else value


def doubles(value: int | bytes) -> tuple[float, ...]:
    """A double, or a packed list of them."""
    return _unpack(value, "d")


def floats(value: int | bytes) -> tuple[float, ...]:
    """A float, or a packed list of them."""
    return _unpack(value, "f")


def varints(value: int | bytes) -> tuple[int, ...]:
    """An integer, or a packed list of them, signed."""
    if isinstance(value, int):
        return (signed(value),)
    found, position = [], 0
    while position < len(value):
        number, position = varint_at(value, position)
        found.append(signed(number))
    return tuple(found)


def text(value: int | bytes) -> str:
    """A string; what is no UTF-8 in it is replaced."""
    return raw(value).decode("utf-8", "replace")


def raw(value: int | bytes) -> bytes:
    """The bytes of a field that holds a message, a string or bytes."""
    if isinstance(value, int):
        raise WireError("a number where a message belongs")
    return value


def _unpack(value: int | bytes, code: str) -> tuple[float, ...]:
    content, size = raw(value), struct.calcsize(code)
    if len(content) % size:
        raise WireError(f"{len(content)} bytes are no numbers of {size} bytes")
    return struct.unpack(f"<{len(content) // size}{code}", content)


def varint_at(message: bytes, position: int) -> tuple[int, int]:
    """The number that begins at a place, as 64 bits without a sign, and where it ends."""
    value = shift = 0
    while True:
        if position >= len(message) or shift > 63:
            raise WireError("a number that does not end")
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, position
        shift += 7
