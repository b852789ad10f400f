"""Which files have the rows of a run that count, and what a catalog says of each file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pyarrow.compute as pc
import pyarrow.parquet as pq

from runlake.errors import NotFoundError
from runlake.model import STREAMS, RunPath, Stream
from runlake.store.cluster.store import ClusterStore
from runlake.store.compact.packed_file import PackLists
from runlake.store.run.snapshot import Snapshot, read_consistently
from runlake.store.run.view import View, sealed, view_of
from runlake.store.segment.meta import Meta
from runlake.store.segment.segments import SegmentFile, Segments

BOUNDED = ("run_id", "generation", "key", "n", "step")
"""The columns whose lowest and highest value in each file the catalog has: those that files have statistics of."""

_LONGEST_BOUND = 1000


class FileUse(NamedTuple):
    """A file with rows of a run that count: all of a generation, or those of one writer before a row number."""

    url: str
    stream: Stream
    generation: str
    writer: str | None = None
    before_n: int | None = None


class PlacedFile(NamedTuple):
    """A file where it lies, and what the file is called that it is of if runs share it."""

    file: SegmentFile
    packed_in: str | None


class RunFiles(NamedTuple):
    """What a run has in files. `is_whole`: all of its rows. `is_rewound`: some rows of older generations count.

    `empty_part_count` are its parts that may get rows without that the run moves.
    """

    generation: str
    is_whole: bool
    is_rewound: bool
    empty_part_count: int
    uses: tuple[FileUse, ...]
    files: dict[str, PlacedFile]


class FileFacts(NamedTuple):
    """What a catalog says of a file, and which generations have rows in it, if it is one that runs share.

    `lowest` and `highest` are those of `BOUNDED`, None where there is none that a catalog can hold.
    """

    url: str
    row_count: int
    size_bytes: int
    footer_bytes: int
    lowest: tuple[str | None, ...]
    highest: tuple[str | None, ...]
    generations: frozenset[str]


def look_at_run(store: ClusterStore, path: RunPath) -> RunFiles | None:
    """What a run has in files at this moment; None when it is gone, or nothing was written yet."""
    try:
        return read_consistently(store, path, lambda snapshot: _files_of(store, snapshot))
    except NotFoundError:
        return None


def _files_of(store: ClusterStore, snapshot: Snapshot) -> RunFiles:
    view = view_of(snapshot)
    listed = snapshot.journal.list_parts()
    empty_part_count = sum(size_bytes == 0 for _, size_bytes in listed)
    is_rewound = bool(view.taken)
    if snapshot.has_repeats:
        return RunFiles(view.generation, False, is_rewound, empty_part_count, (), {})
    uses: list[FileUse] = []
    files: dict[str, PlacedFile] = {}
    for stream in STREAMS:
        for meta in sealed(snapshot, stream, view):
            file = snapshot.values_of(meta, stream)
            url = file.segments.url_of(file.reference)
            files[url] = PlacedFile(file, None)
            if file.reference != file.name:
                shared = store.packed(snapshot.path.entity, snapshot.path.project)
                files[url] = PlacedFile(SegmentFile(shared, file.name), file.name.partition("-")[0])
            uses += _uses_of(meta, stream, view, url)
    # A segment for each turn of a writer: a file that runs share has several of a run.
    return RunFiles(view.generation, not listed, is_rewound, empty_part_count, tuple(dict.fromkeys(uses)), files)


def _uses_of(meta: Meta, stream: Stream, view: View, url: str) -> Iterator[FileUse]:
    if meta.generation == view.generation:
        yield FileUse(url, stream, meta.generation)
        return
    for writer in dict.fromkeys(each.writer for each in meta.stretches if each.stream == stream):
        if count := view.end_of(meta.generation, writer):
            yield FileUse(url, stream, meta.generation, writer, count)


def facts_of(use: FileUse, placed: PlacedFile, lists: PackLists) -> FileFacts:
    """What the footer of a file says. FileNotFoundError when the file was replaced."""
    file, packed_in = placed
    with file.open() as content:
        size_bytes, parquet = content.size(), pq.ParquetFile(content)
        generations = {use.generation}
        if packed_in is not None:
            generations = _generations(file.segments, packed_in, use.stream, lists, parquet)
    found = parquet.metadata
    places = {found.schema.column(index).name: index for index in range(found.num_columns)}
    bounds = {name: _bounds(found, places[name]) for name in BOUNDED}
    bounds["generation"] = _bound(min(generations)), _bound(max(generations))
    lowest, highest = (tuple(bounds[name][side] for name in BOUNDED) for side in (0, 1))
    shared = frozenset(() if packed_in is None else generations)
    return FileFacts(use.url, found.num_rows, size_bytes, found.serialized_size, lowest, highest, shared)


def _generations(
    shared: Segments, packed_in: str, stream: Stream, lists: PackLists, parquet: pq.ParquetFile
) -> set[str]:
    """All that have rows in a file that runs share."""
    try:
        packed = lists.read(shared, packed_in)
    except FileNotFoundError:  # its list was removed, and nobody has to be asked but itself
        column = parquet.read(["generation"]).column(0)
        return set(pc.unique(pc.cast(column, "string")).to_pylist())
    return {run.generation for run in packed.runs if stream in run.row_counts}


def _bounds(found: pq.FileMetaData, index: int) -> tuple[str | None, str | None]:
    groups = [found.row_group(number).column(index).statistics for number in range(found.num_row_groups)]
    if not groups or any(each is None or not each.has_min_max for each in groups):
        return None, None
    return _bound(min(each.min for each in groups)), _bound(max(each.max for each in groups))


def _bound(value: Any) -> str | None:
    """As a catalog has it; PostgreSQL holds no NUL in a text."""
    text = str(value)
    return text if len(text) <= _LONGEST_BOUND and "\0" not in text else None
