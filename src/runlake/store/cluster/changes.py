"""The changes of a project as rows; `store.changes.Changes` says what each method does."""

from __future__ import annotations

from typing import Any

from runlake.store.changes import Change, ChangeScan, SeenChanges, deaths_among, last_death, parse_name
from runlake.store.cluster.database import Database
from runlake.store.cluster.moves import NOW, SINCE, Moment
from runlake.store.cluster.names import PROJECT, Names, project_keys
from runlake.store.cluster.text import from_text, to_text
from runlake.store.layout import encode_name

_APPEND = f"""
with project as ({PROJECT}),
made as (insert into changes (project_no, name) select project_no, %(name)s from project on conflict do nothing)
select count(*) from project
"""
_READ = f"""
with now as materialized ({NOW})
select now.history_id, now.xmin, now.history_id <> %(history_id)s or %(xmin)s::xid8 <= pruned_xid,
       name, xid >= now.xmin::xid8
from now join (select project_no, pruned_xid from projects where project_no = ({PROJECT})) as project on true
left join changes on changes.project_no = project.project_no and xid >= {SINCE}
"""
_PRUNE = f"""
with pruned as (
    delete from changes where project_no = ({PROJECT}) and name not like '%%delete#%%'
        and noted_at < now() - make_interval(secs => %(older_than_s)s) returning xid),
said as (
    update projects set pruned_xid = greatest(pruned_xid, (select max(xid) from pruned))
    where project_no = ({PROJECT}) and exists (select from pruned))
select count(*) from pruned
"""
_DEATHS = f"select name from changes where project_no = ({PROJECT}) and name like '%%delete#%%'"


class PostgresChanges:
    """The changes of one project. Nothing stands loose: what is new is found by an index, and `pack` has nothing to do.

    What `SeenChanges` holds here are the moment of the last look (`cluster.moves`), as its only pack, and the changes
    that were told and may be found again.
    """

    def __init__(self, database: Database, entity: str, project: str) -> None:
        self._database, self._names, self._project = database, Names(database), (entity, project)
        self._keys = project_keys(entity, project)

    def append(self, name: str) -> None:
        parameters = {**self._keys, "name": to_text(name)}
        for _ in range(2):
            if self._database.retried(lambda: self._database.write(_APPEND, parameters))[0][0]:
                return
            self._names.make_project(*self._project)

    def read_since(self, seen: SeenChanges) -> ChangeScan:
        before = Moment.parse(next(iter(seen.packs), str(Moment())))
        rows = self._database.read(_READ, {**self._keys, **before._asdict()})
        if not rows:
            return ChangeScan([], seen)
        history_id, xmin, may_miss_some = rows[0][:3]
        told = seen.loose if history_id == before.history_id else frozenset()
        names = {from_text(name): may_come_again for *_, name, may_come_again in rows if name is not None}
        found = [change for name in sorted(names.keys() - told) if (change := parse_name(name))]
        loose = frozenset(name for name, may_come_again in names.items() if may_come_again)
        now = SeenChanges(frozenset([str(Moment(history_id, xmin))]), loose)
        return ChangeScan(found, now, is_garbled=bool(seen.packs) and may_miss_some)

    def prune(self, *, older_than_s: float) -> int:
        """Remove what was noted so long ago, but for deaths; answers how many changes that were.

        A reader that was not told of it is told that any run may have moved.
        """
        parameters = {**self._keys, "older_than_s": older_than_s}
        return int(self._database.retried(lambda: self._database.write(_PRUNE, parameters))[0][0])

    def pack(self) -> int:
        return 0

    def latest_death(self, incarnation: str) -> Change | None:
        text = f"#{encode_name(incarnation)}#"
        return last_death(name for name in self._deaths() if text in name)

    def latest_deaths(self) -> dict[str, tuple[Change, str]]:
        return deaths_among(self._deaths())

    def _deaths(self) -> list[str]:
        parameters: dict[str, Any] = self._keys
        return [from_text(name) for (name,) in self._database.read(_DEATHS, parameters)]
