"""The values of one key of a run, of any type, some at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from runlake.listing_model import LoggedValue, ValuesPage
from runlake.query.rows.console_book import check_page
from runlake.query.rows.dicts import read_python
from runlake.query.rows.history import History
from runlake.query.rows.select import find_series
from runlake.store.series import filled_times

MAX_PAGE_BYTES = 16 * 2**20
"""A page ends before its values are longer than this as they are stored, with one value at least."""


def values_page(history: History, key: str, offset: int, limit: int) -> ValuesPage:
    """`limit` rows that have the key, from `offset` on, from the end where that is negative.

    Where two paths look like the key, a row that has both is there once, with the one that was logged first.
    """
    check_page(offset, limit)
    found = find_series(history, key)
    counts = [len(series.values) for series in found]
    if not sum(counts):
        return ValuesPage(total_count=0, offset=0, rows=())
    rows = np.concatenate([np.arange(len(s.values)) if s.rows is None else s.rows for s in found])
    which = np.repeat(np.arange(len(found)), counts)
    place = np.concatenate([np.arange(count) for count in counts])
    rows, first = np.unique(rows, return_index=True)
    start = min(offset, len(rows)) if offset >= 0 else max(0, len(rows) + offset)
    chosen = first[start : start + limit]
    values: list[Any] = [None] * len(chosen)
    sizes = np.zeros(len(chosen), np.int64)
    for number, series in enumerate(found):
        spots = np.flatnonzero(which[chosen] == number)
        array = series.values.take(pa.array(place[chosen[spots]]))
        if series.lane in ("json", "str"):
            sizes[spots] = [len(text) for text in array.to_pylist()]
        for spot, value in zip(spots.tolist(), read_python(series.lane, array), strict=True):
            values[spot] = value
    count = max(1, int(np.searchsorted(np.cumsum(sizes), MAX_PAGE_BYTES, side="right")))
    times = None if history.timestamp is None else filled_times(history.timestamp)
    return ValuesPage(
        total_count=len(rows),
        offset=start,
        rows=tuple(
            LoggedValue(step=int(history.step[row]), timestamp=0.0 if times is None else float(times[row]), value=value)
            for row, value in zip(rows[start : start + limit][:count].tolist(), values[:count], strict=True)
        ),
    )
