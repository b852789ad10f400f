"""Whether a bucket keeps the promises that a store stands on, found out by asking it to.

Some servers that speak S3 ignore `If-None-Match` and let the last of several writers win, without a word: rows would be
lost there. They are refused by name before anything is stored in them.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import wraps
from typing import NamedTuple
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from runlake.artifact_model import UploadWay
from runlake.errors import ConflictError, RunlakeError, StoreError
from runlake.md5 import md5_text, new_md5
from runlake.store.cluster.bucket import Bucket
from runlake.store.cluster.bucket_parts import BucketParts

_FOLDER = ".check"
_WRITER_COUNT, _RACE_COUNT = 32, 3
_PART_BYTES = 5 << 20
"""The smallest that S3 takes of a part which is not the last."""
_FETCH_S, _SIGNED_S = 10.0, 600.0
_OK, _REFUSED = 200, 400
_NO_SECRET = "nothing can be signed but an address: the secret key is not in AWS_SECRET_ACCESS_KEY"


_COPIED = "what is put to signed addresses is compared with its MD5, and can be copied"
_BOUND = "signed addresses take nothing but bytes of one MD5 and SHA-256"
_IN_PARTS = "large objects come in parts that others put to signed addresses"


class Check(NamedTuple):
    """One promise, and what was found: empty when it is kept. Without those that are not needed uploads come through
    the server."""

    promise: str
    fault: str
    is_needed: bool = True


def upload_way_of(checks: Sequence[Check]) -> UploadWay:
    """How clients may put contents into a bucket of which this was found."""
    kept = {check.promise for check in checks if not check.fault}
    if _COPIED not in kept:
        return "server"
    return "bound" if {_BOUND, _IN_PARTS} <= kept else "copied"


def check_bucket(bucket: Bucket) -> list[Check]:
    """Prove each promise; everything that is written meanwhile is removed. StoreError names those that are not kept,
    of those that are needed.

    What keeps it from being asked at all is the error of the bucket: credentials, no such bucket, no answer.
    """
    found = list(run_checks(bucket))
    if broken := [f"{check.promise}: {check.fault}" for check in found if check.fault and check.is_needed]:
        raise StoreError(f"{bucket.url} cannot hold a store, since its server does not keep: {'; '.join(broken)}")
    return found


def run_checks(bucket: Bucket) -> Iterator[Check]:
    """Each promise when it is proved."""
    folder = f"{_FOLDER}/{secrets.token_hex(8)}"
    checks: dict[str, Callable[[Bucket, str], str]] = {
        "of several who create an object one does": _one_creates,
        "what is there is not written over": _nothing_is_written_over,
        "what was written is read": _written_is_read,
        "what was written is listed": _written_is_listed,
        "ranges are read, from the start, the middle and the end": _ranges_are_read,
        "large objects come in parts": _parts_make_an_object,
        "signed addresses are for who has them, and for nobody else": _signatures_are_proved,
        "what was removed is gone": _removed_is_gone,
    }
    uploads: dict[str, Callable[[Bucket, str], str]] = {
        _COPIED: _uploads_are_compared,
        _BOUND: _addresses_are_bound,
        _IN_PARTS: _parts_are_put,
    }
    try:
        for promise, check in (checks | uploads).items():
            fault = check(bucket, f"{folder}/{check.__name__.strip('_')}")
            yield Check(promise, fault, is_needed=promise in checks)
    finally:
        with suppress(RunlakeError):  # where nothing can be removed, that was found out before
            bucket.remove([info.key for info in bucket.list(folder)])


def _one_creates(bucket: Bucket, place: str) -> str:
    def create(body: bytes) -> bool:
        try:
            return bucket.put_new(key, body)
        except ConflictError:
            return False

    bodies = [b"written by %d" % n for n in range(_WRITER_COUNT)]
    for race in range(_RACE_COUNT):
        key = f"{place}-{race}"
        with ThreadPoolExecutor(_WRITER_COUNT) as pool:
            winners = [body for body, is_made in zip(bodies, pool.map(create, bodies), strict=True) if is_made]
        if len(winners) != 1:
            return f"{len(winners)} of {_WRITER_COUNT} who did so at once were told that it was them (If-None-Match: *)"
        if bucket.get(key) != winners[0]:
            return "one was told that it was him, and another one's bytes are there"
    return ""


def _nothing_is_written_over(bucket: Bucket, place: str) -> str:
    bucket.put_new(place, b"first")
    try:
        bucket.put_new(place, b"other")
    except ConflictError:
        return "" if bucket.get(place) == b"first" else "the second was refused, and its bytes are there"
    return "the second of two was not refused (If-None-Match: *)"


def _written_is_read(bucket: Bucket, place: str) -> str:
    for n in range(20):
        key, body = f"{place}-{n}", secrets.token_bytes(1000 + n)
        bucket.put_new(key, body)
        try:
            if bucket.head(key).size_bytes != len(body) or bucket.get(key) != body:
                return "an object that was just written has other bytes"
        except FileNotFoundError:
            return "an object that was just written is not found"
    return ""


def _written_is_listed(bucket: Bucket, place: str) -> str:
    written = {f"{place}/{n:02}": n for n in range(20)}
    for key, size_bytes in written.items():
        bucket.put_new(key, bytes(size_bytes))
    listed = {info.key: info.size_bytes for info in bucket.list(place)}
    if listed == written:
        return ""
    return f"{len(written)} objects were written, and {len(listed.items() & written.items())} of them are listed"


def _ranges_are_read(bucket: Bucket, place: str) -> str:
    body = secrets.token_bytes(200_000)
    bucket.put_new(place, body)
    wanted = [(0, 10), (5, 1000), (90_000, 50_000), (199_999, 1)]
    if [bytes(piece) for piece in bucket.get_ranges(place, wanted)] != [body[a : a + size] for a, size in wanted]:
        return "other bytes came"
    return "" if bucket.get_end(place, 100) == body[-100:] else "other bytes came from the end"


def _parts_make_an_object(bucket: Bucket, place: str) -> str:
    body = secrets.token_bytes(_PART_BYTES + 1000)
    bucket.put_parts(place, [body[:_PART_BYTES], body[_PART_BYTES:]], len(body), part_bytes=_PART_BYTES)
    return "" if bucket.get(place) == body else "other bytes came to be there"


def _signatures_are_proved(bucket: Bucket, place: str) -> str:
    bucket.put_new(place, b"for who may")
    url = bucket.signed_url("GET", place, valid_s=600)
    try:
        (status, body), (forged_status, _) = _fetch(url), _fetch(f"{url[:-4]}{'0' * 4}")
    except OSError as error:
        return f"one was not answered ({error})"
    if body != b"for who may":
        return f"one was refused ({status})"
    return "" if forged_status in (400, 401, 403) else f"one of another signature was taken ({forged_status})"


def _fetch(url: str) -> tuple[int, bytes]:
    """The status and the body of an answer. Not by httpx: it takes 7 MB of a replica that needs nothing else of it."""
    status, body, _ = _ask(Request(url))
    return status, body


def _put(url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
    """The status and the ETag."""
    status, _, etag = _ask(Request(url, data=body, method="PUT", headers=dict(headers)))
    return status, etag


def _ask(request: Request) -> tuple[int, bytes, str]:
    try:
        with urlopen(request, timeout=_FETCH_S) as answer:
            return answer.status, answer.read(), answer.headers.get("ETag", "")
    except HTTPError as refused:
        with refused:
            return refused.code, refused.read(), ""


def _optional(check: Callable[[Bucket, str], str]) -> Callable[[Bucket, str], str]:
    """What a bucket answers to a promise that a store can do without is never an error."""

    @wraps(check)
    def checked(bucket: Bucket, place: str) -> str:
        try:
            return check(bucket, place)
        except (RunlakeError, OSError) as error:
            return str(error)

    return checked


@_optional
def _uploads_are_compared(bucket: Bucket, place: str) -> str:
    url = bucket.signed_url("PUT", place, valid_s=_SIGNED_S)
    if (status := _put(url, b"what it is", {"Content-MD5": _md5(b"what it is")})[0]) != _OK:
        return f"what was put there was refused ({status})"
    if _put(url, b"another", {"Content-MD5": _md5(b"what it is")})[0] < _REFUSED:
        return "other bytes were taken (Content-MD5)"
    bucket.copy(place, f"{place}-copy")
    return "" if bucket.get(f"{place}-copy") == b"what it is" else "the copy has other bytes"


@_optional
def _addresses_are_bound(bucket: Bucket, place: str) -> str:
    good, sha256 = b"what it is", base64.b64encode(hashlib.sha256(b"what it is").digest()).decode()
    headers = {"Content-MD5": _md5(good), "x-amz-checksum-sha256": sha256, "If-None-Match": "*"}
    url = bucket.bound_url("PUT", place, valid_s=_SIGNED_S, headers=headers)
    if url is None:
        return _NO_SECRET
    bucket.put_new(f"{place}-other", b"another")
    copied = {**headers, "x-amz-copy-source": f"{bucket.url.removeprefix('s3:/')}/{place}-other"}
    others: Sequence[Mapping[str, str]] = (headers, {"Content-MD5": _md5(b"another")}, {}, copied)
    if any(_put(url, b"another", other)[0] < _REFUSED for other in others):
        return "other bytes were taken (Content-MD5, x-amz-checksum-sha256, x-amz-copy-source)"
    if (status := _put(url, good, headers)[0]) != _OK:
        return f"what was put there was refused ({status})"
    if _put(url, good, headers)[0] < _REFUSED or bucket.get(place) != good:
        return "what was there was written over (If-None-Match: *)"
    # With an MD5 that fits, so that it is the SHA-256 that is looked at.
    headers["Content-MD5"] = _md5(b"another")
    url = bucket.bound_url("PUT", f"{place}-sha256", valid_s=_SIGNED_S, headers=headers) or ""
    return "" if _put(url, b"another", headers)[0] >= _REFUSED else "other bytes were taken (x-amz-checksum-sha256)"


@_optional
def _parts_are_put(bucket: Bucket, place: str) -> str:
    if bucket.bound_url("PUT", place, valid_s=_SIGNED_S) is None:
        return _NO_SECRET
    parts = BucketParts(bucket)
    upload_id = parts.begin(place)
    pieces = [secrets.token_bytes(_PART_BYTES), b"the end"]
    urls = [
        parts.part_url(place, upload_id, number, _md5(piece), valid_s=_SIGNED_S)
        for number, piece in enumerate(pieces, 1)
    ]
    found = [_put(url, piece, {"Content-MD5": _md5(piece)}) for url, piece in zip(urls, pieces, strict=True)]
    if any(status != _OK for status, _ in found):
        return f"a part was refused ({max(status for status, _ in found)})"
    if _put(urls[1], b"another", {"Content-MD5": _md5(pieces[1])})[0] < _REFUSED:
        return "other bytes of a part were taken (Content-MD5)"
    parts.complete(place, upload_id, [tag for _, tag in found])
    if _put(urls[1], pieces[1], {"Content-MD5": _md5(pieces[1])})[0] < _REFUSED:
        return "a part was taken when the object was made"
    return "" if bucket.get(place) == b"".join(pieces) else "other bytes came to be there"


def _md5(body: bytes) -> str:
    return md5_text(new_md5(body))


def _removed_is_gone(bucket: Bucket, place: str) -> str:
    bucket.put_new(place, b"not for long")
    bucket.remove([place])
    bucket.remove([place])
    try:
        bucket.head(place)
    except FileNotFoundError:
        return "" if not list(bucket.list(place)) else "it is listed"
    except RunlakeError as error:
        return str(error)
    return "it is found"
