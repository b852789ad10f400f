"""Messages of Protocol Buffers as bytes: numbered fields, without a schema. The inverse of `tensorboard.wire`."""

from __future__ import annotations

import struct


def varint(number: int) -> bytes:
    """An integer of any sign, as 64 bits."""
    number &= 2**64 - 1
    if number < 0x80:
        return bytes((number,))
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number: int, value: int | float | str | bytes) -> bytes:
    """A field: an int or bool as varint, bytes and text with their length, a float as double."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 1) + struct.pack("<d", value)
    content = value.encode("utf-8", "replace") if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(content)) + content


def timestamp(seconds: float) -> bytes:
    """A moment: whole seconds since 1970, and nanoseconds."""
    whole = int(seconds // 1)
    return field(1, whole) + field(2, int((seconds - whole) * 1e9))
