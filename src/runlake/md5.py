"""An MD5 as W&B and S3 write it, in base64, and in hexadecimal digits."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import BinaryIO

from runlake.errors import BadValueError


def new_md5(data: bytes | memoryview = b"") -> hashlib._Hash:
    """The digest by which files are told apart, as W&B does it."""
    return hashlib.md5(data, usedforsecurity=False)


def md5_text(digest: hashlib._Hash) -> str:
    """In base64, as W&B gives it."""
    return base64.b64encode(digest.digest()).decode()


def md5_of(content: BinaryIO) -> str:
    """The MD5 of what a stream at its begin holds, in base64."""
    return md5_text(hashlib.file_digest(content, new_md5))  # type: ignore[arg-type]


def hex_of(digest: str) -> str:
    """An MD5 in base64 as hexadecimal digits; `BadValueError` for what is none."""
    try:
        found = base64.b64decode(digest.encode(), validate=True)
    except (binascii.Error, UnicodeError):
        found = b""
    if len(found) != 16:
        raise BadValueError(f"{digest[:80]!r} is no MD5 in base64, by which the bytes of a file are known here")
    return found.hex()


def digest_of_hex(text: str) -> str:
    """The inverse of `hex_of`; `BadValueError` for what is none."""
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != 16 or text.lower() != found.hex():
        raise BadValueError(f"{text[:80]!r} is no MD5 in hexadecimal digits")
    return base64.b64encode(found).decode()
