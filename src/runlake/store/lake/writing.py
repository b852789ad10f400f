"""What a round writes, as statements: ``{lake}`` is the schema of the mirror.

First what was found is noted. Then what readers see of the runs that it concerns, and of the files that these have, is
compared with what follows from the notes, and what differs ends or begins with the round's snapshot.
"""

from __future__ import annotations

from runlake.model import STREAMS
from runlake.store.lake.files import BOUNDED
from runlake.store.lake.format import RUN_PARTS, RUNS, VALUES, Table, mapping_of

NOTE_RUNS = """
insert into {lake}.mirror_runs (run_no, entity, project, run_id, generation, is_whole, is_rewound, empty_part_count,
    moved_xid, segments_moved_at, parts_moved_at)
select run_no, entity, project, run_id, generation, is_whole, is_rewound, empty_part_count, moved_xid,
    segments_moved_at, parts_moved_at
from jsonb_populate_recordset(null::{lake}.mirror_runs, %(rows)s)
"""
NOTE_USES = """
insert into {lake}.mirror_uses select * from jsonb_populate_recordset(null::{lake}.mirror_uses, %(rows)s)
"""
NOTE_FILES = """
insert into {lake}.mirror_files select * from jsonb_populate_recordset(null::{lake}.mirror_files, %(rows)s)
on conflict do nothing
"""
NOTE_CONTENTS = """
insert into {lake}.mirror_contents select * from jsonb_populate_recordset(null::{lake}.mirror_contents, %(rows)s)
"""

FILES_OF = "select distinct url from {lake}.mirror_uses where run_no = any(%(run_nos)s::bigint[])"
GENERATIONS_OF = """
select generation from {lake}.mirror_runs where run_no = any(%(run_nos)s::bigint[]) and generation is not null
"""
AFFECTED = """
select run_no from {lake}.mirror_runs where generation = any(%(generations)s::bytea[])
union select run_no from {lake}.mirror_contents join {lake}.mirror_runs using (generation)
where url = any(%(urls)s::text[])
"""
PLAIN = """
update {lake}.mirror_runs m set is_plain = not is_rewound
    and not exists (select from {lake}.mirror_runs o where o.generation = m.generation and o.run_no <> m.run_no)
    and not exists (
        select from {lake}.mirror_contents c where c.generation = m.generation
            and exists (select from {lake}.mirror_uses u where u.url = c.url)
            and not exists (select from {lake}.mirror_uses u where u.url = c.url and u.run_no = m.run_no))
where run_no = any(%(run_nos)s::bigint[])
"""

# The tables of what is counted in part have the numbers behind those of what is counted as a whole.
_TABLE = f"(case when m.is_plain then u.table_id else u.table_id + {len(STREAMS)} end)"
_BOUNDED_IDS = [VALUES["history"].column_id(name) for name in BOUNDED]
_USES = "{lake}.mirror_uses u join {lake}.mirror_runs m using (run_no)"
_END_FILES = f"""
update {{lake}}.ducklake_data_file d set end_snapshot = %(snapshot_id)s
where end_snapshot is null and path = any(%(urls)s::text[])
    and not exists (select from {_USES} where u.url = d.path and d.table_id = {_TABLE})
returning table_id
"""
_BEGIN_FILES = f"""
with wanted as (
    select distinct u.url, {_TABLE} as table_id from {_USES} where u.url = any(%(urls)s::text[])
    except select path, table_id from {{lake}}.ducklake_data_file
    where path = any(%(urls)s::text[]) and end_snapshot is null),
made as (
    insert into {{lake}}.ducklake_data_file (data_file_id, table_id, begin_snapshot, path, path_is_relative,
        file_format, record_count, file_size_bytes, footer_size, row_id_start, mapping_id)
    select %(file_id)s + row_number() over (order by table_id, url) - 1, table_id, %(snapshot_id)s, url, false,
        'parquet', row_count, size_bytes, footer_bytes,
        next_row_id + sum(row_count) over (partition by table_id order by url) - row_count,
        table_id + {mapping_of(VALUES["history"]) - VALUES["history"].id}
    from wanted join {{lake}}.mirror_files using (url) join {{lake}}.ducklake_table_stats using (table_id)
    returning data_file_id, table_id, path, record_count),
bounded as (
    insert into {{lake}}.ducklake_file_column_stats (data_file_id, table_id, column_id, value_count, null_count,
        min_value, max_value)
    select data_file_id, table_id, column_id, record_count, 0, lowest[place], highest[place]
    from made join {{lake}}.mirror_files on url = path
    cross join unnest(array{_BOUNDED_IDS}) with ordinality as bound (column_id, place))
select table_id from made
"""


def _end_rows(table: Table, wanted: str) -> str:
    """Ends rows that are kept in the catalog; `wanted` says which there are to be."""
    is_there, is_wanted = (", ".join(f"{name}.{column}" for column in table.columns) for name in ("d", "wanted"))
    return f"""
        update {{lake}}.{table.inlined} d set end_snapshot = %(snapshot_id)s
        where end_snapshot is null and run_no = any(%(run_nos)s::bigint[]) and not exists (
            select from ({wanted}) wanted
            where wanted.run_no = d.run_no and ({is_wanted}) is not distinct from ({is_there}))
        returning {table.id}
    """


def _begin_rows(table: Table, wanted: str) -> str:
    columns = ", ".join(table.columns)
    return f"""
        insert into {{lake}}.{table.inlined} (row_id, begin_snapshot, {columns})
        select next_row_id + row_number() over () - 1, %(snapshot_id)s, {columns}
        from ({wanted} except select {columns} from {{lake}}.{table.inlined}
            where end_snapshot is null and run_no = any(%(run_nos)s::bigint[])) wanted,
            {{lake}}.ducklake_table_stats where table_id = {table.id}
        returning {table.id}
    """


_RUNS = f"""
select {", ".join(RUNS.columns)} from {{lake}}.mirror_runs
where run_no = any(%(run_nos)s::bigint[]) and generation is not null
"""
_RUN_PARTS = f"""
select entity, project, run_id, u.generation, convert_to(regexp_replace(url, '^.*/', ''), 'UTF8') as file, writer,
    before_n, run_no
from {_USES} where run_no = any(%(run_nos)s::bigint[]) and not is_plain
"""
STEPS = (
    ("deleted_from_table", _END_FILES),
    ("inserted_into_table", _BEGIN_FILES),
    ("inlined_delete", _end_rows(RUNS, _RUNS)),
    ("inlined_insert", _begin_rows(RUNS, _RUNS)),
    ("inlined_delete", _end_rows(RUN_PARTS, _RUN_PARTS)),
    ("inlined_insert", _begin_rows(RUN_PARTS, _RUN_PARTS)),
)
"""What changes for readers, each as DuckLake calls it; they answer the number of the table for each row."""

TABLE_STATS = f"""
update {{lake}}.ducklake_table_stats t set record_count = record_count + added, next_row_id = next_row_id + begun,
    file_size_bytes = file_size_bytes + added_bytes
from (
    select table_id, sum(sign * row_count)::bigint as added,
        coalesce(sum(row_count) filter (where sign > 0), 0) as begun, sum(sign * size_bytes)::bigint as added_bytes
    from (
        select table_id, 1 as sign, record_count as row_count, file_size_bytes as size_bytes
            from {{lake}}.ducklake_data_file where begin_snapshot = %(snapshot_id)s
        union all select table_id, -1, record_count, file_size_bytes
            from {{lake}}.ducklake_data_file where end_snapshot = %(snapshot_id)s
        {
    "".join(
        f"union all select {table.id}, {sign}, 1, 0 from {{lake}}.{table.inlined} where {end} = %(snapshot_id)s "
        for table in (RUNS, RUN_PARTS)
        for end, sign in (("begin_snapshot", 1), ("end_snapshot", -1))
    )
}) each_one
    group by table_id) moved
where moved.table_id = t.table_id
"""
SNAPSHOT = """
with made as (
    insert into {lake}.ducklake_snapshot
    select %(snapshot_id)s, clock_timestamp(), schema_version, next_catalog_id, next_file_id + (
        select count(*) from {lake}.ducklake_data_file where begin_snapshot = %(snapshot_id)s)
    from {lake}.ducklake_snapshot where snapshot_id = %(snapshot_id)s - 1)
insert into {lake}.ducklake_snapshot_changes (snapshot_id, changes_made) values (%(snapshot_id)s, %(changes)s)
"""
FORGET = tuple(
    f"""
    delete from {{lake}}.{table} t where url = any(%(urls)s::text[])
        and not exists (select from {{lake}}.mirror_uses u where u.url = t.url)
    """
    for table in ("mirror_files", "mirror_contents")
)

OLDEST = """
select greatest(0,
    (select max(snapshot_id) from {lake}.ducklake_snapshot
        where snapshot_time < now() - make_interval(secs => %(kept_s)s)),
    (select max(end_snapshot) from {lake}.ducklake_data_file where end_snapshot is not null and not exists (
        select from objects where key = substr(path, %(prefix_length)s)
            and (state <> 'dead' or since > now() - make_interval(secs => %(margin_s)s)))))
"""
"""The oldest snapshot that is to stay."""

EXPIRE = (
    "delete from {lake}.ducklake_snapshot where snapshot_id < %(oldest)s",
    "delete from {lake}.ducklake_snapshot_changes where snapshot_id < %(oldest)s",
    """
    with gone as (delete from {lake}.ducklake_data_file where end_snapshot <= %(oldest)s returning data_file_id)
    delete from {lake}.ducklake_file_column_stats s using gone where s.data_file_id = gone.data_file_id
    """,
    *(f"delete from {{lake}}.{table.inlined} where end_snapshot <= %(oldest)s" for table in (RUNS, RUN_PARTS)),
)
