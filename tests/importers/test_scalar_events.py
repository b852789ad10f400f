"""Events of one number, read many at a time, are what is read of each by itself."""

import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protobuf_bytes import field, varint
from runlake.integrations.tensorboard.event import read_event
from runlake.integrations.tensorboard.scalars import ScalarReader, shortest_of
from runlake.integrations.tensorboard.tensor import shortest


def number(value):
    return varint(2 << 3 | 5) + struct.pack("<f", value)


def event(step, tag, value, *, at=1.5, more=b"", step_first=True):
    summary = field(5, field(1, field(1, tag) + number(value) + more))
    return field(1, at) + (field(2, step) if step else b"") + summary


def one_by_one(record):
    found = read_event(record)
    (value,) = found.values
    return (found.wall_time, found.step, value.tag, value.value)


@pytest.mark.parametrize("step", [0, 1, 127, 128, 16_383, 16_384, 2**21 - 1, 2**21, 2**40, 2**63 - 1])
def test_numbers_are_read_whatever_the_step(step):
    records = [event(step, f"tag/{place % 3}", place / 7, at=1e9 + place) for place in range(9)]
    assert ScalarReader().read(records) == [one_by_one(record) for record in records]


@pytest.mark.parametrize(
    "record",
    [
        b"",
        field(1, 1.0) + field(3, "brain.Event:2"),
        event(-1, "a", 1.0),
        event(5, "a", 1.0, more=field(9, field(1, field(1, "scalars")))),
        event(5, "a", 1.0) + field(5, field(1, field(1, "b") + number(2.0))),
        field(1, 1.0)
        + field(2, 5)
        + field(5, field(1, field(1, "a") + number(1.0)) + field(1, field(1, "b") + number(2.0))),
        field(2, 5) + field(1, 1.0) + field(5, field(1, field(1, "a") + number(1.0))),
        field(1, 1.0) + field(2, 5) + field(5, field(1, number(1.0) + field(1, "a"))),
        b"\x09" + bytes(30),
        event(5, "a", 1.0)[:-1],
    ],
)
def test_other_events_are_left_to_who_reads_each(record):
    assert ScalarReader().read([record, event(1, "a", 1.0)])[0] is None


@given(st.lists(st.floats(width=32), min_size=1, max_size=40))
def test_many_numbers_have_the_digits_that_each_has(numbers):
    found = shortest_of(np.array(numbers, dtype=np.float32))
    for each, known in zip(found, numbers, strict=True):
        expected = shortest(known) if math.isfinite(known) else known
        assert struct.pack("<d", each) == struct.pack("<d", expected) or (math.isnan(each) and math.isnan(known))
