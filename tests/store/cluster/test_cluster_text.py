"""Text that a database cannot hold goes there and back."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runlake.store.cluster.text import from_text, to_key, to_text


@given(st.text(st.characters(codec=None, exclude_categories=()) | st.sampled_from("\\\0u0d8")))
@example("\\0")
@example("\\u0000")
@example("\0\\\ud800")
def test_any_text_goes_there_and_back(text):
    held = to_text(text)
    assert from_text(held) == text
    assert "\0" not in held
    held.encode()


@pytest.mark.parametrize("text", ["", "plain", "Ünï 😀"])
def test_what_can_be_held_stays_as_it_is(text):
    assert to_text(text) == text


def test_keys_are_short_and_tell_long_texts_apart():
    long = "😀" * 1000
    keys = {to_key(text) for text in (long, long + "a", long[:-1], "short\0")}
    assert len(keys) == 4
    assert all(len(key.encode()) <= 1000 for key in keys)
    assert to_key("sweeps/ann/p/s") == "sweeps/ann/p/s"
