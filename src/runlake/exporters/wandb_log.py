"""A ``.wandb`` file: records in blocks of 32 KiB, as `importers.wandb_log` describes and reads them."""

from __future__ import annotations

import struct
import zlib
from typing import BinaryIO

from runlake.exporters.wire_bytes import field
from runlake.importers.wandb_log import BLOCK_BYTES, HEAD, WANDB

_FRAGMENT = struct.Struct("<IHB")
_WHOLE, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_CRC_OF_KIND = [zlib.crc32(bytes([kind])) for kind in range(5)]


class LogWriter:
    """Writes records one behind the other into a file that is empty."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._count = 0
        self._left = BLOCK_BYTES - HEAD.size
        file.write(HEAD.pack(WANDB.ident, WANDB.magic, min(WANDB.versions)))

    def write(self, kind: int, message: bytes) -> None:
        """A record: which kind of message, by the number of its field, and the message."""
        self._count += 1
        self._write(field(1, self._count) + field(kind, message))

    def _write(self, record: bytes) -> None:
        at, is_first = 0, True
        while True:
            if self._left < _FRAGMENT.size:
                self._file.write(bytes(self._left))
                self._left = BLOCK_BYTES
            size = min(len(record) - at, self._left - _FRAGMENT.size)
            is_last = at + size == len(record)
            kind = (_WHOLE if is_last else _FIRST) if is_first else (_LAST if is_last else _MIDDLE)
            piece = record[at : at + size]
            self._file.write(_FRAGMENT.pack(zlib.crc32(piece, _CRC_OF_KIND[kind]), size, kind) + piece)
            self._left -= _FRAGMENT.size + size
            at, is_first = at + size, False
            if is_last:
                return
