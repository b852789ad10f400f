"""Event files made by hand, from what the format says: frames with checksums around protobuf messages."""

import struct

from runlake.integrations.tensorboard.record_file import masked_crc32c


def varint(number):
    number &= 2**64 - 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def field(number, value):
    """A field: an int as varint, bytes and text with their length, a float as double."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 1) + struct.pack("<d", value)
    content = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(content)) + content


def simple(tag, number):
    return field(1, tag) + varint(2 << 3 | 5) + struct.pack("<f", number)


def image(tag, content):
    return field(1, tag) + field(4, field(4, content))


def histogram(tag, lowest, highest, upper_ends, counts):
    def packed(numbers):
        return struct.pack(f"<{len(numbers)}d", *numbers)

    body = field(1, lowest) + field(2, highest) + field(6, packed(upper_ends)) + field(7, packed(counts))
    return field(1, tag) + field(5, body)


def tensor(tag, kind, shape, content=b"", texts=(), plugin=""):
    sizes = b"".join(field(2, field(1, size)) for size in shape)
    body = field(1, kind) + field(2, sizes) + b"".join(field(8, text) for text in texts)
    body += field(4, content) if content else b""
    metadata = field(9, field(1, field(1, plugin))) if plugin else b""
    return field(1, tag) + field(8, body) + metadata


def event(step, *values, wall_time=100.0):
    return field(1, wall_time) + field(2, step) + field(5, b"".join(field(1, value) for value in values))


def frame(content):
    length = struct.pack("<Q", len(content))
    return b"".join(
        (length, struct.pack("<I", masked_crc32c(length)), content, struct.pack("<I", masked_crc32c(content)))
    )


def event_file(*events):
    version = field(1, 99.0) + field(3, "brain.Event:2")
    return b"".join(map(frame, (version, *events)))
