"""What is put into the bucket, written down before it is there and until it is gone from there.

An object is *staged* before it is sent, *published* by the transaction that makes a row point to it, and *dead* when no
row does any more. Its key names its content and the one place that it is for, and is never used again once it is dead:
so who collects garbage and who writes the same bytes anew do not meet.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from runlake.errors import BusyError, ConflictError
from runlake.store.cluster.bucket import Bucket
from runlake.store.cluster.database import Database

_ATTEMPTS = 5

_STAGE = """
insert into objects (key, run_no, size_bytes, sha256, state)
values (%(key)s, %(run_no)s, %(size_bytes)s, %(sha256)b, 'staged')
on conflict (key) do update
set since = case objects.state when 'staged' then now() else objects.since end
where objects.state <> 'dead' and objects.sha256 = excluded.sha256
returning 1
"""
_FORGET = "delete from objects where key = %(key)s and state = 'staged'"
_PUBLISH = """
update objects set state = 'published', since = case state when 'staged' then now() else since end
where key = any(%(keys)s) and state <> 'dead' returning 1
"""
_BURY = "update objects set state = 'dead', since = now() where key = any(%(keys)s) and state <> 'dead'"


class StoredObject(NamedTuple):
    """An object that is in the bucket."""

    key: str
    size_bytes: int
    sha256: bytes


class Objects:
    """The objects of one store: the rows that tell of them, and the bucket."""

    def __init__(self, database: Database, bucket: Bucket) -> None:
        self._database, self._bucket = database, bucket

    def put(self, stem: str, suffix: str, file: Path, run_no: int | None) -> StoredObject:
        """Put a file into the bucket as it is, under a key of its content that begins and ends like this.

        It is staged then: if no transaction publishes it, it is garbage after a while. Whoever puts the same bytes for
        the same place may get the same object.
        """
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").digest()
        size_bytes, key = file.stat().st_size, f"{stem}-{digest.hex()[:32]}{suffix}"
        for _ in range(_ATTEMPTS):
            row = {"key": key, "run_no": run_no, "size_bytes": size_bytes, "sha256": digest}
            # In a transaction of its own, whatever is around: it has to be there before the object is.
            if self._database.retried(lambda row=row: self._database.write(_STAGE, row)):  # type: ignore[misc]
                try:
                    self._bucket.put_file(key, file)
                    return StoredObject(key, size_bytes, digest)
                except ConflictError:
                    # What lies there is unknown, or was damaged since: it is left to those who look.
                    self._database.write(_FORGET, row)
            key = f"{stem}-{digest.hex()[:32]}-{secrets.token_hex(4)}{suffix}"
        raise BusyError(f"no key for {stem} was free in {self._bucket.url}, {_ATTEMPTS} times; try again")

    def publish(self, keys: Sequence[str]) -> bool:
        """Part of a transaction: rows point to these objects. No, and nothing may be done, if one is garbage by now."""
        return len(self._database.write(_PUBLISH, {"keys": list(keys)})) == len(set(keys))

    def bury(self, keys: Sequence[str]) -> None:
        """Part of a transaction: no row points to these objects any more."""
        if keys:
            self._database.write(_BURY, {"keys": list(keys)})
