"""A file behind an address, as a file object: each read asks for these bytes and no others."""

from __future__ import annotations

import io

import httpx

from runlake.errors import CommError, NotFoundError, UnreachableError

WHOLE_BYTES = 1 << 20
"""Up to this size a file is fetched at once: another request costs more than the bytes that nobody needs."""

_ATTEMPTS = 4
_FIRST_CODE_OF_SERVERS_FAULT = 500


class RangeFile(io.RawIOBase):
    """`size_bytes` bytes at `url`, which is signed or open to anybody."""

    def __init__(self, client: httpx.Client, url: str, size_bytes: int) -> None:
        super().__init__()
        self._client, self._url, self._size_bytes = client, url, size_bytes
        self._position = 0
        self._whole = self._get(0, size_bytes) if size_bytes <= WHOLE_BYTES else None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size_bytes}[whence] + offset
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        """Bytes from here on, all of them where no size is said."""
        left = self._size_bytes - self._position
        size = left if size is None or size < 0 else min(size, left)
        if size <= 0:
            return b""
        start, self._position = self._position, self._position + size
        return self._get(start, size) if self._whole is None else self._whole[start : start + size]

    def _get(self, start: int, size: int) -> bytes:
        """CommError for what is refused, NotFoundError for what is gone, UnreachableError when nobody answers."""
        problem = ""
        for _ in range(_ATTEMPTS):
            try:
                answer = self._client.get(self._url, headers={"Range": f"bytes={start}-{start + size - 1}"})
            except httpx.TransportError as error:
                problem = str(error) or type(error).__name__
                continue
            if answer.status_code >= _FIRST_CODE_OF_SERVERS_FAULT:
                problem = f"it answers {answer.status_code}"
                continue
            return self._bytes_of(answer, start, size)
        raise UnreachableError(f"{self._name} cannot be read: {problem}")

    def _bytes_of(self, answer: httpx.Response, start: int, size: int) -> bytes:
        if answer.status_code == httpx.codes.NOT_FOUND:
            raise NotFoundError(f"{self._name} is gone: another took its place long ago; begin the query anew")
        if answer.status_code == httpx.codes.FORBIDDEN:
            raise CommError(
                f"{self._name} is refused: its address was signed for a time that is over, or with keys that may not "
                'read it; begin the query anew, with .option("signed_for_s", …) for more seconds'
            )
        data = answer.content if answer.status_code == httpx.codes.PARTIAL_CONTENT else answer.content[start:][:size]
        if answer.is_error or len(data) != size:
            raise CommError(f"{self._name}: asked for {size} bytes, it answers {answer.status_code} with {len(data)}")
        return data

    @property
    def _name(self) -> str:
        return self._url.partition("?")[0]  # what is behind it lets anybody read
