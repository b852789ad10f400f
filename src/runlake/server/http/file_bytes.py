"""The bytes of files on their way: sent whole or in part, and received, neither of them as a whole in memory.

No thread waits for a network: what has come is given to one, which writes it, and is free for others until more comes.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, TypeVar

from anyio import CancelScope, to_thread
from litestar import Request, Response
from litestar.response import Stream

from runlake.errors import BadValueError
from runlake.incoming import Incoming
from runlake.md5 import md5_of
from runlake.model import FileInfo, RunPath
from runlake.server.http.open_files import SentFile, open_files_of
from runlake.service.contract import Service

T = TypeVar("T")

_PIECE_BYTES = 1 << 20
_WRITE_BYTES = 1 << 20
"""So much of an upload is written at once: a slow one holds no more in memory."""
_RANGE = re.compile(r"bytes=([0-9]*)-([0-9]*)")
_PLACE_DIGITS = 18
"""No file has more bytes than a number of so many digits says, and Python refuses to read very long ones."""


def send_asked(request: Request[Any, Any, Any], content: BinaryIO) -> Response[Any]:
    """The bytes of a file as the headers of the request ask for them; see `send_file`."""
    headers = request.headers
    return send_file(
        request,
        content,
        part=headers.get("range"),
        if_range=headers.get("if-range"),
        if_none_match=headers.get("if-none-match"),
        is_head=request.method == "HEAD",
    )


def send_file(
    request: Request[Any, Any, Any],
    content: BinaryIO,
    *,
    part: str | None = None,
    if_range: str | None = None,
    if_none_match: str | None = None,
    is_head: bool = False,
    media_type: str = "application/octet-stream",
) -> Response[Any]:
    """The bytes of a file, or the range of them that is asked for; `content` is closed when the answer ends.

    The ETag says which content it is. `if_none_match` may also name an MD5 in base64: 304 when it fits. A HEAD has the
    headers of what is sent, and is not for a part of it.
    """
    try:
        size_bytes = content.seek(0, os.SEEK_END)
        tag = _tag(content, size_bytes)
        headers = {
            "ETag": tag,
            "Accept-Ranges": "bytes",
            "Content-Disposition": "attachment",
            "Cache-Control": "private, no-cache",
        }
        if if_none_match is not None and _is_known(content, tag, if_none_match):
            content.close()
            return Response(b"", status_code=304, headers=headers)
        wanted = _range_of(part, size_bytes) if if_range in (None, tag) and not is_head else None
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
    if is_head:
        content.close()
        return Stream(iter(()), media_type=media_type, headers=headers)
    pieces = _pieces(open_files_of(request.scope).add(content), start, end)
    return Stream(pieces, status_code=status_code, media_type=media_type, headers=headers)


async def receive_file(
    request: Request[Any, Any, Any], service: Service, path: RunPath, name: str, *, md5: str | None = None
) -> FileInfo:
    """Store the body of a request as a file of a run; one that is not whole, or not `md5`, leaves nothing."""
    return await receive_bytes(request, functools.partial(service.receive_file, path, name), md5=md5)


async def receive_bytes(
    request: Request[Any, Any, Any], begin: Callable[[], Incoming[T]], *, md5: str | None = None
) -> T:
    """Give the body of a request to what `begin` makes; what is not whole, or not `md5`, leaves nothing."""
    length = request.headers.get("content-length")
    incoming = await to_thread.run_sync(begin)
    try:
        received_bytes, pieces, waiting_bytes = 0, [], 0
        async for piece in request.stream():
            pieces.append(piece)
            waiting_bytes += len(piece)
            received_bytes += len(piece)
            if waiting_bytes >= _WRITE_BYTES:
                await to_thread.run_sync(_write, incoming, pieces)
                pieces, waiting_bytes = [], 0
        if length is not None and length.lstrip("0") != str(received_bytes or ""):
            raise BadValueError(f"{received_bytes} bytes arrived of {length}; nothing was stored: send it again")
        return await to_thread.run_sync(_finish, incoming, pieces, md5)
    except BaseException:
        with CancelScope(shield=True):
            await to_thread.run_sync(incoming.discard)
        raise


def _write(incoming: Incoming[Any], pieces: list[bytes]) -> None:
    for piece in pieces:
        incoming.write(piece)


def _finish(incoming: Incoming[T], pieces: list[bytes], md5: str | None) -> T:
    _write(incoming, pieces)
    if md5 is not None and incoming.md5 != md5:
        raise BadValueError(
            f"the MD5 of what arrived is {incoming.md5}, and not {md5}; nothing was stored: send it again"
        )
    return incoming.keep()


def _tag(content: BinaryIO, size_bytes: int) -> str:
    """Says which content it is: files are put in place whole, so another content has another time."""
    try:
        status = os.fstat(content.fileno())
    except (OSError, AttributeError):  # no file of a disk
        tag = getattr(getattr(content, "raw", content), "etag", None)  # an object says it without being read
        return f'"{tag or _md5(content)}"'
    return f'"{status.st_ino:x}-{size_bytes:x}-{status.st_mtime_ns:x}"'


def _is_known(content: BinaryIO, tag: str, if_none_match: str) -> bool:
    known = {word.strip().removeprefix("W/") for word in if_none_match.split(",")}
    return tag in known or "*" in known or any(f'"{md5}"' in known for md5 in _digest_if_asked(content, known))


def _digest_if_asked(content: BinaryIO, known: set[str]) -> Iterator[str]:
    if any(len(word) == 26 and word.endswith('=="') for word in known):
        yield _md5(content)


def _md5(content: BinaryIO) -> str:
    content.seek(0)
    return md5_of(content)


def _range_of(part: str | None, size_bytes: int) -> tuple[int, int] | None:
    """The range as (start, end); None where everything is wanted, or more than one range."""
    match = _RANGE.fullmatch(part.strip()) if part else None
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        return max(0, size_bytes - _place(match[2])), size_bytes
    start, last = _place(match[1]), _place(match[2]) if match[2] else size_bytes - 1
    return None if last < start and match[2] else (start, min(last + 1, size_bytes))


def _place(digits: str) -> int:
    digits = digits.lstrip("0") or "0"
    return int(digits) if len(digits) <= _PLACE_DIGITS else 10**_PLACE_DIGITS


def _pieces(file: SentFile, start: int, end: int) -> Iterator[bytes]:
    with contextlib.closing(file):
        while start < end and (piece := file.read(start, min(_PIECE_BYTES, end - start))):
            start += len(piece)
            yield piece
