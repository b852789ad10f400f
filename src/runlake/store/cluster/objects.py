"""What is put into the bucket, written down before it is there and until it is gone from there.

An object is *staged* before it is sent, *published* by the transaction that makes a row point to it, and *dead* when no
row does any more. No key is used twice, not for the same bytes either: so whoever removes what is dead, however late,
removes nothing that somebody made meanwhile.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from runlake.store.cluster.bucket import Bucket
from runlake.store.cluster.database import Database
from runlake.store.cluster.object_cache import BLOCK_BYTES, sum_of

_STAGE = """
insert into objects (key, run_no, size_bytes, sha256, sums, state)
values (%(key)s, %(run_no)s, %(size_bytes)s, %(sha256)b, %(sums)b, 'staged') on conflict do nothing
"""
_KEEP_STAGED = "update objects set since = now() where key = %(key)s and state = 'staged' returning 1"
_PUBLISH = """
update objects set state = 'published', since = case state when 'staged' then now() else since end
where key = any(%(keys)s) and state <> 'dead' returning 1
"""
_BURY = "update objects set state = 'dead', since = now() where key = any(%(keys)s) and state <> 'dead'"


class StoredObject(NamedTuple):
    """An object that is in the bucket; `sums` are those of its blocks (`object_cache.sum_of`)."""

    key: str
    size_bytes: int
    sums: bytes


class Objects:
    """The objects of one store: the rows that tell of them, and the bucket."""

    def __init__(self, database: Database, bucket: Bucket) -> None:
        self._database, self._bucket = database, bucket

    def put(
        self, stem: str, suffix: str, file: Path, run_no: int | None, *, sha256: bytes | None = None
    ) -> StoredObject:
        """Put a file into the bucket as it is, under a new key that begins and ends like this. Not in a transaction.

        It is staged then: if no transaction publishes it within the hour, it is garbage. `sha256` is its digest where
        that is known.
        """
        digest, sums = hashlib.sha256(), b""
        with file.open("rb") as stream:
            while block := stream.read(BLOCK_BYTES):
                if sha256 is None:
                    digest.update(block)
                sums += sum_of(block)
        sha256 = sha256 or digest.digest()
        key = f"{stem}-{sha256.hex()[:16]}-{secrets.token_hex(8)}{suffix}"
        stored = StoredObject(key, file.stat().st_size, sums)
        row = {**stored._asdict(), "run_no": run_no, "sha256": sha256}
        self._database.retried(lambda: self._database.write(_STAGE, row))
        self._bucket.put_file(key, file)
        return stored

    def keep_staged(self, key: str) -> bool:
        """Part of a transaction: this object is wanted still. No when it is garbage by now."""
        return bool(self._database.write(_KEEP_STAGED, {"key": key}))

    def publish(self, keys: Sequence[str]) -> bool:
        """Part of a transaction: rows point to these objects. No, and nothing may be done, if one is garbage by now."""
        return len(self._database.write(_PUBLISH, {"keys": list(keys)})) == len(set(keys))

    def bury(self, keys: Sequence[str]) -> None:
        """Part of a transaction: no row points to these objects any more."""
        if keys:
            self._database.write(_BURY, {"keys": list(keys)})
