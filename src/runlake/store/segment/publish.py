"""Segments in their place: files first, then the meta file that makes them visible; and out of it the other way."""

from __future__ import annotations

from runlake.model import RunPath, Stream
from runlake.store.journal.fold import WriterState
from runlake.store.segment.meta import Meta, RowRange, new_meta, write_meta
from runlake.store.segment.read import read_checksum, read_footer
from runlake.store.segment.segments import META_SUFFIX, SegmentFile, Segments, series_name
from runlake.store.segment.write import write_rows
from runlake.store.series import WriterRows


def put_rows(segments: Segments, path: RunPath, meta: Meta, stream: Stream, rows: list[WriterRows]) -> None:
    """Put the Parquet files of one stream in place, and say so in the meta file to be; nothing for no rows."""
    if not rows:
        return
    name = meta.files[stream] = f"{meta.name}-{stream}.parquet"
    meta.stretches += [RowRange(r.writer, stream, r.first_n, r.row_count) for r in rows]
    values = SegmentFile(segments, name)
    write_rows(values, path, meta.incarnation, meta.generation, rows)
    for file in (values, values.series):
        meta.footers[file.name], meta.checksums[file.name] = read_footer(file), read_checksum(file)


def publish_rows(
    segments: Segments, path: RunPath, name: str, writers: list[WriterState], rows: list[WriterRows]
) -> None:
    """A segment of history rows that were never in a journal of this run: what a fork begins with."""
    segments.prepare()
    header = writers[0].header
    meta = new_meta(name, header.incarnation, header.generation, writers=writers)
    put_rows(segments, path, meta, "history", rows)
    publish_meta(segments, meta)


def publish_meta(segments: Segments, meta: Meta) -> None:
    """From now on readers see the segment, and would after a power failure too: what it replaces may go."""
    write_meta(segments, meta)
    segments.sync(f"{meta.name}{META_SUFFIX}")


def drop_segment(segments: Segments, meta: Meta) -> None:
    """The meta file first: without it nobody looks for the rest. Files that runs share stay."""
    segments.remove(f"{meta.name}{META_SUFFIX}")
    for name in () if meta.is_packed else meta.files.values():
        segments.remove(name)
        segments.remove(series_name(name))
