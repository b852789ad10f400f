"""Html: a page, or a piece of one, shown as it is."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runlake.errors import BadValueError
from runlake.media.stored import Media, OpenFile, WriteFile, read_file, store_file

INJECTED = '<meta charset="utf-8"><base target="_blank">'
"""What `inject` adds: the file shows its letters right when it is opened by itself, and its links open outside."""

_PLACES = (
    re.compile(r"<head(\s[^>]*)?>", re.IGNORECASE),
    re.compile(r"<html(\s[^>]*)?>", re.IGNORECASE),
    re.compile(r"<!doctype[^>]*>", re.IGNORECASE),
)


class Html(Media):
    """A page or a piece of one.

    `data` is the text, a path, or an open file. A string is taken for a path when it names a file and holds no
    ``<``; `data_is_not_path` says that it never is one. With `inject` the stored file begins with its character
    set and opens links outside; `html` is without that again. Raises `BadValueError`.
    """

    __slots__ = ("html", "inject")

    html: str
    """The text as it was given."""
    inject: bool

    def __init__(self, data: Any, inject: bool = True, data_is_not_path: bool = False) -> None:
        self.html = _text_of(data, may_be_path=not data_is_not_path)
        self.inject = inject

    @classmethod
    def from_stored(cls, value: Mapping[str, Any], open_file: OpenFile) -> Html:
        """The page of a stored dict; the inverse of `stored`."""
        text = _decode(read_file(value, open_file), value["path"])
        injected = bool(value.get("injected"))
        return cls(text.replace(INJECTED, "", 1) if injected else text, inject=injected, data_is_not_path=True)

    def stored(self, write_file: WriteFile, key: str, step: int) -> dict[str, Any]:
        """Write the page and return its dict; `injected` is there when something was added to the text."""
        # Text that has the addition already could not be told from text that was given it.
        injects = self.inject and INJECTED not in self.html
        text = _inject(self.html) if injects else self.html
        content = text.encode(errors="surrogatepass")
        stored: dict[str, Any] = {"_type": "html-file"}
        stored |= store_file(write_file, "html", key, step, "html", content)
        return stored | {"injected": True} if injects else stored

    def __repr__(self) -> str:
        return f"Html({len(self.html)} characters)"

    def _repr_html_(self) -> str:
        return (
            f'<iframe srcdoc="{html.escape(self.html)}" sandbox="allow-scripts allow-popups" '
            'style="width:100%;height:400px;border:0"></iframe>'
        )


def store_pages(pages: list[Html], write_file: WriteFile, key: str, step: int) -> dict[str, Any]:
    """Several pages under one key, as one dict: ``{"_type": "html", "count", "html": [a dict each]}``."""
    return {"_type": "html", "count": len(pages), "html": [page.stored(write_file, key, step) for page in pages]}


def read_pages(value: Mapping[str, Any], open_file: OpenFile) -> list[Html]:
    """The pages of a dict made by `store_pages`."""
    return [Html.from_stored(page, open_file) for page in value["html"]]


def _text_of(data: Any, *, may_be_path: bool) -> str:
    if isinstance(data, str):
        return _read_path(Path(data)) if may_be_path and _is_path(data) else data
    if isinstance(data, bytes):
        return _decode(data, "the given bytes")
    if hasattr(data, "__fspath__"):
        return _read_path(Path(data))
    if hasattr(data, "read"):
        content = data.read()
        return content if isinstance(content, str) else _decode(content, repr(data))
    raise BadValueError(f"Html() was given a {type(data).__name__}; give text, a path or an open file")


def _is_path(text: str) -> bool:
    if "<" in text or "\n" in text or "\0" in text:
        return False
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # too long, or not a name at all: then it is text
        return False


def _read_path(path: Path) -> str:
    try:
        return _decode(path.read_bytes(), str(path))
    except OSError as error:
        raise BadValueError(f"a page was to be read from {str(path)!r}: {error.strerror}; check the path") from error


def _decode(content: bytes, name: str) -> str:
    try:
        return content.decode(errors="surrogatepass")
    except UnicodeDecodeError as error:
        raise BadValueError(f"{name} is not UTF-8 text: {error}; decode it and pass the text") from error


def _inject(text: str) -> str:
    for place in _PLACES:
        match = place.search(text)
        if match is not None:
            return text[: match.end()] + INJECTED + text[match.end() :]
    return INJECTED + text
