"""Bodies of requests that may have to be sent again: they are held until the server has them."""

from __future__ import annotations

import base64
import hashlib
import io
import tempfile
from collections.abc import Iterator
from typing import Any, BinaryIO

from runlake.service.remote.http import HttpClient

READ_BYTES = 1 << 20
_HELD_BYTES = 8 * 2**20


def sent_whole(http: HttpClient, address: str, content: BinaryIO) -> bytes:
    """PUT all that a stream holds, with its MD5, and answer what the server says. A file is read twice, not copied."""
    if isinstance(getattr(content, "raw", content), io.FileIO) and content.seekable():
        return _sent_file(http, address, content)
    with tempfile.SpooledTemporaryFile(_HELD_BYTES) as copy:
        digest = hashlib.md5(usedforsecurity=False)
        while piece := content.read(READ_BYTES):
            digest.update(piece)
            copy.write(piece)
        return _put(http, address, copy, digest, copy.tell())


def _sent_file(http: HttpClient, address: str, content: BinaryIO) -> bytes:
    start, digest = content.tell(), hashlib.md5(usedforsecurity=False)
    while piece := content.read(READ_BYTES):
        digest.update(piece)
    return _put(http, address, content, digest, content.tell() - start, start)


def _put(http: HttpClient, address: str, content: Any, digest: Any, size_bytes: int, start: int = 0) -> bytes:
    headers = {
        "Content-Length": str(size_bytes),
        "Content-MD5": base64.b64encode(digest.digest()).decode(),
        "Content-Type": "application/octet-stream",
    }
    return http.request("PUT", address, content=lambda: _pieces(content, start), headers=headers)


def _pieces(copy: Any, start: int) -> Iterator[bytes]:
    copy.seek(start)
    while piece := copy.read(READ_BYTES):
        yield piece
