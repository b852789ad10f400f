"""Rows as Arrow for the network: `History` ↔ bytes, with lanes, rows and order as they are.

A history is a sequence of Arrow IPC streams, one behind the other::

    axis and dense series      columns _step, [_timestamp], [_runtime], more that the message needs, then one column for
                               each series that every row has
    sparse series of a lane    columns position, key, rows, values: a line is a piece of one series. Such a stream
                               for each lane that has some

The schema metadata ``runlake`` of the first is a JSON document: what the history is, how many streams follow, and what
the message says besides (the cursor of a tail, the runs of a block). Each dense column carries its lane and its place
among the series in the metadata of its field. Sparse series are lists and not columns with nulls, so a hundred thousand
sparse keys cost what they hold. A message with an error instead of rows has only a metadata entry ``problem``.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO

import msgspec
import numpy as np
import pyarrow as pa

from runlake.errors import CommError, RunlakeError
from runlake.model import RUNTIME, STEP, TIMESTAMP, Lane, TailCursor
from runlake.query.many.blocks import HistoryBlock
from runlake.query.rows.history import History, Series, Tail
from runlake.service.wire.documents import error_of, pack, problem_document, unpack
from runlake.store.series import ARROW_TYPE_OF_LANE

_META = b"runlake"
_WRITER = "_writer"
_PIECE_BYTES = 4 * 2**20
_SMALL_BYTES = 65_536
_BATCH_BYTES = 64 * 2**20


class _About(msgspec.Struct, kw_only=True):
    """The document in the metadata of the first stream."""

    stream: str = "history"
    source_row_count: int | None = None
    series_count: int = 0
    sparse_lanes: list[str] = []
    more: dict[str, Any] = {}
    problem: dict[str, Any] | None = None


class _Lacks(msgspec.Struct):
    """The document in the metadata of a table of runs: of those that cannot be read, why, by run id."""

    problems: dict[str, str] = {}


# Writing --------------------------------------------------------------------------------------------------


def write_history(history: History, *, compression: str | None = None) -> Iterator[bytes]:
    """The history as bytes, in pieces of a few megabytes. `compression`: None, lz4 or zstd."""
    return _write(history, {}, {}, compression)


def write_tail(tail: Tail, *, compression: str | None = None) -> Iterator[bytes]:
    """A tail's answer as bytes."""
    more = {
        "cursor": str(tail.cursor),
        "is_ended": tail.is_ended,
        "is_restarted": tail.is_restarted,
        "writers": list(tail.writers),
    }
    return _write(tail.history, more, {_WRITER: pa.array(tail.writer_of_row, pa.int64())}, compression)


def write_blocks(blocks: Iterable[HistoryBlock], *, compression: str | None = None) -> Iterator[bytes]:
    """Blocks as bytes, one behind the other; an error on the way is the last of them."""
    try:
        for block in blocks:
            more: dict[str, Any] = {"run_ids": block.run_ids, "row_counts": block.row_counts.tolist()}
            if block.problem is not None:
                more["unreadable"] = block.problem
            yield from _write(block.history, more, {}, compression)
    except RunlakeError as error:
        yield from _problem(error)


def write_table(
    table: pa.Table, *, problems: Mapping[str, str] | None = None, compression: str | None = None
) -> Iterator[bytes]:
    """A table as one ordinary Arrow IPC stream; its metadata name what it lacks: `problems`, by run id."""
    if problems:
        said = {**(table.schema.metadata or {}), _META: pack(_Lacks(problems=dict(problems)))}
        table = table.replace_schema_metadata(said)
    return _stream(table.schema, _batches(table), compression)


def write_tables(tables: Iterator[pa.Table], *, compression: str | None = None) -> Iterator[bytes]:
    """Tables of one schema, at least one, as one ordinary Arrow IPC stream; each is asked for when it is due."""
    first = next(tables)
    batches = (batch for table in itertools.chain([first], tables) for batch in _batches(table))
    return _stream(first.schema, batches, compression)


def _problem(error: RunlakeError) -> Iterator[bytes]:
    about = _About(problem=problem_document(error))
    return _stream(pa.schema([], metadata={_META: pack(about)}), [], None)


def _write(
    history: History, more: dict[str, Any], extra: Mapping[str, pa.Array], compression: str | None
) -> Iterator[bytes]:
    columns: dict[str, Any] = {STEP: pa.array(history.step)}
    for name, axis in ((TIMESTAMP, history.timestamp), (RUNTIME, history.runtime)):
        if axis is not None:
            columns[name] = pa.array(axis)
    columns |= extra
    fields = [pa.field(name, column.type) for name, column in columns.items()]
    values = list(columns.values())
    sparse: dict[Lane, list[tuple[int, Series]]] = {}
    for position, series in enumerate(history.series):
        if series.rows is None:
            about = {b"lane": series.lane.encode(), b"position": str(position).encode()}
            fields.append(pa.field(series.key, series.values.type, metadata=about))
            values.append(series.values)
        else:
            sparse.setdefault(series.lane, []).append((position, series))
    document = _About(
        stream=history.stream,
        source_row_count=history.source_row_count,
        series_count=len(history.series),
        sparse_lanes=list(sparse),
        more=more,
    )
    table = pa.table(values, schema=pa.schema(fields, metadata={_META: pack(document)}))
    yield from _stream(table.schema, _batches(table), compression)
    for lane, members in sparse.items():
        yield from _stream(_sparse_schema(lane), _sparse_batches(lane, members), compression)


def _sparse_schema(lane: Lane) -> pa.Schema:
    # Text may come to more bytes than 32 bits count; a list of them never does, since pieces are cut by bytes.
    return pa.schema(
        [
            ("position", pa.int64()),
            ("key", pa.string()),
            ("rows", pa.list_(pa.int64())),
            ("values", pa.list_(ARROW_TYPE_OF_LANE[lane])),
        ]
    )


def _sparse_batches(lane: Lane, members: list[tuple[int, Series]]) -> Iterator[pa.RecordBatch]:
    """The series of one lane, cut where their chunks end, gathered into batches of a few megabytes."""
    pieces: list[tuple[int, str, Any, pa.Array]] = []
    size_bytes = 0
    for position, series in members:
        start = 0
        assert series.rows is not None
        for chunk in series.values.chunks or [pa.array([], ARROW_TYPE_OF_LANE[lane])]:
            pieces.append((position, series.key, series.rows[start : start + len(chunk)], chunk))
            start += len(chunk)
            size_bytes += 8 * len(chunk) + chunk.nbytes
            if size_bytes >= _PIECE_BYTES:
                yield _sparse_batch(lane, pieces)
                pieces, size_bytes = [], 0
    if pieces:
        yield _sparse_batch(lane, pieces)


def _sparse_batch(lane: Lane, pieces: list[tuple[int, str, Any, pa.Array]]) -> pa.RecordBatch:
    offsets = pa.array(np.concatenate([[0], np.cumsum([len(chunk) for *_, chunk in pieces])]).astype(np.int32))
    rows = pa.array(np.concatenate([rows for _, _, rows, _ in pieces]), pa.int64())
    values = pa.concat_arrays([chunk for *_, chunk in pieces])
    columns = [
        pa.array([position for position, *_ in pieces], pa.int64()),
        pa.array([key for _, key, *_ in pieces], pa.string()),
        pa.ListArray.from_arrays(offsets, rows),
        pa.ListArray.from_arrays(offsets, values),
    ]
    return pa.record_batch(columns, schema=_sparse_schema(lane))


class _Sink(io.RawIOBase):
    """Takes what Arrow writes until it is fetched."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def take(self) -> Iterator[bytes]:
        """What has come, large buffers as they came and small ones together."""
        pieces, self._pieces = self._pieces, []
        small: list[bytes] = []
        for piece in pieces:
            if len(piece) < _SMALL_BYTES:
                small.append(piece)
            else:
                if small:
                    yield b"".join(small)
                    small = []
                yield piece
        if small:
            yield b"".join(small)


def _stream(schema: pa.Schema, batches: Iterable[pa.RecordBatch], compression: str | None) -> Iterator[bytes]:
    sink = _Sink()
    with pa.ipc.new_stream(sink, schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        for batch in batches:
            writer.write_batch(batch)
            yield from sink.take()
    yield from sink.take()


def _batches(table: pa.Table) -> list[pa.RecordBatch]:
    """The table in pieces that need not fit twice into memory."""
    row_bytes = max(1, table.nbytes // max(1, table.num_rows))
    return table.to_batches(max_chunksize=max(1, _BATCH_BYTES // row_bytes))  # type: ignore[no-any-return]


# Reading --------------------------------------------------------------------------------------------------


def read_history(source: BinaryIO | pa.NativeFile) -> History:
    """The inverse of `write_history`; raises the error that came instead of it."""
    found = next(_messages(source), None)
    if found is None:
        raise _broken_off()
    return found[0]


def read_tail(source: BinaryIO | pa.NativeFile) -> Tail:
    """The inverse of `write_tail`."""
    found = next(_messages(source), None)
    if found is None:
        raise _broken_off()
    history, more, extra = found
    return Tail(
        history,
        TailCursor.parse(more["cursor"]),
        is_ended=more["is_ended"],
        is_restarted=more["is_restarted"],
        writers=tuple(more["writers"]),
        writer_of_row=extra[_WRITER].to_numpy(),
    )


def read_blocks(source: BinaryIO | pa.NativeFile) -> Iterator[HistoryBlock]:
    """The inverse of `write_blocks`: each as soon as it is there; raises the error that ended them."""
    for history, more, _ in _messages(source):
        yield HistoryBlock(more["run_ids"], np.array(more["row_counts"], np.int64), history, more.get("unreadable"))


def read_table(source: BinaryIO | pa.NativeFile) -> tuple[pa.Table, dict[str, str]]:
    """The inverse of `write_table`: the table, and the problems."""
    try:
        table = pa.ipc.open_stream(source).read_all()
    except (pa.ArrowInvalid, OSError) as error:
        raise _broken_off(error) from None
    metadata = dict(table.schema.metadata or {})
    said = unpack(metadata.pop(_META, b"{}"), _Lacks)
    return table.replace_schema_metadata(metadata or None), said.problems


def _messages(
    source: BinaryIO | pa.NativeFile,
) -> Iterator[tuple[History, dict[str, Any], dict[str, pa.ChunkedArray]]]:
    while True:
        try:
            table = pa.ipc.open_stream(source).read_all()
        except pa.ArrowInvalid as error:
            if "no schema" in str(error).lower() or "null or length 0" in str(error).lower():
                return
            raise _broken_off(error) from None
        about = unpack((table.schema.metadata or {}).get(_META, b"{}"), _About)
        if about.problem is not None:
            raise error_of(500, about.problem)
        series: dict[int, Series] = {}
        columns: dict[str, pa.ChunkedArray] = {}
        for field, column in zip(table.schema, table.columns, strict=True):
            if field.metadata and b"lane" in field.metadata:
                lane: Any = field.metadata[b"lane"].decode()
                series[int(field.metadata[b"position"])] = Series(field.name, lane, None, column)
            else:
                columns[field.name] = column
        for lane in about.sparse_lanes:
            series |= _read_sparse(source, lane)
        if len(series) != about.series_count:
            raise _broken_off()
        axes = [columns[name].to_numpy() if name in columns else None for name in (STEP, TIMESTAMP, RUNTIME)]
        assert axes[0] is not None
        stream: Any = about.stream
        ordered = [series[position] for position in range(about.series_count)]
        yield History(stream, axes[0], axes[1], axes[2], ordered, about.source_row_count), about.more, columns


def _read_sparse(source: BinaryIO | pa.NativeFile, lane: Any) -> dict[int, Series]:
    keys: dict[int, str] = {}
    rows: dict[int, list[Any]] = {}
    values: dict[int, list[pa.Array]] = {}
    try:
        for batch in pa.ipc.open_stream(source):
            offsets = batch.column(3).offsets.to_numpy()
            all_rows, all_values = batch.column(2).values.to_numpy(), batch.column(3).values
            places = zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), offsets, offsets[1:], strict=False)
            for position, key, start, end in places:
                keys[position] = key
                rows.setdefault(position, []).append(all_rows[start:end])
                values.setdefault(position, []).append(all_values.slice(start, end - start))
    except (pa.ArrowInvalid, OSError) as error:
        raise _broken_off(error) from None
    kind = ARROW_TYPE_OF_LANE[lane]
    return {
        position: Series(
            key,
            lane,
            rows[position][0] if len(rows[position]) == 1 else np.concatenate(rows[position]),
            pa.chunked_array(values[position], kind),
        )
        for position, key in keys.items()
    }


def _broken_off(error: Exception | None = None) -> CommError:
    return CommError(f"the server's answer broke off in the middle{f' ({error})' if error else ''}; try again")
