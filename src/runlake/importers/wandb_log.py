"""The frames of a ``.wandb`` file, in which W&B's client keeps what a run says: the log format of LevelDB.

After a head of seven bytes (``:W&B``, a magic number, a version) the file is blocks of 32 KiB. A block holds fragments,
each behind seven bytes: a CRC-32 of its kind and content, the length (u16), the kind: 1 a whole record, 2, 3 and 4 the
first, a middle and the last piece of one. Fewer than seven bytes at the end of a block are left empty.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from runlake.errors import BadValueError

BLOCK_BYTES = 32768
HEAD = struct.Struct("<4sHB")

_FRAGMENT = struct.Struct("<IHB")
_WHOLE, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_CRC_OF_KIND = [zlib.crc32(bytes([kind])) for kind in range(5)]


class LogHead(NamedTuple):
    """How a log begins: who wrote it, and in which of the versions that are known."""

    ending: str
    ident: bytes
    magic: int
    versions: frozenset[int]


WANDB = LogHead(".wandb", b":W&B", 0xBEE1, frozenset({0}))


def read_head(file: BinaryIO, known: LogHead) -> int:
    """The version of a log. BadValueError for what is no such log, or of a version that is not known."""
    head = file.read(HEAD.size)
    if len(head) < HEAD.size or HEAD.unpack(head)[:2] != (known.ident, known.magic):
        raise BadValueError(f"this is no {known.ending} file: its first bytes are others")
    version = int(HEAD.unpack(head)[2])
    if version not in known.versions:
        versions = " and ".join(map(str, sorted(known.versions)))
        are = "are" if len(known.versions) > 1 else "is"
        raise BadValueError(f"this {known.ending} file is of version {version}, and only {versions} {are} known")
    return version


def read_records(file: BinaryIO, problems: list[str], known: LogHead = WANDB) -> Iterator[bytes]:
    """The records of a log, in order. What is damaged is named in `problems` and passed over, block by block.

    A torn record at the end is what a killed process leaves, and no problem. BadValueError for what is no such log.
    """
    read_head(file, known)
    block, start = b"\0" * HEAD.size + file.read(BLOCK_BYTES - HEAD.size), HEAD.size
    block_number, pieces = 0, list[bytes]()
    while len(block) > start:
        at = start
        while at + _FRAGMENT.size <= len(block):
            crc, length, kind = _FRAGMENT.unpack_from(block, at)
            end = at + _FRAGMENT.size + length
            if kind == 0 and length == 0:
                break  # the rest of the block was left empty
            if end > len(block) and len(block) < BLOCK_BYTES:
                return  # torn
            content = block[at + _FRAGMENT.size : end]
            if kind > _LAST or end > len(block) or zlib.crc32(content, _CRC_OF_KIND[kind]) != crc:
                place = block_number * BLOCK_BYTES + at
                problems.append(f"damaged at byte {place}: the records up to the next block of 32 KiB are lost")
                pieces = []
                break
            if kind == _WHOLE:
                yield content
            elif kind == _FIRST:
                pieces = [content]
            elif pieces:  # what follows on a damaged beginning is lost with it
                pieces.append(content)
                if kind == _LAST:
                    yield b"".join(pieces)
                    pieces = []
            at = end
        block, start, block_number = file.read(BLOCK_BYTES), 0, block_number + 1
