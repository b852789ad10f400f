"""Large contents that are put where the server says, past it: into the bucket that it keeps them in.

The address takes nothing but the bytes whose SHA-256 and MD5 were said before. Whatever keeps them from getting there,
the server takes them itself, as it does for whoever cannot reach the bucket.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Sequence
from typing import BinaryIO

import httpx

from runlake.artifact_model import ArtifactPath, ContentInfo, UploadAddress, WantedUpload
from runlake.errors import NotFoundError, NotSupportedError
from runlake.service.remote.bodies import Body, is_file
from runlake.service.remote.http import CONNECT_TIMEOUT_S, trusted
from runlake.store.artifacts.content import OwnedFile, digest_stream

SMALLEST_BYTES, LARGEST_BYTES = 1 << 20, 5 << 30
"""What is smaller costs the server less than an address does; more S3 does not take in one request."""

_VALID_S = 3600.0
_ATTEMPTS, _PAUSE_S, _SILENCE_S = 3, 0.5, 120.0

Offer = Callable[[ArtifactPath, Sequence[WantedUpload], float], list[UploadAddress | None]]


class PastServer:
    """Of one client. Threads may share it; `offer` asks the server for addresses."""

    def __init__(self, offer: Offer) -> None:
        self._offer = offer
        self._is_off, self._is_proven = False, False

    def put(self, draft: ArtifactPath, content: BinaryIO) -> ContentInfo | None:
        """Put all that a file holds from where it stands; None, and it stands there again, where the server is to."""
        if self._is_off or not is_file(content):
            return None
        start, size_bytes = content.tell(), os.fstat(content.fileno()).st_size
        if not SMALLEST_BYTES <= size_bytes - start <= LARGEST_BYTES:
            return None
        info = content.info if isinstance(content, OwnedFile) and not start else digest_stream(content)
        address = self._address(draft, info)
        if address is not None and self._send(address, Body(content, start, info.size_bytes)):
            self._is_proven = True
            return info
        # Where the first one does not get there, others will not either.
        self._is_off = not self._is_proven
        content.seek(start)
        return None

    def _address(self, draft: ArtifactPath, info: ContentInfo) -> UploadAddress | None:
        try:
            return self._offer(draft, [WantedUpload(digest=info.digest, sha256=info.sha256)], _VALID_S)[0]
        except (NotFoundError, NotSupportedError):
            return None  # an older server; or one that says of the draft what it says of bytes that come to itself

    def _send(self, address: UploadAddress, body: Body) -> bool:
        """Whether the bucket has taken it. Each file has a connection of its own: nobody else's key goes there."""
        headers = {**address.headers, "Content-Length": str(body.size_bytes)}
        timeout = httpx.Timeout(_SILENCE_S, connect=CONNECT_TIMEOUT_S)
        with httpx.Client(verify=trusted(address.url), timeout=timeout) as client:
            for attempt in range(1, _ATTEMPTS + 1):
                try:
                    status = client.put(address.url, content=body.pieces(), headers=headers).status_code
                except (httpx.ConnectError, httpx.ConnectTimeout):
                    return False
                except httpx.TransportError:
                    status = httpx.codes.SERVICE_UNAVAILABLE
                # It is there: the answer to an earlier attempt was lost, and nobody else has this address.
                if httpx.codes.is_success(status) or status == httpx.codes.PRECONDITION_FAILED:
                    return True
                if not httpx.codes.is_server_error(status):
                    return False
                time.sleep(_PAUSE_S * 2**attempt * random.uniform(0.5, 1.0))
        return False
