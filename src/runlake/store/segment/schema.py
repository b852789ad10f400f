"""Segments: sealed rows as long Parquet, sealed records as one small meta file.

Each stream has two Parquet files, and `docs/guide/storage-format/values.md` tells every column:

``<name>-<stream>.parquet``          the values: one row a value, sorted by writer, key, lane and row number
    run_id, generation, writer, key, lane, n, step
    f64 | i64 | bool | str           the value, in the column of its lane (lane json: canonical JSON in `str`)
``<name>-<stream>.series.parquet``   what is where: one row for each series, or for each piece of a long one
    first_n, row_count               the rows it is from; ``_step``, ``_timestamp``, ``_runtime`` are series of all rows
    group, offset, count             the row group and place of its values
    nan_count first last min max sum    numbers only; NaN is counted, not compared
    pyramid_steps, pyramid_values    of each 256 values, the lowest and the highest: what a drawn line needs

A row group holds values of one lane, so a reader takes one column of it, and skips `n` where a series has a value in
every row. Why long and not wide: a dense run costs the same, and 20,000 sparse keys are rows, not columns. Why not
lists, one series a row: decoding a list costs Arrow 1.5 to 1.8 of a flat column, and a flat one is what SQL likes.

A file may hold the rows of many small runs (`store.compact.pack`): its values are sorted by lane and key first and then
by run, so that one key of all runs lies together, and its series by run, so that those of one run do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec
import pyarrow as pa

from runlake.store.segment.segments import series_name

FORMAT_VERSION = 1
CHUNK_ROWS = 65_536
GROUP_VALUES = 4 * CHUNK_ROWS

_NAMES = pa.dictionary(pa.int32(), pa.string())
VALUE_COLUMN: dict[str, str] = {"f64": "f64", "i64": "i64", "bool": "bool", "str": "str", "json": "str"}
METADATA = {"runlake.segment": str(FORMAT_VERSION)}

VALUES_SCHEMA = pa.schema(
    [
        *(pa.field(name, _NAMES, nullable=False) for name in ("run_id", "generation", "writer", "key", "lane")),
        pa.field("n", pa.int64(), nullable=False),
        pa.field("step", pa.int64(), nullable=False),
        ("f64", pa.float64()),
        ("i64", pa.int64()),
        ("bool", pa.bool_()),
        ("str", pa.string()),
    ],
    metadata=METADATA,
)
SERIES_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("entity", "project", "run_id", "incarnation", "generation", "writer")),
        ("stream", pa.string()),
        ("key", pa.string()),
        ("lane", pa.string()),
        ("position", pa.int32()),
        *((name, pa.int64()) for name in ("first_n", "row_count", "group", "offset", "count", "nan_count")),
        *((name, pa.float64()) for name in ("first", "last", "min", "max", "sum")),
        ("pyramid_steps", pa.list_(pa.int64())),
        ("pyramid_values", pa.list_(pa.float64())),
    ],
    metadata=METADATA,
)


class Footer(msgspec.Struct, frozen=True):
    """What proves a Parquet file's footer; the pages behind it carry their own checksums."""

    size_bytes: Annotated[int, msgspec.Meta(ge=0)]
    crc32: Annotated[int, msgspec.Meta(ge=0, lt=2**32)]


class Owner(NamedTuple):
    """Whose rows are meant in a file that many runs share."""

    run_id: str
    incarnation: str
    generation: str


def segment_name(covers: Iterable[tuple[str, int]], supersedes: Iterable[str]) -> str:
    """The name that follows from what goes in: two processes that seal the same make the same name."""
    identity = msgspec.msgpack.encode([FORMAT_VERSION, sorted(covers), sorted(supersedes)])
    return hashlib.sha256(identity).hexdigest()[:24]


def series_file(values_file: Path) -> Path:
    """The same, where files are looked at as such."""
    return values_file.with_name(series_name(values_file.name))
