"""How a store stands, by one look at the database that costs little."""

from __future__ import annotations

from typing import NamedTuple

from runlake.store.cluster.database import Database

_LOOK = """
select count(*), coalesce(sum(end_offset), 0)::bigint,
    coalesce(extract(epoch from clock_timestamp() - min(heard_at)), 0)::float8,
    (select count(*) from leases where until > now()), (select count(*) from parts where sealed_in is null)
from (
    select end_offset, heard_at, lead(number) over (partition by run_no, writer order by number) as follower
    from parts join runs using (run_no) where sealed_in is null and deleted_at is null) as unsealed
where follower is not null or heard_at < now() - make_interval(secs => %(silent_s)s)
"""


class Waiting(NamedTuple):
    """Parts that wait to be sealed: how many, their bytes, and for how long the first of them has been silent.

    Besides, how many leases are held, and how many parts are not sealed, the growing ones among them.
    """

    part_count: int
    size_bytes: int
    oldest_s: float
    lease_count: int
    unsealed_count: int


def look_at_waiting(database: Database, *, silent_s: float) -> Waiting:
    """A part waits when another follows it, or it has not grown for `silent_s`."""
    return Waiting(*database.write(_LOOK, {"silent_s": silent_s})[0])
