"""The rows every tracker is given: ten scalars that no compression can guess."""

import random
import struct
from collections.abc import Iterator

KEYS = tuple(f"metric_{number}" for number in range(10))
CHUNK_ROW_COUNT = 1_000

_ROW_BITS = 64 * len(KEYS)
_FINITE = int.from_bytes(b"\xff\xff\xff\xff\xff\xff\xff\xbf" * len(KEYS) * CHUNK_ROW_COUNT, "little")
"""One exponent bit of each double is cleared: no NaN and no infinity, and 63 bits left to chance."""


def value_chunks(row_count: int) -> Iterator[list[tuple[float, ...]]]:
    """The same `row_count` rows in every process, in chunks of a thousand."""
    source = random.Random(7)
    for start in range(0, row_count, CHUNK_ROW_COUNT):
        bits = source.getrandbits(_ROW_BITS * CHUNK_ROW_COUNT) & _FINITE
        packed = bits.to_bytes(_ROW_BITS * CHUNK_ROW_COUNT // 8, "little")
        values = list(struct.iter_unpack(f"<{len(KEYS)}d", packed))
        yield values[: row_count - start]


def row_chunks(row_count: int) -> Iterator[list[dict[str, float]]]:
    """The rows of `value_chunks` as the dicts that `log()` takes."""
    for values in value_chunks(row_count):
        yield [dict(zip(KEYS, row, strict=True)) for row in values]
