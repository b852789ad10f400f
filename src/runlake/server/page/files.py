"""The built page as its browser gets it: the document at ``/``, what it names below ``/page/assets/``."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

from litestar import HttpMethod, Request, Response, route
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from runlake.errors import NotFoundError
from runlake.server.page.embedding import EmbedFrom, framed_by

PAGE_FOLDER = Path(__file__).parents[2] / "page"
"""Where the build of the page puts it, and where a wheel has it."""

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "connect-src 'self'; font-src 'self'; frame-src 'self' blob:; base-uri 'none'; form-action 'none'; "
)
"""Of the page's document alone, and behind it who may have it in a frame: every other answer has that of
`http.headers`, under which nothing runs."""

_ASK_AGAIN = "private, no-cache"
_KEEP = "private, max-age=31536000, immutable"
_NO_PAGE = (
    "<!doctype html><meta charset=utf-8><title>runlake</title><p>This runlake was installed without its page; "
    "the API is here, and <code>make page</code> in a checkout, or a wheel of a release, brings the page.\n"
)
_TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".html": "text/html",
    ".txt": "text/plain",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
}
_NOT_WANTED = re.compile(r"q=0(\.0*)?")

PageFolder = NamedDependency[SkipValidation[Path]]
"""The folder of the built page: the app provides it under the name `page_folder`."""


def is_built(folder: Path = PAGE_FOLDER) -> bool:
    """Whether there is a page to show."""
    return (folder / "index.html").is_file()


@route("/", http_method=[HttpMethod.GET, HttpMethod.HEAD], include_in_schema=False, sync_to_thread=True)
def read_page(request: Request[Any, Any, Any], page_folder: PageFolder, embed_from: EmbedFrom) -> Response[bytes]:
    """The document of the page; where the page was not built, how to come by it."""
    if not is_built(page_folder):
        return Response(_NO_PAGE.encode(), status_code=404, media_type=_TYPES[".html"])
    policy = CONTENT_SECURITY_POLICY + framed_by(embed_from)
    headers = {"Cache-Control": _ASK_AGAIN, "Content-Security-Policy": policy}
    return _file(request, page_folder / "index.html", headers)


@route(
    "/page/assets/{name:str}",
    http_method=[HttpMethod.GET, HttpMethod.HEAD],
    include_in_schema=False,
    sync_to_thread=True,
)
def read_asset(request: Request[Any, Any, Any], page_folder: PageFolder, name: FromPath[str]) -> Response[bytes]:
    """One file of the page; its name changes with its content."""
    folder = page_folder / "assets"
    # A name is looked up and never made a path of, so none leads out of the folder.
    known = {path.name: path for path in folder.iterdir() if path.is_file()} if folder.is_dir() else {}
    if name not in known:
        raise NotFoundError(f"the page has no file {name!r}; reload it: it may have changed")
    return _file(request, known[name], {"Cache-Control": _ASK_AGAIN if name == "licenses.txt" else _KEEP})


def _file(request: Request[Any, Any, Any], path: Path, headers: dict[str, str]) -> Response[bytes]:
    """The file, packed where there is a packed one and the browser takes it; 304 where the browser has it."""
    packed = path.with_name(f"{path.name}.gz")
    media_type = _TYPES.get(path.suffix, "application/octet-stream")
    headers["Vary"] = "Accept-Encoding"
    if packed.is_file() and _takes_gzip(request.headers.get("accept-encoding", "")):
        path = packed
        headers["Content-Encoding"] = "gzip"
    content = path.read_bytes()
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers["ETag"] = tag
    known = {word.strip().removeprefix("W/") for word in request.headers.get("if-none-match", "").split(",")}
    if tag in known or "*" in known:
        headers.pop("Content-Encoding", None)
        return Response(b"", status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)


def _takes_gzip(accepted: str) -> bool:
    for each in accepted.split(","):
        coding, _, weight = each.strip().lower().partition(";")
        if coding.strip() in ("gzip", "*"):
            return not _NOT_WANTED.fullmatch(weight.strip())
    return False


HANDLERS = [read_page, read_asset]
