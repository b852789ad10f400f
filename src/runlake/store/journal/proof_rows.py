"""Whether what stands in a journal part means something, rows and all. Pure: rows are looked at as arrays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from runlake.errors import BadValueError
from runlake.model import FIRST_TIME_S, LAST_TIME_S
from runlake.store.journal import record
from runlake.store.journal.proof import (
    CONSOLE_KINDS,
    MAX_ROW_NUMBER,
    prove_console_value,
    prove_record,
    prove_values,
)
from runlake.store.journal.record import Shape
from runlake.store.journal.scan import FLAGS_OFFSET, MixedRow, PackedRows, ScannedPart

_TIMES_OFFSET, _TOP_OF_N = 19, 10
_CONSOLE = record.STREAM_BITS["console"]
_KINDS = {"f64": float, "i64": int, "bool": bool}
_TEXT = frozenset({str})


def prove_part(part: ScannedPart) -> None:
    """BadValueError for a part, or what stands in one from a mark on, that readers could not make sense of.

    Records and shapes were proven one by one while the part was walked; rows are where that would be slow.
    """
    if part.header:
        prove_record(record.PART, part.header.body)
    _prove_shapes(part)
    depths: dict[str, int] = {}
    alone: list[int] = []
    stretches = []
    for rows in part.rows:
        if isinstance(rows, MixedRow):
            alone.append(rows.offset)
            values = rows.values
            if not (depths.keys() >= values.keys() and _TEXT.issuperset(map(type, values.values()))):
                prove_values(values, depths, is_console=rows.flags & record.STREAM_MASK == _CONSOLE)
        elif rows.count == 1:
            alone.append(rows.offset)
        else:
            stride = record.HEAD.size + rows.shape.size
            stretches.append(np.arange(rows.offset, rows.offset + rows.count * stride, stride))
    if part.rows:
        _prove_heads(part.data, np.concatenate([*stretches, np.array(alone, np.int64)]) + record.HEAD.size)


def _prove_shapes(part: ScannedPart) -> None:
    """That a number means one shape, also where none of its rows is here, and that printed lines are of their types."""
    known = dict(part.since.shapes)
    proven = set(map(id, known.values()))
    used = {id(rows.shape): rows.shape for rows in part.rows if isinstance(rows, PackedRows)}
    for shape in (*part.shapes.values(), *used.values()):
        if id(shape) in proven:
            continue
        proven.add(id(shape))
        before = known.setdefault(shape.number, shape)
        if before.meaning != shape.meaning:
            raise BadValueError(f"shape {shape.number} is declared twice, and means two things")
    for shape in used.values():
        for path, lane in zip(shape.paths, shape.lanes, strict=True):
            if CONSOLE_KINDS.get(path, _KINDS[lane]) is not _KINDS[lane] and _is_of_console(part, shape):
                prove_console_value(path, _KINDS[lane])


def _is_of_console(part: ScannedPart, shape: Shape) -> bool:
    """Whether a shape is used by printed lines; a metric may be called like a part of one."""
    stride, flags_offset = record.HEAD.size + shape.size, record.HEAD.size + FLAGS_OFFSET
    return any(
        part.data[offset + flags_offset] & record.STREAM_MASK == _CONSOLE
        for rows in part.rows
        if isinstance(rows, PackedRows) and rows.shape is shape
        for offset in range(rows.offset, rows.offset + rows.count * stride, stride)
    )


def _prove_heads(data: bytes, bodies: npt.NDArray[np.int64]) -> None:
    """What stands at the front of rows. Those of an unknown stream hurt nobody: no reader asks for them."""
    count = len(data) - record.ROW_HEAD.size + 1
    times = np.ndarray((count,), [("both", "<f8", (2,))], data, _TIMES_OFFSET, (1,))["both"][bodies]
    lowest, highest = float(times.min()), float(times.max())  # NaN where any of them is
    if not (lowest >= FIRST_TIME_S and highest <= LAST_TIME_S):
        raise BadValueError(
            f"of {len(bodies)} rows some have a time or a runtime that cannot be: {lowest} to {highest}"
        )
    if int(np.frombuffer(data, np.uint8)[bodies + _TOP_OF_N].max()) > MAX_ROW_NUMBER >> 56:
        raise BadValueError(f"of {len(bodies)} rows some have a number that no row can have")
