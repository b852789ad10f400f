"""Filters of the page's address say in Python what they say in the page."""

import json
from pathlib import Path

import pytest

from runlake.errors import BadValueError
from runlake.report.filter_text import both, read_filter_text, search_filter

TEXTS = json.loads((Path(__file__).parents[2] / "web" / "test" / "filter_texts.json").read_text("utf-8"))


@pytest.mark.parametrize("text", [text for text, meant in TEXTS.items() if not isinstance(meant, str)])
def test_a_text_says_what_it_says_to_the_page(text):
    assert read_filter_text(text) == TEXTS[text]


@pytest.mark.parametrize("text", [text for text, meant in TEXTS.items() if isinstance(meant, str)])
def test_what_is_not_understood_is_said_as_the_page_says_it(text):
    with pytest.raises(BadValueError) as caught:
        read_filter_text(text)
    assert TEXTS[text] in str(caught.value)


def test_what_is_nested_without_end_is_refused():
    with pytest.raises(BadValueError, match="more than 100"):
        read_filter_text("(" * 10_000)


def test_the_search_finds_a_text_as_it_stands_wherever_a_run_is_described():
    pattern = {"$regex": r"re\(s\)", "$options": "i"}
    names = ["name", "notes", "tags", "group", "job_type", "user"]
    assert search_filter(" re(s) ") == {"$or": [{name: pattern} for name in names]}
    assert both({"a": 1}, search_filter("")) == {"a": 1}
    assert both(None, {"a": 1}) == {"a": 1}
    assert both({"a": 1}, {"b": 2}) == {"$and": [{"a": 1}, {"b": 2}]}
