"""Which runs of a project move, without reading any of them."""

from __future__ import annotations

import secrets
import threading

from runlake.listing_model import ProjectNews
from runlake.store.cluster.database import Database
from runlake.store.cluster.look import look_at
from runlake.store.cluster.moves import Moment

_MAX_CHANGED = 1000


class ClusterPulse:
    """Which runs of a project move, without folding any of them."""

    def __init__(self, database: Database, entity: str, project: str) -> None:
        self._database, self._place = database, (entity, project)
        self._lock = threading.Lock()
        self._token: str | None = None
        self._number = 0
        self._moment, self._looked_at = Moment(), 0.0
        self._marks: dict[str, int] = {}
        self._told: dict[str, str] = {}
        self._moved: dict[str, int] = {}

    def news(self, since: str | None) -> ProjectNews:
        with self._lock:
            look = look_at(self._database, *self._place, self._moment, self._looked_at)
            if self._token is None or look.moment.history_id != self._moment.history_id:
                self._token, self._moved = secrets.token_hex(8), {}
            else:
                grown = {key for key, mark in look.marks.items() if self._marks.get(key) != mark}
                told = {key for key, by in look.moved.items() if self._told.get(key) != by}
                moved = {look.run_ids[key] for key in told | grown}
                self._number += bool(moved)
                self._moved |= dict.fromkeys(moved, self._number)
            for key in look.moved:
                self._marks.pop(key, None)
            self._marks |= look.marks
            self._moment, self._looked_at, self._told = look.moment, look.at, look.moved
            return ProjectNews(version=f"{self._token}-{self._number}", changed=self._changed_since(since))

    def _changed_since(self, since: str | None) -> tuple[str, ...] | None:
        token, _, number = (since or "").rpartition("-")
        if token != self._token or not number.isdecimal() or int(number) > self._number:
            return None
        changed = [run_id for run_id, at in self._moved.items() if at > int(number)]
        return None if len(changed) > _MAX_CHANGED else tuple(sorted(changed))
