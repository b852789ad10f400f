"""A numbered list as rows; `store.ledger.Ledger` says what each method does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from runlake.errors import CorruptError, NotFoundError
from runlake.store.cluster.database import Database
from runlake.store.cluster.text import to_key
from runlake.values import encode_json, stored_json

_BATCH_COUNT = 500

_MAKE = "insert into ledgers (place, number, body) values (%(place)s, 0, '') on conflict do nothing"
_APPEND = """
with head as (select place from ledgers where place = %(place)s and number = 0 for key share),
made as (insert into ledgers select place, %(number)s, %(body)b from head on conflict do nothing returning 1)
select (select count(*) from head), (select count(*) from made)
"""
_READ = """
select number, body from ledgers where place = %(place)s and number >= %(number)s order by number limit %(limit)s
"""


class PostgresLedger:
    """The list of one place, which is there from `make` to `delete`."""

    def __init__(self, database: Database, place: str) -> None:
        self.place, self._database = place, database

    def make(self) -> None:
        """Make the list, empty; one that is there is left as it is."""
        self._database.retried(lambda: self._database.write(_MAKE, {"place": to_key(self.place)}))

    def delete(self) -> None:
        """Remove it with its entries: who appends is told."""
        statement = "delete from ledgers where place = %(place)s"
        self._database.retried(lambda: self._database.write(statement, {"place": to_key(self.place)}))

    def append(self, number: int, body: dict[str, Any]) -> bool:
        # The nonce tells an entry of ours from one like it, when the answer to the first attempt was lost.
        text = encode_json({**body, "nonce": os.urandom(8).hex()}).encode("utf-8", "surrogatepass")
        parameters = {"place": to_key(self.place), "number": number, "body": text}
        head_count, made_count = self._database.retried(lambda: self._database.write(_APPEND, parameters))[0]
        if not head_count:
            raise NotFoundError(f"{self.place} is gone: it was deleted")
        return bool(made_count) or self._rows(number, 1) == [(number, text)]

    def read_from(self, number: int) -> Iterator[tuple[int, dict[str, Any]]]:
        while rows := self._rows(number, _BATCH_COUNT):
            for there, body in rows:
                if there != number:
                    return
                try:
                    yield number, stored_json(body.decode("utf-8", "surrogatepass"))
                except ValueError as error:
                    raise CorruptError(
                        f"entry {number} of {self.place} cannot be read ({error}); restore the database from a backup"
                    ) from None
                number += 1

    def _rows(self, number: int, limit: int) -> list[tuple[int, bytes]]:
        parameters = {"place": to_key(self.place), "number": number, "limit": limit}
        return [(number, body) for number, body in self._database.read(_READ, parameters)]
