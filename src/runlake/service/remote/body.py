"""The body of a server's answer, as a file to read."""

from __future__ import annotations

import io
from typing import Any

import httpx
import numpy as np

from runlake.errors import CommError


class BodyFile:
    """The body of an answer as a file that is read once, from front to end.

    Each piece is copied to where it belongs as soon as it comes, while it is in the processor's cache.
    """

    closed = False

    def __init__(self, response: httpx.Response) -> None:
        self._pieces = response.iter_bytes()
        self._held = memoryview(b"")

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> memoryview:
        if size < 0:
            raise io.UnsupportedOperation("the body of an answer is read by so many bytes")
        room: Any = np.empty(size, np.uint8)
        target = memoryview(room)
        filled = 0
        while filled < size:
            if not self._held:
                self._held = memoryview(self._next())
                if not self._held:
                    break
            taken = min(size - filled, len(self._held))
            target[filled : filled + taken] = self._held[:taken]
            self._held = self._held[taken:]
            filled += taken
        return target[:filled]

    def close(self) -> None:
        """The answer is closed by who opened it."""

    def _next(self) -> bytes:
        try:
            return next(self._pieces, b"")
        except httpx.TransportError as error:
            raise CommError(f"the server's answer broke off ({error}); try again") from error
