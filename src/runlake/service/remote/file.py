"""What a server has, as files to read, from any place and on through broken connections."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from typing import Any

import httpx

from runlake.errors import CommError
from runlake.service.remote.http import HttpClient

_ATTEMPTS = 4


class RemoteFile(io.RawIOBase):
    """One content of a file: when it is replaced meanwhile, reading on raises CommError.

    Reading forwards uses one request; another place, or a connection that broke, begins another one there.
    """

    def __init__(self, http: HttpClient, address: str) -> None:
        super().__init__()
        self._http, self._address = http, address
        self._response: httpx.Response = http.open("GET", address, headers={"Accept-Encoding": "identity"})
        self._pieces: Iterator[bytes] = self._response.iter_raw()
        self._tag = self._response.headers.get("ETag", "")
        self._size_bytes = int(self._response.headers.get("Content-Length", 0))
        self._held = memoryview(b"")
        self._place = 0
        self._is_connected = True

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size_bytes}[whence]
        place = max(0, base + offset)
        ahead = place - self._place
        if 0 <= ahead <= len(self._held):
            self._held = self._held[ahead:]
        elif ahead:
            self._let_go()
        self._place = place
        return place

    def readinto(self, buffer: Any) -> int:
        wanted = memoryview(buffer).cast("B")
        if not len(wanted) or self._place >= self._size_bytes:
            return 0
        if not self._held:
            self._held = memoryview(self._next_piece())
        taken = min(len(wanted), len(self._held))
        wanted[:taken] = self._held[:taken]
        self._held = self._held[taken:]
        self._place += taken
        return taken

    def close(self) -> None:
        if not self.closed:
            if self._is_connected and self._place >= self._size_bytes:
                with contextlib.suppress(httpx.TransportError):  # all is here
                    next(self._pieces, None)  # the end of an answer; then its connection serves the next question
            self._let_go()
        super().close()

    def _next_piece(self) -> bytes:
        for attempt in range(1, _ATTEMPTS + 1):
            if not self._is_connected:
                self._connect()
            try:
                piece = next(self._pieces, b"")
            except httpx.TransportError as error:
                self._let_go()
                if attempt == _ATTEMPTS:
                    raise CommError(f"{self._http.base_url}{self._address} broke off at {self._place}") from error
                continue
            if piece:
                return piece
            self._let_go()
        raise CommError(f"{self._http.base_url}{self._address} ends at {self._place} of {self._size_bytes} bytes")

    def _connect(self) -> None:
        headers = {"Range": f"bytes={self._place}-", "If-Range": self._tag, "Accept-Encoding": "identity"}
        response = self._http.open("GET", self._address, headers=headers)
        if response.headers.get("ETag", "") != self._tag or (response.status_code != 206 and self._place):
            response.close()
            raise CommError(f"{self._http.base_url}{self._address} was replaced while it was read; read it again")
        self._response, self._pieces, self._is_connected = response, response.iter_raw(), True

    def _let_go(self) -> None:
        self._response.close()
        self._held = memoryview(b"")
        self._is_connected = False
