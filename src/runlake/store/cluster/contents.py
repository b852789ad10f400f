"""The bytes of artifacts as objects, each once in a store; `store.artifacts.content` says what each method does."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import BinaryIO, cast

from runlake.artifact_model import ContentInfo, UploadWay
from runlake.errors import CorruptError, NotFoundError
from runlake.incoming import keep_whole
from runlake.store.artifacts.content import ContentDigests
from runlake.store.artifacts.names import check_sha256
from runlake.store.cluster.bucket import Bucket
from runlake.store.cluster.database import Database
from runlake.store.cluster.object_cache import ObjectCache
from runlake.store.cluster.object_file import ObjectFile
from runlake.store.cluster.objects import Objects, StoredObject
from runlake.store.cluster.uploads import Uploads

_ATTEMPTS = 5

_TOUCH = "update contents set touched_at = now() where sha256 = %(sha256)s and size_bytes = %(size_bytes)s returning 1"
_OPEN = """
select key, contents.size_bytes, sums from contents join objects using (key)
where contents.sha256 = %(sha256)s and contents.size_bytes = %(size_bytes)s
"""
_KEEP = """
insert into contents (sha256, md5, size_bytes, key) values (%(sha256)s, %(md5)s, %(size_bytes)s, %(key)s)
on conflict (sha256) do update set touched_at = now() returning key
"""


class BucketContents:
    """The contents of one store. Threads and processes may share it."""

    def __init__(
        self, database: Database, bucket: Bucket, cache: ObjectCache, *, upload_way: UploadWay = "server"
    ) -> None:
        self._database, self._bucket, self._cache = database, bucket, cache
        self._objects = Objects(database, bucket)
        self.uploads = Uploads(database, bucket, upload_way)

    def has(self, sha256: str, size_bytes: int) -> bool:
        return self._stored(sha256, size_bytes) is not None

    def refresh(self, sha256: str, size_bytes: int) -> bool:
        parameters = {"sha256": check_sha256(sha256), "size_bytes": size_bytes}
        return bool(self._database.retried(lambda: self._database.write(_TOUCH, parameters)))

    def open(self, sha256: str, size_bytes: int) -> BinaryIO:
        stored = self._found(sha256, size_bytes)

        def lost() -> Exception:
            return CorruptError(f"the object {stored.key} is not in {self._bucket.url}; restore it from a backup")

        # What the bucket itself has proven nobody has read, and has no sums.
        blocks = self._cache.object(self._bucket, stored.key, stored.size_bytes, stored.sums or None)
        return cast("BinaryIO", ObjectFile(blocks, lost=lost))

    def signed_url(self, sha256: str, size_bytes: int, *, valid_s: float) -> str:
        return self._bucket.signed_url("GET", self._found(sha256, size_bytes).key, valid_s=valid_s)

    def receive(self) -> IncomingObject:
        return IncomingObject(self)

    def put(self, content: BinaryIO) -> ContentInfo:
        return keep_whole(content, self.receive())

    def settle(self, file: Path, info: ContentInfo) -> None:
        """Put a whole file where its content is, unless that is here."""
        if self.refresh(info.sha256, info.size_bytes):
            return
        stem = f"contents/{info.sha256[:2]}/{info.sha256}"
        for _ in range(_ATTEMPTS):
            stored = self._objects.put(stem, "", file, None, sha256=bytes.fromhex(info.sha256))
            with self._database.transaction():
                if not self._objects.publish([stored.key]):
                    continue  # it became garbage before it was named
                row = {"sha256": info.sha256, "md5": info.digest, "size_bytes": info.size_bytes, "key": stored.key}
                ((key,),) = self._database.write(_KEEP, row)
                if key != stored.key:
                    self._objects.bury([stored.key])
            return
        raise NotFoundError(f"the content {info.sha256} became garbage while it was put; put it again")

    def _found(self, sha256: str, size_bytes: int) -> StoredObject:
        stored = self._stored(sha256, size_bytes)
        if stored is None:
            raise NotFoundError(f"the content {sha256} is gone from {self._bucket.url}; restore it from a backup")
        return stored

    def _stored(self, sha256: str, size_bytes: int) -> StoredObject | None:
        rows = self._database.read(_OPEN, {"sha256": check_sha256(sha256), "size_bytes": size_bytes})
        return StoredObject(*rows[0]) if rows else None


class IncomingObject:
    """A content that waits in a file of this machine until it is whole."""

    def __init__(self, contents: BucketContents) -> None:
        self._contents = contents
        self._folder = tempfile.TemporaryDirectory(prefix="runlake-")
        self._file = Path(self._folder.name, "content")
        self._stream = self._file.open("wb")
        self._digests = ContentDigests()

    @property
    def md5(self) -> str:
        return self._digests.md5

    def write(self, piece: bytes) -> None:
        self._digests.update(piece)
        self._stream.write(piece)

    def keep(self) -> ContentInfo:
        try:
            self._stream.close()
            self._digests.close()
            info = self._digests.info()
            self._contents.settle(self._file, info)
            return info
        finally:
            self._folder.cleanup()

    def discard(self) -> None:
        self._digests.close()
        self._stream.close()
        self._folder.cleanup()
