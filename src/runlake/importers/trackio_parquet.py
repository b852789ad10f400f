"""The Parquet files that Trackio makes of a database: a column for each key, read back into the tables they came from.

``<project>.parquet`` has the rows; ``<project>_system.parquet`` and ``<project>_configs.parquet`` lie beside it, or as
``aux/system_metrics.parquet`` and ``aux/configs.parquet`` beside ``metrics.parquet``. What is null was not logged.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from runlake.errors import BadValueError
from runlake.importers.database import Database

BASE_SUFFIX = ".parquet"
_SIDE_FILES = ("_system", "_configs", "_traces", "_artifacts", "_artifact_versions", "_artifact_aliases", "_links")
_NEEDED = frozenset({"run_name", "timestamp", "step"})
_OWN = frozenset({"id", "run_id", "run_name", "timestamp", "step", "log_id", "space_id", "created_at"})
_TABLES = {
    "metrics": "run_id, run_name, timestamp, step, metrics",
    "system_metrics": "run_id, run_name, timestamp, metrics",
    "configs": "run_id, run_name, config",
}
_PIECE_ROWS = 4096


def is_of_parquet(file: Path) -> bool:
    """Whether a Parquet file holds the rows of a project, by the names of its columns."""
    if any(file.stem.endswith(ending) for ending in _SIDE_FILES):
        return False
    try:
        return set(pq.read_schema(file).names) >= _NEEDED
    except (pa.ArrowException, OSError):
        return False


@contextmanager
def open_parquet(file: Path) -> Iterator[Database]:
    """The files of a project as the database that they were made of, in a file that goes away with it."""
    side = {
        "metrics": [file],
        "system_metrics": [
            file.with_name(f"{file.stem}_system.parquet"),
            file.parent / "aux" / "system_metrics.parquet",
        ],
        "configs": [file.with_name(f"{file.stem}_configs.parquet"), file.parent / "aux" / "configs.parquet"],
    }
    with closing(sqlite3.connect("", isolation_level=None)) as connection:
        for table, columns in _TABLES.items():
            found = next((each for each in side[table] if each.is_file()), None)
            connection.execute(f"create table {table} ({columns})")
            if found is not None:
                _fill(connection, table, columns.split(", "), found)
                connection.execute(f"create index of_{table} on {table} (run_id)")
        yield Database(file, "", connection)


def _fill(connection: sqlite3.Connection, table: str, columns: list[str], file: Path) -> None:
    places = ", ".join("?" * len(columns))
    try:
        parquet = pq.ParquetFile(file)
        keys = [name for name in parquet.schema_arrow.names if name not in _OWN]
        for batch in parquet.iter_batches(_PIECE_ROWS):
            rows = [_row(row, columns, keys) for row in batch.to_pylist()]
            connection.execute("begin")
            connection.executemany(f"insert into {table} values ({places})", rows)
            connection.execute("commit")
    except (pa.ArrowException, OSError) as error:
        raise BadValueError(f"{file} cannot be read as Parquet: {error}") from None


def _row(row: dict[str, Any], columns: list[str], keys: list[str]) -> list[Any]:
    values = {key: row[key] for key in keys if row[key] is not None}
    own = {**row, "run_id": row.get("run_id") or row["run_name"]}
    return [own.get(column) if column in _OWN else json.dumps(_for_json(values), default=str) for column in columns]


def _for_json(value: Any) -> Any:
    """The same with texts for the numbers for which JSON has no form, as Trackio writes them."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: _for_json(item) for key, item in value.items()}
    return [_for_json(item) for item in value] if isinstance(value, list) else value
