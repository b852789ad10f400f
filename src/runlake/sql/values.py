"""Values of any type as the two columns of a query's tables: `value` and `text`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from runlake.model import Lane
from runlake.values import encode_json

_EXACT = 2**53


def columns_of_lane(values: pa.ChunkedArray, lane: Lane) -> tuple[pa.Array, pa.Array]:
    """The values of one series: float64 and text, null in the one that does not hold them."""
    count = len(values)
    if lane == "f64":
        return _whole(values), pa.nulls(count, pa.string())
    if lane == "i64":
        integers = _whole(values)
        large = pc.greater(pc.abs(pc.cast(integers, pa.float64(), safe=False)), _EXACT)
        text = pc.if_else(large, pc.cast(integers, pa.string()), None) if pc.any(large).as_py() else None
        return pc.cast(integers, pa.float64(), safe=False), pa.nulls(count, pa.string()) if text is None else text
    if lane == "bool":
        return _whole(values).cast(pa.int8()).cast(pa.float64()), pa.nulls(count, pa.string())
    if lane in ("str", "json"):
        return pa.nulls(count, pa.float64()), _whole(values).cast(pa.string())
    return pa.nulls(count, pa.float64()), pa.nulls(count, pa.string())


def columns_of_objects(values: Sequence[Any]) -> tuple[pa.Array, pa.Array]:
    """The same for Python values, each of its own type."""
    numbers: list[float | None] = []
    texts: list[str | None] = []
    for value in values:
        is_number = isinstance(value, int | float)
        is_exact = not isinstance(value, int) or abs(value) <= _EXACT
        numbers.append(float(value) if is_number else None)
        if isinstance(value, str):
            texts.append(value)
        else:
            is_json = value is not None and not (is_number and is_exact)
            texts.append(str(encode_json(value)) if is_json else None)
    return pa.array(numbers, pa.float64(), from_pandas=False), pa.array(texts, pa.string())


def repeated(texts: Sequence[str], counts: Any) -> pa.DictionaryArray:
    """Each text as often as its count says, stored once."""
    codes = np.repeat(np.arange(len(texts), dtype=np.int8 if len(texts) == 1 else np.int32), counts)
    return pa.DictionaryArray.from_arrays(codes, pa.array(texts, pa.string()))


def _whole(values: pa.ChunkedArray) -> pa.Array:
    return values.combine_chunks() if values.num_chunks != 1 else values.chunk(0)
