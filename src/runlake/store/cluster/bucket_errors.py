"""What went wrong at a bucket, out of what its server answered: which error of ours it is, and what to do."""

from __future__ import annotations

import re

from runlake.errors import BusyError, ReadOnlyError, RunlakeError, StoreError, TruncatedError, UnreachableError


class UnusableBucketError(UnreachableError):
    """The bucket is not there, or does not let us in. Whoever asked us for something has done nothing wrong."""


class OtherRangeError(UnreachableError):
    """What came are not the bytes that were asked for, but others of the same object or of another one."""


_WRONG_KEYS = frozenset(
    [
        "AuthorizationHeaderMalformed",
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidToken",
        "RequestExpired",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "TokenRefreshRequired",
    ]
)
_FULL = frozenset(["BucketQuotaExceeded", "QuotaExceeded", "XMinioAdminBucketQuotaExceeded", "XMinioStorageFull"])
_INSUFFICIENT_STORAGE = 507
_RANGE_NOT_SATISFIABLE = 416
_ENDS_BEFORE = "Wanted range starting at"
_OTHER_RANGE = re.compile(r"Requested \d+\.\.\d+, got|Received non-partial response|Content-Range header")
_KEYS = "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN"


def error_of(error: Exception, place: str, *, is_writing: bool) -> RunlakeError:
    """What to raise for an error of obstore; `place` says what was asked, and of which bucket.

    UnusableBucketError, ReadOnlyError (full, or not ours to write), BusyError, TruncatedError, OtherRangeError,
    UnreachableError; StoreError with what the server said for everything else.
    """
    text = str(error).partition("Debug source")[0]
    status, code, said = _status_of(text), _code_of(text), _element("Message", text)
    said = ": ".join(filter(None, (code, said))) or " ".join(text.split())[:300]
    if code in _WRONG_KEYS or status == 401:
        return UnusableBucketError(f"{place}: these credentials are not taken ({said}); look at {_KEYS}")
    if code == "NoSuchBucket":
        return UnusableBucketError(f"{place}: there is no such bucket ({said}); make it, or name another one")
    if code in _FULL or status == _INSUFFICIENT_STORAGE:
        return ReadOnlyError(f"{place}: the bucket is full ({said}); make room, and do it again: nothing is lost")
    if status == 403 or code == "AccessDenied":
        if is_writing:
            return ReadOnlyError(f"{place}: these credentials may not write there ({said}); give them the right to")
        return UnusableBucketError(f"{place}: these credentials may not read there ({said}); give them the right to")
    if status == 429 or code == "SlowDown":
        return BusyError(f"{place}: the server has no time for it ({said}); do it again in a while")
    if "/latest/meta-data" in text or "/latest/api/token" in text:
        return UnusableBucketError(f"{place}: there are no credentials for it; set {_KEYS}")
    if status == _RANGE_NOT_SATISFIABLE or _ENDS_BEFORE in text:
        return TruncatedError(f"{place}: it ends before that ({said})")
    if _OTHER_RANGE.search(text):
        return OtherRangeError(f"{place}: the server answers something else ({said}); do it again")
    if status is None or status >= 500:
        return UnreachableError(f"{place}: the server does not answer as it should ({said}); do it again")
    return StoreError(f"{place}: the server refuses it ({said})")


def _status_of(text: str) -> int | None:
    found = re.search(r"non-2xx status code: (\d{3})", text)
    return int(found[1]) if found is not None else None


def _code_of(text: str) -> str:
    """Also where many objects were removed at once, and one of them could not be."""
    found = re.search(r"\(code: (\w+)\)", text)
    return found[1] if found is not None else _element("Code", text)


def _element(name: str, text: str) -> str:
    found = re.search(f"<{name}>([^<]*)</{name}>", text)
    return found[1] if found is not None else ""
