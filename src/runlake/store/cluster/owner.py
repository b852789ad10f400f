"""Whose a bucket is: two stores that write into one folder of a bucket would each take the other's objects for garbage.

A store has an identity, a row of its database, and an object of the bucket names the identity and the database that
owns it. A database that was restored from a dump has the identity of the one that was dumped and is another database:
it is told apart by the server's own number and the database's. Whoever restores says that the old one is gone.
"""

from __future__ import annotations

import json
from typing import NamedTuple

from runlake.errors import ConflictError, CorruptError, StoreError
from runlake.store.cluster.bucket import Bucket
from runlake.store.cluster.database import Database

OWNER_KEY = "cluster.json"

_MAKE_IDENTITY = "insert into store_identity (store_id) values (gen_random_uuid()::text) on conflict do nothing"
_PLACE = """
select (select system_identifier from pg_control_system())::text || '/' || oid from pg_database
where datname = current_database()
"""
_FROM_THE_FUTURE = (
    "update runs set moved_xid = pg_current_xact_id() where moved_xid > pg_current_xact_id()",
    "update changes set xid = pg_current_xact_id() where xid > pg_current_xact_id()",
    "update projects set pruned_xid = pg_current_xact_id() where pruned_xid > pg_current_xact_id()",
    "delete from run_states where moved_xid > pg_current_xact_id()",
    "update tree_files set version = pg_current_xact_id() where version > pg_current_xact_id()",
)


class OtherOwnerError(StoreError):
    """The bucket is that of another store."""


class Owner(NamedTuple):
    """A store as the bucket knows it: its identity, which database that is, and what people call it."""

    store_id: str
    place: str
    name: str


def claim(database: Database, bucket: Bucket) -> None:
    """Make the bucket this store's, if it is nobody's; OtherOwnerError when it is another's."""
    mine = _owner_of(database)
    if _read(bucket) is None:
        try:
            bucket.put_new(OWNER_KEY, _packed(mine))
            return
        except ConflictError:
            pass  # somebody was there first
    check(database, bucket)


def check(database: Database, bucket: Bucket) -> None:
    """OtherOwnerError when the bucket is another store's. One that nobody has claimed is fine."""
    mine, theirs = _owner_of(database), _read(bucket)
    if theirs is None or theirs[:2] == mine[:2]:
        return
    if theirs.store_id == mine.store_id:
        raise OtherOwnerError(
            f"{bucket.url} belongs to the database {theirs.name}, of which {mine.name} is a copy; if the other is not "
            "used any more, start once with: runlake serve --take-over-bucket"
        )
    raise OtherOwnerError(
        f"{bucket.url} belongs to another store, whose database is {theirs.name} and not {mine.name}; choose another "
        "folder of the bucket, or if that store is gone, start once with: runlake serve --take-over-bucket"
    )


def take_over(database: Database, bucket: Bucket) -> None:
    """Make the bucket this store's, whosever it was. Nobody else may use it any more.

    The rows of a restored database say which transactions of another server changed them: those that are higher than
    the ones to come would count as moved for ever.
    """
    mine = _owner_of(database)
    with database.transaction():
        for statement in _FROM_THE_FUTURE:
            database.write(statement)
    bucket.replace(OWNER_KEY, _packed(mine))


def _owner_of(database: Database) -> Owner:
    database.retried(lambda: database.write(_MAKE_IDENTITY))
    return Owner(
        database.read("select store_id from store_identity")[0][0],
        database.read(_PLACE)[0][0] + f"/{database.schema}",
        database.name,
    )


def _packed(owner: Owner) -> bytes:
    return json.dumps({**owner._asdict(), "said": "the store that owns this folder of the bucket"}).encode()


def _read(bucket: Bucket) -> Owner | None:
    try:
        data = bucket.get(OWNER_KEY)
    except FileNotFoundError:
        return None
    try:
        found = json.loads(data)
        return Owner(*(str(found[field]) for field in Owner._fields))
    except (ValueError, KeyError, TypeError):
        raise CorruptError(
            f"{OWNER_KEY} in {bucket.url} does not say which store the bucket belongs to; restore it, or start once "
            "with: runlake serve --take-over-bucket"
        ) from None
