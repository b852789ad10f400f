"""Leases as rows that expire; `store.leases.Leases` says what they are for.

Who holds one says so again and again from a thread. A process that dies, or does not come to it any more, holds
nothing when the time is over, by the database's clock. Each taking has a higher token, and only its own is prolonged or
given back.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from runlake.errors import RunlakeError
from runlake.store.cluster.database import Database
from runlake.store.cluster.text import to_key, to_text

HOLD_S, PROLONG_S = 30.0, 8.0
"""So long a lease is held without a sign of life, and so often there is one."""

_PAUSES_S = (0.01, 0.02, 0.05, 0.1, 0.25)

_TAKE = """
insert into leases (name, holder, until) values (%(name)s, %(holder)s, now() + make_interval(secs => %(hold_s)s))
on conflict (name) do update
set holder = excluded.holder, token = leases.token + 1, until = excluded.until where leases.until <= now()
returning token
"""
_PROLONG = """
update leases set until = now() + make_interval(secs => %(hold_s)s)
where name = %(name)s and token = %(token)s and until > now() returning 1
"""
_GIVE_BACK = "update leases set until = now() where name = %(name)s and token = %(token)s"


class PostgresLeases:
    """The leases of one store. `holder` says to people who holds one; it says every `prolong_s` that it still does."""

    def __init__(
        self, database: Database, *, holder: str | None = None, hold_s: float = HOLD_S, prolong_s: float = PROLONG_S
    ) -> None:
        self._database, self._hold_s, self._prolong_s = database, hold_s, prolong_s
        self._holder = holder or f"{os.uname().nodename}:{os.getpid()}"

    @contextmanager
    def hold(self, name: str, *, is_waiting: bool) -> Iterator[bool]:
        token = self._take(name)
        pauses = iter(_PAUSES_S)
        while token is None and is_waiting:
            time.sleep(next(pauses, _PAUSES_S[-1]))
            token = self._take(name)
        if token is None:
            yield False
            return
        row = {"name": to_key(name), "token": token, "hold_s": self._hold_s}
        is_over = threading.Event()
        thread = threading.Thread(target=self._prolong, args=(row, is_over), name=f"lease {name}", daemon=True)
        thread.start()
        try:
            yield True
        finally:
            is_over.set()
            thread.join()
            with suppress(RunlakeError):  # it expires
                self._database.write(_GIVE_BACK, row)

    def _take(self, name: str) -> int | None:
        row = {"name": to_key(name), "holder": to_text(self._holder), "hold_s": self._hold_s}
        rows = self._database.write(_TAKE, row)
        return rows[0][0] if rows else None

    def _prolong(self, row: dict[str, Any], is_over: threading.Event) -> None:
        while not is_over.wait(self._prolong_s):
            with suppress(RunlakeError):  # the next time, unless it is too late by then
                if not self._database.write(_PROLONG, row):
                    return
