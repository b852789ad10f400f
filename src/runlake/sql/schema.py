"""The tables that a query can name, and their columns. Times are seconds since 1970 (UTC), durations seconds."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import pyarrow as pa

_TEXT, _NUMBER, _COUNT = pa.string(), pa.float64(), pa.int64()
_TEXTS = pa.list_(pa.string())

_RUN = {"entity": _TEXT, "project": _TEXT, "run_id": _TEXT}
_VALUE = {"value": _NUMBER, "text": _TEXT}
_ROWS = {**_RUN, "key": _TEXT, "step": _COUNT, "timestamp": _NUMBER, "runtime": _NUMBER, **_VALUE}

SCHEMAS: dict[str, pa.Schema] = {
    name: pa.schema(columns)
    for name, columns in {
        "runs": {
            **_RUN,
            **dict.fromkeys(("name", "state"), _TEXT),
            **dict.fromkeys(("created_at", "heartbeat_at", "runtime_s"), _NUMBER),
            **dict.fromkeys(("exit_code", "last_step", "row_count"), _COUNT),
            "tags": _TEXTS,
            **dict.fromkeys(("notes", "group", "job_type", "user", "host", "program", "sweep"), _TEXT),
        },
        "config": {**_RUN, "key": _TEXT, **_VALUE},
        "summary": {**_RUN, "key": _TEXT, **_VALUE},
        "history": _ROWS,
        "events": _ROWS,
        "console": {**_RUN, "number": _COUNT, "timestamp": _NUMBER, "level": _TEXT, "text": _TEXT, "source": _TEXT},
        "files": {
            **_RUN,
            "name": _TEXT,
            "size_bytes": _COUNT,
            "mimetype": _TEXT,
            "updated_at": _NUMBER,
            "md5": _TEXT,
        },
        "sweeps": {
            **dict.fromkeys(("entity", "project", "sweep_id", "name", "state", "config", "description"), _TEXT),
            "user": _TEXT,
            **dict.fromkeys(("created_at", "updated_at"), _NUMBER),
            **dict.fromkeys(("run_count", "expected_run_count"), _COUNT),
        },
        "artifacts": {
            **dict.fromkeys(("entity", "project", "name", "version", "artifact_id", "type", "digest"), _TEXT),
            **dict.fromkeys(("size_bytes", "file_count"), _COUNT),
            "description": _TEXT,
            "metadata": _TEXT,
            "aliases": _TEXTS,
            "tags": _TEXTS,
            "created_by": _TEXT,
            **dict.fromkeys(("created_at", "updated_at"), _NUMBER),
        },
    }.items()
}
"""Table → its columns. `value` has numbers, and bools as 0 and 1; `text` has text, lists and media as JSON, and
integers beyond 2**53 exactly. A key stands as people write it."""

ReadTable = tuple[str, pa.Schema, Iterator[pa.Table]]
"""A table as it was read for a query: its name, the columns of it that matter, and its rows, piece by piece."""

_REPEATED = {"entity": pa.int8(), "project": pa.int8(), "run_id": pa.int32(), "key": pa.int8()}
"""What many rows share is read as dictionaries; a piece of a table is of one project."""

KEYS_AT_ONCE = 127
"""The most keys in a piece: what its codes can tell apart."""

NAMES_AT_ONCE = 1000
"""The most runs in a piece of `ROWS`: DuckDB groups by the codes of a dictionary, without a look at its texts, as long
as it has no more than 1,024."""

ROWS = ("history", "events")
RUN_CODES = pa.int16()
"""What says in a piece of `ROWS` which run a row is of."""


def schema_of(table: str, columns: Collection[str] | None) -> pa.Schema:
    """The columns of a table as they are read: those that matter, one at least; None for all."""
    fields = [field for field in SCHEMAS[table] if columns is None or field.name in columns]
    codes = _REPEATED | ({"run_id": RUN_CODES} if table in ROWS else {})
    return pa.schema(
        field.with_type(pa.dictionary(codes[field.name], _TEXT)) if field.name in codes else field
        for field in fields or [SCHEMAS[table].field(0)]
    )


def empty_tables() -> dict[str, pa.Table]:
    """All tables, without rows."""
    return {name: schema.empty_table() for name, schema in SCHEMAS.items()}
