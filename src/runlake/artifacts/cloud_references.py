"""References to objects in S3 and Google Cloud Storage, through the libraries of these where they are installed."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

from runlake.artifacts.entry import Entry
from runlake.artifacts.names import inner_name
from runlake.artifacts.places import changed, gone, noted
from runlake.errors import BadValueError, NotSupportedError

_VERSION = "?versionId="
"""Before the version of an object that is not the newest."""


class CloudObject(NamedTuple):
    """An object as its bucket knows it."""

    key: str
    size_bytes: int
    etag: str
    version: str | None = None


class Bucket(Protocol):
    """The objects below one address of a cloud."""

    def find(self, key: str, version: str | None) -> CloudObject | None: ...
    def below(self, prefix: str) -> Iterator[CloudObject]: ...
    def bring(self, found: CloudObject, target: Path) -> None: ...


class CloudPlace:
    """Objects by their ETag and version. Without `checksum` only the address is noted, and no library is needed."""

    def look_at(self, address: str, inner: str | None, *, checksum: bool, max_objects: int) -> list[Entry]:
        if not checksum:
            return [noted(address, inner)]
        bucket, key = open_bucket(address), _key_of(address)
        single = bucket.find(key, _version_of(address)) if key and not key.endswith("/") else None
        if single is not None:
            return [_entry_of(address.partition(_VERSION)[0], single, inner or inner_name(key.rpartition("/")[2]))]
        prefix = f"{key.rstrip('/')}/" if key else ""
        entries: list[Entry] = []
        for found in bucket.below(prefix):
            if len(entries) == max_objects:
                raise BadValueError(
                    f"add_reference: more than max_objects={max_objects:,} lie below {address}; pass a higher number"
                )
            name = found.key.removeprefix(prefix)
            if name and not name.endswith("/"):
                parts = urlsplit(address)
                own = f"{parts.scheme}://{parts.netloc}/{found.key}"
                entries.append(_entry_of(own, found, inner_name(f"{inner}/{name}" if inner else name)))
        if not entries:
            raise BadValueError(f"add_reference: nothing is at {address}; pass checksum=False to note it all the same")
        return entries

    def fetch(self, entry: Entry, target: Path) -> None:
        address = entry.ref_target()
        bucket = open_bucket(address)
        found = bucket.find(_key_of(address), entry.extra.get("versionID"))
        if found is None:
            raise gone(entry)
        if "etag" in entry.extra and found.etag != entry.extra["etag"]:
            raise changed(entry, found.etag)
        draft = target.with_name(f".{target.name[:60]}.part")
        try:
            bucket.bring(found, draft)
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)


def open_bucket(address: str) -> Bucket:
    """The bucket of an address; `NotSupportedError` says which library is missing."""
    parts = urlsplit(address)
    library = {"s3": "boto3", "gs": "google.cloud.storage"}[parts.scheme.lower()]
    try:
        module = import_module(library)
    except ImportError:
        package = {"google.cloud.storage": "google-cloud-storage"}.get(library, library)
        raise NotSupportedError(
            f"to look at {address} the package {package} is needed: pip install {package}; or note it as it is: "
            "add_reference(…, checksum=False)"
        ) from None
    return S3Bucket(module, parts.netloc) if library == "boto3" else GoogleBucket(module, parts.netloc)


class S3Bucket:
    """A bucket through boto3."""

    def __init__(self, boto3: Any, name: str) -> None:
        import os

        self._name = name
        self._client = boto3.client("s3", endpoint_url=os.environ.get("AWS_S3_ENDPOINT_URL"))

    def find(self, key: str, version: str | None) -> CloudObject | None:
        asked = {"Bucket": self._name, "Key": key} | ({"VersionId": version} if version else {})
        try:
            found = self._client.head_object(**asked)
        except self._client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NotFound"):
                return None
            raise
        given = found.get("VersionId")
        return CloudObject(key, found["ContentLength"], found["ETag"].strip('"'), None if given == "null" else given)

    def below(self, prefix: str) -> Iterator[CloudObject]:
        for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._name, Prefix=prefix):
            for found in page.get("Contents", ()):
                yield CloudObject(found["Key"], found["Size"], found["ETag"].strip('"'))

    def bring(self, found: CloudObject, target: Path) -> None:
        extra = {"VersionId": found.version} if found.version else None
        self._client.download_file(self._name, found.key, str(target), ExtraArgs=extra)


class GoogleBucket:
    """A bucket through google-cloud-storage."""

    def __init__(self, storage: Any, name: str) -> None:
        self._bucket = storage.Client().bucket(name)

    def find(self, key: str, version: str | None) -> CloudObject | None:
        blob = self._bucket.get_blob(key, generation=version)
        return None if blob is None else _of_blob(blob)

    def below(self, prefix: str) -> Iterator[CloudObject]:
        yield from map(_of_blob, self._bucket.list_blobs(prefix=prefix))

    def bring(self, found: CloudObject, target: Path) -> None:
        self._bucket.blob(found.key, generation=found.version).download_to_filename(str(target))


def _of_blob(blob: Any) -> CloudObject:
    return CloudObject(blob.name, blob.size, blob.etag, None if blob.generation is None else str(blob.generation))


def _entry_of(address: str, found: CloudObject, inner: str) -> Entry:
    extra = {"etag": found.etag} | ({"versionID": found.version} if found.version else {})
    return Entry(inner, found.etag, address, found.size_bytes, extra)


def _key_of(address: str) -> str:
    """As the bucket has it: a key may hold what means something in other addresses."""
    return address.partition("://")[2].partition(_VERSION)[0].partition("/")[2]


def _version_of(address: str) -> str | None:
    return address.partition(_VERSION)[2] or None
