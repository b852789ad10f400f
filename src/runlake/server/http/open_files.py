"""Files that are on their way to a client: closed where the answer ends, whoever ends it.

An answer breaks off wherever it waits, and then nobody closes what it was made of. A thread that is at work for it goes
on: it may be reading, or may only come to open the file. So each request has a place for its files, which one layer
around the routes ends with it.
"""

from __future__ import annotations

import threading
from typing import BinaryIO

from runlake.server.http.asgi import ASGIApp, Receive, Scope, Send

_IN_SCOPE = "open_files"


class SentFile:
    """A file whose pieces are read by one thread after another, and which another may close meanwhile."""

    def __init__(self, content: BinaryIO) -> None:
        self._content = content
        self._is_over = False
        self._reading = threading.Lock()

    def read(self, start: int, byte_count: int) -> bytes:
        """Up to so many bytes from a place; none when the file was closed."""
        with self._reading:
            piece = b""
            if not self._is_over:
                self._content.seek(start)
                piece = self._content.read(byte_count)
        if self._is_over:
            self.close()
        return piece

    def close(self) -> None:
        """Close the file at once, or leave that to the thread that is reading: a number of a closed file is reused."""
        self._is_over = True
        if self._reading.acquire(blocking=False):
            try:
                self._content.close()
            finally:
                self._reading.release()


class OpenFiles:
    """The files of one answer. Threads may share it."""

    __slots__ = ("_files", "_is_over", "_lock")

    def __init__(self) -> None:
        self._files: list[SentFile] = []
        self._is_over = False
        self._lock = threading.Lock()

    def add(self, content: BinaryIO) -> SentFile:
        """The file, to be closed with the answer: at once, when that has ended already."""
        file = SentFile(content)
        with self._lock:
            self._files.append(file)
            is_over = self._is_over
        if is_over:
            file.close()
        return file

    def close(self) -> None:
        """The answer has ended."""
        with self._lock:
            self._is_over = True
            files = tuple(self._files)
        for file in files:
            file.close()


class CloseFiles:
    """A layer right around the routes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and close its files."""
        files = scope[_IN_SCOPE] = OpenFiles()
        try:
            await self._app(scope, receive, send)
        finally:
            files.close()


def open_files_of(scope: Scope) -> OpenFiles:
    """The files of the answer to the request of this scope."""
    files: OpenFiles | None = scope.get(_IN_SCOPE)
    return OpenFiles() if files is None else files  # an app without layers
