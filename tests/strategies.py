"""What people log, name and call things, as Hypothesis strategies."""

import math
import struct

from hypothesis import strategies as st

from runlake.model import AXES
from runlake.values import I64_MAX, I64_MIN

NAN_WITH_PAYLOAD = struct.unpack("<d", struct.pack("<Q", 0xFFF8_0000_0000_BEEF))[0]

floats = st.one_of(
    st.floats(),
    st.sampled_from([math.nan, NAN_WITH_PAYLOAD, math.inf, -math.inf, -0.0, 0.0, 5e-324, 1.7976931348623157e308, 0.1]),
)
integers = st.one_of(
    st.integers(-5, 5),
    st.integers(I64_MIN, I64_MAX),
    st.sampled_from([I64_MIN, I64_MAX, I64_MIN - 1, I64_MAX + 1, 2**53, 2**53 + 1, 10**600, -(2**4095)]),
)
texts = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["", "NaN", "a\0b", "line\nbreak", "日本語", "🙂", "\ud800 alone", "back\\slash", "{}", "null"]),
)
numbers = st.one_of(floats, integers, st.booleans())
scalars = st.one_of(numbers, texts, st.none(), st.binary(max_size=12))

keys = st.one_of(
    st.sampled_from(["loss", "acc", "a.b", "a", "b", "a\\b", "a\\.b", ".", "..", "", " ", "\\", "ключ", "🙂", "_x"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
).filter(lambda key: key not in AXES)
"""Keys that may be logged: any Unicode text, dots and backslashes included."""

json_keys = st.one_of(keys, st.sampled_from(["$float", "$bytes", "$dict", "_type"]))

values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(json_keys, inner, max_size=4)),
    max_leaves=12,
)
"""Anything that may be logged without a data type of ours."""

rows = st.dictionaries(keys, st.one_of(numbers, values), max_size=5)

run_ids = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\\#?%:\x7f", min_codepoint=32), min_size=1),
    st.text("aAbB.~- ", min_size=1, max_size=6),
    st.sampled_from(["con", "NUL", "com1.txt", "a" * 300, "É" * 120, "🙂" * 60, ".hidden", "dot.", "~1", "a~1", "A"]),
).filter(lambda name: name.strip() not in ("", ".", "..") and len(name) <= 1024)
"""Names that `check_run_path` lets through."""

file_parts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=20)
file_names = st.lists(file_parts, min_size=1, max_size=3).map("/".join)


def bits(value):
    """The value with every float as its 64 bits and every type named: equal only for what is the same bit for bit."""
    if isinstance(value, float):
        return ("float", struct.pack("<d", value).hex())
    if isinstance(value, dict):
        return {key: bits(item) for key, item in value.items()}
    if isinstance(value, list):
        return [bits(item) for item in value]
    return (type(value).__name__, value)


def as_stored(value):
    """What a value reads back as: a NaN inside a list or a dict keeps no payload, everything else is itself."""
    if isinstance(value, dict):
        return {key: as_stored(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_stored(item) for item in value]
    return math.nan if isinstance(value, float) and math.isnan(value) else value
