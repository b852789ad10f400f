"""Bodies of requests that may have to be sent again: they are held until the server has them."""

from __future__ import annotations

import base64
import hashlib
import tempfile
from collections.abc import Iterator
from typing import Any, BinaryIO

from runlake.service.remote.http import HttpClient

READ_BYTES = 1 << 20
_HELD_BYTES = 8 * 2**20


def sent_whole(http: HttpClient, address: str, content: BinaryIO) -> bytes:
    """PUT all that a stream holds, with its MD5, and answer what the server says."""
    with tempfile.SpooledTemporaryFile(_HELD_BYTES) as copy:
        digest = hashlib.md5(usedforsecurity=False)
        while piece := content.read(READ_BYTES):
            digest.update(piece)
            copy.write(piece)
        headers = {
            "Content-Length": str(copy.tell()),
            "Content-MD5": base64.b64encode(digest.digest()).decode(),
            "Content-Type": "application/octet-stream",
        }
        return http.request("PUT", address, content=lambda: _pieces(copy), headers=headers)


def _pieces(copy: Any) -> Iterator[bytes]:
    copy.seek(0)
    while piece := copy.read(READ_BYTES):
        yield piece
