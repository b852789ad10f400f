"""How a reader goes on from where it was, though transactions become visible in another order than they began.

Each row that moves carries the number of the transaction that moved it (``xid8``). A look remembers the lowest number
of those that were still at work when it was taken: whatever becomes visible later has that number or a higher one. So
the next look asks for these, and knows those of them that it was told.

When the database was restarted or restored, the numbers may be those of another history, and all counts as moved.
"""

from __future__ import annotations

from typing import NamedTuple

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
