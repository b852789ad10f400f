"""Whether the bucket holds what the tables say, and nothing else.

Both change while they are looked at: what seems to be wrong is looked at once more before it is told.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from runlake.store.cluster.bucket import Bucket, ObjectInfo
from runlake.store.cluster.database import Database

FOLDERS = ("segments", "files", "merged", "contents", "listings", "uploads")
"""Where keys of ours begin; a bucket may hold other things beside them."""

_AT_ONCE = 1000
_KNOWN = "select key, size_bytes from objects where key = any(%(keys)s)"
_AWAITED = "select key from uploads where key = any(%(keys)s)"
_PUBLISHED = """
select key, size_bytes, sha256 from objects where state = 'published' and key > %(after)s order by key limit %(count)s
"""
_IS_PUBLISHED = "select 1 from objects where key = %(key)s and state = 'published'"

Kind = Literal["unknown", "lost", "changed"]


class Difference(NamedTuple):
    """An object that the tables do not know, that the bucket does not have, or that has other bytes than it had."""

    kind: Kind
    key: str
    said: str


class Comparison:
    """The objects of one store, on both sides."""

    def __init__(self, database: Database, bucket: Bucket) -> None:
        self._database, self._bucket = database, bucket

    def differences(self, *, is_reading: bool = False) -> Iterator[Difference]:
        """What is wrong, by names and sizes; `is_reading` holds the bytes of everything against their digests too.

        It remembers 100 bytes of each object while it is at work.
        """
        listed: set[bytes] = set()
        for folder in FOLDERS:
            page: list[ObjectInfo] = []
            for info in self._bucket.list(folder):
                listed.add(_short(info.key))
                page.append(info)
                if len(page) == _AT_ONCE:
                    yield from self._unknown(page)
                    page = []
            yield from self._unknown(page)
        yield from self._lost(listed, is_reading=is_reading)

    def _unknown(self, page: Sequence[ObjectInfo]) -> Iterator[Difference]:
        asked = {"keys": [info.key for info in page]}
        known: dict[str, int] = dict(self._database.read(_KNOWN, asked))
        awaited = {key for (key,) in self._database.read(_AWAITED, asked)}
        for info in page:
            if info.key not in known:
                if info.key not in awaited and self._is_there(
                    info.key
                ):  # garbage that was removed meanwhile is no difference
                    yield Difference("unknown", info.key, f"no row tells of its {info.size_bytes} bytes")
            elif known[info.key] != info.size_bytes:
                yield Difference("changed", info.key, f"it has {info.size_bytes} bytes, not {known[info.key]}")

    def _lost(self, listed: set[bytes], *, is_reading: bool) -> Iterator[Difference]:
        after = ""
        while rows := self._database.read(_PUBLISHED, {"after": after, "count": _AT_ONCE}):
            for key, _, sha256 in rows:
                if _short(key) not in listed and not self._is_there(key):
                    if self._database.read(_IS_PUBLISHED, {"key": key}):
                        yield Difference("lost", key, "a row leads to it, and it is not in the bucket")
                elif is_reading and self._is_other(key, sha256):
                    yield Difference("changed", key, "its bytes are not those that were put there")
            after = rows[-1][0]

    def _is_there(self, key: str) -> bool:
        try:
            self._bucket.head(key)
        except FileNotFoundError:
            return False
        return True

    def _is_other(self, key: str, sha256: bytes) -> bool:
        digest = hashlib.sha256()
        try:
            for piece in self._bucket.read_pieces(key):
                digest.update(piece)
        except FileNotFoundError:
            return False  # removed meanwhile
        return digest.digest() != sha256


def _short(key: str) -> bytes:
    return hashlib.blake2b(key.encode(), digest_size=12).digest()
