"""How a reader goes on from where it was, though transactions become visible in another order than they began.

Each row that moves carries the number of the transaction that moved it (``xid8``). A look remembers the lowest number
of those that were still at work when it was taken: whatever becomes visible later has that number or a higher one. So
the next look asks for these, and knows those of them that it was told.

When the database was restarted or restored, the numbers may be those of another history, and all counts as moved.
"""

from __future__ import annotations

from typing import NamedTuple

from runlake.store.cluster.database import Database
from runlake.store.layout import encode_name

NOW = "select history_id() as history_id, pg_snapshot_xmin(pg_current_snapshot())::text as xmin"
"""What a look remembers, as a query of one row."""

SINCE = "case when now.history_id = %(history_id)s then %(xmin)s else '0' end::xid8"
"""From which transaction on rows count as moved, where `NOW` is called ``now``."""


class Moment(NamedTuple):
    """When a look was taken: within which history, and the lowest transaction that was at work."""

    history_id: str = ""
    xmin: str = "0"

    def __str__(self) -> str:
        return f"{self.history_id}:{self.xmin}"

    @classmethod
    def parse(cls, text: str) -> Moment:
        """The inverse of ``str``."""
        history_id, _, xmin = text.rpartition(":")
        return cls(history_id, xmin)


class Moved(NamedTuple):
    """The folder names (`layout.encode_name`) of runs that moved, and what the next look begins with.

    `is_everything`: the look before was within another history, so any run may have moved, and the names are those of
    all that there are. Runs that were deleted are among them.
    """

    folders: set[str]
    now: Moment
    is_everything: bool


_MOVED = f"""
with now as materialized ({NOW}),
project as materialized (
    select project_no from projects where entity_key = %(entity_key)s and project_key = %(project_key)s)
select now.history_id, now.xmin, run_key
from now left join (
    select run_key from now, project join runs using (project_no) where moved_xid >= {SINCE}
    union
    select run_key from project join runs using (project_no) where run_no in (
        select run_no from now, parts where sealed_in is null and parts.moved_xid >= {SINCE})
) as moved on true
"""


def moved_since(database: Database, entity: str, project: str, before: Moment) -> Moved:
    """The runs of a project that are other than at a look before, by one statement.

    What is there between two looks may be told by both.
    """
    parameters = {"entity_key": encode_name(entity), "project_key": encode_name(project), **before._asdict()}
    rows = database.read(_MOVED, parameters)
    now = Moment(*rows[0][:2])
    folders = {folder for _, _, folder in rows if folder is not None}
    return Moved(folders, now, is_everything=now.history_id != before.history_id)
