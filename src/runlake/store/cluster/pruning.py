"""Rows that nobody asks for any more go: changes that were told, grants that were given, states of listings."""

from __future__ import annotations

from typing import NamedTuple

from runlake.store.cluster.changes import PostgresChanges
from runlake.store.cluster.database import Database
from runlake.store.cluster.grants import GRANT_S
from runlake.store.cluster.listing_states import KEPT_S
from runlake.store.cluster.text import from_text

CHANGES_S = 24 * 3600.0
"""A reader that did not look for so long reads everything anew."""

_AT_ONCE = 10_000
_WITH_OLD_CHANGES = """
select entity, name from projects where exists (
    select from changes where changes.project_no = projects.project_no and changes.name not like '%%delete#%%'
        and noted_at < now() - make_interval(secs => %(older_than_s)s))
"""
_PRUNE = """
delete from {table} where ctid = any(array(
    select ctid from {table} where at < now() - make_interval(secs => %(older_than_s)s) limit %(count)s)) returning 1
"""


class Pruned(NamedTuple):
    """How many rows were removed."""

    change_count: int
    grant_count: int
    listing_state_count: int


def prune(
    database: Database, *, changes_s: float = CHANGES_S, grants_s: float = GRANT_S, states_s: float = KEPT_S
) -> Pruned:
    """Remove what is older than these ages, in seconds; the deaths of runs stay."""
    places = database.read(_WITH_OLD_CHANGES, {"older_than_s": changes_s})
    changes = (PostgresChanges(database, from_text(entity), from_text(project)) for entity, project in places)
    change_count = sum(each.prune(older_than_s=changes_s) for each in changes)
    return Pruned(change_count, _prune(database, "grants", grants_s), _prune(database, "listing_states", states_s))


def _prune(database: Database, table: str, older_than_s: float) -> int:
    """Some thousand rows in each transaction."""
    statement, parameters = _PRUNE.format(table=table), {"older_than_s": older_than_s, "count": _AT_ONCE}
    count = 0
    while removed := len(database.retried(lambda: database.write(statement, parameters))):
        count += removed
    return count
