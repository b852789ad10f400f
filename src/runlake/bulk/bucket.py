"""An export in a bucket: the objects below ``s3://bucket/folder``.

An object is whole or not there, so what is written is gathered first, in memory and then on the disk, and sent at once.
What a bucket cannot do is append: what is done so far is an object a batch, and what came after the last batch before a
process was killed is written again, to the same bytes. Whether what was noted is as it was written, the ETags of one
listing say.
"""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
import time
from collections.abc import Iterator
from typing import Any

from runlake.bulk.bucket_claim import Claim
from runlake.bulk.manifest import MANIFEST, Entry, FileEntry
from runlake.bulk.target import STATE, check_is_below, done_line, read_done
from runlake.errors import ConflictError, RunlakeError
from runlake.query.rows.export import CountedFile
from runlake.store.cluster.bucket import USUAL_LIMITS, Bucket, ObjectInfo

_PLAN, _DONE, _CLAIMS = f"{STATE}/plan.json", f"{STATE}/done", f"{STATE}/claims"
_IN_MEMORY_BYTES = 8 * 2**20
"""Of each file that is under way: a dozen may be."""

_BATCH_COUNT, _BATCH_S = 200, 5.0
_MOST_PARTS = 10_000


class BucketTarget:
    """The objects below a URL, with an export in them, or the beginning of one."""

    def __init__(self, url: str) -> None:
        self._bucket = Bucket(url)
        self.place = self._bucket.url
        self._claim = Claim(self._bucket, _CLAIMS)
        self._listed: dict[str, ObjectInfo] | None = None
        self._batch: list[bytes] = []
        self._batch_number = 0
        self._sent_at_s = 0.0

    @property
    def _there(self) -> dict[str, ObjectInfo]:
        """What lies here, as it was listed once and changed by us since."""
        if self._listed is None:
            self._listed = {found.key: found for found in self._bucket.list()}
        return self._listed

    @contextlib.contextmanager
    def claimed(self) -> Iterator[None]:
        """Keep other exports out. `ConflictError` while another one is in it."""
        with self._claim.held(self.place):
            self._listed = None  # somebody may have been at work until now
            try:
                yield
            except BaseException:
                with contextlib.suppress(RunlakeError):  # why it ends is to be said, and not this
                    self._send_batch()
                raise

    def is_unfinished(self) -> bool:
        """Whether an export was begun and not ended."""
        return _PLAN in self._there

    def check_may_begin(self) -> None:
        """Refuse a place where something else lies: an export knows of every object in its place."""
        others = sorted(key for key in self._there if not key.startswith(f"{STATE}/"))
        if others and MANIFEST not in others and not self.is_unfinished():
            raise ConflictError(f"{self.place} holds {others[0]!r} and no export; name a folder of it that is empty")

    def read_manifest(self) -> bytes | None:
        """The manifest of the export that lies here, if there is one."""
        try:
            return self._bucket.get(MANIFEST)
        except FileNotFoundError:
            return None

    def read_plan(self) -> bytes | None:
        """The plan of the export that was begun, if there is one."""
        return self._bucket.get(_PLAN) if self.is_unfinished() else None

    def begin(self, plan: bytes) -> None:
        """Keep a plan: from now on the export is unfinished. `ConflictError` where another one was begun meanwhile."""
        self._forget_done()
        self._bucket.put_new(_PLAN, plan)
        self._there[_PLAN] = ObjectInfo(_PLAN, len(plan), 0.0, None)

    def finish(self, manifest: bytes) -> None:
        """Put the manifest in place; the plan is done."""
        self._claim.check()
        self._bucket.replace(MANIFEST, manifest)
        self._bucket.remove([_PLAN])
        self._there.pop(_PLAN, None)
        self._batch = []
        self._forget_done()

    def note(self, entry: Entry) -> None:
        """Remember that the files of a run, or of a version of an artifact, are there."""
        etags = {file.path: self._there[file.path].etag or "" for file in entry.files}
        self._batch.append(done_line(entry, etags))
        if len(self._batch) >= _BATCH_COUNT or time.monotonic() - self._sent_at_s > _BATCH_S:
            self._send_batch()

    def noted(self) -> list[Entry]:
        """What was noted, if the objects are there as they were written, which their ETags say."""
        lines = [line for key in sorted(self._done_keys()) for line in self._bucket.get(key).splitlines()]
        found = []
        for done in map(read_done, lines):
            is_there = all(
                self.has_size(file) and self._there[file.path].etag == done.etags.get(file.path, "")
                for file in done.entry.files
            )
            found += [done.entry] if is_there else []
        self._batch_number = len(self._done_keys())
        self._sent_at_s = time.monotonic()
        return found

    def has(self, entry: FileEntry) -> bool:
        """Whether an object is there as it was written, to the last bit: it is read."""
        if not self.has_size(entry):
            return False
        digest = hashlib.sha256()
        try:
            for piece in self._bucket.read_pieces(entry.path):
                digest.update(piece)
        except FileNotFoundError:
            return False
        return digest.hexdigest() == entry.sha256

    def has_size(self, entry: FileEntry) -> bool:
        """Whether an object of this name and size is there."""
        found = self._there.get(entry.path)
        return found is not None and found.size_bytes == entry.size_bytes

    @contextlib.contextmanager
    def writing(self, path: str) -> Iterator[CountedFile]:
        """An object to write, which is there when the block ends well, and as it was before when it does not.

        Several threads may write objects of their own.
        """
        with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as stream:
            file = CountedFile(stream, hashlib.sha256())  # type: ignore[arg-type]
            yield file
            self._claim.check()
            self._there[path] = self._send(path, stream, file.size_bytes)

    def _send(self, path: str, stream: tempfile.SpooledTemporaryFile[bytes], size_bytes: int) -> ObjectInfo:
        stream.seek(0)
        if size_bytes <= _IN_MEMORY_BYTES:
            etag = self._bucket.replace(path, stream.read())
            return ObjectInfo(path, size_bytes, 0.0, etag)
        part_bytes = max(USUAL_LIMITS.part_bytes, -(-size_bytes // _MOST_PARTS))
        self._bucket.put_parts(path, _pieces(stream), size_bytes, part_bytes=part_bytes)
        return self._bucket.head(path)

    def read(self, path: str) -> bytes:
        """A whole object. FileNotFoundError when it is gone."""
        return self._bucket.get(path)

    def clear(self, path: str) -> None:
        """Remove what a process that was killed may have left under a name."""
        if path in self._there:
            self._claim.check()
            self._bucket.remove([path])
            del self._there[path]

    def remove(self, path: str) -> None:
        """Remove an object of an export before. `CorruptError` for a path that leads out of the place."""
        check_is_below(path, self.place)
        self.clear(path)

    def list_files(self) -> list[str]:
        """The paths of all objects but the manifest and what belongs to an unfinished export."""
        return sorted(key for key in self._there if key != MANIFEST and not key.startswith(f"{STATE}/"))

    def _done_keys(self) -> list[str]:
        return [key for key in self._there if key.startswith(f"{_DONE}/")]

    def _send_batch(self) -> None:
        if not self._batch:
            return
        self._claim.check()
        key = f"{_DONE}/{self._batch_number:06}.jsonl"
        self._bucket.replace(key, b"".join(self._batch))
        self._there[key] = ObjectInfo(key, 0, 0.0, None)
        self._batch_number += 1
        self._batch, self._sent_at_s = [], time.monotonic()

    def _forget_done(self) -> None:
        keys = self._done_keys()
        self._bucket.remove(keys)
        for key in keys:
            del self._there[key]


def _pieces(stream: Any) -> Iterator[bytes]:
    while piece := stream.read(USUAL_LIMITS.part_bytes):
        yield piece
