"""Any text of Python as text that PostgreSQL can hold, and back: it holds neither NUL nor half of a surrogate pair."""

from __future__ import annotations

import hashlib
import re

_KEY_BYTES = 1000
_STRANGE = re.compile("[\\\\\0\ud800-\udfff]")
_ESCAPED = re.compile(r"\\(\\|0|u[0-9a-f]{4})")


def to_text(value: str) -> str:
    """The same text where it can be held, with escapes that begin with a backslash where not."""
    return _STRANGE.sub(_escape, value) if _STRANGE.search(value) else value


def from_text(text: str) -> str:
    """The inverse of `to_text`."""
    return _ESCAPED.sub(_unescape, text) if "\\" in text else text


def to_key(value: str) -> str:
    """A text that stands for `value` and is short enough for an index: the same, or its beginning and a hash."""
    text = to_text(value)
    if len(text.encode()) <= _KEY_BYTES:
        return text
    return f"{text[: _KEY_BYTES // 8]}\\~{hashlib.sha256(text.encode()).hexdigest()}"


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    return {"\\": r"\\", "\0": r"\0"}.get(character) or f"\\u{ord(character):04x}"


def _unescape(match: re.Match[str]) -> str:
    code = match[1]
    return {"\\": "\\", "0": "\0"}.get(code) or chr(int(code[1:], 16))
