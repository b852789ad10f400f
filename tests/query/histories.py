"""Histories made from plain rows, as the store would hand them out."""

import numpy as np
import pyarrow as pa

from runlake import values
from runlake.query.rows.history import History, Series

TYPES = {"i64": pa.int64(), "f64": pa.float64(), "bool": pa.bool_(), "null": pa.null()}


def make_history(rows, *, steps=None, chunk_size=None, stream="history"):
    """Row i has step i unless `steps` says otherwise, timestamp 1000 + i, runtime i / 2."""
    found = {}
    for place, row in enumerate(rows):
        for path, value in values.flatten(row).items():
            positions, items = found.setdefault((path, values.lane_of(value)), ([], []))
            positions.append(place)
            items.append(value)
    count = len(rows)
    return History(
        stream,
        np.array(range(count) if steps is None else steps, dtype=np.int64),
        1000.0 + np.arange(count, dtype=np.float64),
        np.arange(count, dtype=np.float64) / 2,
        [
            Series(
                path,
                lane,
                None if len(positions) == count else np.array(positions, dtype=np.int64),
                chunked(items, TYPES.get(lane, pa.string()), chunk_size or len(items)),
            )
            for (path, lane), (positions, items) in found.items()
        ],
    )


def chunked(items, kind, size):
    return pa.chunked_array([pa.array(items[i : i + size], kind) for i in range(0, len(items), size)], kind)
