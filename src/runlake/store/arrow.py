"""Arrays of numpy as arrays of Arrow, and back, in the same memory.

pyarrow's own `array` and `to_numpy` import pandas where it is installed, to ask it whether what they are given is its
own. That takes longer than to read a run, and who reads may want Arrow, Polars or a line on a terminal.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

_TYPES = {np.dtype(np.int64): pa.int64(), np.dtype(np.float64): pa.float64()}


def from_numpy(values: npt.NDArray[Any], *, is_there: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    """int64, float64 or bool as Arrow has them; null is what `is_there` says so of, and a NaN is a value."""
    known = None if is_there is None else _bits(is_there)
    if values.dtype == np.bool_:
        return pa.Array.from_buffers(pa.bool_(), len(values), [known, _bits(values)])
    content = pa.py_buffer(np.ascontiguousarray(values))
    return pa.Array.from_buffers(_TYPES[values.dtype], len(values), [known, content])


def _bits(values: npt.NDArray[np.bool_]) -> pa.Buffer:
    return pa.py_buffer(np.packbits(values, bitorder="little"))


def from_texts(texts: Iterable[str]) -> pa.Array:
    """Texts as Arrow has them. UnicodeEncodeError for half a character."""
    encoded = [text.encode() for text in texts]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    if ends[-1] > np.iinfo(np.int32).max:
        raise pa.ArrowInvalid(f"an array of {ends[-1]:,} bytes of text is more than Arrow can have in one")
    buffers = [pa.py_buffer(each) for each in (ends.astype(np.int32), b"".join(encoded))]
    return pa.StringArray.from_buffers(len(encoded), *buffers)


def to_numpy(values: pa.Array | pa.ChunkedArray) -> npt.NDArray[Any]:
    """Numbers or truth values as numpy has them, read-only, copied only where they are in pieces or are bits."""
    if isinstance(values, pa.ChunkedArray):
        if values.num_chunks != 1:
            pieces = [to_numpy(chunk) for chunk in values.chunks]
            return np.concatenate(pieces) if pieces else np.zeros(0, values.type.to_pandas_dtype())
        values = values.chunk(0)
    start, stop = values.offset, values.offset + len(values)
    if values.null_count:
        return values.to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]
    if not len(values):
        return np.zeros(0, values.type.to_pandas_dtype())
    content = values.buffers()[1]
    if pa.types.is_boolean(values.type):
        return np.unpackbits(np.frombuffer(content, np.uint8), count=stop, bitorder="little")[start:].view(np.bool_)
    return np.frombuffer(content, values.type.to_pandas_dtype())[start:stop]
