"""The files of a run: listed, downloaded in whole or in part, stored, removed. Never in memory as a whole."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import os
import re
from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any, BinaryIO, cast

from anyio import from_thread, to_thread
from litestar import Request, Response, delete, get, put
from litestar.params import FromPath, HeaderParameter
from litestar.response import Stream
from msgspec import structs

from runlake.errors import BadValueError
from runlake.model import FileInfo, RunPath
from runlake.server.routes.answers import Asked, Run, answer
from runlake.server.routes.runs import RUN
from runlake.service.wire import file_address

_PIECE_BYTES = 1 << 20
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


@get(f"{RUN}/files", sync_to_thread=True)
def list_files(service: Asked, run: Run) -> Response[list[FileInfo]]:
    """All files of the run, by name; `url` of each is where it is within this server."""
    return answer([_with_address(run, info) for info in service.list_files(run)])


@get(f"{RUN}/files/{{name:path}}", sync_to_thread=True, media_type="application/octet-stream")
def read_file(
    service: Asked,
    run: Run,
    name: FromPath[str],
    part: Annotated[str | None, HeaderParameter(name="Range")] = None,
    if_range: Annotated[str | None, HeaderParameter(name="If-Range")] = None,
    if_none_match: Annotated[str | None, HeaderParameter(name="If-None-Match")] = None,
) -> Response[Any]:
    """The bytes of one file, or the range of them that is asked for.

    The ETag says which content it is. `If-None-Match` may also name the MD5 of a `FileInfo`: 304 when it fits.
    """
    content = service.open_file(run, name.removeprefix("/"))
    try:
        size_bytes = content.seek(0, os.SEEK_END)
        tag = _tag(content, size_bytes)
        headers = {"ETag": tag, "Accept-Ranges": "bytes", "Content-Disposition": "attachment"}
        if if_none_match is not None and _is_known(content, tag, if_none_match):
            content.close()
            return Response(b"", status_code=304, headers=headers)
        wanted = _range_of(part, size_bytes) if if_range in (None, tag) else None
    except BaseException:
        content.close()
        raise
    if wanted is None:
        start, end, status_code = 0, size_bytes, 200
    elif wanted[0] >= wanted[1]:
        content.close()
        return Response(b"", status_code=416, headers={**headers, "Content-Range": f"bytes */{size_bytes}"})
    else:
        (start, end), status_code = wanted, 206
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size_bytes}"
    headers["Content-Length"] = str(end - start)
    pieces = _pieces(content, start, end)
    return Stream(pieces, status_code=status_code, media_type="application/octet-stream", headers=headers)


@put(f"{RUN}/files/{{name:path}}", request_max_body_size=None)
async def put_file(
    service: Asked,
    run: Run,
    name: FromPath[str],
    request: Request[Any, Any, Any],
    content_md5: Annotated[str | None, HeaderParameter(name="Content-MD5")] = None,
) -> Response[FileInfo]:
    """Store a file under `name`, replacing an older one in one step.

    `Content-MD5` (base64) is compared with what arrived; what is not whole replaces nothing.
    """
    body = _Body(request, content_md5)
    content = cast(BinaryIO, body)
    info = await to_thread.run_sync(partial(service.put_file, run, name.removeprefix("/"), content))
    return answer(_with_address(run, info))


@delete(f"{RUN}/files/{{name:path}}", sync_to_thread=True)
def delete_file(service: Asked, run: Run, name: FromPath[str]) -> None:
    """Remove one file."""
    service.delete_file(run, name.removeprefix("/"))


class _Body(io.RawIOBase):
    """The body of a request, as a file for a thread of the event loop that receives it."""

    def __init__(self, request: Request[Any, Any, Any], md5: str | None) -> None:
        self._pieces = request.stream()
        length = request.headers.get("content-length")
        self._expected_bytes = int(length) if length is not None else None
        self._md5 = md5
        self._digest = hashlib.md5(usedforsecurity=False)
        self._received_bytes = 0
        self._held = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while not self._held:
            piece = from_thread.run(self._next)
            if piece is None:
                self._check()
                return b""
            self._digest.update(piece)
            self._received_bytes += len(piece)
            self._held = piece
        cut = len(self._held) if size < 0 else size
        taken, self._held = self._held[:cut], self._held[cut:]
        return taken

    async def _next(self) -> bytes | None:
        return await anext(self._pieces, None)

    def _check(self) -> None:
        if self._expected_bytes is not None and self._received_bytes != self._expected_bytes:
            raise BadValueError(
                f"{self._received_bytes} bytes arrived of {self._expected_bytes}; nothing was stored: send it again"
            )
        md5 = base64.b64encode(self._digest.digest()).decode()
        if self._md5 is not None and md5 != self._md5:
            raise BadValueError(
                f"the MD5 of what arrived is {md5}, and not {self._md5}; nothing was stored: send it again"
            )


def _with_address(run: RunPath, info: FileInfo) -> FileInfo:
    """Where the file lies on the server's disk is no business of its clients."""
    return structs.replace(info, url=file_address(run, info.name))


def _tag(content: BinaryIO, size_bytes: int) -> str:
    """Says which content it is: files are put in place whole, so another content has another time."""
    try:
        status = os.fstat(content.fileno())
    except (OSError, AttributeError):  # no file of a disk
        return f'"{_md5(content)}"'
    return f'"{status.st_ino:x}-{size_bytes:x}-{status.st_mtime_ns:x}"'


def _is_known(content: BinaryIO, tag: str, if_none_match: str) -> bool:
    known = {word.strip().removeprefix("W/") for word in if_none_match.split(",")}
    return tag in known or "*" in known or any(f'"{md5}"' in known for md5 in _digest_if_asked(content, known))


def _digest_if_asked(content: BinaryIO, known: set[str]) -> Iterator[str]:
    if any(len(word) == 26 and word.endswith('=="') for word in known):
        yield _md5(content)


def _md5(content: BinaryIO) -> str:
    content.seek(0)
    digest = hashlib.md5(usedforsecurity=False)
    while piece := content.read(_PIECE_BYTES):
        digest.update(piece)
    return base64.b64encode(digest.digest()).decode()


def _range_of(part: str | None, size_bytes: int) -> tuple[int, int] | None:
    """The range as (start, end); None where everything is wanted, or more than one range."""
    match = _RANGE.fullmatch(part.strip()) if part else None
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        return max(0, size_bytes - int(match[2])), size_bytes
    start, last = int(match[1]), int(match[2]) if match[2] else size_bytes - 1
    return None if last < start and match[2] else (start, min(last + 1, size_bytes))


def _pieces(content: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    with contextlib.closing(content):
        content.seek(start)
        while start < end and (piece := content.read(min(_PIECE_BYTES, end - start))):
            start += len(piece)
            yield piece


HANDLERS = [list_files, read_file, put_file, delete_file]
