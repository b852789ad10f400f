"""What clients put straight into the bucket is proven, and is a content from then on.

A digest stands for bytes that we have read, or that the bucket has: nobody's word. Any process may prove, as often as
it likes. What one that was killed has left undone, another does: until the transaction at the end nothing leads to what
it has made, and who comes second finds the rows as the first has left them.
"""

from __future__ import annotations

import secrets
import threading
import time
import zlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, NamedTuple

from runlake.artifact_model import ContentInfo
from runlake.errors import BadValueError, BusyError
from runlake.store.artifacts.content import ContentDigests
from runlake.store.cluster.bucket import Bucket
from runlake.store.cluster.database import Database
from runlake.store.cluster.leases import PostgresLeases
from runlake.store.cluster.object_cache import BLOCK_BYTES, SUM_BYTES
from runlake.store.cluster.objects import Objects

Kind = Literal["put", "bound", "parts"]
"""How bytes come: `store.cluster.uploads` says what each means."""

FOLDER, PUBLISHED_FOLDER = "uploads", "contents/put"
"""Below these, in a folder for each draft, is put what is copied, and what is published where it is."""

PATIENCE_S = 15.0
"""So long whoever commits waits: W&B's client gives up an answer after 30 seconds, and asks again."""

_PAUSE_S, _COME_AGAIN_S = 0.2, 5.0
_WAITING_COUNT = 8
_LEASE_COUNT = 256
_THREAD_COUNT = 8
_BATCH_COUNT, _BATCH_BYTES = 100, 32 << 20

_AWAITED = """
select md5, kind, key, sha256 from uploads
where draft_id = %(draft_id)s and state = 'awaited' and (%(md5s)s::text[] is null or md5 = any(%(md5s)s))
"""
_REFUSED = """
select said from uploads where draft_id = %(draft_id)s and state = 'refused' and md5 = any(%(md5s)s) limit 1
"""
_DRAFTS = """
select distinct draft_id from uploads
where state = 'awaited' and until > now() - make_interval(secs => %(late_s)s) limit %(count)s
"""
_STAGE = """
insert into objects (key, size_bytes, sha256, sums, state)
select key, size_bytes, '', '', 'staged' from unnest(%(keys)s::text[], %(sizes)s::bigint[]) made (key, size_bytes)
on conflict do nothing
"""
_LOCK = """
select key from uploads where key = any(%(keys)s) and state = 'awaited' order by key for update
"""
_PUBLISH = """
update objects set state = 'published', since = now(), sha256 = proven.sha256, sums = proven.sums
from unnest(%(targets)s::text[], %(raw_sha256s)s::bytea[], %(sums)s::bytea[]) proven (key, sha256, sums)
where objects.key = proven.key and state = 'staged' returning objects.key
"""
_KEEP = """
insert into contents (sha256, md5, size_bytes, key)
select distinct on (sha256) sha256, md5, size_bytes, key
from unnest(%(sha256s)s::text[], %(md5s)s::text[], %(sizes)s::bigint[], %(targets)s::text[])
    proven (sha256, md5, size_bytes, key) order by sha256, key
on conflict (sha256) do update set touched_at = now() returning key
"""
_KEPT = """
update uploads set state = 'kept', sha256 = proven.sha256, size_bytes = proven.size_bytes
from unnest(%(keys)s::text[], %(sha256s)s::text[], %(sizes)s::bigint[]) proven (key, sha256, size_bytes)
where uploads.key = proven.key
"""
# Not what was published before: by another, or by this when the answer was lost.
_BURY_SPARE = """
update objects set state = 'dead', since = now()
where key = any(%(keys)s) and (state = 'staged' or key = any(%(published)s))
"""
_REFUSE = "update uploads set state = 'refused', said = %(said)s where key = %(key)s and state = 'awaited'"

_ENCODED = "unknown, since they are said to be encoded (Content-Encoding)"
_TOO_LATE = "the proof of what was put into the bucket took so long that it is garbage by now; log the artifact again"


class _Came(NamedTuple):
    """Bytes that lie at `key`, and are to be published at `target`."""

    md5: str
    kind: Kind
    key: str
    sha256: str | None
    size_bytes: int
    target: str


class _Proven(NamedTuple):
    """What these bytes are; `sums` of each block, empty where nobody has read them."""

    came: _Came
    info: ContentInfo
    sums: bytes


class UploadProofs:
    """Of the uploads of one store. Threads share it. `leases` keep several from reading the same at once."""

    def __init__(
        self,
        database: Database,
        bucket: Bucket,
        *,
        leases: PostgresLeases | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._database, self._bucket, self._patience_s = database, bucket, patience_s
        self._objects, self._leases = Objects(database, bucket), leases or PostgresLeases(database)
        self._places = threading.BoundedSemaphore(_WAITING_COUNT)

    def drafts(self, *, late_s: float, limit: int) -> list[str]:
        """Drafts for which something may come, or has; their addresses ended at most so long ago."""
        return [draft_id for (draft_id,) in self._database.read(_DRAFTS, {"late_s": late_s, "count": limit})]

    def prove(self, draft_id: str, digests: Collection[str]) -> None:
        """Prove what came of these digests (MD5 in base64); what did not come yet is no error.

        BadValueError where other bytes came, BusyError when it takes longer than whoever asks waits: what is done is
        done, and who asks again waits for the rest.
        """
        asked = {"draft_id": draft_id, "md5s": list(digests)}
        if self._database.read(_AWAITED, asked):
            if not self._places.acquire(blocking=False):
                raise self._busy(asked)
            try:
                self._prove_or_wait(draft_id, asked)
            finally:
                self._places.release()
        for (said,) in self._database.read(_REFUSED, asked):
            raise BadValueError(said)

    def prove_steps(self, draft_id: str) -> Iterator[int]:
        """Prove what came for a draft, unless another process is at it: how many contents each step has made."""
        asked = {"draft_id": draft_id, "md5s": None}
        with self._leases.hold(_lease_of(draft_id), is_waiting=False) as is_mine:
            for count, _ in self._prove_what_came(draft_id, asked) if is_mine else ():
                yield count

    def _prove_or_wait(self, draft_id: str, asked: dict[str, Any]) -> None:
        end_s = time.monotonic() + self._patience_s
        while True:
            with self._leases.hold(_lease_of(draft_id), is_waiting=False) as is_mine:
                if is_mine:
                    for _, is_last in self._prove_what_came(draft_id, asked):
                        if time.monotonic() >= end_s and not is_last:
                            raise self._busy(asked)
                    return
            time.sleep(_PAUSE_S)
            if not self._database.read(_AWAITED, asked):
                return
            if time.monotonic() >= end_s:
                raise self._busy(asked)

    def _busy(self, asked: dict[str, Any]) -> BusyError:
        count = len(self._database.read(_AWAITED, asked))
        said = f"{count} files of the artifact have still to be read to prove what they are; commit it again"
        return BusyError(said, retry_after_s=_COME_AGAIN_S)

    def _prove_what_came(self, draft_id: str, asked: dict[str, Any]) -> Iterator[tuple[int, bool]]:
        """How many contents each step has made, and whether it was the last one."""
        batches = list(_batches(self._came(draft_id, self._database.read(_AWAITED, asked))))
        for place, batch in enumerate(batches, 1):
            yield self._prove(batch), place == len(batches)

    def _came(self, draft_id: str, awaited: Sequence[tuple[str, Kind, str, str | None]]) -> Iterator[_Came]:
        folders = {FOLDER if kind == "put" else PUBLISHED_FOLDER for _, kind, _, _ in awaited}
        there = {info.key: info.size_bytes for folder in folders for info in self._bucket.list(f"{folder}/{draft_id}")}
        for md5, kind, key, sha256 in awaited:
            if key in there:
                target = f"{PUBLISHED_FOLDER}/{draft_id}/{secrets.token_hex(16)}" if kind == "put" else key
                yield _Came(md5, kind, key, sha256, there[key], target)

    def _prove(self, batch: Sequence[_Came]) -> int:
        staged = {"keys": [came.target for came in batch], "sizes": [came.size_bytes for came in batch]}
        self._database.retried(lambda: self._database.write(_STAGE, staged))
        if len(batch) == 1:
            found = [self._look(batch[0])]
        else:
            with ThreadPoolExecutor(_THREAD_COUNT, "runlake-prove") as pool:
                found = list(pool.map(self._look, batch))
        proven = [each for each in found if each is not None and each.info.digest == each.came.md5]
        for each in found:
            if each is not None and each.info.digest != each.came.md5:
                self._refuse(each)
        if not proven:
            return 0
        kept = self._database.retried(lambda: self._publish(proven))
        self._bucket.remove([came.key for came in kept if came.kind == "put"])
        return len(kept)

    def _look(self, came: _Came) -> _Proven | None:
        """Which bytes these are; None where they went away again."""
        try:
            if came.kind == "put":
                self._bucket.copy(came.key, came.target)
            if self._bucket.encoding_of(came.target):
                return _Proven(came, ContentInfo(sha256="", digest=_ENCODED, size_bytes=0), b"")
            if came.sha256 is None:
                return _Proven(came, *self._read(came.target))
            info = ContentInfo(sha256=came.sha256, digest=came.md5, size_bytes=came.size_bytes)
            return _Proven(came, info, b"")
        except FileNotFoundError:
            return None

    def _read(self, key: str) -> tuple[ContentInfo, bytes]:
        digests, sums = ContentDigests(), _Sums()
        try:
            for piece in self._bucket.read_pieces(key):
                digests.update(piece)
                sums.update(piece)
            return digests.info(), sums.all()
        finally:
            digests.close()

    def _publish(self, proven: Sequence[_Proven]) -> list[_Came]:
        """All of it, or nothing; answers which uploads are kept by this, and not by another process before."""
        with self._database.transaction():
            awaited = {key for (key,) in self._database.write(_LOCK, {"keys": [each.came.key for each in proven]})}
            row = _row_of([each for each in proven if each.came.key in awaited])
            published = {key for (key,) in self._database.write(_PUBLISH, row)}
            kept = [each for each in proven if each.came.key in awaited and each.came.target in published]
            for late in (awaited - {each.came.key for each in kept}) & {each.came.target for each in proven}:
                self._database.write(_REFUSE, {"key": late, "said": _TOO_LATE})
            row = _row_of(kept)
            leading = {key for (key,) in self._database.write(_KEEP, row)}
            self._database.write(_KEPT, row)
            spare = [each.came.target for each in proven if each.came.target not in leading]
            self._database.write(_BURY_SPARE, {"keys": spare, "published": list(published)})
        return [each.came for each in kept]

    def _refuse(self, other: _Proven) -> None:
        said = (
            f"the MD5 of what was put into the bucket is {other.info.digest}, and not {other.came.md5}, as was said "
            "before: it is not kept; log the artifact again"
        )
        with self._database.transaction():
            self._database.write(_REFUSE, {"key": other.came.key, "said": said})
            self._objects.bury([other.came.target])


class _Sums:
    """The sums of the blocks of bytes that come in pieces of any size."""

    def __init__(self) -> None:
        self._sums, self._sum, self._size_bytes = bytearray(), 0, 0

    def update(self, piece: memoryview) -> None:
        while piece:
            part = piece[: BLOCK_BYTES - self._size_bytes % BLOCK_BYTES]
            self._sum = zlib.crc32(part, self._sum)
            self._size_bytes += len(part)
            piece = piece[len(part) :]
            if not self._size_bytes % BLOCK_BYTES:
                self._end()

    def all(self) -> bytes:
        if self._size_bytes % BLOCK_BYTES:
            self._end()
        return bytes(self._sums)

    def _end(self) -> None:
        self._sums += self._sum.to_bytes(SUM_BYTES, "little")
        self._sum = 0


def _batches(came: Iterable[_Came]) -> Iterator[list[_Came]]:
    """What is large alone, what is small together."""
    batch: list[_Came] = []
    size_bytes = 0
    for each in came:
        if batch and (len(batch) == _BATCH_COUNT or size_bytes + each.size_bytes > _BATCH_BYTES):
            yield batch
            batch, size_bytes = [], 0
        batch.append(each)
        size_bytes += each.size_bytes
    if batch:
        yield batch


def _row_of(proven: Sequence[_Proven]) -> dict[str, Any]:
    return {
        "keys": [each.came.key for each in proven],
        "targets": [each.came.target for each in proven],
        "sha256s": [each.info.sha256 for each in proven],
        "raw_sha256s": [bytes.fromhex(each.info.sha256) for each in proven],
        "md5s": [each.info.digest for each in proven],
        "sizes": [each.info.size_bytes for each in proven],
        "sums": [each.sums for each in proven],
    }


def _lease_of(draft_id: str) -> str:
    """Leases are never removed, so there are few of these, which drafts share."""
    return f"uploads/{zlib.crc32(draft_id.encode()) % _LEASE_COUNT}"
