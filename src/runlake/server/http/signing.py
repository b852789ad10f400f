"""URLs that carry their own permission: for one HTTP method on one path, until a moment.

Uploads and downloads of the W&B client come without a key, so the URLs it is given must do. A token is
``<expiry>.<subject>.<HMAC-SHA256>``; what it permits is in the signature and not in the token, so it cannot be used
elsewhere. `subject` says who was permitted, by ids that are never given again, so that whoever checks can ask whether
they still may.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from runlake.errors import ForbiddenError

_PURPOSE = b"runlake url 1"


class SignatureError(ForbiddenError):
    """The token was not made by this server for this method and path."""


class ExpiredError(ForbiddenError):
    """The token was good, and its time is over."""


class Signer:
    """Signs with one `secret` of 32 bytes: `people.People.signing_secret`."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def sign(self, method: str, path: str, expires_at: float, *, subject: str = "") -> str:
        """A token for `method` on `path` until `expires_at`, in whole seconds since 1970; safe within a URL.

        `path` is compared as it is: sign the form that requests are checked in. A token for GET is one for HEAD.
        """
        expiry = str(int(expires_at))
        return f"{expiry}.{_encode(subject.encode())}.{_encode(self._digest(method, path, expiry, subject))}"

    def check(self, method: str, path: str, token: str, now: float) -> str:
        """The token's subject. `SignatureError` when it is not for this method and path, `ExpiredError` afterwards."""
        expiry, _, rest = token.partition(".")
        encoded_subject, _, encoded_digest = rest.partition(".")
        try:
            subject = _decode(encoded_subject).decode()
            digest = _decode(encoded_digest)
        except (binascii.Error, ValueError):
            raise _not_ours(method) from None
        if not hmac.compare_digest(digest, self._digest(method, path, expiry, subject)):
            raise _not_ours(method)
        if now >= int(expiry):
            raise ExpiredError(f"this URL was good for {method} until a moment ago; ask for a new one")
        return subject

    def _digest(self, method: str, path: str, expiry: str, subject: str) -> bytes:
        verb = "GET" if method.upper() == "HEAD" else method.upper()
        # Every part but the last is free of NUL or has its length before it, so no two requests sign the same bytes.
        parts = (verb, expiry, str(len(subject)), subject, path)
        message = b"\0".join((_PURPOSE, *(part.encode("utf-8", "surrogatepass") for part in parts)))
        return hmac.new(self._secret, message, hashlib.sha256).digest()


def _not_ours(method: str) -> SignatureError:
    return SignatureError(f"this URL does not permit {method} here: it was changed, or made for something else")


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _decode(text: str) -> bytes:
    return base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
