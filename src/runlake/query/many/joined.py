"""The numbers of many runs as the columns of one frame, straight from the blocks in which they were read.

A history for each of thousands of runs, and a frame from all of them, take longer than reading their values. So where
all runs have the same keys in every row, nothing is made of a single run: the pieces of each column are put one behind
the other, once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from runlake.model import AXES
from runlake.query.many.blocks import HistoryBlock
from runlake.query.rows.dicts import axes_of_keys
from runlake.query.rows.history import History
from runlake.query.rows.select import find_series, has_all_rows
from runlake.query.rows.table import axis_array, plan_columns
from runlake.store.arrow import to_numpy


class JoinedNumbers(NamedTuple):
    """The run of each row (large text), and the columns in memory of their own."""

    run_ids: pa.Array
    columns: dict[str, npt.NDArray[Any]]


def joined_numbers(
    blocks: Sequence[HistoryBlock], run_ids: Sequence[str], keys: Sequence[str], x_axis: str
) -> JoinedNumbers | None:
    """The rows of these runs in this order, the axes first, then `keys`; None where a run must be looked at by itself:
    it lacks a key or has it in some rows only, or it has values that are no numbers.
    """
    if not blocks or not all(_has_numbers_in_all_rows(block, keys) for block in blocks):
        return None
    first = blocks[0].history
    columns = plan_columns(first)
    shape = [(one.key, one.lane) for one in first.series]
    if len(columns) < len(shape) or any([(o.key, o.lane) for o in b.history.series] != shape for b in blocks):
        return None
    spans, counts = _spans(blocks, run_ids)
    if spans is None:
        return None
    data = {}
    for axis in axes_of_keys(keys, x_axis):
        data[axis] = _joined([axis_array(block.history, axis) for block in blocks], spans)
    for place, column in enumerate(columns):
        data[column.name] = _joined([block.history.series[place].values for block in blocks], spans)
    return JoinedNumbers(_repeated(run_ids, counts), data)


def _has_numbers_in_all_rows(block: HistoryBlock, keys: Sequence[str]) -> bool:
    history: History = block.history
    if block.problem is not None or not all(find_series(history, key) for key in keys if key not in AXES):
        return False
    return all(one.lane in ("f64", "i64") and has_all_rows(one, history.row_count) for one in history.series)


_Span = tuple[int, int, int]
"""Block, first row, and the row behind the last."""


def _spans(blocks: Sequence[HistoryBlock], run_ids: Sequence[str]) -> tuple[list[_Span] | None, list[int]]:
    """Where the rows of the runs lie, neighbours as one span, and how many each run has; None where one is missing."""
    place_of: dict[str, _Span] = {}
    for number, block in enumerate(blocks):
        stops = np.cumsum(block.row_counts).tolist()
        for run_id, start, stop in zip(block.run_ids, [0, *stops], stops, strict=False):
            place_of[run_id] = (number, start, stop)
    spans: list[_Span] = []
    counts = []
    for run_id in run_ids:
        if run_id not in place_of:
            return None, []
        number, start, stop = place_of[run_id]
        counts.append(stop - start)
        if spans and spans[-1][0] == number and spans[-1][2] == start:
            spans[-1] = (number, spans[-1][1], stop)
        else:
            spans.append((number, start, stop))
    return spans, counts


def _joined(columns: Sequence[pa.Array | pa.ChunkedArray], spans: Sequence[_Span]) -> npt.NDArray[Any]:
    """One column of the frame, in memory of its own."""
    arrays = [to_numpy(column) for column in columns]
    return np.concatenate([arrays[number][start:stop] for number, start, stop in spans])


def _repeated(texts: Sequence[str], counts: Sequence[int]) -> pa.Array:
    """Each text so many times."""
    encoded = [text.encode() for text in texts]
    row_count, lengths = sum(counts), {len(text) for text in encoded}
    if len(lengths) == 1:  # as ids are that nobody chose: a third of the time
        (length,) = lengths
        ends = np.arange(0, row_count * length + 1, length)
    else:
        ends = np.zeros(row_count + 1, np.int64)
        np.cumsum(np.repeat([len(text) for text in encoded], counts), out=ends[1:])
    content = b"".join([text * count for text, count in zip(encoded, counts, strict=True)])
    return pa.LargeStringArray.from_buffers(len(ends) - 1, pa.py_buffer(ends), pa.py_buffer(content))
