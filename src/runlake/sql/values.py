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


def columns_of_lane(values: pa.ChunkedArray, lane: Lane) -> tuple[pa.Array | None, pa.Array | None]:
    """The values of one series: float64 and text, null where it is not of that kind; None: all of it."""
    if lane == "f64":
        return _whole(values), None
    if lane == "i64":
        integers = _whole(values)
        large = pc.greater(pc.abs(pc.cast(integers, pa.float64(), safe=False)), _EXACT)
        text = pc.if_else(large, pc.cast(integers, pa.string()), None) if pc.any(large).as_py() else None
        return pc.cast(integers, pa.float64(), safe=False), text
    if lane == "bool":
        return _whole(values).cast(pa.int8()).cast(pa.float64()), None
    return None, _whole(values).cast(pa.string()) if lane in ("str", "json") else None


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


def repeated(texts: Sequence[str], counts: Any, codes: Any = np.int8) -> pa.DictionaryArray:
    """Each text as often as its count says, stored once, with `codes` of this type."""
    found = np.zeros(counts[0], codes) if len(texts) == 1 else np.repeat(np.arange(len(texts), dtype=codes), counts)
    return pa.DictionaryArray.from_arrays(found, pa.array(texts, pa.string()), safe=False)


def with_plain_numbers(answer: pa.Table) -> pa.Table:
    """An answer whose decimals are plain numbers: DuckDB has a sum of integers as one, and 0.5.

    Integers beyond 64 bits stay what they are.
    """
    for place, field in enumerate(answer.schema):
        if pa.types.is_decimal(field.type):
            kind = pa.float64() if field.type.scale else pa.int64()
            try:
                answer = answer.set_column(place, field.name, answer.column(place).cast(kind))
            except pa.ArrowInvalid:
                continue
    return answer


def _whole(values: pa.ChunkedArray) -> pa.Array:
    return values.combine_chunks() if values.num_chunks != 1 else values.chunk(0)
