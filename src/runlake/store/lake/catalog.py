"""A DuckLake catalog of all sealed rows of a store: made, written in rounds, and rid of what is over.

It is derived, in a schema of its own: who drops that gets it anew. Beside the tables that the format has (`format`)
there are four of ours, whose names begin with ``mirror``: what was mirrored of each run, which files it has, what a
file says of itself, and of files that runs share which generations have rows in them.

A round is one transaction, and one snapshot if anything is otherwise for readers. Whoever writes says which round his
looks began after, and writes nothing when another wrote meanwhile: leases only spare work.

A generation counts in every file of the ``<stream>_values`` tables. So a run is *plain*, which is to say that its
generation is counted there, only if no file that is used has rows of that generation and is none of the run's: as one
has while a packer lets run after run point to it, or was killed in between. What others have, also the rows that a
rewind took, is said file by file in ``run_parts``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from psycopg.types.json import Jsonb

from runlake.errors import BadValueError, ConflictError, NewerFormatError
from runlake.model import RunPath
from runlake.store.cluster.bucket import Bucket
from runlake.store.cluster.database import Database
from runlake.store.lake import format as ducklake
from runlake.store.lake import writing
from runlake.store.lake.files import FileFacts, FileUse, RunFiles
from runlake.store.lake.format import RUN_PARTS, RUNS, VALUES
from runlake.store.lake.moved import MovedRun, quoted

KEPT_S = 24 * 3600.0
"""So long what was true can be asked for, unless objects that it names go before."""

MARGIN_S = 36 * 3600.0
"""An object that has been dead for so long is named no more: it goes after two days."""

_LAYOUT, _OF_ANOTHER_BUCKET = 1, 0
_LOCK = 0x72756E6C616B654C
_OURS = """
create table mirror (layout integer not null, of_schema text not null, bucket_url text not null,
    round_no bigint not null);
create table mirror_runs (run_no bigint primary key, entity bytea, project bytea, run_id bytea, generation bytea,
    is_whole boolean, is_rewound boolean, is_plain boolean not null default false, empty_part_count integer not null,
    moved_xid xid8, segments_moved_at timestamptz, parts_moved_at timestamptz);
create index on mirror_runs (generation);
create index on mirror_runs (run_no) where empty_part_count > 0;
create table mirror_uses (run_no bigint not null, url text collate "C" not null, table_id bigint not null,
    generation bytea not null, writer bytea, before_n bigint);
create index on mirror_uses (run_no);
create index on mirror_uses (url);
create table mirror_files (url text collate "C" primary key, row_count bigint not null, size_bytes bigint not null,
    footer_bytes bigint not null, lowest text[] not null, highest text[] not null);
create table mirror_contents (url text collate "C" not null, generation bytea not null);
create index on mirror_contents (url);
create index on mirror_contents (generation);
"""


class LookedRun(NamedTuple):
    """A run that moved, and what was found then: None when it is gone or has nothing."""

    moved: MovedRun
    found: RunFiles | None


class Round(NamedTuple):
    """What a round did: its number, how many runs it took, and its snapshot, None where readers see what they saw."""

    round_no: int
    run_count: int
    snapshot_id: int | None


class LakeCatalog:
    """The catalog in one schema of a store's database. Any number of processes may write."""

    def __init__(self, database: Database, bucket: Bucket, schema: str, *, made_by: str = "runlake") -> None:
        if schema == database.schema or not schema or schema.startswith("pg_"):
            raise BadValueError(f"{schema!r} cannot be the schema of a DuckLake catalog: name one of its own")
        self.database, self._bucket, self.schema, self._made_by = database, bucket, schema, made_by
        self.lake = quoted(schema)

    def create(self) -> None:
        """Make the schema and its tables where they are missing, and anew where they are of an older version or bucket.

        ConflictError when the schema has something else, or mirrors another store.
        """
        with self.database.transaction() as connection:
            connection.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
            found = self._layout()
            if found == _LAYOUT:
                return
            if found is not None:
                connection.execute(f"drop schema {self.lake} cascade".encode())
            connection.execute(f"create schema if not exists {self.lake}".encode())
            connection.execute(f"set local search_path = {self.lake}".encode())
            made = ducklake.TABLES_SQL + "".join(map(ducklake.inlined_sql, (RUNS, RUN_PARTS))) + _OURS
            connection.execute(made.encode())
            for table, row in ducklake.first_rows(self._bucket.url, self._made_by):
                connection.execute(_insert(f"ducklake_{table}", row), row)
            connection.execute("update ducklake_snapshot set snapshot_time = now()")
            row = {"layout": _LAYOUT, "of_schema": self.database.schema, "bucket_url": self._bucket.url, "round_no": 0}
            connection.execute(_insert("mirror", row), row)

    def _layout(self) -> int | None:
        """The layout of the tables that are there; None without any."""
        has = "select to_regclass(%(mirror)s) is not null, exists (select from pg_class c join pg_namespace n "
        has += "on n.oid = relnamespace where nspname = %(schema)s)"
        ((is_ours, is_used),) = self.database.read(has, {"mirror": f"{self.lake}.mirror", "schema": self.schema})
        if not is_ours:
            if is_used:
                raise ConflictError(f"the schema {self.schema} has tables that are none of a mirror: name another")
            return None
        ((layout, of_schema, bucket_url),) = self._read("select layout, of_schema, bucket_url from {lake}.mirror")
        if of_schema != self.database.schema:
            raise ConflictError(f"the schema {self.schema} mirrors the store in {of_schema}: name another")
        if layout > _LAYOUT:
            raise NewerFormatError(f"the schema {self.schema} is of a newer version of runlake; upgrade runlake")
        return int(layout) if bucket_url == self._bucket.url else _OF_ANOTHER_BUCKET

    def round_no(self) -> int | None:
        """The number of the last round; None when there are no tables, or not such as this version makes."""
        if self._layout() != _LAYOUT:
            return None
        return int(self._read("select round_no from {lake}.mirror")[0][0])

    def unknown_files(self, urls: Sequence[str]) -> set[str]:
        """Those of these files of which nothing is known yet."""
        known = self._read("select url from {lake}.mirror_files where url = any(%(urls)s)", urls=list(urls))
        return {*urls} - {url for (url,) in known}

    def write(self, after_round_no: int, looks: Sequence[LookedRun], facts: Sequence[FileFacts]) -> Round | None:
        """Write what was found as one round; None, and nothing was done, when another one came in between."""
        with self.database.transaction():
            lock = "update {lake}.mirror set round_no = round_no + 1 where round_no = %(round_no)s returning round_no"
            rows = self._read(lock, round_no=after_round_no)
            if not rows:
                return None
            return Round(int(rows[0][0]), len(looks), self._write(looks, facts))

    def _write(self, looks: Sequence[LookedRun], facts: Sequence[FileFacts]) -> int | None:
        run_nos = [look.moved.run_no for look in looks]
        urls, generations = self._had(run_nos)
        self._note(looks, facts)
        new_urls, new_generations = self._had(run_nos)
        concerned = {"urls": [*urls | new_urls], "generations": [*generations | new_generations]}
        run_nos = [*{*run_nos, *(run_no for (run_no,) in self._read(writing.AFFECTED, **concerned))}]
        self._read(writing.PLAIN, run_nos=run_nos)
        urls |= self._had(run_nos)[0]
        newest = "select snapshot_id, next_file_id from {lake}.ducklake_snapshot order by snapshot_id desc limit 1"
        ((last_id, file_id),) = self._read(newest)
        row = {"run_nos": run_nos, "urls": [*urls], "snapshot_id": last_id + 1, "file_id": file_id}
        changes = []
        for said, step in writing.STEPS:
            changed = {table_id for (table_id,) in self._read(step, **row)}
            changes += [f"{said}:{table_id}" for table_id in sorted(changed)]
        for forget in writing.FORGET:
            self._read(forget, urls=[*urls])
        if not changes:
            return None
        self._read(writing.TABLE_STATS, snapshot_id=last_id + 1)
        self._read(writing.SNAPSHOT, snapshot_id=last_id + 1, changes=",".join(changes))
        return int(last_id + 1)

    def _had(self, run_nos: Sequence[int]) -> tuple[set[str], set[bytes]]:
        """The files and the generations of these runs, as they are noted."""
        urls = {url for (url,) in self._read(writing.FILES_OF, run_nos=list(run_nos))}
        return urls, {bytes(name) for (name,) in self._read(writing.GENERATIONS_OF, run_nos=list(run_nos))}

    def _note(self, looks: Sequence[LookedRun], facts: Sequence[FileFacts]) -> None:
        for table in ("mirror_uses", "mirror_runs"):
            forget = f"delete from {{lake}}.{table} where run_no = any(%(run_nos)s::bigint[])"
            self._read(forget, run_nos=[look.moved.run_no for look in looks])
        uses = [(look.moved.run_no, use) for look in looks if look.found is not None for use in look.found.uses]
        for note, rows in (
            (writing.NOTE_RUNS, [_run_row(look) for look in looks if look.moved.path is not None]),
            (writing.NOTE_USES, [_use_row(run_no, use) for run_no, use in uses]),
            (writing.NOTE_FILES, [{**fact._asdict(), "generations": None} for fact in facts]),
            (writing.NOTE_CONTENTS, [{"url": f.url, "generation": _hex(g)} for f in facts for g in f.generations]),
        ):
            self._read(note, rows=Jsonb(rows))

    def expire(self, *, kept_s: float = KEPT_S, margin_s: float = MARGIN_S) -> None:
        """Forget what was true before so long, and what names objects that have been dead for `margin_s`."""
        row = {"kept_s": kept_s, "margin_s": margin_s, "prefix_length": len(self._bucket.url) + 2}
        with self.database.transaction():
            self._read("select 1 from {lake}.mirror for update")
            ((oldest,),) = self._read(writing.OLDEST, **row)
            for statement in writing.EXPIRE:
                self._read(statement, oldest=oldest)

    def _read(self, statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
        return self.database.read(statement.replace("{lake}", self.lake), parameters)


def _run_row(look: LookedRun) -> dict[str, Any]:
    moved, found = look.moved, look.found
    names = {name: _hex(text) for name, text in (moved.path or RunPath("", "", ""))._asdict().items()}
    at = {name: getattr(moved, name) for name in ("segments_moved_at", "parts_moved_at")}
    return {
        **names,
        "run_no": moved.run_no,
        "moved_xid": moved.moved_xid,
        **{name: None if time is None else time.isoformat() for name, time in at.items()},
        "generation": None if found is None else _hex(found.generation),
        "is_whole": found is not None and found.is_whole,
        "is_rewound": found is not None and found.is_rewound,
        "empty_part_count": 0 if found is None else found.empty_part_count,
    }


def _use_row(run_no: int, use: FileUse) -> dict[str, Any]:
    writer = None if use.writer is None else _hex(use.writer)
    where = {"run_no": run_no, "url": use.url, "table_id": VALUES[use.stream].id, "generation": _hex(use.generation)}
    return {**where, "writer": writer, "before_n": use.before_n}


def _hex(text: str) -> str:
    """A text as bytes in the way that PostgreSQL reads them. Half of a surrogate pair is no text elsewhere."""
    return "\\x" + text.encode("utf-8", "replace").hex()


def _insert(table: str, row: dict[str, Any]) -> bytes:
    return f"insert into {table} ({', '.join(row)}) values ({', '.join(f'%({name})s' for name in row)})".encode()
