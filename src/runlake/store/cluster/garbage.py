"""What no row leads to any more is removed from the bucket, after a while.

Objects are dead for two days before they are removed, so that whoever opened one still reads it, and a database that is
restored from yesterday finds what it names. What was sent and never published is dead after an hour: whoever publishes
later fails, and makes it anew; whoever sends later still sends something that is removed with the rest. So is a file
that runs share and to which none of them points, or never did. Any number of processes may collect at once. Objects
that no row tells of are never removed: `store.cluster.comparison` names them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from runlake.store.cluster.bucket import Bucket
from runlake.store.cluster.database import Database
from runlake.store.cluster.objects import Objects

STAGED_S, DEAD_S = 3600.0, 48 * 3600.0

_AT_ONCE = 1000
_NEVER_PUBLISHED = """
update objects set state = 'dead', since = now()
where state = 'staged' and since < now() - make_interval(secs => %(staged_s)s) returning key
"""
_FORGET_FILES = "delete from {} where key = any(%(keys)s)"
_UNUSED = """
select project_no, name from shared_segments
where published_at < now() - make_interval(secs => %(older_than_s)s) and not exists (
    select from segments where packed_in = split_part(shared_segments.name, '.', 1))
"""
# Who lets a run point there publishes these objects: he waits here, or is waited for.
_LOCK_SHARED = """
select key from objects where key in (
    select key from shared_segment_files where project_no = %(project_no)s and left(file, 25) = %(stem)s)
order by key for update
"""
_IS_USED = "select 1 from segments where packed_in = %(packed_in)s limit 1"
_FORGET_LIST = "delete from shared_segments where project_no = %(project_no)s and name = %(name)s"
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
    bury_unused(database, bucket, older_than_s=staged_s)
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


def bury_unused(database: Database, bucket: Bucket, *, older_than_s: float) -> None:
    """Files that runs share are dead when no run points to them, deleted ones that can be restored included.

    Those whose list is younger may be about to be pointed to.
    """
    for project_no, name in database.read(_UNUSED, {"older_than_s": older_than_s}):
        row = {"project_no": project_no, "name": name}
        database.retried(lambda row=row: _bury_shared(database, bucket, row))  # type: ignore[misc]


def _bury_shared(database: Database, bucket: Bucket, row: dict[str, Any]) -> None:
    packed_in = row["name"].partition(".")[0]
    with database.transaction():
        keys = [key for (key,) in database.write(_LOCK_SHARED, {**row, "stem": f"{packed_in}-"})]
        if not database.write(_IS_USED, {"packed_in": packed_in}):
            database.write(_FORGET_LIST, row)
            database.write(_FORGET_FILES.format("shared_segment_files"), {"keys": keys})
            Objects(database, bucket).bury(keys)


def _bury_unpublished(database: Database, staged_s: float) -> None:
    with database.transaction():
        keys = [key for (key,) in database.write(_NEVER_PUBLISHED, {"staged_s": staged_s})]
        for table in ("segment_files", "shared_segment_files") if keys else ():
            database.write(_FORGET_FILES.format(table), {"keys": keys})
