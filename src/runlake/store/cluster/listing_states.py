"""Listings as replicas have shown them, so that any other cuts the next page from the same state; and where to begin.

Each replica has a log for a project: its first state is all that stands beside the columns, each later one what had
moved since. A version is the name of a log and the place of a state in it. Columns are objects, named by their content.
A head is a state with the moment of its look: whoever begins to list a project begins there.

Derived: what is older than `KEPT_S` goes with the garbage (`pruning`), which every replica collects, so that whoever
lists waits for none of it.
"""

from __future__ import annotations

import re
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec

from runlake.errors import CorruptError
from runlake.lru import LruCache
from runlake.ready import ready
from runlake.store.catalog.catalog_file import StoredRow, pack_row, unpack_rows
from runlake.store.catalog.columns_file import DamagedFileError, columns_from_bytes, write_columns
from runlake.store.catalog.project_records import CatalogRow, ProjectRecords
from runlake.store.catalog.run_columns import RunColumns
from runlake.store.cluster.bucket import Bucket
from runlake.store.cluster.database import Database
from runlake.store.cluster.names import PROJECT, project_keys
from runlake.store.cluster.object_cache import ObjectCache
from runlake.store.cluster.object_file import ObjectFile
from runlake.store.cluster.objects import Objects
from runlake.store.layout import encode_name

KEPT_S = 600.0
_LONGEST_LOG = 1000
_KEPT_COLUMNS = 8
_VERSION = re.compile(r"([0-9a-f]{16})\.([0-9]{1,9})")

_APPEND = f"""
insert into listing_states (project_no, token, number, body) select project_no, %(token)s, %(number)s, %(body)b
from ({PROJECT}) project
"""
_LOAD = f"""
select body from listing_states where project_no = ({PROJECT}) and token = %(token)s and number <= %(number)s
order by number
"""
_SAVE_HEAD = f"""
insert into listing_heads (project_no, body) select project_no, %(body)b from ({PROJECT}) project
on conflict (project_no) do update set body = excluded.body, at = now()
"""
_SUMS = "select sums from objects where key = %(key)s"
_LOAD_HEAD = f"select body from listing_heads where project_no = ({PROJECT})"


class _State(msgspec.Struct, array_like=True):
    """What has changed since the state before; the first one names its columns (key and size) and has all rows."""

    rows: dict[str, StoredRow]
    gone: list[str]
    columns: tuple[str, int] | None = None


class ListingHead(msgspec.Struct, array_like=True):
    """A state, and how its look was: `moment`, `moved`, `marks` and when it was as the catalog has them, and the
    ids of the runs that are tried again, by key."""

    state: _State
    moment: tuple[str, str]
    moved: dict[str, str]
    marks: dict[str, int]
    run_ids: dict[str, str]
    looked_at: float = 0.0


class ListingLog:
    """The states of one project that one replica has shown. Not for several threads at once."""

    def __init__(self, states: ListingStates, entity: str, project: str) -> None:
        self._states, self._place = states, (entity, project)
        self._token: str | None = None
        self._number = 0
        self._rows: Mapping[str, CatalogRow] = {}
        self._columns_name: str | None = None

    def append(self, records: ProjectRecords, packed: Mapping[str, StoredRow]) -> str:
        """The version of a new state; `packed` are rows that need not be packed any more."""
        columns = self._states.keep_columns(*self._place, records, self._columns_name)
        if self._token is None or records.columns_name != self._columns_name or self._number >= _LONGEST_LOG:
            self._token, self._number, self._rows = secrets.token_hex(8), 0, {}
        else:
            self._number += 1
        changed = {key: row for key, row in records.overlay.items() if self._rows.get(key) is not row}
        moved = {key: packed.get(key) or pack_row(row) for key, row in changed.items()}
        gone = [key for key in self._rows if key not in records.overlay]
        self._states.append(*self._place, self._token, self._number, _State(moved, gone, columns))
        self._rows, self._columns_name = dict(records.overlay), records.columns_name
        return f"{self._token}.{self._number}"


class ListingStates:
    """The states of all projects of a store. Threads may share it."""

    def __init__(self, database: Database, bucket: Bucket, cache: ObjectCache) -> None:
        self._database, self._bucket, self._cache = database, bucket, cache
        self._objects = Objects(database, bucket)
        self._columns: LruCache[str, RunColumns] = LruCache(_KEPT_COLUMNS)
        self._sizes: LruCache[str, int] = LruCache(1000)

    def log(self, entity: str, project: str) -> ListingLog:
        """A log of this replica's own."""
        return ListingLog(self, entity, project)

    def append(self, entity: str, project: str, token: str, number: int, state: _State) -> None:
        """Add a state to a log."""
        body = msgspec.msgpack.encode(state)
        parameters = {**project_keys(entity, project), "token": token, "number": number, "body": body}
        self._database.write(_APPEND, parameters)

    def load(self, entity: str, project: str, version: str) -> ProjectRecords | None:
        """The state of a version of whichever replica; None if it is gone."""
        found = _VERSION.fullmatch(version)
        if found is None:
            return None
        parameters = {**project_keys(entity, project), "token": found[1], "number": int(found[2])}
        bodies = self._database.read(_LOAD, parameters)
        if len(bodies) != int(found[2]) + 1:
            return None
        states = [msgspec.msgpack.decode(body, type=ready(_State)) for (body,) in bodies]
        rows: dict[str, StoredRow] = {}
        for state in states:
            rows |= state.rows
            for key in state.gone:
                rows.pop(key, None)
        return self._records(entity, project, _State(rows, [], states[0].columns))

    def save_head(self, entity: str, project: str, records: ProjectRecords, look: Mapping[str, object]) -> None:
        """Let whoever begins to list the project begin with these records; `look` are the other fields of a head."""
        columns = self.keep_columns(entity, project, records)
        rows = {key: pack_row(row) for key, row in records.overlay.items()}
        body = msgspec.msgpack.encode(ListingHead(_State(rows, [], columns), **look))  # type: ignore[arg-type]
        self._database.write(_SAVE_HEAD, {**project_keys(entity, project), "body": body})

    def load_head(self, entity: str, project: str) -> tuple[ListingHead, ProjectRecords] | None:
        """What was saved last; None where there is nothing, or nothing that this version can read."""
        rows = self._database.read(_LOAD_HEAD, project_keys(entity, project))
        try:
            head = msgspec.msgpack.decode(rows[0][0], type=ready(ListingHead)) if rows else None
        except (msgspec.MsgspecError, RecursionError):
            return None
        records = None if head is None else self._records(entity, project, head.state)
        return None if head is None or records is None else (head, records)

    def keep_columns(
        self, entity: str, project: str, records: ProjectRecords, before: str | None = None
    ) -> tuple[str, int] | None:
        """Have the columns in the bucket, in place of those `before`. Notes `records.columns_name`."""
        if records.columns is None:
            records.columns_name = None
            return None
        if records.columns_name is not None and (size_bytes := self._sizes.get(records.columns_name)) is not None:
            return records.columns_name, size_bytes
        with tempfile.TemporaryDirectory(prefix="runlake-") as folder:
            file = Path(folder, "columns")
            write_columns(file, records.columns)
            stem = f"listings/{encode_name(entity)}/{encode_name(project)}/runs"
            stored = self._objects.put(stem, ".columns", file, None)
        with self._database.transaction():
            self._objects.publish([stored.key])
            if before is not None and before != stored.key:
                self._objects.bury([before])  # it is read for a while all the same: see `KEPT_S`
        self._sizes.put(stored.key, stored.size_bytes)
        self._columns.put(stored.key, records.columns)
        records.columns_name = stored.key
        return stored.key, stored.size_bytes

    def _records(self, entity: str, project: str, state: _State) -> ProjectRecords | None:
        """None for what is of a time when the project had another name, too."""
        overlay = unpack_rows(state.rows)
        infos = (row.info for row in (overlay or {}).values() if row.info is not None)
        if overlay is None or any(info.path[:2] != (entity, project) for info in infos):
            return None
        records = ProjectRecords(overlay=overlay)
        if state.columns is not None:
            key, size_bytes = state.columns
            columns = self._columns.get(key)
            if columns is None:
                try:
                    ((sums,),) = self._database.read(_SUMS, {"key": key}) or [(None,)]
                    with ObjectFile(self._cache.object(self._bucket, key, size_bytes, sums)) as opened:
                        columns = columns_from_bytes(opened.read())
                except (CorruptError, DamagedFileError, FileNotFoundError):
                    return None
                self._columns.put(key, columns)
            if (columns.entity, columns.project) != (entity, project):
                return None
            self._sizes.put(key, size_bytes)
            records.columns, records.columns_name = columns, key
        return records
