"""Small files in folders as rows; `store.tree.Tree` says what each method does.

A folder is a row with its path, and keeps its number when it is moved, together with all that are below it, in one
statement. Paths are those of `store.layout` over a root of ``/``.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Hashable
from pathlib import Path
from typing import Any

from runlake.errors import ConflictError
from runlake.store.cluster.database import Database
from runlake.store.cluster.text import from_text, to_text

_PLACE = "tree_folders join tree_files using (folder_no) where path = %(path)s and name = %(name)s"
_INTO = "with folder as (select folder_no from tree_folders where path = %(path)s for key share)"
_CREATE = f"""
{_INTO}, made as (
    insert into tree_files (folder_no, name, body) select folder_no, %(name)s, %(body)b from folder
    on conflict do nothing returning 1)
select (select count(*) from folder), (select count(*) from made)
"""
_REPLACE = f"""
{_INTO}
insert into tree_files (folder_no, name, body) select folder_no, %(name)s, %(body)b from folder
on conflict (folder_no, name) do update
    set body = excluded.body, written_at = now(), version = pg_current_xact_id()
returning 1
"""
_APPEND = f"""
{_INTO}
insert into tree_files (folder_no, name, body) select folder_no, %(name)s, %(body)b from folder
on conflict (folder_no, name) do update
    set body = tree_files.body || excluded.body, written_at = now(), version = pg_current_xact_id()
returning 1
"""
_REMOVE = """
delete from tree_files using tree_folders
where tree_folders.folder_no = tree_files.folder_no and path = %(path)s and name = %(name)s
"""
_LIST = """
select name from tree_folders join tree_files using (folder_no) where path = %(path)s
union all
select substring(path from length(%(path)s) + 2) from tree_folders
where path > %(path)s || '/' and path < %(path)s || '0' and strpos(substring(path from length(%(path)s) + 2), '/') = 0
"""
_FOLDERS = """
select substring(path from length(%(path)s) + 2) from tree_folders
where path > %(path)s || '/' and path < %(path)s || '0' and strpos(substring(path from length(%(path)s) + 2), '/') = 0
"""
_WRITTEN_AT = """
select extract(epoch from max(written_at))::float8 from tree_folders join tree_files using (folder_no)
where (path = %(folder)s and name = %(name)s) or path = %(path)s or (path > %(path)s || '/' and path < %(path)s || '0')
"""
_REMOVE_TREE = """
delete from tree_folders where path = %(path)s or (path > %(path)s || '/' and path < %(path)s || '0')
"""
_MOVE = """
update tree_folders set path = %(target)s || substring(path from length(%(path)s) + 1)
where path = %(path)s or (path > %(path)s || '/' and path < %(path)s || '0')
returning 1
"""


class PostgresTree:
    """The files and folders of one store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, file: Path) -> bytes:
        rows = self._database.read(f"select body from {_PLACE}", _of(file))
        if not rows:
            raise _missing(file)
        return bytes(rows[0][0])

    def create_once(self, file: Path, content: str) -> bool:
        body = content.encode("utf-8", "surrogatepass")
        found = self._database.retried(lambda: self._database.write(_CREATE, {**_of(file), "body": body}))
        folder_count, made_count = found[0]
        if not folder_count:
            raise _missing(file)
        return bool(made_count)

    def replace(self, file: Path, content: bytes) -> None:
        if not self._database.retried(lambda: self._database.write(_REPLACE, {**_of(file), "body": content})):
            raise _missing(file)

    def append_line(self, file: Path, line: bytes) -> None:
        # Not asked again when the connection is lost: a line that is there twice may say something else than once.
        if not self._database.write(_APPEND, {**_of(file), "body": line + b"\n"}):
            raise _missing(file)

    def remove(self, file: Path) -> None:
        self._database.retried(lambda: self._database.write(_REMOVE, _of(file)))

    def list_names(self, folder: Path) -> list[str]:
        return [from_text(name) for (name,) in self._database.read(_LIST, {"path": _key(folder)})]

    def list_folders(self, folder: Path) -> list[str]:
        names = [from_text(name) for (name,) in self._database.read(_FOLDERS, {"path": _key(folder)})]
        return [name for name in names if not name.startswith(".")]

    def version_of(self, file: Path) -> Hashable | None:
        rows = self._database.read(f"select folder_no, version::text from {_PLACE}", _of(file))
        return rows[0] if rows else None

    def size_bytes(self, file: Path) -> int | None:
        rows = self._database.read(f"select length(body) from {_PLACE}", _of(file))
        return int(rows[0][0]) if rows else None

    def written_at(self, place: Path) -> float:
        rows = self._database.read(_WRITTEN_AT, {"folder": _key(place.parent), **_of(place), "path": _key(place)})
        if rows[0][0] is None:
            raise _missing(place)
        return float(rows[0][0])

    def make_folder(self, folder: Path) -> None:
        paths = [_key(each) for each in reversed([folder, *folder.parents])]
        statement = "insert into tree_folders (path) select unnest(%(paths)s::text[]) on conflict do nothing"
        if not self.has_folder(folder):
            self._database.retried(lambda: self._database.write(statement, {"paths": paths}))

    def make_subfolder(self, folder: Path) -> None:
        statement = """
            with parent as (select 1 from tree_folders where path = %(parent)s for key share),
            made as (
                insert into tree_folders (path) select %(path)s from parent on conflict do nothing)
            select count(*) from parent
        """
        if self.has_folder(folder):
            return
        if folder.parent == folder.parent.parent:
            self.make_folder(folder.parent)
        parameters = {"parent": _key(folder.parent), "path": _key(folder)}
        if not self._database.retried(lambda: self._database.write(statement, parameters))[0][0]:
            raise _missing(folder)

    def has_folder(self, folder: Path) -> bool:
        return bool(self._database.read("select 1 from tree_folders where path = %(path)s", {"path": _key(folder)}))

    def identity(self, folder: Path) -> tuple[int, int]:
        statement = "select folder_no from tree_folders where path = %(path)s"
        rows = self._database.read(statement, {"path": _key(folder)})
        if not rows:
            raise _missing(folder)
        return 0, int(rows[0][0])

    def remove_tree(self, folder: Path) -> None:
        """Remove a folder with all that is in it; that it is gone already is fine."""
        self._database.retried(lambda: self._database.write(_REMOVE_TREE, {"path": _key(folder)}))

    def move(self, folder: Path, target: Path) -> None:
        taken = OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), str(target))
        if self.has_folder(target):
            raise taken
        if not self.has_folder(target.parent):
            raise _missing(target)
        try:
            moved = self._database.write(_MOVE, {"path": _key(folder), "target": _key(target)})
        except ConflictError:
            raise taken from None  # made at this moment
        if not moved:
            raise _missing(folder)


def _key(folder: Path) -> str:
    return to_text(str(folder).rstrip("/"))


def _of(file: Path) -> dict[str, Any]:
    return {"path": _key(file.parent), "name": to_text(file.name)}


def _missing(place: Path) -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(place))
