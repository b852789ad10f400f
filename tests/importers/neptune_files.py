"""Files as Neptune's exporter writes them, with the schema that its documentation states: one row a value.

Neptune's service is gone, and its exporter is in no package registry: neither can make them any more.
"""

import hashlib
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq

SCHEMA = pa.schema([
    ("project_id", pa.string()), ("run_id", pa.string()), ("attribute_path", pa.string()),
    ("attribute_type", pa.string()), ("step", pa.decimal128(18, 6)), ("timestamp", pa.timestamp("ms", tz="UTC")),
    ("int_value", pa.int64()), ("float_value", pa.float64()), ("string_value", pa.string()), ("bool_value", pa.bool_()),
    ("datetime_value", pa.timestamp("ms", tz="UTC")), ("string_set_value", pa.list_(pa.string())),
    ("file_value", pa.struct([("path", pa.string())])),
    ("histogram_value", pa.struct([
        ("type", pa.string()), ("edges", pa.list_(pa.float64())), ("values", pa.list_(pa.float64())),
    ])),
])  # fmt: skip
T0 = 1_700_000_000.0


def value(path, kind, content):
    """A single value, or a file."""
    column = "file_value" if kind in ("file", "file_set", "artifact") else f"{kind}_value"
    return {"attribute_path": path, "attribute_type": kind, column: content}


def point(path, kind, step, content, seconds=None):
    """One value of a series; `seconds` behind `T0`, as many as steps where that is not said."""
    column = {"float_series": "float_value", "string_series": "string_value", "file_series": "file_value"}
    at = datetime.fromtimestamp(T0 + float(step if seconds is None else seconds), UTC)
    name = column.get(kind, "histogram_value")
    return {"attribute_path": path, "attribute_type": kind, "step": Decimal(str(step)), "timestamp": at, name: content}


def series(path, values):
    """A series of numbers, a step each."""
    return [point(path, "float_series", step, content) for step, content in enumerate(values)]


def safe(name):
    """A project or run as a part of a file name: other letters replaced, and a digest."""
    cleaned = "".join(letter if letter.isalnum() or letter in "_-" else "_" for letter in name)
    return f"{cleaned}-{hashlib.blake2b(name.encode(), digest_size=8).hexdigest()}"


def write(data, project, run, *batches, part=0, schema=SCHEMA):
    """A part of a run: each batch of rows becomes a row group, as the exporter writes what it has fetched."""
    folder = data / safe(project)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{safe(run)}_part_{part}.parquet"
    with pq.ParquetWriter(file, schema, compression="snappy") as writer:
        for rows in batches:
            full = [{"project_id": project, "run_id": run, **row} for row in rows]
            writer.write_batch(pa.RecordBatch.from_pylist(full, schema=schema))
    return file
