"""Rows that are read many at a time are those that are read one by one, and so is the summary that repeats them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wandb_bytes import EXIT, HISTORY, SUMMARY, field, item, items, log, record, run

from runlake.errors import BadValueError
from runlake.importers.foreign import ForeignRow
from runlake.importers.wandb_items import nested, read_items, step_of
from runlake.importers.wandb_offline import read_log
from runlake.importers.wandb_rows import read_plain
from runlake.integrations.tensorboard.wire import WireError, raw

KEYS = st.sampled_from(["a", "b", "_step", "_timestamp", "é", 'q"', "a,b", '",  ', "x\\", "[", "}", "long" * 20, ""])
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans() | st.none()
TEXTS = NUMBERS.map(json.dumps) | st.sampled_from(
    [
        "NaN",
        "-Infinity",
        '"text"',
        "[1]",
        "{}",
        '{"a":1}',
        "1,2",
        "1}",
        "1},{",
        "[1",
        "2]",
        "",
        " 1",
        '1,"b":2',
        "01",
        "1 ",
    ]
)
STEPS = st.sampled_from([b"", field(2, b""), *(field(2, field(1, n)) for n in (0, 1, 127, 128, 2**20, 2**28, 2**40))])


@st.composite
def messages(draw):
    """A row: mostly such as the client writes, and some with anything in it."""
    pairs = draw(st.lists(st.tuples(KEYS, TEXTS), max_size=6))
    message = b"".join(field(1, item(key, value=None, text=text)) for key, text in pairs) + draw(STEPS)
    if message and draw(st.booleans()):
        place, byte = draw(st.integers(0, len(message) - 1)), draw(st.integers(0, 255))
        message = message[:place] + bytes([byte]) + message[place + 1 :]
    return message


def one_by_one(message):
    """The values of a row, and its step; None for what is none."""
    try:
        found, others = read_items(message)
        steps = [step_of(raw(content)) for number, content in others if number == 2]
        return nested(found), steps[-1] if steps else -1
    except (WireError, BadValueError):
        return None


@given(st.lists(messages(), max_size=8))
def test_a_row_is_read_as_it_is_alone_or_left_to_who_reads_it_alone(rows):
    for message, plain in zip(rows, read_plain(rows), strict=True):
        if plain is not None:
            assert repr((plain.values, plain.step)) == repr(one_by_one(message))


@given(
    st.lists(st.dictionaries(st.sampled_from("abcdefghij"), NUMBERS, min_size=1), min_size=1), st.integers(0, 2**28 - 1)
)
def test_rows_of_numbers_are_not_left_to_anybody(rows, step):
    found = read_plain([items(row) + field(2, field(1, step)) for row in rows])
    assert repr([(plain.values, plain.step) for plain in found]) == repr([(row, step) for row in rows])


def rotated(values, by):
    pairs = list(values.items())
    by %= max(1, len(pairs))
    return items(dict(pairs[by:] + pairs[:by]))


SAID = st.one_of(
    st.tuples(
        st.just("row"), st.dictionaries(st.sampled_from("abc"), st.integers(0, 9), min_size=1), st.integers(0, 3)
    ),
    st.tuples(
        st.just("edit"), st.dictionaries(st.sampled_from(["a", "b", "a/x", "c/y"]), st.integers(0, 9)), st.just(0)
    ),
    st.tuples(st.just("remove"), st.sampled_from("abc"), st.just(0)),
)


@given(st.lists(SAID, max_size=20))
def test_the_summary_is_what_its_messages_say_one_after_the_other(tmp_path_factory, said):
    records, alone = [], []
    for kind, values, by in said:
        edit = field(2, field(1, values)) if kind == "remove" else rotated(values, by)
        records += [record(SUMMARY, edit)] + ([record(HISTORY, items(values))] if kind == "row" else [])
        alone.append(record(SUMMARY, edit))
    folder = tmp_path_factory.mktemp("wandb")
    summaries = []
    for name, each in (("beside.wandb", records), ("alone.wandb", alone)):
        (folder / name).write_bytes(log([run(), *each, record(EXIT, b"")]))
        (end,) = (one for one in read_log(folder / name).said if not isinstance(one, ForeignRow))
        summaries.append((list(end.summary.items()), end.exit_code))
    assert summaries[0] == summaries[1]


def test_an_item_that_begins_in_the_midst_of_another_is_no_item_of_the_row():
    row = items({"a": 1, "b": 2})
    (plain,) = read_plain([row])
    assert plain.has_items(row, items({"b": 2, "a": 1}))
    assert not plain.has_items(row, items({"b": 2, "a": 3}))
    assert not plain.has_items(row, row[3:] + row[:3])
    assert not plain.has_items(row, row[:-1])


@pytest.mark.parametrize("count", [0, 1])
def test_few_rows_are_rows_too(count):
    assert [plain.values for plain in read_plain([items({"a": 1})] * count)] == [{"a": 1}] * count
