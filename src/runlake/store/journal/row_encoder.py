"""A row of any values as frames: numbers packed by shape, the rest as msgpack behind them. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping
from typing import Any
from zlib import crc32

from runlake.errors import LogTypeError
from runlake.model import AXES, RUNTIME, STEP, TIMESTAMP, is_time
from runlake.store.journal import record
from runlake.store.journal.limits import WriterLimits
from runlake.store.journal.record import Shape
from runlake.values import I64_MAX, I64_MIN, flatten, lane_of

Prepare = Callable[[Mapping[str, Any], int], Mapping[str, Any]]
"""Makes plain data of a row that may hold media; asked only for rows that are not all numbers of known types."""

_NUMPY_SCALARS = re.compile(r"(u?int|float)(8|16|32|64)|bool_?")


class RowEncoder:
    """The rows of one writer → frames, and the shapes that it has given numbers.

    `known` are those of rows whose keys and types alone say how they are packed, by keys and types: `JournalWriter.log`
    looks there first.
    """

    def __init__(self, prepare: Prepare | None, limits: WriterLimits) -> None:
        self._max_shapes, self._max_body_bytes = limits.max_shapes, limits.max_body_bytes
        self.known: dict[tuple[Any, ...], Shape] = {}
        self._prepare = prepare
        self._shapes: dict[tuple[Any, ...], Shape] = {}
        self._next_shape = 0

    def go_on_with(self, shapes: Mapping[int, Shape]) -> None:
        """Use the shapes that are declared in a part already."""
        for number, shape in shapes.items():
            kinds = tuple(_TYPE_OF_LANE[lane] for lane in shape.lanes)
            self._shapes[(*shape.paths, *kinds, shape.order)] = shape
            self._next_shape = max(self._next_shape, number + 1)

    def encode(
        self,
        data: Mapping[str, Any],
        bits: int,
        n: int,
        step: int,
        timestamp: float,
        runtime: float,
        *,
        declared: Container[int],
    ) -> tuple[bytes, dict[str, Any], int | None]:
        """The frames and the canonical values of any row: numbers packed by shape, the rest as msgpack behind them.

        Third, the number of the shape that the frames declare, if it is not among those that are `declared`.
        """
        flat = flatten(data if self._prepare is None else self._prepare(data, step))
        step, timestamp, runtime = axes_of(flat, step, timestamp, runtime)
        numbers = {path: value for path, value in flat.items() if type(value) in _PACKED_TYPES}
        order = tuple(flat) if numbers and tuple(flat)[: len(numbers)] != tuple(numbers) else ()
        shape = self._shape_of(numbers, order)
        if shape is None:
            numbers, others = {}, flat
        else:
            others = {path: value for path, value in flat.items() if type(value) not in _PACKED_TYPES}
        frames, declares = b"", None
        if shape is not None and (numbers or not others):
            first_bits = (bits & ~record.COMMIT) | record.CONTINUES if others else bits
            body = shape.pack(shape.number, first_bits, n, step, timestamp, runtime, *numbers.values())
            if shape.number not in declared:
                frames, declares = shape.declaration, shape.number
            frames += shape.head + crc32(body).to_bytes(4, "little") + body
        if others or shape is None:
            head = record.ROW_HEAD.pack(record.NO_SHAPE, bits, n, step, timestamp, runtime)
            frames += sound_frame(record.MIXED, head + record.encode_body(others), self._max_body_bytes)
        elif _keeps_its_shape(data) and len(self.known) < self._max_shapes and shape is not None:
            self.known[(*data, *map(type, data.values()))] = shape
        return frames, flat, declares

    def _shape_of(self, numbers: Mapping[str, Any], order: tuple[str, ...]) -> Shape | None:
        signature = (*numbers, *map(type, numbers.values()), order)
        shape = self._shapes.get(signature)
        if shape is None and len(self._shapes) < self._max_shapes and self._next_shape < record.NO_SHAPE:
            number = self._next_shape
            self._next_shape = number + 1  # before any call: a signal handler may make a shape too
            lanes = tuple(map(lane_of, numbers.values()))
            shape = self._shapes[signature] = Shape(number, tuple(numbers), lanes, order)
        return shape


def sound_frame(kind: int, body: bytes, max_body_bytes: int) -> bytes:
    """A frame that readers will take; LogTypeError where it would be too large for them."""
    if len(body) > max_body_bytes:
        raise LogTypeError(
            f"{len(body)} bytes in one call are more than the {max_body_bytes} that a journal can hold; "
            "save them as a file with run.save()"
        )
    return record.frame(kind, body)


_TYPE_OF_LANE = {"f64": float, "i64": int, "bool": bool}
_PACKED_TYPES = frozenset(_TYPE_OF_LANE.values())
_RESERVED = frozenset(AXES)


def axes_of(flat: dict[str, Any], step: int, timestamp: float, runtime: float) -> tuple[int, float, float]:
    """``_step``, ``_timestamp`` and ``_runtime`` of a row: those among its values, which are taken out, or as given.

    LogTypeError for what they cannot be.
    """
    if not I64_MIN <= step <= I64_MAX:
        raise LogTypeError(f"the step {step} has more than 64 bits; give a smaller one")
    if _RESERVED.isdisjoint(flat):
        return step, timestamp, runtime
    given = {name: flat.pop(name) for name in AXES if name in flat}
    for name, value in given.items():
        if type(value) not in (int, float) or (name == STEP and type(value) is not int):
            raise LogTypeError(f"{name!r} is kept for the row itself and must be a number, not {value!r:.60}")
        if name != STEP and not is_time(value):
            raise LogTypeError(
                f"{name!r} is kept for the row itself, and {value!r} seconds are no time of any calendar"
            )
    return given.get(STEP, step), float(given.get(TIMESTAMP, timestamp)), float(given.get(RUNTIME, runtime))


def _keeps_its_shape(data: Mapping[str, Any]) -> bool:
    """Whether keys and types alone say how the values are packed: then the next such row needs no flattening."""
    return type(data) is dict and _RESERVED.isdisjoint(data) and all(map(_is_number_type, map(type, data.values())))


def _is_number_type(kind: type) -> bool:
    return kind in _PACKED_TYPES or (kind.__module__ == "numpy" and _NUMPY_SCALARS.fullmatch(kind.__name__) is not None)
