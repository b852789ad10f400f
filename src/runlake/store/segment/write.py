"""Rows → the two Parquet files of a stream: `store.segment.schema` says what is in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from runlake.model import AXES, RUNTIME, STEP, TIMESTAMP, Lane, RunPath
from runlake.store.segment.pyramid import PYRAMID_STEP, Cut, cut_series, pyramid
from runlake.store.segment.schema import (
    CHUNK_ROWS,
    GROUP_VALUES,
    METADATA,
    SERIES_SCHEMA,
    VALUE_COLUMN,
    VALUES_SCHEMA,
)
from runlake.store.segment.segments import META_SUFFIX, SegmentFile
from runlake.store.series import Int64s, Series, WriterRows

GROUP_TEXT_BYTES = 4 * 2**20
SERIES_GROUP_POINTS = 262_144
PACKED_GROUP_VALUES = CHUNK_ROWS
"""Of a file that many runs share: one run reads a whole group for each of its keys."""

_PACKED_SERIES_ROWS = 1024


def write_rows(
    file: SegmentFile,
    path: RunPath,
    incarnation: str,
    generation: str,
    stretches: Sequence[WriterRows],
    *,
    cut: Cut = cut_series,
) -> None:
    """Write one stream's rows, values and series; `stretches` are in row order for each writer.

    `cut` says where the pieces of a series begin and end, as `cut_series` does: readers take any.
    Nobody looks at these files before a meta file names them. That of the series comes first.
    """
    meta_name = f"{file.name.partition('-')[0]}{META_SUFFIX}"
    chunks = _new_chunks(_Origin(path, incarnation, generation), stretches, cut)
    chunks.sort(key=attrgetter("writer", "key", "lane", "first_n"))
    with file.create(meta_name) as values:
        _write_values(values, chunks, GROUP_VALUES, attrgetter("writer", "key"))
        point_count = sum(min(chunk.count, 2 * PYRAMID_STEP) for chunk in chunks)
        group_rows = max(16, min(4096, SERIES_GROUP_POINTS * len(chunks) // max(point_count, 1)))
        with file.series.create(meta_name) as series:
            _write_series(series, chunks, group_rows, True)


def write_packed_rows(file: SegmentFile, runs: Iterable[tuple[RunPath, str, str, Sequence[WriterRows]]]) -> None:
    """Write one stream's rows of many runs, as `write_rows`: (path, incarnation, generation, stretches) of each."""
    chunks = [
        chunk
        for path, incarnation, generation, rows in runs
        for chunk in _new_chunks(_Origin(path, incarnation, generation), rows)
    ]
    chunks.sort(key=attrgetter("lane", "key", "run_id", "generation", "writer", "first_n"))
    with file.create() as values:
        _write_values(values, chunks, PACKED_GROUP_VALUES, attrgetter("key"))
        chunks.sort(key=attrgetter("run_id", "generation", "writer", "first_n", "lane", "key"))
        with file.series.create() as series:
            _write_series(series, chunks, _PACKED_SERIES_ROWS, ["run_id", "key"])


class _Origin(NamedTuple):
    path: RunPath
    incarnation: str
    generation: str


def _new_chunks(origin: _Origin, stretches: Sequence[WriterRows], cut: Cut = cut_series) -> list[_NewChunk]:
    return [chunk for rows in stretches for chunk in _chunks_of(origin, rows, cut)]


def _chunks_of(origin: _Origin, rows: WriterRows, cut: Cut) -> Iterator[_NewChunk]:
    """Each series in pieces, axes first."""
    positions = np.arange(CHUNK_ROWS)
    axes: tuple[tuple[str, Lane, npt.NDArray[Any]], ...] = (
        (STEP, "i64", rows.step),
        (TIMESTAMP, "f64", rows.timestamp),
        (RUNTIME, "f64", rows.runtime),
    )
    series = [Series(name, lane, None, pa.chunked_array([axis])) for name, lane, axis in axes]
    for position, one in enumerate((*series, *rows.series), -len(axes)):
        for start, stop, low, high in cut(one.rows, rows.row_count):
            where = positions[: stop - start] if one.rows is None else one.rows[low:high] - start
            values = one.values.slice(low, high - low)
            yield _NewChunk(origin, rows, start, stop, one.key, one.lane, position, where, values)


def _write_values(
    file: pa.NativeFile, chunks: list[_NewChunk], limit: int, series_of: Callable[[_NewChunk], Any]
) -> None:
    """Write the values in this order, and note in each chunk where they are."""
    with pq.ParquetWriter(
        file,
        VALUES_SCHEMA,
        compression="zstd",
        compression_level=1,
        use_dictionary=["run_id", "generation", "writer", "key", "lane"],
        column_encoding={
            "n": "DELTA_BINARY_PACKED",
            "step": "DELTA_BINARY_PACKED",
            "i64": "DELTA_BINARY_PACKED",
            "f64": "BYTE_STREAM_SPLIT",
        },
        # Those of a column of names take half as long as writing it, and few are asked for by lane or writer.
        write_statistics=["run_id", "key", "n", "step"],
        data_page_size=256 * 1024,
        write_page_checksum=True,
        store_schema=False,
    ) as writer:
        for number, group in enumerate(_groups(chunks, limit, series_of)):
            offset = 0
            for chunk in group:
                chunk.place = (number, offset)
                offset += chunk.count
            writer.write_table(_values_table(group), row_group_size=max(offset, 1))
        writer.add_key_value_metadata(METADATA)


def _write_series(file: pa.NativeFile, chunks: list[_NewChunk], group_rows: int, statistics: bool | list[str]) -> None:
    table = pa.Table.from_pylist([chunk.description() for chunk in chunks], schema=SERIES_SCHEMA)
    pq.write_table(
        table,
        file,
        row_group_size=group_rows,
        compression="zstd",
        use_dictionary=["entity", "project", "run_id", "incarnation", "generation", "writer", "stream", "lane"],
        column_encoding={
            "pyramid_steps.list.element": "DELTA_BINARY_PACKED",
            "pyramid_values.list.element": "BYTE_STREAM_SPLIT",
        },
        write_statistics=statistics,
        write_page_checksum=True,
    )


class _NewChunk:
    """One series over one stretch of rows, on its way into the files."""

    def __init__(
        self,
        origin: _Origin,
        rows: WriterRows,
        start: int,
        stop: int,
        key: str,
        lane: Lane,
        position: int,
        where: Int64s,
        values: pa.ChunkedArray,
    ) -> None:
        self.origin, self.run_id, self.generation = origin, origin.path.run_id, origin.generation
        self.writer, self.stream, self.key, self.lane, self.position = rows.writer, rows.stream, key, lane, position
        self.first_n, self.row_count, self.count = rows.first_n + start, stop - start, len(values)
        self.values = values
        self.where = where
        self.steps = rows.step[start:stop] if len(where) == stop - start else rows.step[where + start]
        self.place = (0, 0)

    def description(self) -> dict[str, Any]:
        (entity, project, _), incarnation, _ = self.origin
        described: dict[str, Any] = {"entity": entity, "project": project, "incarnation": incarnation}
        names = "run_id", "generation", "writer", "stream", "key", "lane", "position", "first_n", "row_count", "count"
        described.update((name, getattr(self, name)) for name in names)
        described["group"], described["offset"] = self.place
        if self.lane in ("f64", "i64") and self.key not in AXES:
            described.update(_statistics(self.values.to_numpy(), self.steps))
        return described


def _groups(chunks: list[_NewChunk], limit: int, series_of: Callable[[_NewChunk], Any]) -> Iterator[list[_NewChunk]]:
    """Row groups of one lane each, cut between two series where a series is not larger itself."""
    group: list[_NewChunk] = []
    value_count = text_bytes = 0
    for chunk in chunks:
        full = value_count + chunk.count > limit or text_bytes > GROUP_TEXT_BYTES
        begins_series = bool(group) and series_of(chunk) != series_of(group[-1])
        if group and (chunk.lane != group[-1].lane or full or (begins_series and value_count >= limit // 2)):
            yield group
            group, value_count, text_bytes = [], 0, 0
        group.append(chunk)
        value_count += chunk.count
        text_bytes += chunk.values.nbytes if chunk.lane in ("str", "json") else 0
    if group:
        yield group


def _values_table(group: list[_NewChunk]) -> pa.Table:
    counts = [chunk.count for chunk in group]
    size = sum(counts)
    names = ("run_id", "generation", "writer", "key", "lane")
    columns: dict[str, Any] = {name: _repeated([getattr(chunk, name) for chunk in group], counts) for name in names}
    columns["n"] = pa.array(np.concatenate([chunk.where + chunk.first_n for chunk in group]))
    columns["step"] = pa.array(np.concatenate([chunk.steps for chunk in group]))
    column = VALUE_COLUMN.get(group[0].lane)
    if column is not None:
        columns[column] = pa.chunked_array([piece for chunk in group for piece in chunk.values.chunks])
    return pa.table([columns.get(f.name, pa.nulls(size, f.type)) for f in VALUES_SCHEMA], schema=VALUES_SCHEMA)


def _repeated(values: list[str], counts: list[int]) -> pa.DictionaryArray:
    """Each value so many times, as a dictionary column: nothing is repeated in memory."""
    names = sorted(set(values))
    index = {name: i for i, name in enumerate(names)}
    indices = np.repeat(np.array([index[v] for v in values], np.int32), counts)
    return pa.DictionaryArray.from_arrays(pa.array(indices), pa.array(names, pa.string()))


def _statistics(values: npt.NDArray[Any], steps: Int64s) -> dict[str, Any]:
    nan = np.isnan(values) if values.dtype.kind == "f" else np.zeros(len(values), bool)
    real = values[~nan] if nan.any() else values
    found: dict[str, Any] = {"nan_count": int(nan.sum()), "first": float(values[0]), "last": float(values[-1])}
    if len(real):
        with np.errstate(over="ignore", invalid="ignore"):
            found.update(min=float(real.min()), max=float(real.max()), sum=float(real.sum(dtype=np.float64)))
    picks = pyramid(values)
    return {**found, "pyramid_steps": steps[picks], "pyramid_values": values[picks].astype(np.float64)}
