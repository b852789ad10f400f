"""The frames of an event file: a length, its checksum, the bytes, their checksum; a file grows by whole frames.

    uint64 length | uint32 masked CRC-32C of the length | bytes | uint32 masked CRC-32C of the bytes

A writer that was killed, or is in the midst of a write, leaves a torn frame at the end: it is waited for, not damage.
The checksum of the length is proved, since a wrong length would make everything behind it nonsense. That of the bytes
is not: it would cost more than all the rest of reading, and what is broken there is no message either.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

HEAD_BYTES, FOOT_BYTES = 12, 4

_LENGTH = struct.Struct("<QI")
_POLYNOMIAL = 0x82F63B78
_MASK_DELTA = 0xA282EAD8

_FEW = 16
"""So many records of one length are summed one by one sooner."""


class DamagedFileError(ValueError):
    """What stands there is no frame, and never will be."""


def take_records(data: bytes) -> tuple[list[bytes], int]:
    """The contents of the whole frames at the beginning of `data`, and how many bytes they take.

    Raises `DamagedFileError` when nothing whole stands before a damaged frame; otherwise that is for the next call.
    """
    records: list[bytes] = []
    position, size = 0, len(data)
    proved: dict[int, int] = {}  # records of one length are many
    while position + HEAD_BYTES <= size:
        length, checksum = _LENGTH.unpack_from(data, position)
        if proved.get(length) != checksum:
            if masked_crc32c(data[position : position + 8]) != checksum:
                if records:
                    break
                raise DamagedFileError("the checksum of a length is wrong")
            proved[length] = checksum
        begin = position + HEAD_BYTES
        end = begin + length + FOOT_BYTES
        if end > size:
            break
        records.append(data[begin : begin + length])
        position = end
    return records, position


def masked_crc32c(data: bytes) -> int:
    """CRC-32C of `data`, rotated and shifted by a constant, as these files store it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & 0xFFFFFFFF


def frame_records(records: Sequence[bytes]) -> bytes:
    """The frames of records, one behind the other: the inverse of `take_records`."""
    lengths = [struct.pack("<Q", len(record)) for record in records]
    heads, feet = _checksums(lengths), _checksums(records)
    pieces: list[bytes] = []
    for length, head, record, foot in zip(lengths, heads, records, feet, strict=True):
        pieces += (length, head, record, foot)
    return b"".join(pieces)


def _checksums(records: Sequence[bytes]) -> list[bytes]:
    """The checksums of many records, as they stand in the file: those of one length all at once."""
    import numpy as np

    by_length: dict[int, list[int]] = {}
    for place, record in enumerate(records):
        by_length.setdefault(len(record), []).append(place)
    found = [b""] * len(records)
    table = np.array(_TABLE, dtype=np.uint32)
    for length, places in by_length.items():
        if len(places) < _FEW:
            for place in places:
                found[place] = struct.pack("<I", masked_crc32c(records[place]))
            continue
        content = np.frombuffer(b"".join(records[place] for place in places), np.uint8).reshape(len(places), length)
        crc = np.full(len(places), 0xFFFFFFFF, dtype=np.uint32)
        for column in np.ascontiguousarray(content.T):
            crc = table[(crc ^ column) & np.uint32(0xFF)] ^ (crc >> np.uint32(8))
        crc = ~crc
        masked = ((crc >> np.uint32(15)) | (crc << np.uint32(17))) + np.uint32(_MASK_DELTA)
        data = masked.astype("<u4").tobytes()
        for number, place in enumerate(places):
            found[place] = data[4 * number : 4 * number + 4]
    return found


def _table() -> tuple[int, ...]:
    entries = []
    for entry in range(256):
        for _ in range(8):
            entry = (entry >> 1) ^ (_POLYNOMIAL if entry & 1 else 0)
        entries.append(entry)
    return tuple(entries)


_TABLE = _table()
