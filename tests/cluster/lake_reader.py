"""A reader of a DuckLake catalog that is not DuckDB's: the rows of a table at a snapshot, and the views over them.

It reads the catalog's tables as their specification says, and has DuckDB answer the views over what that comes to. It
checks what no query shows: numbers that come twice, statistics that say less than is there.
"""

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from psycopg import sql
from psycopg.rows import dict_row

from runlake.store.lake.files import BOUNDED
from runlake.store.lake.format import PARTS, RUN_PARTS, RUNS, VALUE_COLUMNS, VALUES, view_sql
from runlake.values import decode_json

_ARROW = {"varchar": pa.string(), "int64": pa.int64(), "float64": pa.float64(), "boolean": pa.bool_()}
_THERE = "begin_snapshot <= %(at)s and (end_snapshot is null or end_snapshot > %(at)s)"


class LakeReader:
    """What the catalog in a schema says, at a snapshot or at the newest one."""

    def __init__(self, database_url, schema, bucket):
        self._url, self._schema, self._bucket = database_url, schema, bucket

    def ask(self, statement, **parameters):
        with psycopg.connect(self._url, row_factory=dict_row) as connection:
            connection.execute(sql.SQL("set search_path = {}").format(sql.Identifier(self._schema)))
            return connection.execute(statement, parameters).fetchall()

    def snapshots(self):
        return [row["snapshot_id"] for row in self.ask("select snapshot_id from ducklake_snapshot order by 1")]

    def changes(self):
        """What the newest snapshot changed."""
        rows = self.ask("select changes_made from ducklake_snapshot_changes order by snapshot_id desc limit 1")
        return rows[0]["changes_made"].split(",")

    def files(self, table, at=None):
        at = self.snapshots()[-1] if at is None else at
        statement = f"select * from ducklake_data_file where table_id = %(table_id)s and {_THERE} order by path"
        return self.ask(statement, table_id=table.id, at=at)

    def inlined(self, table, at=None):
        """The rows of a table that are kept in the catalog, without the number of the run, in order."""
        at = self.snapshots()[-1] if at is None else at
        rows = self.ask(f"select * from {table.inlined} where {_THERE}", at=at)
        found = [
            tuple(value.decode() if isinstance(value, bytes) else value for name, value in row.items())[3:-1]
            for row in rows
        ]
        return sorted(found, key=str)

    def rows(self, stream="history", at=None):
        """(run_id, step, key, value) of all rows that count, in order."""
        import duckdb

        if at is None:
            self._check_totals()
        columns = [f'"{name}"' for name in VALUE_COLUMNS]
        with duckdb.connect() as connection:
            for table in (VALUES[stream], PARTS[stream]):
                held = pa.concat_tables([self._read(file, table) for file in self.files(table, at)] or [_nothing()])
                connection.register(table.name, held)
            for table in (RUNS, RUN_PARTS):
                rows = [dict(zip(table.columns, row, strict=False)) for row in self.inlined(table, at)]
                schema = pa.schema([(name, _ARROW[kind]) for name, kind in table.columns.items()])
                connection.register(table.name, pa.Table.from_pylist(rows, schema))
            query = view_sql(stream).replace("{DUCKLAKE_CATALOG}.main.", "")
            found = connection.execute(f"select run_id, step, key, {', '.join(columns[5:])}, lane from ({query})")
            return as_rows(found.fetchall())

    def _check_totals(self):
        said = {row["table_id"]: row for row in self.ask("select * from ducklake_table_stats")}
        for table in (*VALUES.values(), *PARTS.values()):
            sizes = [(file["record_count"], file["file_size_bytes"]) for file in self.files(table)]
            totals = {"record_count": sum(n for n, _ in sizes), "file_size_bytes": sum(n for _, n in sizes)}
            last = "select max(row_id_start + record_count) as n from ducklake_data_file where table_id = %(t)s"
            starts = self.ask(last, t=table.id)
            next_row_id = max(starts[0]["n"] or 0, said[table.id]["next_row_id"])
            assert said[table.id] == {"table_id": table.id, "next_row_id": next_row_id, **totals}
        for table in (RUNS, RUN_PARTS):
            assert said[table.id]["record_count"] == len(self.inlined(table))

    def _read(self, file, table):
        assert not file["path_is_relative"]
        data = self._bucket.get(file["path"].removeprefix(f"{self._bucket.url}/"))
        parquet = pq.ParquetFile(pa.BufferReader(data))
        assert (file["file_size_bytes"], file["record_count"]) == (len(data), parquet.metadata.num_rows)
        assert file["footer_size"] == int.from_bytes(data[-8:-4], "little")
        held = parquet.read(list(VALUE_COLUMNS))
        self._check_bounds(file, table, held)
        return held.append_column("filename", pa.array([file["path"]] * len(held), pa.string()))

    def _check_bounds(self, file, table, held):
        said = self.ask("select * from ducklake_file_column_stats where data_file_id = %(n)s", n=file["data_file_id"])
        found = {row["column_id"]: (row["min_value"], row["max_value"]) for row in said}
        bounds = {table.column_id(name): _bounds(held.column(name)) for name in BOUNDED}
        assert found == bounds


def as_rows(found):
    """What a view answers, as (run_id, step, key, value) without the times, in order."""
    rows = []
    for run_id, step, key, _n, _step, f64, i64, truth, text, lane in found:
        if key not in ("_step", "_timestamp", "_runtime"):
            value = next((value for value in (f64, i64, truth, text) if value is not None), None)
            rows.append((run_id, step, key, decode_json(value) if lane == "json" else value))
    return sorted(rows, key=str)


def _nothing():
    schema = [(name, _ARROW[kind]) for name, kind in VALUE_COLUMNS.items()]
    return pa.schema([*schema, ("filename", pa.string())]).empty_table()


def _bounds(column):
    if pa.types.is_dictionary(column.type):
        column = pc.cast(column, pa.string())
    lowest, highest = pc.min_max(column).as_py().values()
    return str(lowest), str(highest)
