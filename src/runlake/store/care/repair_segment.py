"""Damaged segments: what of their files can be had again, from the other ones or by putting back a flipped byte."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from zlib import crc32

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from runlake.errors import CorruptError, RunlakeError
from runlake.model import AXES, RUNTIME, STEP, STREAMS, TIMESTAMP, RunPath, Stream
from runlake.store.care.flipped_byte import with_one_byte_changed
from runlake.store.journal import record
from runlake.store.journal.fold import WriterState
from runlake.store.journal.header import PartHeader
from runlake.store.run.state import fold_rows
from runlake.store.segment.folder import FolderSegments
from runlake.store.segment.meta import META_FRAME, META_MAGIC, Meta, RowRange, new_meta, parse_meta
from runlake.store.segment.read import open_parquet, read_checksum, read_footer, read_rows, size_of_group
from runlake.store.segment.schema import Footer
from runlake.store.segment.segments import SegmentFile
from runlake.store.series import ARROW_TYPE_OF_LANE, Series, WriterRows

LARGEST_MENDED_BYTES = 64 * 2**20
"""In larger files no flipped byte is looked for: that takes Python about a second for each four megabytes."""


def mend_meta(data: bytes, name: str) -> bytes | None:
    """A meta file with one flipped byte put back; None where that does not make it whole."""
    magic, head_end = META_MAGIC, 8 + record.HEAD.size
    if len(data) <= head_end:
        return None
    body, crc = data[head_end:], int.from_bytes(data[head_end - 4 : head_end], "little")
    bodies: Iterator[bytes] = with_one_byte_changed(body, crc)
    for candidate in (body, *bodies):
        whole = magic + record.frame(META_FRAME, candidate)
        if sum(a != b for a, b in zip(whole, data, strict=True)) != 1:
            continue
        try:
            parse_meta(whole, f"{name}.meta")
        except RunlakeError:
            continue
        return whole
    return None


def mend_parquet(file: Path, checksum: int | None, footer: Footer | None) -> bytes | None:
    """A Parquet file with one flipped byte put back; None where that does not make it whole."""
    size_bytes = file.stat().st_size
    if checksum is None or footer is None or size_bytes != footer.size_bytes or size_bytes > LARGEST_MENDED_BYTES:
        return None
    data = file.read_bytes()
    for candidate in with_one_byte_changed(data, checksum):
        length = int.from_bytes(candidate[-8:-4], "little")
        if crc32(candidate[max(0, len(candidate) - 8 - length) :]) == footer.crc32 and _is_readable(candidate):
            return candidate
    return None


def _is_readable(data: bytes) -> bool:
    try:
        pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True).read(use_threads=False)
    except (pa.ArrowException, OSError):
        return False
    return True


def read_without_series(file: SegmentFile, stream: Stream, footer: Footer | None) -> list[WriterRows]:
    """The rows of a file of values alone, keys in the order of their first rows. CorruptError where it is damaged."""
    try:
        parquet = open_parquet(file, footer)
        for group in range(parquet.num_row_groups):
            size_of_group(parquet, group, file)
        table = parquet.read(use_threads=False)
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise CorruptError(f"{file.name}: its bytes are not as they were written ({error})") from None
    names = [table.column(name).cast(pa.string()).to_numpy(zero_copy_only=False) for name in ("writer", "key", "lane")]
    begins = [a[1:] != a[:-1] for a in names]
    edges = [0, *(np.flatnonzero(begins[0] | begins[1] | begins[2]) + 1).tolist(), table.num_rows]
    by_writer: dict[str, dict[tuple[str, str], pa.Table]] = {}
    for start, end in pairwise(edges):
        if end > start:
            key = (names[1][start], names[2][start])
            by_writer.setdefault(names[0][start], {})[key] = table.slice(start, end - start)
    return [_rows(writer, stream, mine) for writer, mine in by_writer.items()]


def _rows(writer: str, stream: Stream, by_series: dict[tuple[str, str], pa.Table]) -> WriterRows:
    steps = by_series[STEP, "i64"]
    n = steps["n"].to_numpy()
    first_n = int(n[0])
    found = []
    for (key, lane), table in by_series.items():
        if key in AXES:
            continue
        where = table["n"].to_numpy() - first_n
        column = "str" if lane == "json" else lane
        values = pa.chunked_array(
            [pa.nulls(len(where))] if lane == "null" else table[column].chunks, ARROW_TYPE_OF_LANE[lane]
        )
        found.append((int(where[0]), Series(key, lane, None if len(where) == len(n) else where, values)))  # type: ignore[arg-type]
    found.sort(key=lambda one: (one[0], one[1].key, one[1].lane))
    return WriterRows(
        writer=writer,
        stream=stream,
        first_n=first_n,
        step=steps["i64"].to_numpy(),
        timestamp=by_series[TIMESTAMP, "f64"]["f64"].to_numpy(),
        runtime=by_series[RUNTIME, "f64"]["f64"].to_numpy(),
        series=[series for _, series in found],
    )


def read_whole(file: SegmentFile, stream: Stream, meta: Meta) -> list[WriterRows]:
    """The rows of one stream as long as its values are whole, with or without its series file."""
    try:
        return read_rows(file, stream, footers=meta.footers, owner=meta.owner)
    except (CorruptError, FileNotFoundError):
        if meta.is_packed:
            raise
        return read_without_series(file, stream, meta.footers.get(file.name))


def meta_of_files(segments: FolderSegments, name: str, path: RunPath) -> Meta:
    """A meta file made anew from the Parquet files of its segment; what only the meta file said is not in it.

    It covers no parts. CorruptError where the files are damaged.
    """
    meta = new_meta(name, "", "")
    states: dict[str, WriterState] = {}
    for stream in STREAMS:
        file = SegmentFile(segments, f"{name}-{stream}.parquet")
        series = file.series
        are_there = [segments.place_of(each).exists() for each in (file, series)]
        if not any(are_there):
            continue
        if not all(are_there):
            raise CorruptError(f"{name}: of {file.name} and {series.name} one is missing, and so is the meta file")
        meta.files[stream] = file.name
        try:
            table = open_parquet(series).read(["incarnation", "generation"], use_threads=False)
            rows_of_stream = read_rows(file, stream)
        except (pa.ArrowException, OSError) as error:
            raise CorruptError(f"{series.name}: its bytes are not as they were written ({error})") from None
        meta.incarnation, meta.generation = (table[column][0].as_py() for column in ("incarnation", "generation"))
        for rows in rows_of_stream:
            meta.stretches.append(RowRange(rows.writer, stream, rows.first_n, rows.row_count))
            state = states.setdefault(rows.writer, WriterState(rows.writer, PartHeader({}), [], {}))
            state.streams[stream] = fold_rows(rows)
        for one in (file, series):
            meta.footers[one.name], meta.checksums[one.name] = read_footer(one), read_checksum(one)
    for state in states.values():
        state.header = PartHeader(path._asdict()).with_fields(
            incarnation=meta.incarnation,
            generation=meta.generation,
            role="run",
            created_at=min(fold.last_timestamp - fold.last_runtime for fold in state.streams.values()),
            writer=state.writer,
            number=0,
        )
    meta.writers = list(states.values())
    return meta
