"""How W&B's client gets the bytes of a file: from the bucket that has them, or else from here.

Who may have them is decided first; the address of the bucket that is answered then is for this one file and a short
while. The client follows it as it does with W&B's own service.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from litestar import Request, Response

from runlake.server.context import ServerContext
from runlake.server.http.file_bytes import send_asked

_URL_LIFE_S = 300.0
"""Longer than clocks differ: the address is followed at once."""
_OF_OUR_TAGS = ("if-none-match", "if-range")


def send_download(
    request: Request[Any, Any, Any],
    context: ServerContext,
    *,
    url_for: Callable[[float], str | None],
    open_bytes: Callable[[], BinaryIO],
) -> Response[Any]:
    """A file, whole or in part: `url_for` is asked where it lies outside, for an address that is good so many seconds.

    A HEAD, and what is compared with an ETag of ours, is answered here: a signed address is good for GET alone, and a
    bucket has other ETags.
    """
    headers = request.headers
    if context.leads_to_bucket and request.method == "GET" and not any(name in headers for name in _OF_OUR_TAGS):
        url = url_for(_URL_LIFE_S)
        # On one host with us the client would show the bucket the key that its netrc has for the host.
        if url is not None and urlsplit(url).hostname != request.url.hostname:
            return Response(b"", status_code=307, headers={"Location": url, "Cache-Control": "private, no-store"})
    return send_asked(request, open_bytes())
