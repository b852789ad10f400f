"""What no row leads to any more is removed from the bucket, after a while; deleted runs go when they are purged.

Objects are dead for two days before they are removed, so that whoever opened one still reads it, and a database that is
restored from yesterday finds what it names. What was sent and never published is dead after an hour: whoever publishes
later fails, and makes it anew. Any number of processes may collect at once. Objects that no row tells of are never
removed: `store.cluster.comparison` names them.
"""

from __future__ import annotations

from typing import NamedTuple

from runlake.store.cluster.bucket import Bucket
from runlake.store.cluster.database import Database

STAGED_S, DEAD_S = 3600.0, 48 * 3600.0

_AT_ONCE = 1000
_NEVER_PUBLISHED = """
update objects set state = 'dead', since = '-infinity'
where state = 'staged' and since < now() - make_interval(secs => %(staged_s)s) returning key
"""
_FORGET_FILES = "delete from {} where key = any(%(keys)s)"
_DEAD = """
select key, size_bytes from objects
where state = 'dead' and since < now() - make_interval(secs => %(dead_s)s) order by since limit %(count)s
"""
_REMOVED = "delete from objects where key = any(%(keys)s) and state = 'dead'"
_DELETED = """
select run_no from runs where deleted_at < now() - make_interval(secs => %(deleted_s)s) and purged_at is null
order by deleted_at
"""
_PURGE = """
update runs set purged_at = now() where run_no = %(run_no)s and deleted_at is not null and purged_at is null returning 1
"""
_BURY_ALL = "update objects set state = 'dead', since = now() where run_no = %(run_no)s and state <> 'dead'"
_TABLES_OF_RUNS = ("segment_files", "segments", "files", "chunks", "parts", "served")


class Collected(NamedTuple):
    """What was removed from the bucket."""

    object_count: int = 0
    size_bytes: int = 0


def collect(database: Database, bucket: Bucket, *, staged_s: float = STAGED_S, dead_s: float = DEAD_S) -> Collected:
    """Remove from the bucket what has been dead for `dead_s`, or was sent and not published within `staged_s`."""
    database.retried(lambda: _bury_unpublished(database, staged_s))
    found = Collected()
    while rows := database.read(_DEAD, {"dead_s": dead_s, "count": _AT_ONCE}):
        keys = [key for key, _ in rows]
        bucket.remove(keys)
        database.retried(lambda keys=keys: database.write(_REMOVED, {"keys": keys}))  # type: ignore[misc]
        found = Collected(found.object_count + len(rows), found.size_bytes + sum(size for _, size in rows))
    return found


def _bury_unpublished(database: Database, staged_s: float) -> None:
    with database.transaction():
        keys = [key for (key,) in database.write(_NEVER_PUBLISHED, {"staged_s": staged_s})]
        for table in ("segment_files", "shared_segment_files") if keys else ():
            database.write(_FORGET_FILES.format(table), {"keys": keys})


def purge_deleted(database: Database, *, deleted_s: float = 0.0) -> int:
    """Purge the runs that were deleted so long ago: how many there were."""
    runs = [run_no for (run_no,) in database.read(_DELETED, {"deleted_s": deleted_s})]
    return sum(purge_run(database, run_no) for run_no in runs)


def purge_run(database: Database, run_no: int) -> bool:
    """Give up a deleted run for good: its rows go, and its objects are dead. No, when it is none (any more)."""

    def purge() -> bool:
        with database.transaction():
            if not database.write(_PURGE, {"run_no": run_no}):
                return False
            database.write(_BURY_ALL, {"run_no": run_no})
            for table in _TABLES_OF_RUNS:
                database.write(f"delete from {table} where run_no = %(run_no)s", {"run_no": run_no})
        return True

    return database.retried(purge)
