"""Frames of journals and metas that are sound to the bit and mean what nobody meant, as Hypothesis strategies."""

import copy
import math
import struct

import msgspec
from hypothesis import strategies as st

from runlake.store.journal import record

DEEP = b"\x91" * 50_000 + b"\xc0"
"""Lists in lists, as msgpack."""

_NUMBERS = [0, -1, 1, 2**31, 2**62, 2**63 - 1, 2**63, 2**64 - 1, -(2**63), 0.5, 1e300, math.nan, math.inf, -math.inf]
_TEXTS = ["", ".", "..", "../..", "a/b", "\0", "\x1b[2J", "x" * 300, "ключ", b"", b"\xff"]
_CONTAINERS = [[], [[]], [None], {}, {"a": {}}, {1: 2}, {"": 0}, msgspec.Raw(DEEP)]
_EXTENSIONS = [msgspec.msgpack.Ext(*each) for each in ((1, b"{"), (1, b"\xff"), (7, b""), (1, b"[" * 50_000))]

odd_values = st.one_of(
    st.sampled_from([None, True, False, *_NUMBERS, *_TEXTS, *_CONTAINERS, *_EXTENSIONS]),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(),
    st.text(max_size=8),
)
"""What may stand where something else belongs."""


def frames_of(data):
    """(kind, body) of each frame behind the magic."""
    frames, position = [], len(record.MAGIC)
    while position < len(data):
        length, kind, _, _ = record.HEAD.unpack_from(data, position)
        position += record.HEAD.size
        frames.append((kind, data[position : position + length]))
        position += length
    return frames


def part_of(frames, magic=record.MAGIC):
    """The bytes of a part with these frames, each with its right checksum."""
    return magic + b"".join(record.frame(kind, body) for kind, body in frames)


def places_in(value, place=()):
    """The path of everything inside of a value, itself first."""
    yield place
    if isinstance(value, dict):
        for key in value:
            yield from places_in(value[key], (*place, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from places_in(item, (*place, number))


@st.composite
def changed(draw, value):
    """A value in which one thing is gone, is something else, or is there twice."""
    places = list(places_in(value))
    place = draw(st.sampled_from(places[1:] or places))
    if not place:
        return draw(odd_values)
    value = copy.deepcopy(value)
    parent = value
    for key in place[:-1]:
        parent = parent[key]
    what = draw(st.sampled_from(["gone", "odd", "odd", "odd", "named oddly"]))
    if what == "gone":
        del parent[place[-1]]
    elif what == "named oddly" and isinstance(parent, dict):
        parent[draw(st.sampled_from([1, b"x", "", "\0", "a" * 5000, None]))] = parent.pop(place[-1])
    else:
        parent[place[-1]] = draw(odd_values)
    return value


@st.composite
def changed_bodies(draw, kind, body):
    """The body of a frame of that kind, one thing of it changed."""
    if kind == record.ROW:
        return draw(_changed_rows(body))
    if kind == record.MIXED:
        if draw(st.booleans()):
            return draw(_changed_rows(body))
        head, values = body[: record.ROW_HEAD.size], msgspec.msgpack.decode(body[record.ROW_HEAD.size :])
        return head + msgspec.msgpack.encode(draw(changed(values)))
    if kind == record.BLOCK:
        return draw(st.binary(max_size=16))
    return msgspec.msgpack.encode(draw(changed(msgspec.msgpack.decode(body))))


@st.composite
def _changed_rows(draw, body):
    head = list(record.ROW_HEAD.unpack_from(body))
    field = draw(st.integers(0, 5))
    of_field = {
        0: st.sampled_from([0, 1, 7, 0xFFFE, 0xFFFF]),
        1: st.integers(0, 255),
        2: st.sampled_from([0, 1, 2**31, 2**62, 2**63 - 1, 2**63, 2**64 - 1]),
        3: st.sampled_from([-(2**63), -1, 0, 2**53, 2**63 - 1]),
    }
    times = st.sampled_from([float("nan"), float("inf"), -float("inf"), 1e300, -1e300, 1e18, -1.0, 0.0, 253402300800.0])
    head[field] = draw(of_field.get(field, times))
    rest = body[record.ROW_HEAD.size :]
    if draw(st.integers(0, 9)) == 0:
        rest = draw(st.sampled_from([b"", rest[:-1], rest + b"\0", rest * 2]))
    return record.ROW_HEAD.pack(*head) + rest


@st.composite
def changed_parts(draw, data, *, keeps_head=True):
    """A part in which a few frames are changed, gone, doubled or in another order."""
    frames = frames_of(data)
    first = 1 if keeps_head else 0
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(first, len(frames) - 1))
        kind, body = frames[place]
        what = draw(st.sampled_from(["changed"] * 6 + ["gone", "doubled", "moved", "other kind"]))
        if what == "gone" and len(frames) > first + 1:
            del frames[place]
        elif what == "doubled":
            frames.insert(place, frames[place])
        elif what == "moved":
            frames.insert(draw(st.integers(first, len(frames) - 1)), frames.pop(place))
        elif what == "other kind":
            frames[place] = (draw(st.sampled_from(sorted(record.KIND_NAMES))), body)
        else:
            frames[place] = (kind, _drawn(draw, kind, body))
    return part_of(frames)


def _drawn(draw, kind, body):
    try:
        return draw(changed_bodies(kind, body))
    except (msgspec.MsgspecError, struct.error):  # changed once already, to what is none of its kind
        return body
