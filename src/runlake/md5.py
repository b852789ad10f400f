"""An MD5 as W&B and S3 write it, in base64, and in hexadecimal digits; pure."""

from __future__ import annotations

import base64
import binascii

from runlake.errors import BadValueError


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
