"""The tables of a DuckLake catalog, version 1.0 of its format, and what stands in them before any file does. Pure.

https://ducklake.select/docs/stable/specification says what each column means. What a catalog has is fixed from its
first snapshot on:

``<stream>_values``   the files of values that are counted by the generation of their rows alone
``<stream>_parts``    those of which `run_parts` says, for each, whose rows and which of them count
``runs``              which generation of each run counts
``run_parts``         a file, a generation, and where only some of its rows count a writer and a row number
``<stream>``          a view over these: the rows that count, under the names that their runs have

The rows of ``runs`` and ``run_parts`` are kept in the catalog itself, as DuckLake calls it inlined. Files are named by
whole addresses, and the data path is a folder with nothing in it: DuckLake takes for its own, and removes when it is
told to, what lies below that.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any, NamedTuple

from runlake.model import STREAMS, Stream

VERSION = "1.0"
DATA_FOLDER = "ducklake/"
SCHEMA_VERSION = 1

VALUE_COLUMNS = {
    **dict.fromkeys(("run_id", "generation", "writer", "key", "lane"), "varchar"),
    **{"n": "int64", "step": "int64", "f64": "float64", "i64": "int64", "bool": "boolean", "str": "varchar"},
}
RUNS_COLUMNS = {
    **dict.fromkeys(("entity", "project", "run_id", "generation"), "varchar"),
    **{"is_whole": "boolean", "is_plain": "boolean", "run_no": "int64"},
}
PARTS_COLUMNS = {
    **dict.fromkeys(("entity", "project", "run_id", "generation", "file", "writer"), "varchar"),
    **{"before_n": "int64", "run_no": "int64"},
}


class Table(NamedTuple):
    """A table of the catalog."""

    id: int
    name: str
    columns: dict[str, str]

    @property
    def inlined(self) -> str:
        """What the table is called that has its rows, where these are kept in the catalog."""
        return f"ducklake_inlined_data_{self.id}_{SCHEMA_VERSION}"

    def column_id(self, name: str) -> int:
        """The number of a column."""
        return [*self.columns].index(name) + 1


VALUES: dict[Stream, Table] = {
    stream: Table(number, f"{stream}_values", VALUE_COLUMNS) for number, stream in enumerate(STREAMS, 1)
}
PARTS: dict[Stream, Table] = {
    stream: Table(number, f"{stream}_parts", VALUE_COLUMNS) for number, stream in enumerate(STREAMS, len(STREAMS) + 1)
}
RUNS = Table(2 * len(STREAMS) + 1, "runs", RUNS_COLUMNS)
RUN_PARTS = Table(RUNS.id + 1, "run_parts", PARTS_COLUMNS)
TABLES = (*VALUES.values(), *PARTS.values(), RUNS, RUN_PARTS)
_FIRST_VIEW = RUN_PARTS.id + 1
_FIRST_MAPPING = _FIRST_VIEW + len(STREAMS)
_NEXT_ID = _FIRST_MAPPING + 2 * len(STREAMS)


_TEXT_TYPES = {"varchar": "bytea", "int64": "bigint", "float64": "double precision", "boolean": "boolean"}
"""What a column is in PostgreSQL, which holds no NUL in a text."""

TABLES_SQL = """
create table ducklake_metadata (key varchar not null, value varchar not null, scope varchar, scope_id bigint);
create table ducklake_snapshot (snapshot_id bigint primary key, snapshot_time timestamptz, schema_version bigint,
    next_catalog_id bigint, next_file_id bigint);
create table ducklake_snapshot_changes (snapshot_id bigint primary key, changes_made varchar, author varchar,
    commit_message varchar, commit_extra_info varchar);
create table ducklake_schema (schema_id bigint primary key, schema_uuid uuid, begin_snapshot bigint,
    end_snapshot bigint, schema_name varchar, path varchar, path_is_relative boolean);
create table ducklake_schema_versions (begin_snapshot bigint, schema_version bigint, table_id bigint);
create table ducklake_table (table_id bigint, table_uuid uuid, begin_snapshot bigint, end_snapshot bigint,
    schema_id bigint, table_name varchar, path varchar, path_is_relative boolean);
create table ducklake_view (view_id bigint, view_uuid uuid, begin_snapshot bigint, end_snapshot bigint,
    schema_id bigint, view_name varchar, dialect varchar, sql varchar, column_aliases varchar);
create table ducklake_column (column_id bigint, begin_snapshot bigint, end_snapshot bigint, table_id bigint,
    column_order bigint, column_name varchar, column_type varchar, initial_default varchar, default_value varchar,
    nulls_allowed boolean, parent_column bigint, default_value_type varchar, default_value_dialect varchar);
create table ducklake_column_mapping (mapping_id bigint, table_id bigint, type varchar);
create table ducklake_name_mapping (mapping_id bigint, column_id bigint, source_name varchar, target_field_id bigint,
    parent_column bigint, is_partition boolean);
create table ducklake_data_file (data_file_id bigint primary key, table_id bigint, begin_snapshot bigint,
    end_snapshot bigint, file_order bigint, path varchar, path_is_relative boolean, file_format varchar,
    record_count bigint, file_size_bytes bigint, footer_size bigint, row_id_start bigint, partition_id bigint,
    encryption_key varchar, mapping_id bigint, partial_max bigint);
create index on ducklake_data_file (path) where end_snapshot is null;
create index on ducklake_data_file (begin_snapshot);
create index on ducklake_data_file (end_snapshot) where end_snapshot is not null;
create table ducklake_delete_file (delete_file_id bigint primary key, table_id bigint, begin_snapshot bigint,
    end_snapshot bigint, data_file_id bigint, path varchar, path_is_relative boolean, format varchar,
    delete_count bigint, file_size_bytes bigint, footer_size bigint, encryption_key varchar, partial_max bigint);
create table ducklake_file_column_stats (data_file_id bigint, table_id bigint, column_id bigint,
    column_size_bytes bigint, value_count bigint, null_count bigint, min_value varchar, max_value varchar,
    contains_nan boolean, extra_stats varchar);
create index on ducklake_file_column_stats (table_id, column_id);
create index on ducklake_file_column_stats (data_file_id);
create table ducklake_file_variant_stats (data_file_id bigint, table_id bigint, column_id bigint,
    variant_path varchar, shredded_type varchar, column_size_bytes bigint, value_count bigint, null_count bigint,
    min_value varchar, max_value varchar, contains_nan boolean, extra_stats varchar);
create table ducklake_file_partition_value (data_file_id bigint, table_id bigint, partition_key_index bigint,
    partition_value varchar);
create table ducklake_files_scheduled_for_deletion (data_file_id bigint, path varchar, path_is_relative boolean,
    schedule_start timestamptz);
create table ducklake_inlined_data_tables (table_id bigint, table_name varchar, schema_version bigint);
create table ducklake_table_stats (table_id bigint, record_count bigint, next_row_id bigint, file_size_bytes bigint);
create table ducklake_table_column_stats (table_id bigint, column_id bigint, contains_null boolean,
    contains_nan boolean, min_value varchar, max_value varchar, extra_stats varchar);
create table ducklake_partition_info (partition_id bigint, table_id bigint, begin_snapshot bigint,
    end_snapshot bigint);
create table ducklake_partition_column (partition_id bigint, table_id bigint, partition_key_index bigint,
    column_id bigint, transform varchar);
create table ducklake_sort_info (sort_id bigint, table_id bigint, begin_snapshot bigint, end_snapshot bigint);
create table ducklake_sort_expression (sort_id bigint, table_id bigint, sort_key_index bigint, expression varchar,
    dialect varchar, sort_direction varchar, null_order varchar);
create table ducklake_tag (object_id bigint, begin_snapshot bigint, end_snapshot bigint, key varchar, value varchar);
create table ducklake_column_tag (table_id bigint, column_id bigint, begin_snapshot bigint, end_snapshot bigint,
    key varchar, value varchar);
create table ducklake_macro (schema_id bigint, macro_id bigint, macro_name varchar, begin_snapshot bigint,
    end_snapshot bigint);
create table ducklake_macro_impl (macro_id bigint, impl_id bigint, dialect varchar, sql varchar, type varchar);
create table ducklake_macro_parameters (macro_id bigint, impl_id bigint, column_id bigint, parameter_name varchar,
    parameter_type varchar, default_value varchar, default_value_type varchar);
"""


def inlined_sql(table: Table) -> str:
    """What makes the table of the rows that are kept in the catalog."""
    columns = "".join(f', "{name}" {_TEXT_TYPES[kind]}' for name, kind in table.columns.items())
    return f"""
        create table {table.inlined} (row_id bigint, begin_snapshot bigint, end_snapshot bigint{columns});
        create index on {table.inlined} (run_no) where end_snapshot is null;
        create index on {table.inlined} (begin_snapshot);
        create index on {table.inlined} (end_snapshot) where end_snapshot is not null;
    """


def view_sql(stream: Stream) -> str:
    """The query of the view over a stream. A file's name is unique without the way to it."""
    values = ", ".join(f'v."{name}"' for name in VALUE_COLUMNS if name != "run_id")
    lake = "{DUCKLAKE_CATALOG}.main."
    return (
        f"SELECT r.entity, r.project, r.run_id, {values} FROM {lake}{VALUES[stream].name} AS v "
        f"INNER JOIN {lake}{RUNS.name} AS r ON (v.generation = r.generation) WHERE r.is_plain UNION ALL "
        f"SELECT p.entity, p.project, p.run_id, {values} FROM {lake}{PARTS[stream].name} AS v "
        f"INNER JOIN {lake}{RUN_PARTS.name} AS p "
        "ON (v.generation = p.generation AND parse_filename(v.filename) = p.file) "
        "WHERE p.writer IS NULL OR (v.writer = p.writer AND v.n < p.before_n)"
    )


def first_rows(bucket_url: str, made_by: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """What stands in the catalog before any file does: a table's name and a row, one after the other."""
    for key, value in (
        ("version", VERSION),
        ("created_by", made_by),
        ("data_path", f"{bucket_url}/{DATA_FOLDER}"),
        ("encrypted", "false"),
    ):
        yield "metadata", {"key": key, "value": value}
    yield "schema", {**_named("schema", 0, "main"), "path": "main/", "path_is_relative": True, "begin_snapshot": 0}
    yield "snapshot_changes", {"snapshot_id": 0, "changes_made": 'created_schema:"main"'}
    yield "snapshot", {"snapshot_id": 0, "schema_version": 0, "next_catalog_id": 1, "next_file_id": 0}
    made = []
    for table in TABLES:
        yield from _rows_of(table)
        made.append(f'created_table:"main"."{table.name}"')
    for number, stream in enumerate(STREAMS, _FIRST_VIEW):
        view = {**_named("view", number, stream), "schema_id": 0, "begin_snapshot": 1, "column_aliases": ""}
        yield "view", {**view, "dialect": "duckdb", "sql": view_sql(stream)}
        made.append(f'created_view:"main"."{stream}"')
    yield "snapshot_changes", {"snapshot_id": 1, "changes_made": ",".join(made)}
    counters = {"schema_version": SCHEMA_VERSION, "next_catalog_id": _NEXT_ID, "next_file_id": 0}
    yield "snapshot", {"snapshot_id": 1, **counters}


def _rows_of(table: Table) -> Iterator[tuple[str, dict[str, Any]]]:
    where = {"schema_id": 0, "path": f"{table.name}/", "path_is_relative": True, "begin_snapshot": 1}
    yield "table", {**_named("table", table.id, table.name), **where}
    yield "schema_versions", {"begin_snapshot": 1, "schema_version": SCHEMA_VERSION, "table_id": table.id}
    yield "table_stats", {"table_id": table.id, "record_count": 0, "next_row_id": 0, "file_size_bytes": 0}
    for number, (name, kind) in enumerate(table.columns.items(), 1):
        column = {"column_id": number, "column_order": number, "column_name": name, "column_type": kind}
        defaults = {"default_value": "NULL", "default_value_type": "literal", "default_value_dialect": "duckdb"}
        yield "column", {**column, **defaults, "table_id": table.id, "begin_snapshot": 1, "nulls_allowed": True}
    if table in (RUNS, RUN_PARTS):
        inlined = {"table_id": table.id, "table_name": table.inlined, "schema_version": SCHEMA_VERSION}
        yield "inlined_data_tables", inlined
        return
    mapping_id = mapping_of(table)
    yield "column_mapping", {"mapping_id": mapping_id, "table_id": table.id, "type": "map_by_name"}
    for number, name in enumerate(table.columns):
        named = {"source_name": name, "target_field_id": number + 1, "is_partition": False}
        yield "name_mapping", {"mapping_id": mapping_id, "column_id": number, **named}


def mapping_of(table: Table) -> int:
    """The number of the mapping of the columns of the table's files."""
    return _FIRST_MAPPING + table.id - 1


def _named(kind: str, number: int, name: str) -> dict[str, Any]:
    return {f"{kind}_id": number, f"{kind}_uuid": uuid.uuid4(), f"{kind}_name": name}
