"""The changes of a project as rows; `store.changes.Changes` says what each method does."""

from __future__ import annotations

from typing import Any

from runlake.store.changes import Change, ChangeScan, SeenChanges, deaths_among, last_death, parse_name
from runlake.store.cluster.database import Database
from runlake.store.cluster.moves import NOW, SINCE, Moment
from runlake.store.cluster.names import Names
from runlake.store.cluster.text import from_text, to_text
from runlake.store.layout import encode_name

_PROJECT = "select project_no from projects where entity_key = %(entity_key)s and project_key = %(project_key)s"

_APPEND = f"""
with project as ({_PROJECT}),
made as (insert into changes (project_no, name) select project_no, %(name)s from project on conflict do nothing)
select count(*) from project
"""
_READ = f"""
with now as materialized ({NOW})
select now.history_id, now.xmin, name, xid >= now.xmin::xid8
from now join changes on project_no = ({_PROJECT}) and xid >= {SINCE}
"""
_DEATHS = f"select name from changes where project_no = ({_PROJECT}) and name like '%%delete#%%'"


class PostgresChanges:
    """The changes of one project. Nothing stands loose: what is new is found by an index, and `pack` has nothing to do.

    What `SeenChanges` holds here are the moment of the last look (`cluster.moves`), as its only pack, and the changes
    that were told and may be found again.
    """

    def __init__(self, database: Database, entity: str, project: str) -> None:
        self._database, self._names, self._project = database, Names(database), (entity, project)
        self._keys = {"entity_key": encode_name(entity), "project_key": encode_name(project)}

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
        told = seen.loose if (is_same := rows[0][0] == before.history_id) else frozenset()
        names = {from_text(name): may_come_again for _, _, name, may_come_again in rows}
        found = [change for name in sorted(names.keys() - told) if (change := parse_name(name))]
        loose = frozenset(name for name, may_come_again in names.items() if may_come_again)
        now = SeenChanges(frozenset([str(Moment(*rows[0][:2]))]), loose)
        return ChangeScan(found, now, is_garbled=bool(seen.packs) and not is_same)

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
