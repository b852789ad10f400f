"""Whether what stands in a journal part means something, rows and all. Pure: rows are looked at as arrays."""

from __future__ import annotations

import struct

import numpy as np

from runlake.errors import BadValueError
from runlake.model import FIRST_TIME_S, LAST_TIME_S
from runlake.store import record
from runlake.store.decode import MixedRow, PackedRows, ScannedPart
from runlake.store.proof import prove_console_value, prove_record, prove_row
from runlake.values import I64_MAX

_FEW = 8
"""So many frames are looked at faster one by one than as arrays."""

_AXES = struct.Struct("<xxBQxxxxxxxxdd")
_FIELDS = np.dtype(
    {"names": ["flags", "n", "timestamp", "runtime"], "formats": ["u1", "<u8", "<f8", "<f8"], "offsets": [2, 3, 19, 27]}
)


def prove_part(part: ScannedPart) -> None:
    """BadValueError for a part, or what stands in one from a mark on, that readers could not make sense of."""
    if part.header:
        prove_record(record.PART, part.header)
    for kind, body, _ in part.records:
        prove_record(kind, body)
    _prove_shapes(part)
    for rows in part.rows:
        if isinstance(rows, MixedRow):
            stream_bits = rows.flags & record.STREAM_MASK
            prove_row(stream_bits, rows.n, rows.timestamp, rows.runtime, rows.values)
        else:
            _prove_packed(part.data, rows)


def _prove_shapes(part: ScannedPart) -> None:
    """Those that are declared here, also where none of their rows is or another took their number."""
    known = dict(part.since.shapes)
    proven = set(map(id, known.values()))
    for shape in (*part.shapes.values(), *(rows.shape for rows in part.rows if isinstance(rows, PackedRows))):
        if id(shape) in proven:
            continue
        proven.add(id(shape))
        prove_record(record.SHAPE, {name: getattr(shape, name) for name in ("number", "paths", "lanes", "order")})
        before = known.setdefault(shape.number, shape)
        if (before.paths, before.lanes, before.order) != (shape.paths, shape.lanes, shape.order):
            raise BadValueError(f"shape {shape.number} is declared twice, and means two things")


def _prove_packed(data: bytes, rows: PackedRows) -> None:
    body, stride = rows.offset + record.HEAD.size, record.HEAD.size + rows.shape.size
    is_console = record.STREAM_BITS["console"] in _prove_axes(data, body, stride, rows.count)
    if is_console:
        for path, lane in zip(rows.shape.paths, rows.shape.lanes, strict=True):
            prove_console_value(path, _EXAMPLES[lane])


_EXAMPLES = {"f64": 0.0, "i64": 0, "bool": False}


def _prove_axes(data: bytes, body: int, stride: int, count: int) -> set[int]:
    """What stands at the front of packed rows; answers which streams they are of."""
    if count <= _FEW:
        streams = set()
        for index in range(count):
            flags, n, timestamp, runtime = _AXES.unpack_from(data, body + index * stride)
            streams.add(flags & record.STREAM_MASK)
            prove_row(flags & record.STREAM_MASK, n, timestamp, runtime, {})
        return streams
    heads = np.ndarray((count,), _FIELDS, data, body, (stride,))
    timestamp, runtime = heads["timestamp"], heads["runtime"]
    for name, times in (("time", timestamp), ("runtime", runtime)):
        lowest, highest = float(times.min()), float(times.max())  # NaN where any of them is
        if not (lowest >= FIRST_TIME_S and highest <= LAST_TIME_S):
            raise BadValueError(f"of {count} rows some have a {name} that cannot be: they are {lowest} to {highest}")
    if heads["n"].max() >= I64_MAX:
        raise BadValueError(f"no row can have the number {heads['n'].max()}")
    streams = set(np.unique(heads["flags"] & record.STREAM_MASK).tolist())
    for bits in streams:
        prove_row(bits, 0, 0.0, 0.0, {})
    return streams
