"""What no row leads to any more is removed from the bucket, after a while.

Objects are dead for two days before they are removed, so that whoever opened one still reads it, and a database that is
restored from yesterday finds what it names. What was sent and never published is dead after an hour: whoever publishes
later fails, and makes it anew; whoever sends later still sends something that is removed with the rest. Any number of
processes may collect at once. Objects that no row tells of are never removed: `store.cluster.comparison` names them.
"""

from __future__ import annotations

from typing import NamedTuple

from runlake.store.cluster.bucket import Bucket
from runlake.store.cluster.database import Database

STAGED_S, DEAD_S = 3600.0, 48 * 3600.0

_AT_ONCE = 1000
_NEVER_PUBLISHED = """
update objects set state = 'dead', since = now()
where state = 'staged' and since < now() - make_interval(secs => %(staged_s)s) returning key
"""
_FORGET_FILES = "delete from {} where key = any(%(keys)s)"
_DEAD = """
select key, size_bytes from objects
where state = 'dead' and since < now() - make_interval(secs => %(dead_s)s) order by since limit %(count)s
"""
_WAITING = """
select count(*), coalesce(sum(size_bytes), 0)::bigint from objects
where state = 'dead' and since < now() - make_interval(secs => %(dead_s)s)
"""
_REMOVED = "delete from objects where key = any(%(keys)s) and state = 'dead'"


class Collected(NamedTuple):
    """What was removed from the bucket."""

    object_count: int = 0
    size_bytes: int = 0


def collect(database: Database, bucket: Bucket, *, staged_s: float = STAGED_S, dead_s: float = DEAD_S) -> Collected:
    """Remove from the bucket what has been dead for `dead_s`; what was not published within `staged_s` is dead."""
    database.retried(lambda: _bury_unpublished(database, staged_s))
    found = Collected()
    while rows := database.read(_DEAD, {"dead_s": dead_s, "count": _AT_ONCE}):
        keys = [key for key, _ in rows]
        bucket.remove(keys)
        database.retried(lambda keys=keys: database.write(_REMOVED, {"keys": keys}))  # type: ignore[misc]
        found = Collected(found.object_count + len(rows), found.size_bytes + sum(size for _, size in rows))
    return found


def count_waiting(database: Database, *, dead_s: float = DEAD_S) -> Collected:
    """What `collect` would remove at this moment."""
    return Collected(*database.read(_WAITING, {"dead_s": dead_s})[0])


def _bury_unpublished(database: Database, staged_s: float) -> None:
    with database.transaction():
        keys = [key for (key,) in database.write(_NEVER_PUBLISHED, {"staged_s": staged_s})]
        for table in ("segment_files", "shared_segment_files") if keys else ():
            database.write(_FORGET_FILES.format(table), {"keys": keys})
