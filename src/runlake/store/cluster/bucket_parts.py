"""Large objects whose parts others put: begun, completed or given up here, each part by an address of its own.

Such an object is made once: when it is completed its parts' addresses lead nowhere, and nobody writes over it. What is
asked here obstore does not ask; so little is sent that `urllib` does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen
from xml.sax.saxutils import escape

from runlake.errors import NotSupportedError, StoreError
from runlake.store.cluster.bucket import Bucket, Method
from runlake.store.cluster.bucket_errors import error_of

_ASKED_S, _VALID_S = 120.0, 300.0
_UPLOAD_ID = re.compile(rb"<UploadId>([^<]+)</UploadId>")


class BucketParts:
    """Objects in parts of one bucket. Errors as `Bucket` has them."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def begin(self, key: str) -> str:
        """The id of an upload of this object. NotSupportedError where nothing can be signed for it."""
        found = _UPLOAD_ID.search(self._ask("POST", key, {"uploads": ""}))
        if found is None:
            raise StoreError(f"{self._bucket.url} began an upload in parts of {key!r}, and named no id of it")
        return found[1].decode()

    def part_url(self, key: str, upload_id: str, number: int, md5: str, *, valid_s: float) -> str:
        """Where the bytes of this MD5 (base64), and no others, are put as one part; from 1 on."""
        query = {"partNumber": str(number), "uploadId": upload_id}
        return self._signed("PUT", key, query, {"Content-MD5": md5}, valid_s=valid_s, is_ours=False)

    def complete(self, key: str, upload_id: str, tags: Sequence[str]) -> None:
        """Make the object out of all its parts, by the ETags that were answered for them. Twice is as once.

        FileNotFoundError where the upload is not there (any more), StoreError where a part is missing or another one.
        """
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(tag)}</ETag></Part>"
            for number, tag in enumerate(tags, 1)
        )
        body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>"
        answer = self._ask("POST", key, {"uploadId": upload_id}, body.encode())
        if b"<Error>" in answer:  # S3 begins to answer before it is done
            raise error_of(Exception(answer.decode(errors="replace")), f"cannot complete {key!r}", is_writing=True)

    def give_up(self, key: str, upload_id: str) -> None:
        """Remove what came of it; that it is gone already is fine."""
        try:
            self._ask("DELETE", key, {"uploadId": upload_id})
        except FileNotFoundError:
            pass

    def _ask(self, method: Method, key: str, query: Mapping[str, str], body: bytes | None = None) -> bytes:
        url = self._signed(method, key, query, {}, valid_s=_VALID_S, is_ours=True)
        place = f"cannot {method} {key!r} in {self._bucket.url}"
        with self._bucket.calls.counting("delete" if method == "DELETE" else "put", len(body or b"")):
            try:
                with urlopen(Request(url, data=body, method=method), timeout=_ASKED_S) as answer:
                    said: bytes = answer.read()
                    return said
            except HTTPError as refused:
                with refused:
                    text = refused.read().decode(errors="replace")
                if refused.code == 404 and "NoSuchBucket" not in text:
                    raise FileNotFoundError(f"there is no such upload of {key!r} in {self._bucket.url}") from None
                said_ = f"non-2xx status code: {refused.code} {text}"
                raise error_of(Exception(said_), place, is_writing=True) from None
            except (URLError, OSError) as error:
                raise error_of(error, place, is_writing=True) from None

    def _signed(
        self,
        method: Method,
        key: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        *,
        valid_s: float,
        is_ours: bool,
    ) -> str:
        url = self._bucket.bound_url(method, key, valid_s=valid_s, headers=headers, query=query, is_ours=is_ours)
        if url is None:
            raise NotSupportedError(
                "the secret key of the bucket is not in AWS_SECRET_ACCESS_KEY: nothing to sign with"
            )
        return url
