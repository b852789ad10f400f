"""The lines of charts as bytes, and back.

Four bytes, little-endian, say how long the header is; the header is strict JSON, with null for numbers that are not
finite; zeros fill up to a multiple of 8; then come float64 values, little-endian, which a browser reads where they lie.
An array in the header is ``[at, n]``: the place of its first value behind the header, counted in values, and how many
points it has. Of ``line`` and ``raw`` n x-values come first and then n y-values (NaN is a gap); of ``band`` x, low and
high; of ``marks`` x and kinds (0 NaN, 1 infinity, 2 minus infinity); of ``run_counts`` one value a point of ``line``.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from msgspec.structs import astuple

from runlake.errors import CommError
from runlake.query.tiles.points import Counts
from runlake.query.tiles.tiles import LeftOut, Tiles, TileSeries
from runlake.store.series import Float64s
from runlake.values import decode_json, encode_json

_LENGTH = struct.Struct("<I")
_ALIGNMENT = 8
_PIECE_BYTES = 2**20
_ARRAY_COUNTS = {"line": 2, "raw": 2, "band": 3, "marks": 2, "run_counts": 1}
_COUNTS = Counts.__struct_fields__
_PLAIN = ("run", "key", "is_unchanged", "is_exact", "lowest", "highest", "last", "run_count")


def write_tiles(tiles: Tiles) -> Iterator[bytes]:
    """The answer as bytes, in pieces of about a megabyte."""
    place = 0
    arrays: list[Float64s] = []

    def keep(parts: Sequence[Float64s] | None) -> list[int] | None:
        nonlocal place
        if parts is None:
            return None
        at, count = place, len(parts[0])
        arrays.extend(parts)
        place += sum(map(len, parts))
        return [at, count]

    series = []
    for one in tiles.series:
        document = {name: getattr(one, name) for name in _PLAIN}
        document["last"] = _strict(one.last)
        document |= zip(_COUNTS, astuple(one.counts), strict=True)
        document["group"] = None if one.group is None else decode_group(encode_json(one.group))
        for name in _ARRAY_COUNTS:
            parts = getattr(one, name)
            document[name] = keep((parts,) if name == "run_counts" and parts is not None else parts)
        series.append(document)
    header = {
        "columns": tiles.columns,
        "window": tiles.window,
        "run_count": tiles.run_count,
        "versions": tiles.versions,
        "left_out": [one._asdict() for one in tiles.left_out],
        "series": series,
    }
    text = json.dumps(header, allow_nan=False, separators=(",", ":")).encode()
    yield _LENGTH.pack(len(text)) + text + bytes(-(len(text) + _LENGTH.size) % _ALIGNMENT)
    yield from _pieces(arrays)


def read_tiles(body: bytes) -> Tiles:
    """The inverse of `write_tiles`, but for groups by NaN or infinity, which come back as null."""
    try:
        (length,) = _LENGTH.unpack_from(body)
        header = json.loads(body[_LENGTH.size : _LENGTH.size + length])
        begin = _LENGTH.size + length
        begin += -begin % _ALIGNMENT
        values = np.frombuffer(body, "<f8", offset=begin)
        return Tiles(
            columns=header["columns"],
            window=None if header["window"] is None else tuple(header["window"]),
            run_count=header["run_count"],
            versions=header["versions"],
            left_out=[LeftOut(**one) for one in header["left_out"]],
            series=[_series(one, values) for one in header["series"]],
        )
    except (ValueError, LookupError, TypeError, struct.error) as error:
        raise CommError(f"the server's answer broke off in the middle ({error}); try again") from None


def _series(document: dict[str, Any], values: Float64s) -> TileSeries:
    arrays: dict[str, Any] = {}
    for name, part_count in _ARRAY_COUNTS.items():
        if document[name] is None:
            arrays[name] = None
            continue
        at, count = document[name]
        parts = tuple(values[at + i * count : at + (i + 1) * count] for i in range(part_count))
        if any(len(part) != count for part in parts):
            raise ValueError(f"{name} of {document['key']} is not whole")
        arrays[name] = parts[0] if name == "run_counts" else parts
    counts = Counts(**{name: document[name] for name in _COUNTS})
    return TileSeries(**{name: document[name] for name in _PLAIN}, group=document["group"], counts=counts, **arrays)


def _pieces(arrays: list[Float64s]) -> Iterator[bytes]:
    pieces: list[memoryview] = []
    size_bytes = 0
    for array in arrays:
        pieces.append(np.ascontiguousarray(array, "<f8").data)
        size_bytes += array.nbytes
        if size_bytes >= _PIECE_BYTES:
            yield b"".join(pieces)
            pieces, size_bytes = [], 0
    if pieces:
        yield b"".join(pieces)


def _strict(value: Any) -> Any:
    """A number that JSON has no word for is null."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def decode_group(text: str) -> Any:
    """The values of a group as strict JSON can say them."""
    plain = decode_json(text)
    return {name: _strict(value) for name, value in plain.items()}
