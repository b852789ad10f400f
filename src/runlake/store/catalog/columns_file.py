"""`RunColumns` as one file, whole or not at all.

::

    magic │ fields: Arrow stream │ one Arrow stream for each lane │ rows int64 │ directory: msgpack │ tail

The leaves of one lane lie one behind the other; the directory says which stretch is whose. Every section has a CRC, and
they are proven when the file is read. It is read and not mapped: a file that is cut under a mapping kills its reader.
"""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from runlake.ready import ready
from runlake.store.catalog.run_columns import FIELD_TYPES, LANE_TYPES, MARKS, Leaf, Root, RunColumns
from runlake.store.disk import read_whole, replacing

MAGIC = b"rlcols\x00\x01"
_TAIL = struct.Struct("<QQI8s")
_ALIGNMENT = 64


class DamagedFileError(Exception):
    """The file is not as it was written."""


class _Section(msgspec.Struct, array_like=True):
    name: str
    offset: int
    size_bytes: int
    crc: int


class _LeafEntry(msgspec.Struct, array_like=True):
    """`start` and `rows_start` count values in the lane's section and in the rows; -1 for a value in every row."""

    root: Root
    path: str
    lane: str
    start: int
    count: int
    rows_start: int


class _Directory(msgspec.Struct):
    entity: str
    project: str
    size: int
    sections: list[_Section]
    leaves: list[_LeafEntry]


def write_columns(file: Path, columns: RunColumns) -> None:
    """Put the file in place in one step; OSError where that cannot be."""
    with replacing(file) as stream:
        _write(stream, columns)


def read_columns(file: Path) -> RunColumns:
    """What was written; `DamagedFileError` for anything else, OSError where it cannot be read."""
    content = read_whole(file)
    try:
        return columns_from_bytes(content)
    except DamagedFileError as error:
        raise DamagedFileError(f"{file}: {error}") from error


def columns_to_bytes(columns: RunColumns) -> bytes:
    """What `write_columns` writes."""
    stream = io.BytesIO()
    _write(stream, columns)
    return stream.getvalue()


def columns_from_bytes(content: bytes) -> RunColumns:
    """The inverse of `columns_to_bytes`; `DamagedFileError` for anything else."""
    try:
        return _read(pa.py_buffer(content))
    except (struct.error, ValueError, LookupError, TypeError, msgspec.MsgspecError, pa.ArrowException) as error:
        raise DamagedFileError(str(error)) from error


def _write(stream: Any, columns: RunColumns) -> None:
    stream.write(MAGIC)
    sections: list[_Section] = []

    def add(name: str, content: Any) -> None:
        stream.write(b"\0" * (-stream.tell() % _ALIGNMENT))
        view = memoryview(content)
        sections.append(_Section(name, stream.tell(), view.nbytes, zlib.crc32(view)))
        stream.write(view)

    add("fields", _stream(list(columns.fields), list(columns.fields.values())))
    entries: list[_LeafEntry] = []
    rows: list[Any] = []
    row_count = 0
    for lane, type_ in LANE_TYPES.items():
        arrays, start = [], 0
        for leaf in columns.leaves:
            if leaf.lane != lane:
                continue
            count = len(leaf.values)
            entries.append(_LeafEntry(leaf.root, leaf.path, lane, start, count, -1 if leaf.rows is None else row_count))
            arrays.append(leaf.values)
            start += count
            if leaf.rows is not None:
                rows.append(leaf.rows)
                row_count += count
        if arrays:
            add(lane, _stream(["values"], [pa.concat_arrays(arrays) if len(arrays) > 1 else arrays[0].cast(type_)]))
    add("rows", (np.concatenate(rows) if rows else np.empty(0, np.int64)).astype("<i8").tobytes())
    place = {(leaf.root, leaf.path, leaf.lane): number for number, leaf in enumerate(columns.leaves)}
    entries.sort(key=lambda entry: place[entry.root, entry.path, entry.lane])  # type: ignore[index]
    directory = msgspec.msgpack.encode(_Directory(columns.entity, columns.project, columns.size, sections, entries))
    offset = stream.tell()
    stream.write(directory)
    stream.write(_TAIL.pack(offset, len(directory), zlib.crc32(directory), MAGIC))


def _stream(names: list[str], arrays: list[pa.Array]) -> pa.Buffer:
    batch = pa.record_batch(arrays, names=names)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue()


def _read(data: pa.Buffer) -> RunColumns:
    view = memoryview(data)
    offset, size, crc, magic = _TAIL.unpack_from(view, len(view) - _TAIL.size)
    encoded = view[offset : offset + size]
    if bytes(view[:8]) != MAGIC or magic != MAGIC or zlib.crc32(encoded) != crc:
        raise ValueError("this is no file of run columns, or its end is missing")
    directory = msgspec.msgpack.decode(encoded, type=ready(_Directory))
    sections: dict[str, pa.Buffer] = {}
    for section in directory.sections:
        content = data.slice(section.offset, section.size_bytes)
        if zlib.crc32(memoryview(content)) != section.crc:
            raise ValueError(f"the section {section.name} is not as it was written")
        sections[section.name] = content
    batch = _batch(sections["fields"])
    fields = {name: batch.column(name) for name in [*MARKS, *FIELD_TYPES]}
    lanes = {name: _batch(content).column("values") for name, content in sections.items() if name in LANE_TYPES}
    rows = np.frombuffer(sections["rows"], "<i8")
    leaves = [
        Leaf(
            entry.root,
            entry.path,
            entry.lane,  # type: ignore[arg-type]  # a key of LANE_TYPES, or the next line fails
            None if entry.rows_start < 0 else rows[entry.rows_start : entry.rows_start + entry.count],
            lanes[entry.lane].slice(entry.start, entry.count),
        )
        for entry in directory.leaves
    ]
    _prove(fields, leaves, directory.size)
    return RunColumns(directory.entity, directory.project, fields, leaves, directory.size)


def _prove(fields: dict[str, pa.Array], leaves: list[Leaf], size: int) -> None:
    """ValueError unless these can be the columns of `size` runs: what looks up a row later does not ask again."""
    for name, type_ in {**MARKS, **FIELD_TYPES}.items():
        if fields[name].type != type_ or len(fields[name]) != size:
            raise ValueError(f"{name} is no column of {size} runs")
        fields[name].validate(full=True)
    for leaf in leaves:
        count = size if leaf.rows is None else len(leaf.rows)
        rows = leaf.rows
        is_placed = rows is None or (count > 0 and rows[0] >= 0 and rows[-1] < size and bool((np.diff(rows) > 0).all()))
        if not is_placed or len(leaf.values) != count or leaf.values.type != LANE_TYPES[leaf.lane]:
            raise ValueError(f"{leaf.path!r} does not have a value for each row that it names")
        leaf.values.validate(full=leaf.lane in ("str", "json"))


def _batch(content: pa.Buffer) -> pa.RecordBatch:
    with pa.ipc.open_stream(content) as reader:
        return reader.read_next_batch()
