"""The summary: live, nested, edited key by key."""

import json
import pickle

import pytest

from runlake.errors import LogTypeError
from runlake.sdk.run.summary import Summary
from runlake.values import Json, flatten, split_path, unflatten


class Store:
    """A summary as a run keeps it: paths, with the rule that what is unset goes first and takes all below it."""

    def __init__(self, **data):
        self.flat = flatten(data)
        self.edits = []

    def current(self):
        return unflatten(self.flat.items())

    def on_edit(self, paths_set, paths_unset):
        self.edits.append((paths_set, paths_unset))
        for path in [*paths_unset, *paths_set]:
            gone = split_path(path)
            self.flat = {p: v for p, v in self.flat.items() if split_path(p)[: len(gone)] != gone}
        self.flat.update(paths_set)


@pytest.fixture
def store():
    return Store(loss=0.5, val={"acc": 0.9, "deep": {"x": 1}}, _wandb={"runtime": 1})


@pytest.fixture
def summary(store):
    return Summary(store.current, store.on_edit)


def test_it_shows_what_the_run_holds_now(store, summary):
    assert (summary["loss"], summary.loss, summary.get("none")) == (0.5, 0.5, None)
    store.flat["loss"] = 0.25
    assert summary.loss == 0.25
    assert dict(summary) == {"loss": 0.25, "val": {"acc": 0.9, "deep": {"x": 1}}}
    assert list(summary) == ["loss", "val"]
    assert (len(summary), "loss" in summary, "none" in summary) == (2, True, False)
    assert repr(summary) == "{'loss': 0.25, 'val': {'acc': 0.9, 'deep': {'x': 1}}}"
    assert json.loads(json.dumps(summary.as_dict())) == summary


def test_nested_values_are_live_and_dict_like(store, summary):
    val = summary["val"]
    assert (val["acc"], val.deep.x, val["deep"]["x"]) == (0.9, 1, 1)
    assert (val, list(val), len(val)) == ({"acc": 0.9, "deep": {"x": 1}}, ["acc", "deep"], 2)
    store.flat["val.acc"] = 1.0
    assert val["acc"] == 1.0
    del summary["val"]
    assert (dict(val), "acc" in val) == ({}, False)


def test_what_is_not_there_is_an_error(summary):
    with pytest.raises(KeyError, match="none"):
        summary["none"]
    with pytest.raises(AttributeError, match="the summary has no key 'none'; it has: loss, val"):
        summary.none  # noqa: B018
    with pytest.raises(KeyError, match="none"):
        del summary["none"]
    with pytest.raises(AttributeError, match="no key 'none'"):
        del summary.val.none


def test_every_edit_is_told_by_its_path(store, summary):
    summary["best.acc"] = 1
    summary.note = "x"
    summary["val"]["acc"] = 0.95
    summary.val.deep["y"] = (1, 2)
    del summary["val"]["deep"]["x"]
    del summary.loss
    summary.update({"val": {"b": 1}}, c=2)
    summary.update()
    assert store.edits == [
        ({"best\\.acc": 1}, []),
        ({"note": "x"}, []),
        ({"val.acc": 0.95}, []),
        ({"val.deep.y": Json("[1,2]")}, []),
        ({}, ["val.deep.x"]),
        ({}, ["loss"]),
        ({"val.b": 1, "c": 2}, ["val"]),
    ]
    assert summary.as_dict() == {"best.acc": 1, "note": "x", "val": {"b": 1}, "c": 2}


def test_an_edit_below_a_plain_value_or_an_empty_dict_takes_its_place(store, summary):
    summary["a"] = {}
    part = summary["a"]
    part["b"] = 1
    assert (summary["a"], store.edits[-1]) == ({"b": 1}, ({"a.b": 1}, ["a"]))
    summary["a"] = 5
    part["c"] = 2
    assert (summary["a"], store.edits[-1]) == ({"c": 2}, ({"a.c": 2}, ["a"]))


def test_a_part_may_be_set_as_the_value_of_another_key(summary):
    summary["copy"] = summary["val"]
    assert summary["copy"] == {"acc": 0.9, "deep": {"x": 1}}


def test_media_go_through_the_converter_and_come_back_whole(store):
    class Histogram:
        pass

    def convert(value):
        assert isinstance(value, Histogram)
        return {"_type": "histogram", "values": [1]}

    summary = Summary(store.current, store.on_edit, convert)
    summary["h"] = Histogram()
    assert type(summary["h"]) is dict
    assert summary["h"] == {"_type": "histogram", "values": [1]}


def test_what_cannot_be_stored_is_an_error_and_not_told(store, summary):
    with pytest.raises(LogTypeError, match="cannot be stored"):
        summary["a"] = object()
    assert store.edits == []


def test_what_another_process_gets_are_the_values(summary):
    assert pickle.loads(pickle.dumps(summary)) == {"loss": 0.5, "val": {"acc": 0.9, "deep": {"x": 1}}}
