"""Grants that were given lately as rows; `store.grants.Grants` says what they are for.

To hold one is a transaction: what an opening does is done together with what is remembered of it, and who opens with
the same token meanwhile waits for both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from runlake.model import RunPath
from runlake.store.cluster.database import Database

GRANT_S = 3600.0
"""So long whoever opens again with the same token is answered the same; then it goes with the garbage (`pruning`)."""

_LOCK = "select pg_advisory_xact_lock(%(lock)s)"
_READ = "select body from grants where key = %(key)s"
_KEEP = """
insert into grants (key, body) values (%(key)s, %(body)b)
on conflict (key) do update set body = excluded.body, at = now()
"""


class PostgresGrant:
    """The grant of one opening."""

    def __init__(self, database: Database, key: str, content: bytes) -> None:
        self._database, self._key, self.content = database, key, content

    def keep(self, content: bytes) -> None:
        self.content = content
        self._database.write(_KEEP, {"key": self._key, "body": content})


class PostgresGrants:
    """The grants of one store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def hold(self, path: RunPath, token: str) -> Iterator[PostgresGrant]:
        digest = hashlib.sha256("\0".join((*path, token)).encode("utf-8", "surrogatepass"))
        with self._database.transaction():
            self._database.write(_LOCK, {"lock": int.from_bytes(digest.digest()[:8], "big", signed=True)})
            rows = self._database.read(_READ, {"key": digest.hexdigest()})
            yield PostgresGrant(self._database, digest.hexdigest(), rows[0][0] if rows else b"")
