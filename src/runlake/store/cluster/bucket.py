"""A bucket of an S3-compatible server: objects that are made once, read in pieces, and removed.

It is the one file that asks obstore. Threads may share a bucket. What the server must be able to do for us is proved by
`store.cluster.check_bucket`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import S3Store

from runlake.errors import BadValueError, BusyError, ConflictError, CorruptError, TruncatedError, UnreachableError
from runlake.md5 import new_md5
from runlake.store.cluster.bucket_calls import BucketCalls, Call, Kind
from runlake.store.cluster.bucket_errors import error_of
from runlake.store.cluster.signing import key_id_of, signed_again

if TYPE_CHECKING:
    from obstore import ObjectMeta

_URL = re.compile(r"s3://(?P<bucket>[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9])(?:/(?P<prefix>[^?#]*))?")
_ENDPOINT_VARIABLES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_SECRETS = ("secret_access_key", "aws_secret_access_key")
_KEY_IDS = ("access_key_id", "aws_access_key_id")
_PLAIN_HTTP = "http://"
_COPY_BYTES = 4 << 20
_NEAR_BYTES = 64 << 10
_MOST_PARTS, _PARTS_AT_ONCE = 10_000, 4
_PUT_COUNT = 5


Method = Literal["GET", "PUT", "POST", "DELETE"]


class BucketLimits(NamedTuple):
    """How patient a bucket is with its server, and how much it sends at once."""

    retry_count: int = 6
    retry_for_s: float = 60.0
    request_s: float = 120.0
    largest_put_bytes: int = 32 << 20
    """What is larger goes in parts."""
    part_bytes: int = 8 << 20


USUAL_LIMITS = BucketLimits()


class VanishedError(BusyError):
    """The bucket said that it has an object, and then that it has not."""


class ObjectInfo(NamedTuple):
    """What a bucket says of an object without its bytes."""

    key: str
    size_bytes: int
    written_at: float
    """In seconds since 1970, by the server's clock."""
    etag: str | None


class Bucket:
    """The objects below ``s3://bucket/folder``; `options` are obstore's (endpoint, region, access_key_id, …).

    `signed_endpoint` is the server's address in URLs that are handed out, where others do not reach it as we do.

    What is not among them comes from the variables that AWS's own tools read. Without TLS only where the endpoint says
    ``http://``. BadValueError for a URL or an option that cannot be.

    Every method raises the errors of `store.cluster.bucket_errors`, and FileNotFoundError for an object that is not
    there. Connections that break and servers that answer 5xx are asked again, as `limits` say.
    """

    def __init__(
        self,
        url: str,
        options: Mapping[str, str] | None = None,
        limits: BucketLimits = USUAL_LIMITS,
        *,
        signed_endpoint: str | None = None,
    ) -> None:
        found = _URL.fullmatch(url)
        if found is None:
            raise BadValueError(f"{url!r} is no address of a bucket; one looks like this: s3://bucket/folder")
        name, prefix = found["bucket"], (found["prefix"] or "").strip("/")
        self.url = f"s3://{name}/{prefix}".rstrip("/")
        self.calls = BucketCalls()
        self._limits, self._options = limits, options or {}
        self._store = self._signing = _open_store(name, prefix, options or {}, limits)
        if signed_endpoint is not None:
            self._signing = _open_store(name, prefix, {**(options or {}), "endpoint": signed_endpoint}, limits)

    def put_new(self, key: str, data: bytes | memoryview) -> bool:
        """Make an object, whole and in one step, if none has this key: whether it was us.

        No if the same bytes are there; ConflictError if others are, which stay.
        """
        try:
            with self._asking("put", key, len(data)):
                obstore.put(self._store, key, data, mode="create", use_multipart=False)
        except AlreadyExistsError:
            # It may have been us: the answer to the first attempt is lost sometimes.
            try:
                is_same = self._is_same(key, data)
            except FileNotFoundError:
                raise VanishedError(f"{key!r} in {self.url} is made and removed at this moment; do it again") from None
            if is_same:
                return False
            raise ConflictError(f"there is an object {key!r} in {self.url}, and it has other bytes") from None
        return True

    def replace(self, key: str, data: bytes | memoryview) -> str | None:
        """Put an object, whole and in one step, in the place of what is there; its ETag."""
        with self._asking("put", key, len(data)):
            return obstore.put(self._store, key, data, mode="overwrite", use_multipart=False)["e_tag"]

    def put_file(self, key: str, file: Path) -> None:
        """Make an object out of a file of any size, whole and in one step. Its key must be made of its content, or new.

        It is there then: the bucket is asked, since what removes the only other copy comes next, and put again what it
        took and does not have. A large one goes in parts and replaces what is there, so it must not matter who of
        several is the last. ConflictError, or CorruptError for a large one, where other bytes came to lie there.
        """
        size_bytes = file.stat().st_size
        part_bytes = max(self._limits.part_bytes, -(-size_bytes // _MOST_PARTS))
        for _ in range(_PUT_COUNT):
            if size_bytes > self._limits.largest_put_bytes:
                stored_bytes = self._put_parts(key, file, size_bytes, part_bytes)
            else:
                with suppress(VanishedError):
                    self.put_new(key, file.read_bytes())
                stored_bytes = self._size_of(key)
            if stored_bytes is not None:
                self._check_size(key, stored_bytes, size_bytes)
                return
        raise self._not_kept(key)

    def put_parts(
        self, key: str, content: Path | Iterable[bytes], size_bytes: int, *, part_bytes: int = USUAL_LIMITS.part_bytes
    ) -> None:
        """The same for what is large, in parts (none below 5 MiB). UnreachableError where it is not there then."""
        stored_bytes = self._put_parts(key, content, size_bytes, part_bytes)
        if stored_bytes is None:
            raise self._not_kept(key)
        self._check_size(key, stored_bytes, size_bytes)

    def _put_parts(self, key: str, content: Path | Iterable[bytes], size_bytes: int, part_bytes: int) -> int | None:
        """How large it is then."""
        request_count = -(-size_bytes // part_bytes) + 2
        with self._asking("put", key, size_bytes, request_count=request_count):
            obstore.put(
                self._store, key, content, use_multipart=True, chunk_size=part_bytes, max_concurrency=_PARTS_AT_ONCE
            )
        return self._size_of(key)

    def _size_of(self, key: str) -> int | None:
        """None for what is not there."""
        try:
            return self.head(key).size_bytes
        except FileNotFoundError:
            return None

    def _check_size(self, key: str, stored_bytes: int, size_bytes: int) -> None:
        if stored_bytes != size_bytes:
            raise CorruptError(f"{key!r} in {self.url} has {stored_bytes} of {size_bytes} bytes; send it again")

    def _not_kept(self, key: str) -> UnreachableError:
        return UnreachableError(
            f"cannot put {key!r} in {self.url}: the server says that it has it, and then that it has not; "
            "runlake check --bucket says what else it does not keep"
        )

    def get(self, key: str) -> bytes:
        """A whole object."""
        with self._asking("get", key) as call:
            found = bytes(obstore.get(self._store, key).bytes())
            call.received_bytes = len(found)
        return found

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> list[memoryview]:
        """Some ranges (start, size in bytes) at once; those that are near each other come in one answer.

        TruncatedError when the object ends before one of them does.
        """
        starts, sizes = [start for start, _ in ranges], [size for _, size in ranges]
        with self._asking("get", key) as call:
            found = obstore.get_ranges(self._store, key, starts=starts, lengths=sizes, coalesce=_NEAR_BYTES)
            call.received_bytes = sum(map(len, found))
        for (start, size_bytes), piece in zip(ranges, found, strict=True):
            if len(piece) != size_bytes:
                raise TruncatedError(f"{key!r} in {self.url} ends at {start + len(piece)}, not {start + size_bytes}")
        return [memoryview(piece) for piece in found]

    def get_end(self, key: str, size_bytes: int) -> bytes:
        """The last bytes of an object: all of it where it is smaller."""
        with self._asking("get", key) as call:
            found = bytes(obstore.get(self._store, key, options={"range": {"suffix": size_bytes}}).bytes())
            call.received_bytes = len(found)
        return found

    def read_pieces(self, key: str) -> Iterator[memoryview]:
        """A whole object of any size, some megabytes at a time."""
        with self._asking("get", key) as call:
            for piece in obstore.get(self._store, key).stream(_COPY_BYTES):
                call.received_bytes += len(piece)
                yield memoryview(piece)

    def head(self, key: str) -> ObjectInfo:
        """Size and time of an object."""
        with self._asking("head", key):
            return _info_of(obstore.head(self._store, key))

    def encoding_of(self, key: str) -> str:
        """What whoever put an object said of its bytes, which those are told who fetch it: gzip, for example."""
        with self._asking("head", key):
            found = obstore.get(self._store, key, options={"head": True})
            return str(found.attributes.get("Content-Encoding", ""))

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """The objects below a folder of keys, in no promised order."""
        pages = obstore.list(self._store, prefix or None)
        while True:
            with self._asking("list", prefix):
                page = next(pages, None)
            if page is None:
                return
            yield from map(_info_of, page)

    def remove(self, keys: Sequence[str]) -> None:
        """Remove objects; that they are gone already is fine."""
        if keys:
            with self._asking("delete", keys[0]):
                obstore.delete(self._store, keys)

    def signed_url(self, method: Literal["GET", "PUT"], key: str, *, valid_s: float) -> str:
        """An address under which whoever has it may read or write this one object, for at most a week."""
        return obstore.sign(self._signing, method, key, timedelta(seconds=valid_s))

    def bound_url(
        self,
        method: Method,
        key: str,
        *,
        valid_s: float,
        headers: Mapping[str, str] = {},
        query: Mapping[str, str] = {},
        is_ours: bool = False,
    ) -> str | None:
        """An address that permits one request with exactly these headers; None where we do not know the secret key.

        So it is where a machine's role signs, and not keys from variables. `is_ours`: as we reach the server.
        """
        sample = obstore.sign(self._store if is_ours else self._signing, "GET", key, timedelta(seconds=valid_s))
        secret = self._given(_SECRETS)
        if secret is None or self._given(_KEY_IDS) != key_id_of(sample):
            return None
        return signed_again(sample, secret, method=method, valid_s=valid_s, headers=headers, query=query)

    def copy(self, key: str, target: str) -> None:
        """Make an object out of another one, whole and in one step; at most 5 GB. No byte comes here."""
        with self._asking("put", key):
            obstore.copy(self._store, key, target)

    def _given(self, names: Iterable[str]) -> str | None:
        found = (self._options.get(name) or os.environ.get(name.upper()) for name in names)
        return next(filter(None, found), None)

    def _is_same(self, key: str, data: bytes | memoryview) -> bool:
        """Whether the object has these bytes: by its ETag where that is an MD5, by reading it where it is not."""
        there = self.head(key)
        if there.size_bytes != len(data):
            return False
        is_alike = (there.etag or "").strip('"') == new_md5(data).hexdigest()
        return is_alike or self.get(key) == data

    @contextmanager
    def _asking(self, kind: Kind, key: str, sent_bytes: int = 0, *, request_count: int = 1) -> Iterator[Call]:
        """Count what is asked in the block, and translate its errors."""
        with self.calls.counting(kind, sent_bytes, request_count=request_count) as call:
            try:
                yield call
            except AlreadyExistsError:
                raise
            except (BaseError, OSError) as error:
                if isinstance(error, FileNotFoundError) and "NoSuchBucket" not in str(error):
                    raise FileNotFoundError(f"there is no object {key!r} in {self.url}") from None
                place = f"cannot {kind} {key!r} in {self.url}"
                raise error_of(error, place, is_writing=kind in ("put", "delete")) from None


def _open_store(name: str, prefix: str, options: Mapping[str, str], limits: BucketLimits) -> S3Store:
    named = (options.get("endpoint"), *map(os.environ.get, _ENDPOINT_VARIABLES))
    endpoint = next(filter(None, named), None)
    config: dict[str, Any] = {**options} if endpoint is None else {**options, "endpoint": endpoint}
    client: dict[str, Any] = {
        "timeout": timedelta(seconds=limits.request_s),
        "allow_http": (endpoint or "").startswith(_PLAIN_HTTP),
    }
    retry: Any = {"max_retries": limits.retry_count, "retry_timeout": timedelta(seconds=limits.retry_for_s)}
    try:
        return S3Store(name, prefix=prefix or None, client_options=client, retry_config=retry, **config)  # type: ignore[arg-type]
    except (BaseError, ValueError) as error:
        raise BadValueError(f"s3://{name} cannot be opened with these options: {error}") from None


def _info_of(meta: ObjectMeta) -> ObjectInfo:
    return ObjectInfo(meta["path"], meta["size"], meta["last_modified"].timestamp(), meta["e_tag"])
