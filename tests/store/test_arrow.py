"""Arrays of numpy as Arrow has them and back: the values that pyarrow's own ways give."""

import numpy as np
import pyarrow as pa
import pytest

from runlake.store.arrow import from_numpy, from_texts, to_numpy

NUMBERS = [
    np.array([-(2**63), 0, 2**63 - 1]),
    np.array([0.1, np.nan, -0.0, np.inf]),
    np.array([True, False, True, True, False, False, True, False, True, True]),
    np.arange(20)[::3],
    np.array([], np.int64),
    np.array([], np.float64),
    np.array([], np.bool_),
]


@pytest.mark.parametrize("values", NUMBERS, ids=lambda values: f"{values.dtype}-{len(values)}")
def test_an_array_of_numpy_is_the_one_that_pyarrow_makes(values):
    made, theirs = from_numpy(values), pa.array(values, from_pandas=False)
    made.validate(full=True)
    assert (made.type, made.null_count, repr(made.to_pylist())) == (theirs.type, 0, repr(theirs.to_pylist()))


def test_what_is_not_there_is_null():
    made = from_numpy(np.array([5, 6, 7]), is_there=np.array([True, False, True]))
    assert made.to_pylist() == [5, None, 7]


@pytest.mark.parametrize("texts", [[], [""], ["a", "", "Ünïcödé", "日本語 🐟", "a\0b"]])
def test_texts_are_the_array_that_pyarrow_makes(texts):
    made = from_texts(texts)
    made.validate(full=True)
    assert made.equals(pa.array(texts, pa.string()))


def test_half_a_character_is_no_text():
    with pytest.raises(UnicodeEncodeError):
        from_texts(["\ud800"])


@pytest.mark.parametrize("values", NUMBERS, ids=lambda values: f"{values.dtype}-{len(values)}")
def test_an_array_comes_back_and_so_does_a_piece_of_it(values):
    whole = from_numpy(values)
    back = to_numpy(whole)
    assert back.dtype == values.dtype
    np.testing.assert_array_equal(back, values)
    np.testing.assert_array_equal(to_numpy(whole.slice(1, 7)), values[1:8])


@pytest.mark.parametrize("values", NUMBERS, ids=lambda values: f"{values.dtype}-{len(values)}")
def test_an_array_in_pieces_comes_back_whole(values):
    pieces = pa.chunked_array([from_numpy(values[:2]), from_numpy(values[2:])], from_numpy(values).type)
    nothing = pa.chunked_array([], pieces.type)
    np.testing.assert_array_equal(to_numpy(pieces), values)
    assert (len(to_numpy(nothing)), to_numpy(nothing).dtype) == (0, values.dtype)


def test_nulls_come_back_as_pyarrow_has_them():
    np.testing.assert_array_equal(to_numpy(pa.array([1, None, 3])), [1.0, np.nan, 3.0])
