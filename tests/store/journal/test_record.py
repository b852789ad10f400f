"""Frames and the bodies in them."""

import zlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import strategies
from runlake.errors import CorruptError
from runlake.store.journal import record
from runlake.store.journal.record import HEAD, KIND_NAMES, Shape
from runlake.values import Json, canonical, flatten
from strategies import bits


@given(st.sampled_from(sorted(KIND_NAMES)), st.binary(max_size=300))
def test_a_frame_is_length_kind_check_crc_and_body(kind, body):
    frame = record.frame(kind, body)
    head = HEAD.unpack_from(frame)
    assert head == (len(body), kind, head[2], zlib.crc32(body))
    assert frame[HEAD.size :] == body
    assert record.is_head(head)


@given(
    st.sampled_from(sorted(KIND_NAMES)), st.integers(0, record.MAX_BODY_BYTES), st.integers(0, 5), st.integers(1, 255)
)
def test_no_changed_byte_of_a_header_passes_for_one(kind, length, place, flip):
    head = bytearray(record.head_of(length, kind) + b"\0\0\0\0")
    head[place] ^= flip
    assert not record.is_head(HEAD.unpack(head))


def test_zeros_and_impossible_headers_are_none():
    assert not record.is_head((0, 0, 0, 0))
    assert not record.is_head(HEAD.unpack(record.head_of(0, 99) + b"\0\0\0\0"))
    assert not record.is_head(HEAD.unpack(record.head_of(record.MAX_BODY_BYTES + 1, record.ROW) + b"\0\0\0\0"))


@given(strategies.rows)
def test_canonical_values_come_through_msgpack_with_their_types(row):
    flat = flatten(row)
    found = record.decode_body(record.encode_body(flat))
    assert list(map(type, found.values())) == list(map(type, flat.values()))
    assert bits(found) == bits(flat)


@given(strategies.values)
def test_json_is_found_again_inside_nested_bodies(value):
    body = {"set": {"x": canonical(value)}, "list": [Json("[1]"), "[1]", {"y": Json("{}")}]}
    found = record.decode_body(record.encode_body(body))
    assert type(found["set"]["x"]) is type(body["set"]["x"])
    assert list(map(type, found["list"])) == [Json, str, dict]
    assert bits(found) == bits(body)


def test_an_unknown_extension_is_damage():
    with pytest.raises(CorruptError, match="extension of the unknown type 9"):
        record.decode_body(msgspec.msgpack.encode({"x": msgspec.msgpack.Ext(9, b"")}))


def test_a_shape_says_how_its_rows_are_packed():
    shape = Shape(7, ("a", "b", "c"), ("f64", "i64", "bool"), ("a", "s", "b", "c"))
    again = Shape.from_body(record.decode_body(shape.declaration[HEAD.size :]))
    for name in ("number", "paths", "lanes", "order", "size", "head", "declaration"):
        assert getattr(again, name) == getattr(shape, name)
    assert again.size == record.ROW_HEAD.size + 8 + 8 + 1
    assert shape.head == record.head_of(shape.size, record.ROW)
