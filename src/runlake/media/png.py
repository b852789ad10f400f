"""Pixels as a PNG file, with nothing but zlib: images can be logged where Pillow is not installed.

Source: the PNG specification, https://www.w3.org/TR/png-3/ (8 or 16 bits a sample, no interlacing, filter 0).
"""

from __future__ import annotations

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_HEADER_END = len(SIGNATURE) + 25
"""Where the chunks behind IHDR begin."""

_COLOR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
"""Samples a pixel → colour type: grey, grey + alpha, RGB, RGBA."""


def encode_png(pixels: bytes, width: int, height: int, channel_count: int, depth_bytes: int = 1) -> bytes:
    """A PNG of samples in rows from the top: `pixels` has width × height × channel_count × depth_bytes bytes.

    Samples of two bytes have the higher one first.
    """
    stride = width * channel_count * depth_bytes
    rows = b"".join(b"\0" + pixels[start : start + stride] for start in range(0, stride * height, stride))
    header = struct.pack(">IIBBBBB", width, height, 8 * depth_bytes, _COLOR_TYPES[channel_count], 0, 0, 0)
    return SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")


def encode_apng(frames: list[bytes], width: int, height: int, channel_count: int, delay_ms: int) -> bytes:
    """Pictures of 8-bit samples as an animated PNG that goes on for ever; each is as `encode_png` has it."""
    bodies = [encode_png(frame, width, height, channel_count)[_HEADER_END + 8 : -16] for frame in frames]
    head = encode_png(frames[0], width, height, channel_count)[:_HEADER_END]
    chunks, number = [_chunk(b"acTL", struct.pack(">II", len(frames), 0))], 0
    for body in bodies:
        place = struct.pack(">IIIIIHHBB", number, width, height, 0, 0, delay_ms // 10, 100, 0, 0)
        chunks.append(_chunk(b"fcTL", place))
        # The first picture is also what a reader shows that knows no animation.
        chunks.append(_chunk(b"fdAT", struct.pack(">I", number + 1) + body) if number else _chunk(b"IDAT", body))
        number += 2 if number else 1
    return head + b"".join(chunks) + _chunk(b"IEND", b"")


def with_text(content: bytes, keyword: str, text: str) -> bytes:
    """A PNG that says `text`, which is ASCII, under `keyword`; content of another kind as it is."""
    if not content.startswith(SIGNATURE):
        return content
    chunk = _chunk(b"tEXt", keyword.encode() + b"\0" + text.encode("ascii"))
    return content[:_HEADER_END] + chunk + content[_HEADER_END:]


def read_text(content: bytes, keyword: str) -> str | None:
    """What a PNG says under `keyword` in front of its pixels; None where it says nothing, or is no PNG."""
    place = len(SIGNATURE) if content.startswith(SIGNATURE) else len(content)
    while len(head := content[place : place + 8]) == 8 and head[4:] != b"IDAT":
        body = content[place + 8 : place + 8 + int.from_bytes(head[:4])]
        name, _, text = body.partition(b"\0")
        if head[4:] == b"tEXt" and name == keyword.encode():
            return text.decode("latin-1")
        place += 12 + len(body)
    return None


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
