"""Contents that clients put straight into the bucket: who was given which address, and what came of it.

A row stands before an address is given, and until a day after that is good no more. What was put is nobody's until it
is proven (`store.cluster.upload_proofs`), and then a content as any other. There are three ways in, by what the
address can do once something was found there:

- *put*: it may be written over as long as the address is good. So it is copied to a key that nobody was given, and the
  copy is read.
- *bound*: the bucket takes nothing but the bytes whose SHA-256 and MD5 are signed with the address, and these once.
  Nothing is read. Whoever has lost the answer, and puts them again, hears 412.
- *parts*: the object is made when we complete it, and its parts' addresses end with that. It is read where it is.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from runlake.artifact_model import ContentInfo, UploadAddress, UploadWay, WantedUpload
from runlake.errors import ConflictError, NotFoundError
from runlake.md5 import hex_of
from runlake.store.artifacts.names import check_sha256
from runlake.store.cluster.bucket import Bucket
from runlake.store.cluster.bucket_parts import BucketParts
from runlake.store.cluster.database import Database
from runlake.store.cluster.upload_proofs import FOLDER, PUBLISHED_FOLDER, Kind, UploadProofs

LONGEST_S = 12 * 3600.0
"""So long an address is good at most, whatever is asked for."""
LATE_S = 24 * 3600.0
"""So long after its address has ended something may still be on its way."""

_MOST_ONE_PUT_BYTES = 5 << 30
"""More S3 does not take in one request, nor copy."""
_PART_BYTES = 100 << 20
"""At most, as W&B's client cuts files."""
_MOST_PARTS = 10_000

_OFFER = """
insert into uploads (draft_id, md5, kind, key, sha256, until)
select %(draft_id)s, md5, kind, key, sha256, now() + make_interval(secs => %(valid_s)s)
from unnest(%(md5s)s::text[], %(kinds)s::text[], %(keys)s::text[], %(sha256s)s::text[]) wanted (md5, kind, key, sha256)
on conflict (draft_id, md5) do update set until = greatest(uploads.until, excluded.until)
returning md5, kind, key, sha256, upload_id, state
"""
_FORGET_REFUSED = """
update uploads set md5 = md5 || ' refused ' || gen_random_uuid()
where draft_id = %(draft_id)s and md5 = any(%(md5s)s) and state = 'refused'
"""
_BEGUN = """
update uploads set upload_id = %(upload_id)s
where draft_id = %(draft_id)s and md5 = %(md5)s and upload_id is null returning 1
"""
_UPLOAD_ID = "select upload_id from uploads where draft_id = %(draft_id)s and md5 = %(md5)s"
_IN_PARTS = """
select key, upload_id from uploads where draft_id = %(draft_id)s and md5 = %(md5)s and upload_id is not null
"""
_KEPT = """
select sha256, md5, size_bytes from uploads
where draft_id = %(draft_id)s and state = 'kept' and md5 = any(%(md5s)s)
"""
_OVER = """
select key, kind, upload_id, state from uploads
where until < now() - make_interval(secs => %(late_s)s) order by until limit %(count)s
"""
# From then on nobody publishes it.
_GIVE_UP = """
update uploads set state = 'refused', said = 'what was put into the bucket came too late; log the artifact again'
where until < now() - make_interval(secs => %(late_s)s) and state = 'awaited'
"""
_FORGET = """
delete from uploads where key = any(%(keys)s) and until < now() - make_interval(secs => %(late_s)s)
"""
_AT_ONCE = 1000


class Offer(NamedTuple):
    """A row as it is when an address is given."""

    md5: str
    kind: Kind
    key: str
    sha256: str | None
    upload_id: str | None
    state: str


class Uploads:
    """The addresses that were given for the drafts of one store; `way` is what its bucket, and its clients, can."""

    def __init__(self, database: Database, bucket: Bucket, way: UploadWay) -> None:
        self._database, self._bucket, self._way = database, bucket, way
        self._parts = BucketParts(bucket)
        self.proofs = UploadProofs(database, bucket)
        self.prove = self.proofs.prove

    def offer(self, draft_id: str, wanted: Sequence[WantedUpload], *, valid_s: float) -> list[UploadAddress | None]:
        """See `DirectUploads.offer`."""
        valid_s = min(valid_s, LONGEST_S)
        kinds = {each.digest: (each, kind) for each in wanted if (kind := self._kind_of(each)) is not None}
        given = {offer.md5: offer for offer in self._write_down(draft_id, kinds, valid_s)}
        found = {md5: self._address(draft_id, kinds[md5][0], offer, valid_s) for md5, offer in given.items()}
        return [found.get(each.digest) for each in wanted]

    def complete(self, draft_id: str, md5: str, tags: Sequence[str]) -> bool:
        """See `DirectUploads.complete`."""
        rows = self._database.read(_IN_PARTS, {"draft_id": draft_id, "md5": md5})
        if not rows:
            return False
        key, upload_id = rows[0]
        try:
            self._parts.complete(key, upload_id, tags)
        except FileNotFoundError:
            try:
                self._bucket.head(key)  # completed before
            except FileNotFoundError:
                said = f"the upload in parts of {md5} was given up, or never begun; begin the artifact anew"
                raise NotFoundError(said) from None
        return True

    def kept(self, draft_id: str, digests: Collection[str]) -> list[ContentInfo]:
        """See `DirectUploads.kept`."""
        asked = {"draft_id": draft_id, "md5s": list(digests)}
        return [
            ContentInfo(sha256=sha256, digest=md5, size_bytes=size_bytes)
            for sha256, md5, size_bytes in self._database.read(_KEPT, asked)
        ]

    def forget(self, *, late_s: float = LATE_S) -> int:
        """Remove what came, and was not kept, when its address has ended so long ago; answers how many rows went."""
        count = 0
        self._database.retried(lambda: self._database.write(_GIVE_UP, {"late_s": late_s}))
        while rows := self._database.read(_OVER, {"late_s": late_s, "count": _AT_ONCE}):
            for key, _, upload_id, state in rows:
                if upload_id is not None and state != "kept":
                    self._parts.give_up(key, upload_id)
            # What was published is an object, and goes as those do.
            self._bucket.remove([key for key, kind, _, state in rows if kind == "put" or state != "kept"])
            over = {"keys": [key for key, *_ in rows], "late_s": late_s}
            self._database.retried(lambda over=over: self._database.write(_FORGET, over))  # type: ignore[misc]
            count += len(rows)
        return count

    def _kind_of(self, wanted: WantedUpload) -> Kind | None:
        """How these bytes may come; None for through the server."""
        hex_of(wanted.digest)
        if self._way == "server":
            return None
        if wanted.sha256 is not None:
            check_sha256(wanted.sha256)
            return "bound" if self._way == "bound" else None
        if self._way == "bound" and 1 < len(wanted.part_digests) <= _MOST_PARTS:
            return "parts"
        return "put" if len(wanted.part_digests) * _PART_BYTES <= _MOST_ONE_PUT_BYTES else None

    def _write_down(
        self, draft_id: str, kinds: dict[str, tuple[WantedUpload, Kind]], valid_s: float
    ) -> Iterable[Offer]:
        if not kinds:
            return []
        row: dict[str, Any] = {
            "draft_id": draft_id,
            "valid_s": valid_s,
            "md5s": list(kinds),
            "kinds": [kind for _, kind in kinds.values()],
            "keys": [_new_key(draft_id, md5, kind) for md5, (_, kind) in kinds.items()],
            "sha256s": [wanted.sha256 for wanted, _ in kinds.values()],
        }

        def write() -> list[Offer]:
            with self._database.transaction():
                self._database.write(_FORGET_REFUSED, row)
                return [Offer(*each) for each in self._database.write(_OFFER, row)]

        return self._database.retried(write)

    def _address(self, draft_id: str, wanted: WantedUpload, offer: Offer, valid_s: float) -> UploadAddress | None:
        """None where another way was begun before: then the bytes come through the server."""
        headers = {"Content-MD5": offer.md5}
        if offer.state != "awaited" or offer.kind != self._kind_of(wanted) or offer.sha256 != wanted.sha256:
            return None
        if offer.kind == "parts":
            urls = tuple(self._part_urls(draft_id, wanted, offer, valid_s))
            return UploadAddress(digest=offer.md5, url=urls[0], part_urls=urls)
        if offer.sha256 is None:
            url: str | None = self._bucket.signed_url("PUT", offer.key, valid_s=valid_s)
        else:
            headers["x-amz-checksum-sha256"] = base64.b64encode(bytes.fromhex(offer.sha256)).decode()
            headers["If-None-Match"] = "*"
            url = self._bucket.bound_url("PUT", offer.key, valid_s=valid_s, headers=headers)
        return None if url is None else UploadAddress(digest=offer.md5, url=url, headers=headers)

    def _part_urls(self, draft_id: str, wanted: WantedUpload, offer: Offer, valid_s: float) -> Iterator[str]:
        upload_id = offer.upload_id or self._begin_parts(draft_id, offer)
        for number, md5 in enumerate(wanted.part_digests, 1):
            hex_of(md5)
            yield self._parts.part_url(offer.key, upload_id, number, md5, valid_s=valid_s)

    def _begin_parts(self, draft_id: str, offer: Offer) -> str:
        row = {"draft_id": draft_id, "md5": offer.md5, "upload_id": self._parts.begin(offer.key)}
        if not self._database.write(_BEGUN, row):
            self._parts.give_up(offer.key, row["upload_id"])
            ((row["upload_id"],),) = self._database.read(_UPLOAD_ID, row)
        if row["upload_id"] is None:
            raise ConflictError(f"the upload of {offer.md5} ended at this moment; ask for another address")
        return row["upload_id"]


def _new_key(draft_id: str, md5: str, kind: Kind) -> str:
    folder = FOLDER if kind == "put" else PUBLISHED_FOLDER
    return f"{folder}/{draft_id}/{hex_of(md5)}-{secrets.token_hex(8)}"
