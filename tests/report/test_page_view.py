"""What the page's text of a view says."""

import json

import pytest

from runlake.errors import BadValueError, NotSupportedError
from runlake.report.page_view import read_query, saved_view
from runlake.view_model import ViewInfo


def saved(spec, kind="runlake-page"):
    return ViewInfo(entity="ada", project="vision", view_id="v", type=kind, name="v", spec=spec)


def test_nothing_is_the_view_that_the_page_begins_with():
    view = read_query("")
    assert (view.order, view.columns, view.group_by, view.selected, view.stream) == (
        ("-created_at",),
        (),
        (),
        None,
        "history",
    )
    assert view.settings_of("loss") == {
        "x": "_step",
        "xScale": "linear",
        "smoothing": None,
        "aggregate": {"line": "mean", "band": "std"},
    }


def test_names_and_panels_are_read_as_the_page_writes_them():
    panels = {
        "stream": "events",
        "all": {"xScale": "log"},
        "panels": {"a": {"x": "_timestamp"}},
        "zooms": {"x _timestamp": [1, 2]},
        "search": "Gpu mem",
    }
    view = read_query(
        f"o=-summary.a%5C%2Cb,name&c=config.lr@90,odd@@name&g=config.opt&h=r1,r2&s=*,r3&so=1&P={json.dumps(panels)}"
    )
    assert (view.order, view.columns) == (("-summary.a,b", "name"), ("config.lr", "odd@name"))
    assert (view.group_by, view.hidden, view.selected, view.is_all_but) == (
        ("config.opt",),
        ("r1", "r2"),
        ("r3",),
        True,
    )
    assert (view.settings_of("a")["x"], view.settings_of("b")["x"]) == ("_timestamp", "_runtime")
    assert (view.zoom_of("a"), view.zoom_of("b")) == ([1, 2], None)
    assert [view.finds(key) for key in ("gpu.0.memory", "gpu.0.power")] == [True, False]


def test_a_filter_in_the_language_of_addresses_is_read_unless_it_was_saved_with_the_view():
    query = "f=config.lr+%3E+1"
    meant = {"config.lr": {"$gt": 1}}
    assert read_query(query).filters == meant
    assert read_query("f=config.lr+%3E+1&q=adam").filters["$and"][0] == meant
    assert saved_view(saved(json.dumps({"query": query}))).filters == meant
    filters = {"name": "x"}
    assert saved_view(saved(json.dumps({"query": query, "filters": filters}))).filters == filters
    with pytest.raises(BadValueError, match="the filter of this view cannot be read: expected a value, not the end"):
        read_query("f=config.lr+%3E")


def test_a_view_of_another_program_or_a_broken_one_says_so():
    with pytest.raises(NotSupportedError, match="type 'runs'"):
        saved_view(saved("{}", "runs"))
    for spec in ("", "[]", "{}", '{"query": "P=[]"}', '{"query": "P={"}', '{"query": "P={\\"all\\": 1}"}'):
        with pytest.raises(BadValueError, match="cannot be read"):
            saved_view(saved(spec))
