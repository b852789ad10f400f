"""One look at a project: which of its runs moved since the last one.

It answers which runs were made, opened, sealed, edited or deleted since then, and how the journals stand that may stand
otherwise than at the last look: a part moved, or a writer was heard, or fell silent. A run whose journal is as it was
when it was read, and that has not moved, is as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from runlake.store.cluster.database import Database
from runlake.store.cluster.moves import NOW, SINCE, Moment
from runlake.store.cluster.names import PROJECT, project_keys
from runlake.store.cluster.text import from_text
from runlake.store.journal.liveness import STALE_S

_LATE_S = 10.0
"""What a writer's transaction says is seen within this time after it began."""

_LOOK = f"""
with now as materialized (
    -- Another project may have this name by now, and all of it is new.
    select history_id || '/' || coalesce(({PROJECT})::text, '') as history_id, xmin, clock_timestamp() as at,
        to_timestamp(%(looked_at)s) as looked_at from ({NOW}) now),
moved as materialized (
    select run_no, run_key, run_id, deleted_at is null as is_here, moved_xid
    from now join runs on project_no = ({PROJECT}) and moved_xid >= {SINCE}),
stirred as materialized (
    select distinct run_no from now, parts left join served using (run_no, writer)
    where sealed_in is null and (moved_xid >= {SINCE} or served.heard_at > looked_at - interval '{_LATE_S} s'
        or greatest(parts.heard_at, served.heard_at) between looked_at - interval '{STALE_S + _LATE_S} s'
            and at - interval '{STALE_S} s'
        or run_no in (select run_no from moved))),
marks as (
    select run_key, run_id, mark from now, stirred,
    -- One by one: the planner takes the whole project for the few that moved.
    lateral (select run_key, run_id from runs
        where run_no = stirred.run_no and project_no = ({PROJECT}) and deleted_at is null limit 1) run,
    lateral (select
        (hashtextextended(string_agg(writer || number || ':' || end_offset, ';' order by writer, number), 0)
            & 4294967295) << 16
        | least(65535, count(distinct writer) filter (
            where greatest(parts.heard_at, served.heard_at) > at - interval '{STALE_S} s')) as mark
        from parts left join served using (run_no, writer) where run_no = stirred.run_no and sealed_in is null) journal)
select history_id, xmin, extract(epoch from at)::float8, null as run_key, null as run_id, null::bigint, null::boolean,
    null, null::bigint from now
union all select null, null, null, run_key, run_id, run_no, is_here, moved_xid::text, null::bigint from moved
union all select null, null, null, run_key, run_id, null, true, null, mark from marks
"""


class Look(NamedTuple):
    """What one look found, by the key of a run: which moved and by which transaction, and how their journals and those
    that may have changed stand. `at` is when it was, in seconds since 1970 by the database's clock; `run_nos` are the
    numbers of those that moved and are there."""

    moment: Moment
    at: float
    moved: dict[str, str]
    run_nos: dict[str, int]
    gone: set[str]
    marks: dict[str, int]
    run_ids: dict[str, str]

    def mark(self, key: str, before: Mapping[str, int]) -> int:
        """How the journal of a run stands, 0 without one; `before` is how journals stood at the look before."""
        return self.marks.get(key, 0 if key in self.moved else before.get(key, 0))


def look_at(database: Database, entity: str, project: str, before: Moment, looked_at: float) -> Look:
    """Which runs of a project moved since a moment, and how those stand whose journals may have changed since then."""
    keys = project_keys(entity, project)
    rows = database.read(_LOOK, {**keys, **before._asdict(), "looked_at": looked_at})
    moment, looked_at = Moment(), 0.0
    moved: dict[str, str] = {}
    run_nos: dict[str, int] = {}
    marks: dict[str, int] = {}
    run_ids: dict[str, str] = {}
    for history_id, xmin, at, key, run_id, run_no, is_here, by, mark in rows:
        if history_id is not None:
            moment, looked_at = Moment(history_id, xmin), at
            continue
        run_ids[key] = from_text(run_id)
        if mark is not None:
            marks[key] = mark
            continue
        last = moved.get(key)
        moved[key] = by if last is None else max(by, last, key=_xid)  # of several lives of one id
        if is_here:
            run_nos[key] = run_no
    return Look(moment, looked_at, moved, run_nos, moved.keys() - run_nos.keys(), marks, run_ids)


def _xid(text: str) -> tuple[int, str]:
    return len(text), text
