"""Small named values as rows; `store.documents.Documents` says what each method does."""

from __future__ import annotations

from typing import Any

from runlake.store.cluster.database import Database
from runlake.store.cluster.text import from_text, to_key, to_text
from runlake.store.documents import DocumentName, check_document_name

_CREATE = """
insert into documents (place, name, body) values (%(place)s, %(name)s, %(body)b) on conflict do nothing returning 1
"""
_REPLACE = """
insert into documents (place, name, body) values (%(place)s, %(name)s, %(body)b)
on conflict (place, name) do update set body = excluded.body, written_at = now()
"""


class PostgresDocuments:
    """The documents of one place."""

    def __init__(self, database: Database, place: str) -> None:
        self._database, self._place = database, place

    def create(self, name: str, body: bytes) -> bool:
        return bool(self._database.write(_CREATE, {**self._of(name), "body": body}))

    def replace(self, name: str, body: bytes) -> None:
        parameters = {**self._of(name), "body": body}
        self._database.retried(lambda: self._database.write(_REPLACE, parameters))

    def read(self, name: str) -> bytes | None:
        statement = "select body from documents where place = %(place)s and name = %(name)s"
        rows = self._database.read(statement, self._of(name))
        return rows[0][0] if rows else None

    def list_names(self) -> list[DocumentName]:
        statement = "select name, extract(epoch from written_at)::float8 from documents where place = %(place)s"
        rows = self._database.read(statement, {"place": to_key(self._place)})
        return sorted(DocumentName(from_text(name), written_at) for name, written_at in rows)

    def remove(self, name: str) -> None:
        statement = "delete from documents where place = %(place)s and name = %(name)s"
        self._database.retried(lambda: self._database.write(statement, self._of(name)))

    def _of(self, name: str) -> dict[str, Any]:
        return {"place": to_key(self._place), "name": to_text(check_document_name(name))}
