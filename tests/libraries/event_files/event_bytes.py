"""Event files made by hand, from what the format says: frames with checksums around protobuf messages."""

import struct

from protobuf_bytes import field, varint
from runlake.integrations.tensorboard.record_file import masked_crc32c


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
