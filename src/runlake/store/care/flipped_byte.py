"""One flipped byte, put back where something proves it. Pure.

A frame in which one byte was flipped is found again by its CRC, and put back where something else proves it too: the
CRC of its block, or a body that makes sense.
"""

from __future__ import annotations

from collections.abc import Iterator
from zlib import crc32

from runlake.store.care.damaged_part import damaged_stretches, whole_frames
from runlake.store.journal import record
from runlake.store.journal.bodies import Closing
from runlake.store.journal.record import HEAD, MAGIC, MIXED, ROW, ROW_HEAD, SHAPE, Shape
from runlake.store.journal.scan import makes_sense

_TABLE = [crc32(bytes([byte])) ^ crc32(b"\0") for byte in range(256)]
_BY_TOP = {entry >> 24: byte for byte, entry in enumerate(_TABLE)}
_FLIP_OF = {entry: byte for byte, entry in enumerate(_TABLE)}


def with_one_byte_changed(data: bytes, crc: int) -> Iterator[bytes]:
    """Everything that differs from `data` in one byte and has this CRC-32; takes a pass of Python over the data.

    The CRC is linear: a changed byte changes it by an amount that depends on the byte and on how many stand behind it,
    so the difference is run backwards through the data until it is that of a single byte.
    """
    difference = crc32(data) ^ crc
    if not difference:
        return
    for place in range(len(data) - 1, -1, -1):
        flip = _FLIP_OF.get(difference)
        if flip is not None:
            yield data[:place] + bytes([data[place] ^ flip]) + data[place + 1 :]
        byte = _BY_TOP[difference >> 24]
        difference = ((difference ^ _TABLE[byte]) << 8 | byte) & 0xFFFF_FFFF


def mend_part(data: bytes) -> tuple[bytes, list[tuple[int, int]]]:
    """The part with flipped bytes put back, and the stretches in which that was possible."""
    whole, mended, unproven = bytearray(data), [], []
    for start, end in damaged_stretches(data):
        found = list(_as_it_was(data, start, end))
        if len(found) != 1:
            continue
        if start == 0 or (found[0][4] != MIXED and _makes_sense(found[0])):
            whole[start:end] = found[0]
            mended.append((start, end))
        else:
            unproven.append((start, end, found[0]))
    for place, _, kind in whole_frames(bytes(whole)) if unproven else ():
        if kind != record.BLOCK:
            continue
        block_start, crc = record.BLOCK_BODY.unpack_from(whole, place + HEAD.size)
        mine = [one for one in unproven if block_start <= one[0] and one[1] <= place]
        trial = bytearray(whole[:place])
        for start, end, frame in mine:
            trial[start:end] = frame
        if mine and crc32(memoryview(trial)[block_start:]) == crc:
            whole[:place] = trial
            mended += [(start, end) for start, end, _ in mine]
    return bytes(whole), sorted(mended)


def _as_it_was(data: bytes, start: int, end: int) -> Iterator[bytes]:
    """The frames that a damaged stretch may have been before one of its bytes changed."""
    if start == 0:
        if _differences(data[: len(MAGIC)], MAGIC) == 1:
            yield MAGIC
        return
    if end - start < HEAD.size:
        return
    head = HEAD.unpack_from(data, start)
    body = data[start + HEAD.size : end]
    if record.is_head(head) and head[0] == len(body):
        if _differences(crc32(body).to_bytes(4, "little"), data[start + 6 : start + 10]) == 1:
            yield record.frame(head[1], body)
        for candidate in with_one_byte_changed(body, head[3]):
            yield record.frame(head[1], candidate)
    elif crc32(body) == head[3]:
        for frame in (record.frame(kind, body) for kind in record.KIND_NAMES):
            is_row = frame[4] == ROW and len(body) >= ROW_HEAD.size
            if _differences(frame, data[start:end]) == 1 and (is_row or _makes_sense(frame)):
                yield frame


def _differences(one: bytes, other: bytes) -> int:
    return sum(a != b for a, b in zip(one, other, strict=False)) + abs(len(one) - len(other))


def _makes_sense(frame: bytes) -> bool:
    """Whether a frame is one that a writer would write, as far as its body can tell; of packed rows it cannot."""
    kind, body = frame[4], frame[HEAD.size :]
    if kind == ROW or not makes_sense(frame, 0, len(frame)):
        return False
    if kind == SHAPE:
        return Shape.from_body(record.decode_body(body)).declaration == frame
    return kind != record.CLOSE or Closing(record.decode_body(body)).has_counts
