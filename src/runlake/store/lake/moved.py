"""Which runs moved since they were mirrored.

A look at all of them compares what each run's row said when it was mirrored with what it says now: that is the truth,
and takes a tenth of a second for a hundred thousand runs. The looks between find by indexes what can have changed:
runs that a transaction moved which was at work at the last look or came later (`cluster.moves`), those whose segments
moved within the last minutes, which is what packing does, and those with a part that was empty and is not any more.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from runlake.model import RunPath
from runlake.store.cluster.database import Database
from runlake.store.cluster.moves import NOW, SINCE, Moment
from runlake.store.cluster.text import from_text

LATELY_S = 600.0
"""A transaction that lets a run point to a file which runs share takes less."""

_COLUMNS = """
coalesce(r.run_no, m.run_no), p.entity, p.name, r.run_id, r.run_no is not null and r.deleted_at is null,
r.moved_xid::text, r.segments_moved_at, r.parts_moved_at
"""
_MOVED = """
(m.run_no is null and r.deleted_at is null or m.run_no is not null and (
    r.run_no is null or r.deleted_at is not null
    or (m.moved_xid, m.segments_moved_at, m.parts_moved_at)
        is distinct from (r.moved_xid, r.segments_moved_at, r.parts_moved_at)))
"""
_EMPTY = "(select count(*) from parts where run_no = m.run_no and sealed_in is null and end_offset = 0)"
_ALL = f"""
select {_COLUMNS} from runs r full join {{lake}}.mirror_runs m on m.run_no = r.run_no
left join projects p on p.project_no = r.project_no
where {_MOVED} or (m.empty_part_count > 0 and {_EMPTY} <> m.empty_part_count)
order by r.segments_moved_at desc nulls last limit %(limit)s
"""
_LATELY = f"""
with now as materialized ({NOW}),
stirred as (
    select run_no from now, projects cross join lateral (
        select run_no from runs where runs.project_no = projects.project_no and moved_xid >= {SINCE}) moved
    union select run_no from runs where segments_moved_at > now() - interval '{LATELY_S} s'),
filled as (
    select run_no from {{lake}}.mirror_runs m where empty_part_count > 0 and {_EMPTY} <> empty_part_count)
select {_COLUMNS} from stirred join runs r using (run_no) left join {{lake}}.mirror_runs m using (run_no)
join projects p on p.project_no = r.project_no where {_MOVED}
union select {_COLUMNS} from filled join runs r using (run_no) join {{lake}}.mirror_runs m using (run_no)
join projects p on p.project_no = r.project_no
limit %(limit)s
"""
_BEHIND = f"""
select coalesce(extract(epoch from clock_timestamp() - min(r.segments_moved_at)), 0)::float8,
    (select extract(epoch from clock_timestamp() - max(snapshot_time))::float8 from {{lake}}.ducklake_snapshot)
from runs r left join {{lake}}.mirror_runs m using (run_no)
where r.segments_moved_at > now() - interval '1 h' and {_MOVED}
"""


def quoted(schema: str) -> str:
    """A schema as SQL has it."""
    return '"{}"'.format(schema.replace('"', '""'))


class MovedRun(NamedTuple):
    """A run that moved: its path where it is there, and what its row said."""

    run_no: int
    path: RunPath | None
    moved_xid: str | None
    segments_moved_at: datetime | None
    parts_moved_at: datetime | None


class Lag(NamedTuple):
    """For how long the first change waits that is not mirrored, an hour at most, and how old the newest snapshot is."""

    behind_s: float
    snapshot_age_s: float


def now(database: Database) -> Moment:
    """The moment from which a later look goes on."""
    return Moment(*database.read(NOW)[0])


def find_moved(database: Database, lake: str, since: Moment | None, *, limit: int) -> list[MovedRun]:
    """At most so many runs that moved: of all of them, or with `since` of those that can have moved since then.

    `lake` is the schema of the mirror as SQL has it.
    """
    statement = (_ALL if since is None else _LATELY).replace("{lake}", lake)
    with database.transaction():
        for kind in ("seqscan", "hashjoin", "mergejoin") if since is not None else ():
            database.read(f"set local enable_{kind} = off")  # nobody can know how few they are: it would take all runs
        rows = database.read(statement, {"limit": limit, **(since or Moment())._asdict()})
    return [
        MovedRun(run_no, RunPath(*map(from_text, path)) if is_here else None, *mark)
        for run_no, *path, is_here, mark in ((*row[:5], row[5:]) for row in rows)
    ]


def find_lag(database: Database, schema: str) -> Lag | None:
    """How far the mirror in a schema is behind; None where there is none."""
    lake = quoted(schema)
    if database.read("select to_regclass(%(name)s) is null", {"name": f"{lake}.mirror"})[0][0]:
        return None
    return Lag(*database.read(_BEHIND.replace("{lake}", lake))[0])
