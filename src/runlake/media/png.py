"""Pixels as a PNG file, with nothing but zlib: images can be logged where Pillow is not installed.

Source: the PNG specification, https://www.w3.org/TR/png-3/ (8 bits a sample, no interlacing, filter 0).
"""

from __future__ import annotations

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_COLOR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
"""Samples a pixel → colour type: grey, grey + alpha, RGB, RGBA."""


def encode_png(pixels: bytes, width: int, height: int, channel_count: int) -> bytes:
    """A PNG of 8-bit samples in rows from the top: `pixels` has width × height × channel_count bytes."""
    stride = width * channel_count
    rows = b"".join(b"\0" + pixels[start : start + stride] for start in range(0, stride * height, stride))
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOR_TYPES[channel_count], 0, 0, 0)
    return SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
