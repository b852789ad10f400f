import math
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import polars as pl
import pytest

import runlake.plot as plot
from runlake.errors import BadValueError, NotSupportedError
from runlake.media.convert import convert_value
from runlake.media.html import Html
from runlake.media.read import is_media, read_media
from runlake.media.table import Table

LOSSES = Table(columns=["step", "loss", "split"], data=[[0, 2.0, "train"], [1, 1.0, "train"], [0, 2.5, "val"]])


def all_charts():
    truth, scores = [0, 1, 1, 0], [[0.9, 0.1], [0.4, 0.6], [0.6, 0.4], [0.2, 0.8]]
    return {
        "line": plot.line(LOSSES, "step", "loss", stroke="split", title="Loss"),
        "scatter": plot.scatter(LOSSES, "step", "loss", "Points"),
        "bar": plot.bar(LOSSES, "split", "loss", title="Bars"),
        "histogram": plot.histogram(LOSSES, "loss"),
        "line_series": plot.line_series([0, 1], [[1, 2], [3, 4]], keys=["a", "b"], xname="epoch"),
        "roc_curve": plot.roc_curve(truth, scores, labels=["cat", "dog"]),
        "pr_curve": plot.pr_curve(truth, scores),
        "confusion_matrix": plot.confusion_matrix(scores, truth),
    }


CHARTS = all_charts()


def test_the_stored_form_of_a_chart(files):
    value = CHARTS["line"].stored(files.write, "val/loss", 3)
    table, picture = files
    assert value == {
        "_type": "custom-chart",
        "chart": "line",
        "title": "Loss",
        "fields": {"x": "step", "y": "loss", "stroke": "split"},
        "table": {**value["table"], "_type": "table-file", "path": table, "ncols": 3, "nrows": 3},
        "rendering": {**value["rendering"], "path": picture, "size": len(files[picture]), "format": "svg"},
    }
    assert table.startswith("media/table/val/loss_3_")
    assert picture.startswith("media/plots/val/loss_3_")
    assert files[picture].decode() == CHARTS["line"].to_svg()


@pytest.mark.parametrize("name", CHARTS)
def test_every_chart_comes_back(files, name):
    chart = CHARTS[name]
    value = convert_value(chart, files.write, "k", 0)
    assert is_media(value)
    found = read_media(value, files.open)
    assert (found.columns, found.data) == (chart.table.columns, chart.table.data)
    again = plot.Chart.from_stored(value, files.open)
    assert again.stored(files.write, "k", 0) == value


@pytest.mark.parametrize("name", CHARTS)
def test_every_drawing_is_one_file_of_svg_that_loads_nothing(name):
    svg = CHARTS[name].to_svg()
    root = ElementTree.fromstring(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.get("aria-label")
    for word in ("<script", "href", "url(", "@import", "nan", "inf", "None"):
        assert word not in svg
    assert "prefers-color-scheme:dark" in svg
    assert svg == all_charts()[name].to_svg()
    page = CHARTS[name].to_html()
    assert svg in page
    assert "<script" not in page


@pytest.mark.parametrize("name", CHARTS)
def test_every_chart_has_a_png(name):
    assert CHARTS[name].to_png(dpi=30).startswith(b"\x89PNG")


def test_without_matplotlib_the_png_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(NotSupportedError, match="needs matplotlib"):
        CHARTS["line"].to_png()


def test_frames_are_tables_too():
    data = {"step": [0, 1], "loss": [2.0, 1.0]}
    drawn = {plot.line(frame, "step", "loss").to_svg() for frame in (pd.DataFrame(data), pl.DataFrame(data))}
    assert drawn == {plot.line(Table(columns=["step", "loss"], data=[[0, 2.0], [1, 1.0]]), "step", "loss").to_svg()}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: plot.line(LOSSES, "epoch", "loss"), "no column 'epoch'; it has 'step', 'loss', 'split'"),
        (lambda: plot.line(LOSSES, "step", "loss", stroke="x"), "no column 'x'"),
        (lambda: plot.scatter([[1, 2]], "x", "y"), "made of a list"),
        (lambda: plot.bar(LOSSES, "split", "x"), "no column 'x'"),
        (lambda: plot.histogram(None, "x"), "made of a NoneType"),
        (lambda: plot.line_series([0, 1], [[1]]), "'key_0' of line_series has 2 xs and 1 ys"),
        (lambda: plot.line_series([[0], [1]], [[1]]), "2 xs and 1 ys; give one for each"),
        (lambda: plot.line_series([0], [[1]], keys=["a", "b"]), "2 keys and 1 ys"),
        (lambda: plot.line_series(np.float64(0), [[1]]), "where a sequence of numbers belongs"),
    ],
)
def test_what_gives_no_chart_is_refused(make, message):
    with pytest.raises(BadValueError, match=message):
        make()


def test_a_chart_of_a_newer_kind_is_named(files):
    value = CHARTS["line"].stored(files.write, "k", 0)
    with pytest.raises(BadValueError, match="kind 'pie'"):
        plot.Chart.from_stored({**value, "chart": "pie"}, files.open)


def test_line_series_takes_shared_and_own_xs():
    shared = plot.line_series(np.arange(2), np.array([[1, 2], [3, 4]]))
    own = plot.line_series([[0, 1], range(2)], [[1, 2], [3, 4]], keys=["key_0", "key_1"])
    assert shared.table.data == own.table.data == [[0, "key_0", 1], [1, "key_0", 2], [0, "key_1", 3], [1, "key_1", 4]]
    assert shared.table.columns == ["step", "lineKey", "lineVal"]


def test_lines_go_from_low_x_to_high_and_leave_gaps():
    table = Table(columns=["x", "y"], data=[[3, 1.0], [1, 2.0], [2, math.nan], [None, 5.0], [0, "3"]])
    (trace,) = plot.line(table, "x", "y").drawing().traces
    assert trace.xs == [0, 1, 2, 3]
    assert [str(y) for y in trace.ys] == ["nan", "2.0", "nan", "1.0"]


def test_x_that_is_no_number_stands_in_the_order_it_comes():
    drawing = plot.line(Table(columns=["day", "v"], data=[["tue", 1], ["mon", 2], ["tue", 3]]), "day", "v").drawing()
    assert (drawing.x_names, drawing.traces[0].xs) == (["tue", "mon"], [0, 0, 1])


@pytest.mark.parametrize(
    "cells",
    [
        [],
        [math.nan, math.inf, -math.inf],
        [0.0],
        [1.7e308, -1.7e308],
        [5e-324, 0],
        [1e16, 1e16 + 2],
        [10**400, 1],
        [True, False],
        ["a", "]]>&<\0\ud800", "🔥" * 90],
        [None, None],
        [-5, -4],
    ],
    ids=str,
)
def test_any_column_can_be_drawn(cells):
    table = Table(columns=["x", "<y>"], data=[[cell, cell] for cell in cells])
    charts = [
        plot.line(table, "x", "<y>", title="t <&>"),
        plot.line(table, "x", "<y>", stroke="x"),
        plot.scatter(table, "x", "<y>"),
        plot.bar(table, "x", "<y>"),
        plot.histogram(table, "x"),
    ]
    for chart in charts:
        root = ElementTree.fromstring(chart.to_svg())
        for element in root.iter():
            for name in ("x", "y", "cx", "cy", "width", "height", "d"):
                assert "nan" not in element.get(name, "")
                assert "inf" not in element.get(name, "")


@pytest.mark.slow
def test_a_long_line_is_drawn_with_its_extremes_and_few_points():
    ys = np.zeros(50_000)
    ys[1_234], ys[30_000] = 7.0, -7.0
    chart = plot.line_series(range(50_000), [ys])
    assert len(chart.to_svg()) < 100_000
    spiky = chart.to_svg()
    ys[1_234] = 0.0
    assert plot.line_series(range(50_000), [ys]).to_svg() != spiky


@pytest.mark.slow
def test_a_cloud_of_many_points_is_thinned_and_says_so():
    points = np.random.default_rng(0).random((150_000, 2))
    svg = plot.scatter(Table(columns=["a", "b"], data=points), "a", "b").to_svg()
    assert "20,000 of 150,000 points are drawn" in svg
    assert svg.count("<circle") == 20_000


def test_many_bars_are_left_to_the_table():
    chart = plot.bar(Table(columns=["a", "b"], data=[[i, i] for i in range(60)]), "a", "b")
    assert "… 10 more in the table" in chart.to_svg()
    assert len(chart.table.data) == 60


def test_values_in_no_bin_are_told():
    chart = plot.histogram(Table(columns=["a"], data=[[1.0], [math.nan], [None], [math.inf]]), "a")
    assert "2 not a number, 1 infinite" in chart.to_svg()


def test_the_notebook_shows_the_drawing():
    assert "<svg" in CHARTS["line"]._repr_html_()
    assert repr(CHARTS["line"]) == "Chart(line 'Loss', 3 rows)"
    assert Html(CHARTS["line"].to_html()).html


def test_importing_and_making_charts_of_tables_loads_nothing_heavy():
    heavy = ("numpy", "pandas", "polars", "PIL", "matplotlib", "sklearn")
    script = (
        "import sys, runlake.plot as plot\nfrom runlake.media.table import Table\n"
        "plot.line(Table(columns=['x', 'y'], data=[[1, 2]]), 'x', 'y').to_html()\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
