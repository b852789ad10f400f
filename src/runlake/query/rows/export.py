"""Tables and rows as files of other programs: CSV, Parquet, JSON lines, Arrow.

A sheet is written piece by piece, so memory holds one piece and not the file. It is written beside its destination
and takes its name when it is complete; an export that fails leaves what was there before.

CSV: a missing value is nothing between two commas and an empty text is ``""``; floats are in the shortest form that
reads back to the same bits and always hold a point or an exponent; NaN is ``NaN``, infinities ``inf`` and ``-inf``.
JSON lines: a row is an object of the keys that were logged in it, nested as it was logged. What JSON cannot say is
written with the marks of `runlake.values`: NaN is ``{"$float": "NaN"}``.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Protocol

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from runlake import values
from runlake.errors import BadValueError
from runlake.model import Lane
from runlake.query.rows.dicts import read_python, row_batches, row_keys
from runlake.query.rows.history import History
from runlake.store.arrow import to_numpy

if TYPE_CHECKING:
    import pyarrow.parquet as pq

Format = Literal["csv", "parquet", "jsonl", "arrow"]
FORMATS: tuple[Format, ...] = ("csv", "parquet", "jsonl", "arrow")
Destination = str | os.PathLike[str] | BinaryIO

_MARKS = ("$float", "$bytes", "$dict")
_GROUP_ROWS, _GROUP_BYTES, _BUFFER_BYTES = 131_072, 32 * 2**20, 4 * 2**20
_IN_MEMORY_BYTES, _NAMED_TIMES, _COLUMN_BYTES = 4 * 2**20, 8, 4096
_QUOTED = '[",\r\n]'

_USUAL_LEVEL, _UNSEARCHED = 1, -1
_LOOKED_AT, _BELOW_FLOAT32 = 256, np.uint64(2**29 - 1)


class TableWriter(Protocol):
    """Writes tables of one schema, one after the other."""

    def write(self, table: pa.Table) -> None: ...

    def close(self) -> None: ...


class CountedFile:
    """A file that is only written, and how many bytes went into it; pyarrow asks for no more.

    With a `digest` of hashlib, that is told every byte.
    """

    def __init__(self, file: BinaryIO, digest: hashlib._Hash | None = None) -> None:
        self._file, self._digest = file, digest
        self.size_bytes = 0
        self.closed = False

    def write(self, data: Any) -> int:
        view = memoryview(data)
        self._file.write(view)
        self.size_bytes += view.nbytes
        if self._digest is not None:
            self._digest.update(view)
        return view.nbytes

    def sha256(self) -> str:
        """The digest of what was written, in hexadecimal digits; empty where none was asked for."""
        return "" if self._digest is None else self._digest.hexdigest()

    def flush(self) -> None:
        self._file.flush()

    def tell(self) -> int:
        return self.size_bytes

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        """Whoever opened the file closes it."""


def check_format(format: str) -> Format:
    """The format by its name; `BadValueError` names those there are."""
    for known in FORMATS:
        if format == known:
            return known
    raise BadValueError(f"format={format!r}; it can be {', '.join(FORMATS)}")


@contextlib.contextmanager
def open_destination(destination: Destination) -> Iterator[BinaryIO]:
    """A file to write, which becomes `destination` when the block ends well and is gone when it does not.

    Something with a `write` (a pipe, stdout) is written to directly and stays open.
    """
    if not isinstance(destination, str | os.PathLike):
        yield destination
        destination.flush()
        return
    path = Path(destination)
    draft = path.with_name(f".{path.name[:200]}.{secrets.token_hex(4)}.part")
    try:
        with draft.open("xb") as file:
            yield file
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def open_table_writer(file: BinaryIO, format: Format, schema: pa.Schema, *, is_gathering: bool = True) -> TableWriter:
    """A writer of tables in `format` to `file`; JSON lines are rows, not tables: see `write_json_lines`.

    Unless it `is_gathering`, each table is a row group of a Parquet file, and written before `write` returns.
    """
    if format == "parquet":
        return ParquetTables(file, schema, is_gathering=is_gathering)
    if format == "arrow":
        stream: TableWriter = pa.ipc.new_file(file, schema)
        return stream
    return CsvWriter(file, schema)


class ParquetTables:
    """Writes tables as row groups: small tables are gathered, since a group of few rows costs more than it holds.

    Numbers stand as in segments, split by byte or as differences; text and dictionaries have dictionaries. In a column
    of noise zstd does not search, and finds as much: what the first group holds says which are. A gathered group is
    written while the tables of the next one come; an error of the disk is raised by the call after, or by `close`.
    Without gathering each table is a group, and written at once.
    """

    def __init__(self, file: BinaryIO | pa.NativeFile, schema: pa.Schema, *, is_gathering: bool = True) -> None:
        self._sink = _sink_of(file)
        self._schema = schema
        self._writer: pq.ParquetWriter | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="runlake-write") if is_gathering else None
        self._writing: Future[None] | None = None
        self._pending: list[pa.Table] = []
        self._row_count = self._size_bytes = 0

    def write(self, table: pa.Table) -> None:
        """Append the rows of `table`, now or with those to come."""
        if self._thread is None:
            self._put(table)
            return
        self._pending.append(table)
        self._row_count += table.num_rows
        self._size_bytes += table.nbytes
        if self._row_count >= _GROUP_ROWS or self._size_bytes >= _GROUP_BYTES:
            self._write_group(self._thread)

    def close(self) -> None:
        """Write what was held back, and the footer."""
        with contextlib.nullcontext() if self._thread is None else self._thread as thread:
            if thread is not None and self._pending:
                self._write_group(thread)
            self._wait()
            self._opened(self._schema.empty_table()).close()
            self._sink.flush()

    def _write_group(self, thread: ThreadPoolExecutor) -> None:
        group = pa.concat_tables(self._pending)
        self._pending, self._row_count, self._size_bytes = [], 0, 0
        self._wait()
        self._writing = thread.submit(self._put, group)

    def _wait(self) -> None:
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def _put(self, group: pa.Table) -> None:
        self._opened(group).write_table(group, row_group_size=max(1, group.num_rows))

    def _opened(self, first: pa.Table) -> pq.ParquetWriter:
        """The writer, which is made when the first group is there."""
        import pyarrow.parquet as pq

        if self._writer is None:
            kinds = dict(zip(self._schema.names, self._schema.types, strict=True))
            floats = {name: "BYTE_STREAM_SPLIT" for name, kind in kinds.items() if pa.types.is_floating(kind)}
            integers = {name: "DELTA_BINARY_PACKED" for name, kind in kinds.items() if pa.types.is_integer(kind)}
            self._writer = pq.ParquetWriter(
                self._sink,
                self._schema,
                compression="zstd",
                compression_level={
                    name: _UNSEARCHED if _is_noise(column) else _USUAL_LEVEL
                    for name, column in zip(kinds, first.columns, strict=True)
                },
                use_dictionary=[name for name in kinds if name not in floats and name not in integers],
                column_encoding=floats | integers,
            )
        return self._writer


def _sink_of(file: BinaryIO | pa.NativeFile) -> pa.NativeFile:
    """What pyarrow writes to: each write of a Python file waits for the interpreter, which readers keep busy."""
    return file if isinstance(file, pa.NativeFile) else pa.BufferedOutputStream(pa.PythonFile(file, "w"), _BUFFER_BYTES)


class ParquetInMemory:
    """Makes Parquet files of one row group each in the same memory, which is touched for the first time only once.

    The bytes are those of `ParquetTables`.
    """

    def __init__(self, size_bytes: int = _IN_MEMORY_BYTES) -> None:
        self._buffer = pa.allocate_buffer(size_bytes)

    def holds(self, table: pa.Table) -> bool:
        """Whether the file is known to fit. Numbers are at most as long as in memory; of text nobody knows."""
        names_bytes = sum(len(name.encode()) for name in table.column_names)
        room = 2 * table.nbytes + _NAMED_TIMES * names_bytes + _COLUMN_BYTES * table.num_columns
        return room <= self._buffer.size and all(pa.types.is_primitive(kind) for kind in table.schema.types)

    def write(self, table: pa.Table) -> memoryview:
        """The file of a table that fits, until the next one is written."""
        sink = pa.FixedSizeBufferWriter(self._buffer)
        tables = ParquetTables(sink, table.schema, is_gathering=False)
        tables.write(table)
        tables.close()
        return memoryview(self._buffer)[: sink.tell()]


def _is_noise(column: pa.ChunkedArray) -> bool:
    """Whether most of the first values are doubles to the last bit: no float32, no integer, no fraction of a batch."""
    if column.type != pa.float64() or column.null_count or not len(column):
        return False
    bits = to_numpy(column.slice(0, _LOOKED_AT)).view(np.uint64)
    return bool(np.count_nonzero(bits & _BELOW_FLOAT32) * 2 > len(bits))


class CsvWriter:
    """Writes tables as lines of CSV (RFC 4180, lines end in a line feed, UTF-8), the header first."""

    def __init__(self, file: BinaryIO, schema: pa.Schema) -> None:
        self._file = file
        self._file.write((",".join(map(_quote, schema.names)) + "\n").encode())

    def write(self, table: pa.Table) -> None:
        """Append the rows of `table`."""
        for batch in table.to_batches(max_chunksize=65536):
            if batch.num_rows:
                self._write_batch([_csv_text(column) for column in batch.columns])

    def close(self) -> None:
        """Nothing is held back."""

    def _write_batch(self, columns: list[pa.Array]) -> None:
        if len(columns) == 1:  # a line of nothing would be no line
            columns = [pc.if_else(pc.equal(columns[0], ""), _large('""'), columns[0])]
        ends = _large("\n")
        while len(columns) > 200:  # so many arguments at once cost more than a second pass
            columns = [_joined(columns[i : i + 200]) for i in range(0, len(columns), 200)]
        lines = pc.binary_join_element_wise(_joined(columns), ends, _large(""))
        self._file.write(_text_bytes(lines))


def _large(text: str) -> pa.Scalar:
    return pa.scalar(text, pa.large_string())


def _joined(columns: list[pa.Array]) -> pa.Array:
    if len(columns) == 1:
        return columns[0]
    return pc.binary_join_element_wise(*columns, _large(","))


def _text_bytes(lines: pa.Array) -> memoryview:
    """All texts of an array without nulls, one after the other, as they lie in memory."""
    offsets = np.frombuffer(lines.buffers()[1], dtype=np.int64)
    first, last = int(offsets[lines.offset]), int(offsets[lines.offset + len(lines)])
    return memoryview(lines.buffers()[2])[first:last]


def _csv_text(column: pa.Array) -> pa.Array:
    if pa.types.is_null(column.type):
        column = column.cast(pa.string())
    if pa.types.is_nested(column.type):
        texts = [None if item is None else str(values.encode_json(item)) for item in column.to_pylist()]
        column = pa.array(texts, pa.large_string())
    if pa.types.is_floating(column.type):
        text = _float_text(column)
    elif (
        pa.types.is_dictionary(column.type) or pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    ):
        text = _quoted_text(column.cast(pa.large_string()))
    else:
        text = column.cast(pa.large_string())
    return pc.fill_null(text, _large(""))


def _float_text(column: pa.Array) -> pa.Array:
    text = column.cast(pa.large_string())
    text = pc.if_else(pc.is_nan(column), _large("NaN"), text)
    whole = pc.and_(pc.is_finite(column), pc.equal(pc.floor(column), column))
    if not pc.any(whole).as_py():
        return text
    bare = pc.and_(whole, pc.invert(pc.match_substring_regex(text, "[.e]")))
    empty, point = _large(""), _large(".0")
    return pc.binary_join_element_wise(text, pc.if_else(bare, point, empty), empty)


def _quoted_text(column: pa.Array) -> pa.Array:
    special = pc.or_(pc.match_substring_regex(column, _QUOTED), pc.equal(column, ""))
    if not pc.any(special).as_py():
        return column
    mark, none = _large('"'), _large("")
    quoted = pc.binary_join_element_wise(mark, pc.replace_substring(column, '"', '""'), mark, none)
    return pc.if_else(special, quoted, column)


def _quote(text: str) -> str:
    special = not text or any(character in '",\r\n' for character in text)
    return '"' + text.replace('"', '""') + '"' if special else text


def write_json_lines(
    file: BinaryIO,
    history: History,
    *,
    first: dict[str, Any] | None = None,
    axes: Iterable[str] | None = None,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Write each row as one line, with `first` before its own keys; returns the count of rows.

    A key of the row's own that is called as one of `first` gets a backslash before it. `progress` is told how many
    rows were written since it was last told.
    """
    # A key that looks like a mark must itself be marked, which only the encoder of values knows.
    is_marked = any(part in _MARKS for series in history.series for part in values.split_path(series.key))
    encode = _encode_marked if is_marked else msgspec.json.Encoder().encode
    row_count = 0
    for batch in row_batches(history, axes=axes, read=read_python if is_marked else _read_for_json):
        rows = batch if first is None else [{**first, **row} for row in _apart(batch, history, first)]
        file.write(b"\n".join([*map(encode, rows), b""]))
        row_count += len(rows)
        if progress is not None:
            progress(len(rows))
    return row_count


def _encode_marked(row: dict[str, Any]) -> bytes:
    return values.encode_json(row).encode()


def _apart(rows: list[dict[str, Any]], history: History, first: dict[str, Any]) -> list[dict[str, Any]]:
    if not any(row_keys(series.key)[0] in first for series in history.series):
        return rows
    return [{f"\\{key}" if key in first else key: value for key, value in row.items()} for row in rows]


def _read_for_json(lane: Lane, array: pa.ChunkedArray) -> list[Any]:
    """Values as the encoder shall write them: JSON as it lies there, and floats that JSON has no word for marked."""
    if lane == "json":
        return [msgspec.Raw(text.encode()) for text in array.to_pylist()]
    if lane != "f64":
        return array.to_numpy().tolist() if lane == "i64" else array.to_pylist()  # type: ignore[no-any-return]
    numbers = array.to_numpy()
    items: list[Any] = numbers.tolist()
    for place in np.flatnonzero(~np.isfinite(numbers)).tolist():
        items[place] = msgspec.Raw(str(values.encode_json(items[place])).encode())
    return items
