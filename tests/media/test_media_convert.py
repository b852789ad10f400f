import math

import numpy as np
import pandas as pd
import PIL.Image
import polars as pl
import pytest
from matplotlib.figure import Figure

from runlake.errors import BadValueError, LogTypeError, NotFoundError
from runlake.media.convert import convert_value, prepare
from runlake.media.histogram import Histogram
from runlake.media.html import Html
from runlake.media.image import Image
from runlake.media.read import is_media, read_media
from runlake.media.table import Table, as_media
from runlake.values import flatten, unflatten

GREY = np.array([[0, 255]], np.uint8)


def drawn():
    figure = Figure(figsize=(1, 1))
    figure.subplots().plot([1, 2])
    return figure


class Frame(pd.DataFrame):
    """A class that inherits from a frame, as geopandas has."""


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"a": 1, "b": 0.5, "c": "x", "d": None, "e": True},
        {"a": [1, 2.5], "b": (1, "x"), "c": {"d": {"e": [[], {}]}}},
        {"a": np.arange(3), "b": np.float32(1), "c": {1, 2}},
        {1: "a key that is refused later"},
        {"a": {"_type": "histogram", "values": [1], "bins": [0, 1]}},
    ],
)
def test_a_row_without_media_is_handed_on_untouched(files, data):
    assert prepare(data, files.write, 0) is data


def test_media_is_found_at_any_depth_and_keeps_its_place(files):
    data = {
        "a": 1,
        "image": Image(GREY),
        "nest": {"x": 2, "table": Table(columns=["c"], data=[[1]]), "y": 3},
        "z": [1, Histogram([0, 1], num_bins=2), [Html("a"), 5]],
    }
    prepared = prepare(data, files.write, 7)
    assert list(prepared) == list(data)
    assert list(prepared["nest"]) == ["x", "table", "y"]
    assert [prepared["image"]["_type"], prepared["nest"]["table"]["_type"]] == ["image-file", "table-file"]
    assert [name.rpartition("_")[0] for name in files] == [
        "media/images/image_7",
        "media/table/nest.table_7",
        "media/html/z_7",
    ]
    assert [prepared["z"][0], prepared["z"][1]["_type"], prepared["z"][2][0]["_type"], prepared["z"][2][1]] == [
        1,
        "histogram",
        "html-file",
        5,
    ]
    assert isinstance(data["image"], Image)
    assert unflatten(flatten(prepared).items()) == prepared


def test_lists_of_one_kind_become_one_value(files):
    data = {
        "images": [Image(GREY, caption="a"), PIL.Image.new("L", (2, 1))],
        "pages": (Html("a"), Html("b")),
        "counts": [Histogram([0], num_bins=1), Histogram([1], num_bins=1)],
        "tables": [Table(columns=["a"]), pd.DataFrame({"b": [1]})],
        "arrays": [np.arange(2), np.arange(2)],
    }
    prepared = prepare(data, files.write, 0)
    assert (prepared["images"]["_type"], prepared["images"]["count"]) == ("images/separated", 2)
    assert (prepared["pages"]["_type"], prepared["pages"]["count"]) == ("html", 2)
    assert [value["_type"] for value in prepared["counts"]] == ["histogram", "histogram"]
    assert [value["_type"] for value in prepared["tables"]] == ["table-file", "table-file"]
    assert prepared["arrays"] is data["arrays"]
    assert unflatten(flatten(prepared).items())["arrays"] == [[0, 1], [0, 1]]


def test_a_cycle_is_left_to_who_makes_the_row_canonical(files):
    cycle = {"a": []}
    cycle["a"].append(cycle)
    assert prepare(cycle, files.write, 0) is cycle
    with pytest.raises(LogTypeError, match="cycle"):
        flatten(cycle)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (Image(GREY), "image-file"),
        (Histogram([1]), "histogram"),
        (Html("x"), "html-file"),
        (Table(), "table-file"),
        (pd.DataFrame({"a": [1]}), "table-file"),
        (Frame({"a": [1]}), "table-file"),
        (pl.DataFrame({"a": [1]}), "table-file"),
        (PIL.Image.new("RGB", (1, 1)), "image-file"),
        (drawn(), "image-file"),
        ([Image(GREY)], "images/separated"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_of_known_packages_are_converted(files, value, kind):
    assert convert_value(value, files.write, "k", 0)["_type"] == kind


def test_everything_else_is_left_as_it_is(files):
    for value in (object(), math, print, 1j):
        assert as_media(value) is None
        assert convert_value(value, files.write, "k", 0) is value


def test_what_is_no_media_cannot_be_read_as_it(files):
    with pytest.raises(BadValueError, match="_type 'video' is not media"):
        read_media({"_type": "video"}, files.open)
    with pytest.raises(BadValueError, match="lacks its 'bins'"):
        read_media({"_type": "histogram", "values": []}, files.open)
    with pytest.raises(NotFoundError):
        read_media({"_type": "html-file", "path": "gone"}, files.open)
    assert [is_media(value) for value in ({"_type": "histogram"}, {"_type": "video"}, {}, 5, [])] == [
        True,
        *[False] * 4,
    ]
