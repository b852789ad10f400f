"""Bodies of requests that may have to be sent again: they are held, or read again, until the server has them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Any, BinaryIO

from runlake.md5 import md5_text, new_md5
from runlake.service.remote.http import HttpClient

READ_BYTES = 1 << 20
_HELD_BYTES = 8 * 2**20


def sent_whole(http: HttpClient, address: str, content: BinaryIO, *, stays: bool = False) -> bytes:
    """PUT all that a stream holds, with its MD5, and answer what the server says.

    `stays`: nobody changes its file, so that is read again where it is to be sent again, and no copy of it is held.
    """
    if stays and is_file(content):
        return _sent(http, address, Body(content, content.tell()))
    with tempfile.SpooledTemporaryFile(_HELD_BYTES) as copy:
        while piece := content.read(READ_BYTES):
            copy.write(piece)
        return _sent(http, address, Body(copy, 0))


class Body:
    """What a file holds from a place on, as often as it is asked for; `size_bytes` of it where that is known."""

    def __init__(self, file: Any, start: int, size_bytes: int | None = None) -> None:
        self._file, self._start, self.size_bytes = file, start, size_bytes

    def pieces(self) -> Iterator[bytes]:
        """The bytes up to where they ended the first time."""
        self._file.seek(self._start)
        left_bytes = READ_BYTES if self.size_bytes is None else self.size_bytes
        while left_bytes and (piece := self._file.read(min(READ_BYTES, left_bytes))):
            left_bytes -= 0 if self.size_bytes is None else len(piece)
            yield piece


def _sent(http: HttpClient, address: str, body: Body) -> bytes:
    digest, size_bytes = new_md5(), 0
    for piece in body.pieces():
        digest.update(piece)
        size_bytes += len(piece)
    body.size_bytes = size_bytes
    headers = {
        "Content-Length": str(size_bytes),
        "Content-MD5": md5_text(digest),
        "Content-Type": "application/octet-stream",
    }
    return http.request("PUT", address, content=body.pieces, headers=headers)


def is_file(content: BinaryIO) -> bool:
    """Whether a stream can be read again from where it stands."""
    try:
        content.fileno()
        return content.seekable()
    except (OSError, AttributeError):  # `UnsupportedOperation` is an OSError
        return False
