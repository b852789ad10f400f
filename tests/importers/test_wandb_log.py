"""The frames of `.wandb` files: whole ones are read, torn ones are waited for, damaged ones are named."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wandb_bytes import BLOCK_BYTES, HEAD, log

from runlake.errors import BadValueError
from runlake.importers.wandb_log import read_records


def read(data):
    problems = []
    return list(read_records(io.BytesIO(data), problems)), problems


@given(st.lists(st.integers(0, 3 * BLOCK_BYTES).map(lambda size: bytes([size % 251]) * size), max_size=8))
def test_records_of_any_size_come_back(records):
    assert read(log(records)) == (records, [])


@pytest.mark.parametrize("size", range(BLOCK_BYTES - 30, BLOCK_BYTES))
def test_a_record_that_ends_near_the_end_of_a_block_comes_back(size):
    records = [b"a" * size, b"b" * 50, b"c"]
    assert read(log(records)) == (records, [])


def test_what_is_cut_off_at_any_byte_is_the_records_before():
    records = [b"first", b"second" * 3, b"third"]
    data = log(records)
    for end in range(len(HEAD), len(data)):
        found, problems = read(data[:end])
        assert (found, problems) == (records[: len(found)], [])
    assert read(data) == (records, [])


def test_a_byte_that_was_flipped_anywhere_is_named_and_costs_no_other_block():
    records = [bytes([n]) * 9000 for n in range(12)]
    data = log(records)
    for place in range(len(HEAD), len(data), 977):
        damaged = bytearray(data)
        damaged[place] ^= 0x10
        found, problems = read(bytes(damaged))
        assert set(found) < set(records)
        assert len(problems) == 1
        assert f"damaged at byte {place - place % BLOCK_BYTES}" in problems[0] or "damaged at byte" in problems[0]
        assert len(found) >= len(records) - 6


@pytest.mark.parametrize("data", [b"", b":W&", b"SQLite format 3\0", b"PAR1" * 10])
def test_what_is_no_such_file_says_so(data):
    with pytest.raises(BadValueError, match=r"no \.wandb file"):
        read(data)


def test_a_newer_version_is_refused_by_name():
    with pytest.raises(BadValueError, match="version 9"):
        read(HEAD[:-1] + b"\x09" + log([b"x"])[7:])
