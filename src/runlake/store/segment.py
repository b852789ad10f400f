"""Segments: sealed rows as long Parquet, sealed records as one small meta file.

Each stream has two Parquet files, and `docs/guide/storage-format.md` tells every column:

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

A file may hold the rows of many small runs (`store.merged_runs`): its values are sorted by lane and key first and then
by run, so that one key of all runs lies together, and its series by run, so that those of one run do.
"""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple, overload
from zlib import crc32

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from runlake.errors import CorruptError, NewerFormatError
from runlake.model import AXES, RUNTIME, STEP, TIMESTAMP, Lane, RunPath, Stream
from runlake.store import record
from runlake.store.fold import StreamFold, WriterState
from runlake.store.layout import write_atomically
from runlake.store.sealed_series import COLUMNS, Directory, GroupValues, GroupWish, SealedSeries, joined_values, whole
from runlake.store.series import Int64s, Series, WriterRows

FORMAT_VERSION = 1
CHUNK_ROWS = 65_536
GROUP_VALUES = 4 * CHUNK_ROWS
GROUP_TEXT_BYTES = 4 * 2**20
PYRAMID_STEP = 256
SERIES_GROUP_POINTS = 262_144
MERGED_GROUP_VALUES = CHUNK_ROWS
"""Of a file that many runs share: one run reads a whole group for each of its keys."""

_MERGED_SERIES_ROWS = 1024
_MAX_READERS = 8
_WORTH_THREADS = 2_000_000

_NAMES = pa.dictionary(pa.int32(), pa.string())
_VALUE_COLUMN: dict[str, str] = {"f64": "f64", "i64": "i64", "bool": "bool", "str": "str", "json": "str"}
_METADATA = {"runlake.segment": str(FORMAT_VERSION)}

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
    metadata=_METADATA,
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
    metadata=_METADATA,
)


class Stretch(msgspec.Struct, frozen=True):
    """What a meta file says of one sealed stretch: whose rows, which, and in which file."""

    writer: str
    stream: Stream
    first_n: int
    row_count: int


class Footer(msgspec.Struct, frozen=True):
    """What proves a Parquet file's footer; the pages behind it carry their own checksums."""

    size_bytes: int
    crc32: int


class Owner(NamedTuple):
    """Whose rows are meant in a file that many runs share."""

    run_id: str
    incarnation: str
    generation: str


class Meta(msgspec.Struct):
    """The meta file of a segment: it makes the segment visible, and holds every record that is no row.

    `covers` names the journal parts whose content is here, `supersedes` the segments this one replaces;
    `files` maps each stream to its file of values, `footers` each file to its size and its footer's CRC-32, and
    `checksums` to the CRC-32 of all its bytes: a reader proves the pages it reads, only `check` reads everything.
    Files that many runs share are named by their path from the folder of the segment, the others by their name.
    """

    version: int
    name: str
    incarnation: str
    generation: str
    covers: list[tuple[str, int]]
    supersedes: list[str]
    files: dict[str, str]
    footers: dict[str, Footer]
    checksums: dict[str, int]
    stretches: list[Stretch]
    writers: Sequence[WriterState]

    @property
    def is_merged(self) -> bool:
        """Whether its rows lie in files that it shares with other runs."""
        return any("/" in name for name in self.files.values())

    @property
    def headers(self) -> dict[str, dict[str, Any]]:
        """The header of each writer, without a look at what else they said: that may be last values of many keys."""
        if isinstance(self.writers, _StoredWriters):
            return self.writers.headers()
        return {state.writer: state.header for state in self.writers}

    @property
    def owner(self) -> Owner | None:
        """Whose rows it means in files that it shares; None where it has files of its own."""
        if not self.is_merged:
            return None
        # What the writers say and not the folder: a copied run goes under another id.
        header = next(iter(self.headers.values()))
        return Owner(header["run_id"], self.incarnation, self.generation)


def segment_name(covers: Iterable[tuple[str, int]], supersedes: Iterable[str]) -> str:
    """The name that follows from what goes in: two processes that seal the same make the same name."""
    identity = msgspec.msgpack.encode([FORMAT_VERSION, sorted(covers), sorted(supersedes)])
    return hashlib.sha256(identity).hexdigest()[:24]


# The meta file --------------------------------------------------------------------------------------------

META_MAGIC = b"runmeta" + bytes([FORMAT_VERSION])
META_FRAME = 32


def write_meta(folder: Path, meta: Meta) -> None:
    """Publish a segment: from now on readers see it."""
    fields = {name: getattr(meta, name) for name in meta.__struct_fields__}
    body = record.encode_body({**fields, "writers": [_stored_state(state) for state in meta.writers]})
    write_atomically(folder / f"{meta.name}.meta", META_MAGIC + record.frame(META_FRAME, body))


class _StoredState(msgspec.Struct):
    """A `WriterState` as it is stored: what its rows come to is packed, since few look at it and it may be large."""

    writer: str
    header: dict[str, Any]
    records: list[tuple[int, dict[str, Any]]] = []
    streams: msgspec.Raw = msgspec.Raw(b"\x80")


def _stored_state(state: WriterState) -> dict[str, Any]:
    packed = record.encode_body(state.streams)
    streams = [len(packed), pa.compress(packed, "zstd", asbytes=True)]
    return {"writer": state.writer, "header": state.header, "records": state.records, "streams": streams}


def _state_of(stored: _StoredState) -> WriterState:
    packed: bytes | memoryview = memoryview(stored.streams)
    if packed[0] & 0xF0 == 0x90:  # an array; older segments have the map itself
        size_bytes, content = msgspec.msgpack.decode(packed, type=tuple[int, bytes])
        packed = pa.decompress(content, size_bytes, "zstd", asbytes=True)
    return WriterState(stored.writer, stored.header, stored.records, record.decode_as(dict[str, StreamFold], packed))


class _StoredMeta(Meta):
    """A meta file before the records of its writers are decoded."""

    writers: msgspec.Raw  # type: ignore[assignment]


class _Heading(msgspec.Struct):
    """The beginning of a `WriterState`."""

    writer: str
    header: dict[str, Any]


class _StoredWriters(Sequence[WriterState]):
    """The records of a meta file, decoded when somebody looks at them: readers of rows never do."""

    def __init__(self, packed: msgspec.Raw) -> None:
        self._packed = packed
        self._decoded: list[WriterState] | None = None

    def headers(self) -> dict[str, dict[str, Any]]:
        """The header of each writer; what else they said is passed over."""
        return {each.writer: each.header for each in record.decode_as(list[_Heading], self._packed)}

    def _all(self) -> list[WriterState]:
        if self._decoded is None:
            self._decoded = [_state_of(stored) for stored in record.decode_as(list[_StoredState], self._packed)]
        return self._decoded

    def __len__(self) -> int:
        return len(self._all())

    @overload
    def __getitem__(self, index: int) -> WriterState: ...
    @overload
    def __getitem__(self, index: slice) -> list[WriterState]: ...
    def __getitem__(self, index: int | slice) -> WriterState | list[WriterState]:
        return self._all()[index]


def read_meta(file: Path) -> Meta:
    """A segment's meta. FileNotFoundError when it was superseded and removed meanwhile."""
    return parse_meta(file.read_bytes(), file.name)


def parse_meta(data: bytes, name: str) -> Meta:
    """What the bytes of a meta file say; `name` is for messages."""
    start = 8 + record.HEAD.size
    if len(data) < start or data[:7] != META_MAGIC[:7]:
        raise CorruptError(f"{name}: this is no segment meta file; restore it or run `runlake check`")
    if data[7] != META_MAGIC[7]:
        raise NewerFormatError(f"{name}: segment format {data[7]}; upgrade runlake to read it")
    body = memoryview(data)[start:]
    if record.head_of(len(body), META_FRAME) + crc32(body).to_bytes(4, "little") != data[8:start]:
        raise CorruptError(f"{name}: its {len(data)} bytes are not as they were written (byte 8 on)")
    stored = record.decode_as(_StoredMeta, body)
    fields = {name: getattr(stored, name) for name in Meta.__struct_fields__}
    return Meta(**{**fields, "writers": _StoredWriters(stored.writers)})


# The Parquet files ----------------------------------------------------------------------------------------


def series_file(values_file: Path) -> Path:
    """The file that says what is where in a file of values."""
    return values_file.with_name(values_file.name.removesuffix(".parquet") + ".series.parquet")


def write_rows(file: Path, path: RunPath, incarnation: str, generation: str, stretches: Sequence[WriterRows]) -> None:
    """Write one stream's rows, values and series; `stretches` are in row order for each writer. Publishes nothing."""
    chunks = _new_chunks(_Origin(path, incarnation, generation), stretches)
    chunks.sort(key=attrgetter("writer", "key", "lane", "first_n"))
    _write_values(file, chunks, GROUP_VALUES, attrgetter("writer", "key"))
    point_count = sum(min(chunk.count, 2 * PYRAMID_STEP) for chunk in chunks)
    group_rows = max(16, min(4096, SERIES_GROUP_POINTS * len(chunks) // max(point_count, 1)))
    _write_series(file, chunks, group_rows, True)


def write_merged_rows(file: Path, runs: Iterable[tuple[RunPath, str, str, Sequence[WriterRows]]]) -> None:
    """Write one stream's rows of many runs: (path, incarnation, generation, stretches) of each. Publishes nothing."""
    chunks = [
        chunk
        for path, incarnation, generation, rows in runs
        for chunk in _new_chunks(_Origin(path, incarnation, generation), rows)
    ]
    chunks.sort(key=attrgetter("lane", "key", "run_id", "generation", "writer", "first_n"))
    _write_values(file, chunks, MERGED_GROUP_VALUES, attrgetter("key"))
    chunks.sort(key=attrgetter("run_id", "generation", "writer", "first_n", "lane", "key"))
    _write_series(file, chunks, _MERGED_SERIES_ROWS, ["run_id", "key"])


class _Origin(NamedTuple):
    path: RunPath
    incarnation: str
    generation: str


def _new_chunks(origin: _Origin, stretches: Sequence[WriterRows]) -> list[_NewChunk]:
    return [chunk for rows in stretches for chunk in _chunks_of(origin, rows)]


def _chunks_of(origin: _Origin, rows: WriterRows) -> Iterator[_NewChunk]:
    """Each series in pieces, axes first."""
    positions = np.arange(CHUNK_ROWS)
    axes: tuple[tuple[str, Lane, npt.NDArray[Any]], ...] = (
        (STEP, "i64", rows.step),
        (TIMESTAMP, "f64", rows.timestamp),
        (RUNTIME, "f64", rows.runtime),
    )
    series = [Series(name, lane, None, pa.chunked_array([axis])) for name, lane, axis in axes]
    for position, one in enumerate((*series, *rows.series), -len(axes)):
        for start, stop, low, high in cut_series(one.rows, rows.row_count):
            where = positions[: stop - start] if one.rows is None else one.rows[low:high] - start
            values = one.values.slice(low, high - low)
            yield _NewChunk(origin, rows, start, stop, one.key, one.lane, position, where, values)


def cut_series(where: Int64s | None, row_count: int) -> Iterator[tuple[int, int, int, int]]:
    """Where the pieces of a series begin and end, by row and by value; `where` are its rows, None for all.

    A piece has whole stretches of 65,536 rows, one or as many as have no more than 65,536 values together: a sparse
    series in a long run is one piece, and a dense one is cut so that a few rows can be read.
    """
    if where is None:
        for start in range(0, row_count, CHUNK_ROWS):
            yield start, min(start + CHUNK_ROWS, row_count), start, min(start + CHUNK_ROWS, row_count)
        return
    low, count = 0, len(where)
    while low < count:
        start = int(where[low]) // CHUNK_ROWS * CHUNK_ROWS
        last = int(where[min(low + CHUNK_ROWS, count) - 1])
        stop = min((last // CHUNK_ROWS + 1) * CHUNK_ROWS, row_count)
        high = int(np.searchsorted(where, stop))
        if high - low > CHUNK_ROWS and stop - start > CHUNK_ROWS:  # the last stretch does not fit in
            stop = last // CHUNK_ROWS * CHUNK_ROWS
            high = int(np.searchsorted(where, stop))
        yield start, stop, low, high
        low = high


def _write_values(file: Path, chunks: list[_NewChunk], limit: int, series_of: Callable[[_NewChunk], Any]) -> None:
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
        writer.add_key_value_metadata(_METADATA)


def _write_series(file: Path, chunks: list[_NewChunk], group_rows: int, statistics: bool | list[str]) -> None:
    table = pa.Table.from_pylist([chunk.description() for chunk in chunks], schema=SERIES_SCHEMA)
    pq.write_table(
        table,
        series_file(file),
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
    column = _VALUE_COLUMN.get(group[0].lane)
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


def pyramid(values: npt.NDArray[Any]) -> Int64s:
    """Where the lowest and the highest of each 256 values stand, ascending; NaN only where a bucket has nothing else.

    A line drawn from these points looks as if drawn from all, as long as a pixel is no less than a bucket.
    """
    count = len(values)
    if count <= 2 * PYRAMID_STEP:
        return np.arange(count)
    bucket_count = -(-count // PYRAMID_STEP)
    padded = np.full(bucket_count * PYRAMID_STEP, np.nan)
    padded[:count] = values
    buckets = padded.reshape(bucket_count, PYRAMID_STEP)
    empty = np.isnan(buckets)
    low = np.where(empty, np.inf, buckets).argmin(axis=1)
    high = np.where(empty, -np.inf, buckets).argmax(axis=1)
    base = np.arange(bucket_count) * PYRAMID_STEP
    picks = np.concatenate((base + low, base + high, [0, count - 1]))
    return np.unique(np.minimum(picks, count - 1)).astype(np.int64)


def read_rows(
    file: Path,
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
    footers = footers or {}
    found = read_series(series_file(file), None if keys is None else keys | set(axes), COLUMNS, footers, owner)
    directory = Directory.of(found)
    if ranges is not None:
        directory = directory.touching(ranges)
    groups = read_groups(file, directory.wishes(), footers)
    found_rows = [_writer_rows(stream, entries, groups, axes) for entries in directory.by_writer()]
    # A sparse series is one piece, and may have values in rows before and behind these.
    return found_rows if ranges is None else [replace(rows, series=_within(rows)) for rows in found_rows]


def read_series(
    file: Path,
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
    except _READ_ERRORS as error:
        raise _corrupt(file, error) from None
    for name, texts in tests.items():
        table = table.filter(pc.is_in(table[name], pa.array(sorted(texts), pa.string())))
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


def read_groups(file: Path, wishes: Mapping[int, GroupWish], footers: Mapping[str, Footer]) -> dict[int, GroupValues]:
    """Row groups of a file of values, each read once, only the columns that are needed, on several cores."""
    parquet = open_parquet(file, footers.get(file.name))

    def read(groups: list[int], own: pq.ParquetFile | None = None) -> dict[int, GroupValues]:
        wish = wishes[groups[0]]
        lane_column = _VALUE_COLUMN.get(wish.lane)
        columns = [name for name in (lane_column, "n" if wish.with_n else None) if name is not None]
        try:
            # A ParquetFile is not safe to share between threads; its metadata is, and is what takes time to read.
            own = own or pq.ParquetFile(file, metadata=parquet.metadata, page_checksum_verification=True)
            table = own.read_row_groups(groups, columns=columns, use_threads=False) if columns else None
        except _READ_ERRORS as error:
            raise _corrupt(file, error) from None
        values = None if table is None or lane_column is None else whole(table.column(lane_column))
        n = None if table is None or not wish.with_n else whole(table.column("n")).to_numpy()
        sizes = (parquet.metadata.row_group(group).num_rows for group in groups)
        starts = itertools.accumulate(sizes, initial=0)
        return {group: GroupValues(values, n, start) for group, start in zip(groups, starts, strict=False)}

    reads = list(_reads(wishes, lambda group: parquet.metadata.row_group(group).num_rows))
    worker_count = min(len(reads), os.cpu_count() or 1, _MAX_READERS)
    value_count = sum(parquet.metadata.row_group(group).num_rows for group in wishes)
    if worker_count < 2 or value_count < _WORTH_THREADS:
        return dict(itertools.chain.from_iterable(read(groups, parquet).items() for groups in reads))
    with ThreadPoolExecutor(worker_count, thread_name_prefix="runlake-read") as pool:
        return dict(itertools.chain.from_iterable(found.items() for found in pool.map(read, reads)))


def _reads(wishes: Mapping[int, GroupWish], size_of: Callable[[int], int]) -> Iterator[list[int]]:
    """The neighbouring row groups that are read at once, so that a long series comes in one piece."""
    groups: list[int] = []
    value_count = 0
    for group, wish in sorted(wishes.items()):
        if groups:
            before = wishes[groups[-1]]
            is_alike = (wish.lane, wish.with_n) == (before.lane, before.with_n)
            goes_on = wish.first is not None and wish.first == before.last
            if group != groups[-1] + 1 or not is_alike or (value_count >= GROUP_VALUES and not goes_on):
                yield groups
                groups, value_count = [], 0
        groups.append(group)
        value_count += size_of(group)
    if groups:
        yield groups


def open_parquet(file: Path, footer: Footer | None = None) -> pq.ParquetFile:
    """A segment's Parquet file, its footer held against what the meta file says, and its format version checked.

    FileNotFoundError when it is not there; CorruptError and NewerFormatError name the file.
    """
    if footer is not None and read_footer(file) != footer:
        raise CorruptError(f"{file.name}: its size or its footer is not as it was written; run `runlake check`")
    try:
        parquet = pq.ParquetFile(file, pre_buffer=False, page_checksum_verification=True)
    except _READ_ERRORS as error:
        raise _corrupt(file, error) from None
    version = int((parquet.metadata.metadata or {}).get(b"runlake.segment", b"0"))
    if version > FORMAT_VERSION:
        raise NewerFormatError(f"{file.name}: segment format {version}; upgrade runlake to read it")
    return parquet


def read_footer(file: Path) -> Footer:
    """The size of a Parquet file and the CRC-32 of its footer, magic and length included."""
    with file.open("rb") as opened:
        size_bytes = opened.seek(0, os.SEEK_END)
        opened.seek(max(0, size_bytes - 8))
        length = int.from_bytes(opened.read(4), "little")
        opened.seek(max(0, size_bytes - 8 - length))
        return Footer(size_bytes, crc32(opened.read()))


_READ_ERRORS = (pa.ArrowException, OSError)


def checksum(file: Path) -> int:
    """The CRC-32 of all bytes of a file."""
    crc = 0
    with file.open("rb") as opened:
        while piece := opened.read(2**20):
            crc = crc32(piece, crc)
    return crc


def _corrupt(file: Path, error: Exception) -> Exception:
    """What a failed read means; a file that vanished was replaced by a sealer, and is no damage."""
    if isinstance(error, FileNotFoundError):
        return error
    return CorruptError(f"{file.name}: its bytes are not as they were written ({error}); run `runlake check`")


def _writer_rows(
    stream: Stream, entries: Directory, groups: Mapping[int, GroupValues], axes: Sequence[str]
) -> WriterRows:
    """The entries of one writer as one stretch of rows, keys in first-logged order."""
    axis = {name: np.flatnonzero(pc.equal(entries.key, name)) for name in (STEP, *axes)}
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
    axis: npt.NDArray[Any] = values.to_numpy()
    return axis


def read_pyramid(
    files: Sequence[tuple[Path, Owner | None]], keys: frozenset[str], footers: Mapping[str, Footer] | None = None
) -> tuple[Int64s, npt.NDArray[Any], int, str] | None:
    """(steps, values int64 or float64, value count, key) of the points that draw one numeric key; reads no values.

    None where the key is not in numbers of one lane and writer only: then the rows themselves decide.
    """
    columns = ["writer", "key", "lane", "first_n", "count", "pyramid_values", "pyramid_steps"]
    found = [read_series(series_file(file), keys, columns, footers or {}, owner) for file, owner in files]
    table = pa.concat_tables(found) if found else pa.table({})
    if not table.num_rows:
        return None
    whose = set(zip(*(table.column(name).to_pylist() for name in ("writer", "key", "lane")), strict=True))
    if len(whose) != 1 or next(iter(whose))[2] not in ("f64", "i64"):
        return None
    table = table.sort_by("first_n")
    steps = pc.list_flatten(table["pyramid_steps"]).to_numpy()
    values = pc.list_flatten(table["pyramid_values"]).to_numpy()
    if table["lane"][0].as_py() == "i64":
        if np.abs(values).max() > 2**53:
            return None  # the pyramid's floats cannot say which integers these were
        values = values.astype(np.int64)
    return steps, values, pc.sum(table["count"]).as_py(), table["key"][0].as_py()


def read_outline(file: Path, footers: Mapping[str, Footer] | None = None, owner: Owner | None = None) -> pa.Table:
    """What is said of each series and stretch of rows, without their values: see the head of this file."""
    columns = ["writer", "key", "lane", "position", "first_n", "row_count", "min", "max"]
    return read_series(series_file(file), None, columns, footers or {}, owner)


def read_keys(files: Sequence[tuple[Path, Mapping[str, Footer], Owner | None]]) -> list[str]:
    """The keys of some segments of a stream, in first-logged order."""
    columns = ["first_n", "position", "key"]
    found = [read_series(series_file(file), None, columns, footers, owner) for file, footers, owner in files]
    table = pa.concat_tables(found) if found else pa.table({name: pa.array([], pa.int64()) for name in columns})
    table = table.filter(pc.greater_equal(table["position"], 0))  # the axes stand before the keys
    order = np.lexsort((table["position"].to_numpy(), table["first_n"].to_numpy()))
    names = whole(table["key"]).dictionary_encode()
    codes, firsts = np.unique(names.indices.to_numpy()[order], return_index=True)
    keys: list[str] = names.dictionary.take(pa.array(codes[np.argsort(firsts)])).to_pylist()
    return keys
