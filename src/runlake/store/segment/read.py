"""The two Parquet files of a stream → rows, keys, outlines and lines: `store.segment.schema` says what is in them.

Every page that is read is held against its checksum. A file that vanished was replaced by a sealer, and is no damage.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from msgspec.structs import replace

from runlake.errors import CorruptError, NewerFormatError
from runlake.model import AXES, RUNTIME, STEP, TIMESTAMP, Lane, Stream
from runlake.store.arrow import from_numpy, from_texts, to_numpy
from runlake.store.segment.directory import (
    COLUMNS,
    Directory,
    GroupRead,
    GroupValues,
    SealedSeries,
    joined_values,
    whole,
)
from runlake.store.segment.meta import Meta
from runlake.store.segment.schema import (
    CHUNK_ROWS,
    FORMAT_VERSION,
    GROUP_VALUES,
    SERIES_SCHEMA,
    VALUE_COLUMN,
    Footer,
    Owner,
)
from runlake.store.segment.segments import SegmentFile, Segments
from runlake.store.series import ARROW_TYPE_OF_LANE, Int64s, Series, WriterRows

_AXIS_KEYS = {name: from_texts([name])[0] for name in AXES}
_MAX_READERS = 8
_LARGEST_GROUP_VALUES = 2**24
"""Far above what is written: a group of a few bytes may say that it has billions."""

_WORTH_THREADS = 1_000_000
"""Values. The row groups that one short run has in a packed file come to less, and are as soon read by one thread."""

_POSITION_BITS, _NOWHERE = 24, np.iinfo(np.int64).max
_SERIES_FROM, _SERIES_A_BYTE = 4096, 4
"""Each series has a key or a first row of its own: that takes more than this of a file, however well it is packed."""


def read_rows(
    file: SegmentFile,
    stream: Stream,
    keys: frozenset[str] | None = None,
    *,
    axes: Sequence[str] = AXES,
    footers: Mapping[str, Footer] | None = None,
    ranges: Mapping[str, tuple[int, int]] | None = None,
    owner: Owner | None = None,
) -> list[WriterRows]:
    """The rows of a segment's stream, one stretch a writer; of the series, only `keys` (escaped paths) when given.

    With `ranges`, those of the writers named that have first ≤ n < last, and up to 65,535 more on either side: axes are
    read by the chunk. Values are views of what Parquet decoded, not copies. `axes` that are not asked for come back
    empty. Every page is held against its checksum, and with `footers` (of the meta file) the footers too:
    CorruptError names the file. `owner` says whose rows are meant where runs share the file (`Meta.owner`).
    """
    found = read_series(file.series, None if keys is None else keys | set(axes), COLUMNS, footers or {}, owner)
    return rows_of_series(file, stream, found, axes=axes, footers=footers or {}, ranges=ranges)


def rows_of_series(
    file: SegmentFile,
    stream: Stream,
    found: pa.Table,
    *,
    axes: Sequence[str],
    footers: Mapping[str, Footer],
    ranges: Mapping[str, tuple[int, int]] | None = None,
) -> list[WriterRows]:
    """As `read_rows`, of series that `read_series` has found, with `COLUMNS`."""
    directory = Directory.of(found)
    if ranges is not None:
        directory = directory.touching(ranges)
    groups = read_groups(file, directory.read_plan(), footers)
    directory.prove(groups, file.name)
    found_rows = [stretch_of(stream, entries, groups, axes) for entries in directory.by_writer()]
    # A sparse series is one piece, and may have values in rows before and behind these.
    return found_rows if ranges is None else [replace(rows, series=_within(rows)) for rows in found_rows]


def rows_of_meta(segments: Segments, meta: Meta, stream: Stream) -> list[WriterRows]:
    """All rows of one stream of a segment."""
    if stream not in meta.files:
        return []
    counting = {stretch.writer for stretch in meta.stretches}
    file = SegmentFile(segments, meta.files[stream])
    rows = read_rows(file, stream, footers=meta.footers, owner=meta.owner)
    return [each for each in rows if each.writer in counting]


def read_series(
    file: SegmentFile,
    wanted: frozenset[str] | None,
    columns: Sequence[str],
    footers: Mapping[str, Footer],
    owner: Owner | None = None,
) -> pa.Table:
    """Some columns of a series file, of the series of the `wanted` keys and the `owner`: all where None."""
    parquet = open_parquet(file, footers.get(file.name))
    tests = {} if wanted is None else {"key": wanted}
    tests |= {} if owner is None else {name: frozenset([value]) for name, value in owner._asdict().items()}
    groups = _groups_with(parquet, {name: texts for name, texts in tests.items() if name in ("key", "run_id")})
    try:
        table = parquet.read_row_groups(groups, columns=list({*columns, *tests}), use_threads=len(groups) > 4)
        for name, column in zip(table.column_names, table.columns, strict=True):
            if column.type != SERIES_SCHEMA.field(name).type:
                raise CorruptError(f"{file.name}: its column {name} is {column.type}")
        if missing := set(columns) - set(table.column_names):
            raise CorruptError(f"{file.name}: it has no column {', '.join(sorted(missing))}")
        prove_texts(table.columns)
    except _READ_ERRORS as error:
        raise _corrupt(file, error) from None
    for name, texts in tests.items():
        table = table.filter(pc.is_in(table[name], from_texts(sorted(texts))))
    return table.select(list(columns))


def _groups_with(parquet: pq.ParquetFile, tests: Mapping[str, frozenset[str]]) -> list[int]:
    """The row groups of a series file that may hold one of the texts in each of the columns."""
    places = {SERIES_SCHEMA.get_field_index(name): texts for name, texts in tests.items()}

    def may_hold(group: int, place: int, texts: frozenset[str]) -> bool:
        statistics = parquet.metadata.row_group(group).column(place).statistics
        if statistics is None or not statistics.has_min_max:
            return True
        low, high = statistics.min, statistics.max
        return any(low <= text <= high for text in texts)

    everything = range(parquet.num_row_groups)
    return [group for group in everything if all(may_hold(group, *test) for test in places.items())]


def read_groups(
    file: SegmentFile,
    plan: Mapping[int, GroupRead],
    footers: Mapping[str, Footer],
    metadata: pq.FileMetaData | None = None,
) -> dict[int, GroupValues]:
    """Row groups of a file of values, each read once, only the columns that are needed, on several cores.

    `metadata`: what the footer says, where it was read before.
    """
    source, parquet = _open(file, footers.get(file.name), metadata)

    def read(groups: list[int], own: pq.ParquetFile | None = None) -> dict[int, GroupValues]:
        wanted = plan[groups[0]]
        lane_column = VALUE_COLUMN.get(wanted.lane)
        columns = [name for name in (lane_column, "n" if wanted.with_n else None) if name is not None]
        try:
            # A ParquetFile is not safe to share between threads; its metadata is, and is what takes time to read.
            own = own or pq.ParquetFile(source, metadata=parquet.metadata, page_checksum_verification=True)
            table = own.read_row_groups(groups, columns=columns, use_threads=False) if columns else None
        except _READ_ERRORS as error:
            raise _corrupt(file, error) from None
        values = None if table is None or lane_column is None else whole(table.column(lane_column))
        prove_values(values, wanted.lane, file)
        n = None if table is None or not wanted.with_n else to_numpy(table.column("n"))
        starts = itertools.accumulate((sizes[group] for group in groups), initial=0)
        return {
            group: GroupValues(values, n, start, sizes[group]) for group, start in zip(groups, starts, strict=False)
        }

    sizes = {group: size_of_group(parquet, group, file) for group in plan}
    reads, value_count = list(_reads(plan, sizes)), sum(sizes.values())
    # The system is asked only where more cores are of use: that takes 9 us.
    core_count = (os.cpu_count() or 1) if value_count >= _WORTH_THREADS else 1
    if core_count > 1 and len(reads) < 2 * core_count:
        reads = [piece for groups in reads for piece in _cut(groups, plan, sizes)]
    worker_count = min(len(reads), core_count, _MAX_READERS)
    if worker_count < 2:
        return dict(itertools.chain.from_iterable(read(groups, parquet).items() for groups in reads))
    with ThreadPoolExecutor(worker_count, thread_name_prefix="runlake-read") as pool:
        return dict(itertools.chain.from_iterable(found.items() for found in pool.map(read, reads)))


def read_steps(file: SegmentFile, groups: Iterable[int], footer: Footer | None) -> dict[int, tuple[int, int]] | None:
    """The lowest and the highest step in each of these row groups; None where that is not said. No values are read."""
    parquet = open_parquet(file, footer)
    place = parquet.schema_arrow.get_field_index("step")
    found = {}
    for group in groups:
        size_of_group(parquet, group, file)
        statistics = parquet.metadata.row_group(group).column(place).statistics
        if statistics is None or not statistics.has_min_max:
            return None
        found[group] = int(statistics.min), int(statistics.max)
    return found


def size_of_group(parquet: pq.ParquetFile, group: int, file: SegmentFile) -> int:
    """How many values a row group has. CorruptError for one that is not there, or larger than any that is written."""
    if not 0 <= group < parquet.num_row_groups:
        raise CorruptError(f"{file.name}: it has {parquet.num_row_groups} row groups, and none of number {group}")
    size: int = parquet.metadata.row_group(group).num_rows
    if size > _LARGEST_GROUP_VALUES:
        raise CorruptError(f"{file.name}: a row group of {size} values is none that runlake makes; run `runlake check`")
    return size


def prove_texts(columns: Iterable[pa.ChunkedArray]) -> None:
    """ArrowInvalid for text that is no UTF-8, which Parquet does not look at."""
    for column in columns:
        kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        if pa.types.is_string(kind):
            column.validate(full=True)


def prove_values(values: pa.Array | None, lane: Lane, file: SegmentFile) -> None:
    """CorruptError unless the values are of their lane's type, and each is there."""
    if values is None:
        return
    if values.type != ARROW_TYPE_OF_LANE[lane] or values.null_count:
        raise CorruptError(f"{file.name}: a series of {lane} holds {values.type} or nothing; run `runlake check`")
    if pa.types.is_string(values.type):
        try:
            values.validate(full=True)
        except pa.ArrowException as error:
            raise _corrupt(file, error) from None


def _reads(plan: Mapping[int, GroupRead], sizes: Mapping[int, int]) -> Iterator[list[int]]:
    """The neighbouring row groups that are read at once, so that a long series comes in one piece."""
    groups: list[int] = []
    value_count = 0
    for group, wanted in sorted(plan.items()):
        if groups:
            before = plan[groups[-1]]
            is_alike = (wanted.lane, wanted.with_n) == (before.lane, before.with_n)
            goes_on = wanted.first is not None and wanted.first == before.last
            if group != groups[-1] + 1 or not is_alike or (value_count >= GROUP_VALUES and not goes_on):
                yield groups
                groups, value_count = [], 0
        groups.append(group)
        value_count += sizes[group]
    if groups:
        yield groups


def _cut(groups: list[int], plan: Mapping[int, GroupRead], sizes: Mapping[int, int]) -> Iterator[list[int]]:
    """A long series in pieces, for as many cores as there are; axes stay whole, since they become one array."""
    if (first := plan[groups[0]].first) is not None and first[1] in AXES:
        yield groups
        return
    piece: list[int] = []
    for group in groups:
        piece.append(group)
        if sum(sizes[each] for each in piece) >= GROUP_VALUES:
            yield piece
            piece = []
    if piece:
        yield piece


def open_parquet(file: SegmentFile, footer: Footer | None = None) -> pq.ParquetFile:
    """A segment's Parquet file, its footer held against what the meta file says, and its format version checked.

    FileNotFoundError when it is not there; CorruptError and NewerFormatError name the file.
    """
    return _open(file, footer)[1]


def _open(
    file: SegmentFile, footer: Footer | None, metadata: pq.FileMetaData | None = None
) -> tuple[pa.NativeFile, pq.ParquetFile]:
    source = file.open()
    if footer is not None and _footer_of(source) != footer:
        raise CorruptError(f"{file.name}: its size or its footer is not as it was written; run `runlake check`")
    try:
        parquet = pq.ParquetFile(source, metadata=metadata, pre_buffer=False, page_checksum_verification=True)
    except _READ_ERRORS as error:
        raise _corrupt(file, error) from None
    version = int((parquet.metadata.metadata or {}).get(b"runlake.segment", b"0"))
    if version > FORMAT_VERSION:
        raise NewerFormatError(f"{file.name}: segment format {version}; upgrade runlake to read it")
    row_count = parquet.metadata.num_rows
    if file.name.endswith(".series.parquet") and row_count > _SERIES_FROM + _SERIES_A_BYTE * source.size():
        raise CorruptError(f"{file.name}: {row_count} series are more than its bytes can name; run `runlake check`")
    return source, parquet


def read_footer(file: SegmentFile) -> Footer:
    """The size of a Parquet file and the CRC-32 of its footer, magic and length included."""
    with file.open() as source:
        return _footer_of(source)


def _footer_of(source: pa.NativeFile) -> Footer:
    size_bytes = source.size()
    length = int.from_bytes(source.read_at(4, max(0, size_bytes - 8)), "little")
    start = max(0, size_bytes - 8 - length)
    return Footer(size_bytes, crc32(source.read_at(size_bytes - start, start)))


_READ_ERRORS = (pa.ArrowException, OSError)


def read_checksum(file: SegmentFile) -> int:
    """The CRC-32 of all bytes of a file."""
    crc = 0
    with file.open() as source:
        while piece := source.read(2**20):
            crc = crc32(piece, crc)
    return crc


def _corrupt(file: SegmentFile, error: Exception) -> Exception:
    """What a failed read means; a file that vanished was replaced by a sealer, and is no damage."""
    if isinstance(error, FileNotFoundError):
        return error
    return CorruptError(f"{file.name}: its bytes are not as they were written ({error}); run `runlake check`")


def stretch_of(
    stream: Stream, entries: Directory, groups: Mapping[int, GroupValues], axes: Sequence[str]
) -> WriterRows:
    """The entries of one writer as one stretch of rows, keys in first-logged order."""
    axis = {name: np.flatnonzero(to_numpy(pc.equal(entries.key, _AXIS_KEYS[name]))) for name in (STEP, *axes)}
    rows = [entries.first_n[found].tolist() for found in axis.values()]
    ends = entries.first_n[axis[STEP]] + entries.row_count[axis[STEP]]
    if not rows[0] or any(each != rows[0] for each in rows) or ends[:-1].tolist() != rows[0][1:]:
        raise CorruptError(f"the {stream} rows of {entries.writer[0]} are not whole in a segment; run `runlake check`")
    first_n, row_count = int(entries.first_n[axis[STEP][0]]), int(entries.row_count[axis[STEP]].sum())
    values = {name: _axis(entries, groups, found) for name, found in axis.items()}
    return WriterRows(
        writer=entries.writer[0].as_py(),
        stream=stream,
        first_n=first_n,
        step=values[STEP],
        timestamp=values.get(TIMESTAMP, np.array([])),
        runtime=values.get(RUNTIME, np.array([])),
        series=SealedSeries(entries, groups, first_n, row_count),
    )


def _within(rows: WriterRows) -> list[Series]:
    """The series without values in other rows, in the order in which they begin."""
    series = []
    for one in rows.series:
        if one.rows is not None:
            low, high = np.searchsorted(one.rows, (0, rows.row_count)).tolist()
            one = Series(one.key, one.lane, one.rows[low:high], one.values.slice(low, high - low))
        if len(one.values):
            series.append(one)
    return sorted(series, key=lambda one: 0 if one.rows is None else int(one.rows[0]))


def _axis(entries: Directory, groups: Mapping[int, GroupValues], found: Int64s) -> npt.NDArray[Any]:
    places = zip(*(getattr(entries, name)[found].tolist() for name in ("group", "offset", "count")), strict=True)
    values = joined_values([groups[group].span(offset, count) for group, offset, count in places])
    return to_numpy(values)


def read_pyramid(
    files: Sequence[tuple[SegmentFile, Owner | None]], keys: frozenset[str], footers: Mapping[str, Footer] | None = None
) -> tuple[Int64s, npt.NDArray[Any], int, str] | None:
    """(steps, values int64 or float64, value count, key) of the points that draw one numeric key; reads no values.

    None where the key is not in numbers of one lane and writer only, or not in pieces of 65,536 values: then the rows
    themselves decide.
    """
    columns = ["writer", "key", "lane", "first_n", "count", "pyramid_values", "pyramid_steps"]
    found = [read_series(file.series, keys, columns, footers or {}, owner) for file, owner in files]
    table = pa.concat_tables(found) if found else pa.table({})
    if not table.num_rows:
        return None
    whose = set(zip(*(table.column(name).to_pylist() for name in ("writer", "key", "lane")), strict=True))
    if len(whose) != 1 or next(iter(whose))[2] not in ("f64", "i64"):
        return None
    table = table.sort_by("first_n")
    if any(count != CHUNK_ROWS for count in table["count"].to_pylist()[:-1]):
        return None  # how they were cut depends on when they were sealed, and must not be seen
    steps = to_numpy(pc.list_flatten(table["pyramid_steps"]))
    values = to_numpy(pc.list_flatten(table["pyramid_values"]))
    if table["lane"][0].as_py() == "i64":
        if np.abs(values).max() >= 2**53:
            return None  # the pyramid's floats cannot say which integers these were
        values = values.astype(np.int64)
    return steps, values, pc.sum(table["count"]).as_py(), table["key"][0].as_py()


def read_outline(
    file: SegmentFile, footers: Mapping[str, Footer] | None = None, owner: Owner | None = None
) -> pa.Table:
    """What is said of each series and stretch of rows, without their values: see the head of this file."""
    columns = ["writer", "key", "lane", "position", "first_n", "row_count", "count", "min", "max"]
    return read_series(file.series, None, columns, footers or {}, owner)


def read_keys(files: Sequence[tuple[SegmentFile, Mapping[str, Footer], Owner | None]]) -> list[str]:
    """The keys of some segments of a stream, in first-logged order."""
    columns = ["first_n", "position", "key"]
    found = [read_series(file.series, None, columns, footers, owner) for file, footers, owner in files]
    if not found:
        return []
    table = pa.concat_tables(found)
    first_n, position = to_numpy(table["first_n"]), to_numpy(table["position"])
    places = np.where(position < 0, _NOWHERE, (first_n << _POSITION_BITS) + position)  # axes stand before the keys
    encoded = table["key"].combine_chunks().dictionary_encode()
    first = np.full(len(encoded.dictionary), _NOWHERE)
    np.minimum.at(first, to_numpy(encoded.indices), places)
    order = np.argsort(first, kind="stable")[: np.count_nonzero(first != _NOWHERE)]
    return encoded.dictionary.take(from_numpy(order)).to_pylist()  # type: ignore[no-any-return]
