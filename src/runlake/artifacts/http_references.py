"""References to ``http://`` and ``https://`` addresses, told by their ETag."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx

from runlake.artifacts.entry import Entry
from runlake.artifacts.names import inner_name
from runlake.artifacts.places import changed, gone, noted
from runlake.errors import BadValueError, CommError

_TIMEOUT_S = 60.0


class HttpPlace:
    """The web. A file is noted by its ETag and its length; where there is no ETag, by its address."""

    def look_at(self, address: str, inner: str | None, *, checksum: bool, max_objects: int) -> list[Entry]:
        if not checksum:
            return [noted(address, inner)]
        with _asked(address) as answer:
            if answer.status_code >= 400:
                raise BadValueError(
                    f"add_reference: {address} answered with the status {answer.status_code}; "
                    "pass checksum=False to note it all the same"
                )
            etag, size_bytes = _etag(answer), int(answer.headers.get("Content-Length", 0))
        name = inner or inner_name(unquote(urlsplit(address).path).rstrip("/").rpartition("/")[2] or "index")
        return [Entry(name, etag or address, address, size_bytes, {"etag": etag} if etag else None)]

    def fetch(self, entry: Entry, target: Path) -> None:
        draft = target.with_name(f".{target.name[:60]}.part")
        try:
            with _asked(entry.ref_target()) as answer:
                if answer.status_code in (404, 410):
                    raise gone(entry)
                if answer.status_code >= 400:
                    raise CommError(f"{entry.ref} answered with the status {answer.status_code}; try again later")
                if "etag" in entry.extra and (found := _etag(answer)) != entry.digest:
                    raise changed(entry, found or "without an ETag")
                with draft.open("wb") as copy:
                    for piece in answer.iter_bytes():
                        copy.write(piece)
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)


@contextmanager
def _asked(address: str) -> Iterator[httpx.Response]:
    try:
        with httpx.stream("GET", address, follow_redirects=True, timeout=_TIMEOUT_S) as answer:
            yield answer
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise CommError(f"{address} cannot be reached ({error or type(error).__name__}); try again later") from error


def _etag(answer: httpx.Response) -> str:
    return str(answer.headers.get("ETag", "")).removeprefix("W/").strip('"')
