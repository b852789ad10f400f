"""Segments as Arrow batches: what a task of Spark does, without Spark."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import httpx
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from runlake.listing_model import SegmentInfo, file_of_url
from runlake.spark.ranges import RangeFile

PARTITION_BYTES = 32 << 20
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("run_id", "generation", "writer", "key", "lane")),
        ("n", pa.int64()),
        ("step", pa.int64()),
        ("f64", pa.float64()),
        ("i64", pa.int64()),
        ("bool", pa.bool_()),
        ("str", pa.string()),
    ]
)
"""The columns of a segment with values, as Spark has them."""

PUSHED = ("run_id", "generation", "writer", "key", "lane")
"""Of these columns it can be said which values are wanted."""

Wanted = Mapping[str, frozenset[str]]
"""By column, the only values that are wanted."""


class Piece(NamedTuple):
    """A file, and the run ids of the generations in it that are wanted."""

    url: str
    size_bytes: int
    run_ids: dict[str, str]


def pieces_of(segments: Sequence[SegmentInfo], wanted: Wanted) -> list[Piece]:
    """The files that can have what is wanted."""
    found = []
    for segment in segments:
        run_ids = {
            generation: run_id
            for run_id, generation in segment.runs.items()
            if run_id in wanted.get("run_id", (run_id,)) and generation in wanted.get("generation", (generation,))
        }
        if run_ids:
            found.append(Piece(segment.url, segment.size_bytes, run_ids))
    return found


def grouped(pieces: Sequence[Piece]) -> list[tuple[Piece, ...]]:
    """Files in groups of up to `PARTITION_BYTES`, so that a thousand small ones are no thousand tasks."""
    groups: list[list[Piece]] = []
    size_bytes = 0
    for piece in pieces:
        if not groups or size_bytes + piece.size_bytes > PARTITION_BYTES:
            groups.append([])
            size_bytes = 0
        groups[-1].append(piece)
        size_bytes += piece.size_bytes
    return [tuple(group) for group in groups]


def read_pieces(pieces: Sequence[Piece], wanted: Wanted) -> Iterator[pa.RecordBatch]:
    """What is wanted of some files; of the rest of them, Parquet's statistics leave out what they can."""
    with httpx.Client() as client:
        for piece in pieces:
            fragment = ds.ParquetFileFormat().make_fragment(_opened(client, piece))
            condition = _is_one_of("generation", piece.run_ids)
            for column in ("writer", "key", "lane"):
                if column in wanted:
                    condition &= _is_one_of(column, wanted[column])
            for batch in fragment.to_batches(schema=fragment.physical_schema, filter=condition):
                if len(batch):
                    yield _as_the_store_has_it(batch, piece.run_ids)


def _is_one_of(column: str, values: Iterable[str]) -> pc.Expression:
    return pc.field(column).isin(pa.array(sorted(values), pa.string()))


def _opened(client: httpx.Client, piece: Piece) -> pa.NativeFile:
    file = file_of_url(piece.url)
    if file != piece.url:
        return pa.OSFile(file)
    return pa.PythonFile(RangeFile(client, piece.url, piece.size_bytes), mode="r")


def _as_the_store_has_it(batch: pa.RecordBatch, run_ids: Mapping[str, str]) -> pa.RecordBatch:
    """A run that came from another store may have another id here than in its files."""
    generations = batch.column("generation").dictionary_encode()
    ids = pa.array([run_ids[generation] for generation in generations.dictionary.to_pylist()], pa.string())
    columns = {name: batch.column(name) for name in SCHEMA.names} | {"run_id": ids.take(generations.indices)}
    return pa.RecordBatch.from_arrays(
        [columns[name].cast(SCHEMA.field(name).type) for name in SCHEMA.names], schema=SCHEMA
    )
