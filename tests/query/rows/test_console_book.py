"""The kept console: the lines that reading all of it anew gives, however the rows came."""

import pytest
from histories import make_history
from hypothesis import given
from hypothesis import strategies as st

from runlake.query.rows.console import console_lines
from runlake.query.rows.console_book import MAX_PAGE_LINES, ConsoleBook, text_shown

rows = st.fixed_dictionaries(
    {
        "line": st.one_of(st.integers(0, 8), st.sampled_from([None, "x", 2.5])),
        "text": st.sampled_from(["a", "b", None, 3, "\ud800"]),
        "level": st.sampled_from([None, "error", "odd"]),
    }
)


def placed(book):
    page = book.page(0, MAX_PAGE_LINES, None)
    assert [line.line for line in page.lines] == list(range(page.total_count))
    return [(line.text, line.timestamp, line.source) for line in page.lines]


@given(st.lists(rows, max_size=20), st.integers(1, 20))
def test_what_one_process_printed_is_kept_as_it_is_read(printed, batch):
    book = ConsoleBook()
    for start in range(0, len(printed), batch):
        book.add(make_history(printed[start : start + batch], stream="console"))
    whole = console_lines(make_history(printed, stream="console"))
    assert [text for text, _, _ in placed(book)] == [line.text for line in whole]


@given(st.lists(st.tuples(rows, st.sampled_from(["u", "v"])), max_size=20))
def test_what_several_printed_is_in_the_order_in_which_it_was_first_seen(printed):
    both = [{**row, "source": source} for row, source in printed]
    history = make_history([{"line": -1, "text": "", "source": "w"}, {"line": 0, "text": "", "source": "z"}, *both])
    book = ConsoleBook()
    book.add(history)
    assert placed(book) == [(line.text, line.timestamp, line.source) for line in console_lines(history)]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[1;31mRed\x1b[0m", "red"),
        ("\x1b[2K\x1b[1G50 %", "50 %"),
        ("\x1b]0;title\x07 x", " x"),
        ("\x1b]8;;http://a\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b[", "\x1b["),
        ("plain ẞ", "plain ss"),
    ],
)
def test_a_search_sees_what_a_terminal_shows(text, shown):
    assert text_shown(text) == shown
