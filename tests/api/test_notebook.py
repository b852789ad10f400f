"""What a notebook shows is static, escaped and well formed."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from runlake.api.notebook import sparkline


def parsed(page):
    return ElementTree.fromstring(page)


def test_a_run_is_a_table_and_a_line_for_each_metric(make_run, api):
    rows = [{"loss": 1 / (i + 1), "acc": i, "text": "t", "bad": float("nan")} for i in range(500)]
    run = api.run(make_run(rows=rows, config={"lr": 0.1, "_hidden": 1}, name="<b>&name", tags=["x"], notes="<script>"))
    page = run._repr_html_()
    root = parsed(page)
    assert len(root.findall(".//{http://www.w3.org/2000/svg}svg")) == 3
    assert "script" not in {element.tag for element in root.iter()}
    text = " ".join(root.itertext())
    assert "<b>&name" in text
    assert "lr 0.1" in text
    assert "0.002 … 1" in text
    assert "no finite values" in text
    assert "_hidden" not in text
    assert len(page) < 30_000


def test_a_metric_of_integers_and_floats_is_one_line(make_run, api):
    page = api.run(make_run(rows=[{"reward": 0}, {"reward": 1.5}, {"reward": -2}]))._repr_html_()
    assert "-2 … 1.5" in page
    assert page.count("<polyline") == 1


def test_a_run_without_rows_is_shown_too(make_run, api):
    assert "rows 0" in " ".join(parsed(api.run(make_run())._repr_html_()).itertext())


def test_many_metrics_are_counted_and_not_all_drawn(make_run, api):
    run = api.run(make_run(rows=[{f"k{i}": i for i in range(40)}]))
    root = parsed(run._repr_html_())
    assert len(root.findall(".//{http://www.w3.org/2000/svg}svg")) == 12
    assert "and 28 more metrics" in " ".join(root.itertext())


def test_a_listing_shows_its_first_runs(make_run, api):
    for number in range(12):
        make_run(f"ann/digits/r{number:02}", at_s=number)
    for page in (api.runs("digits")._repr_html_(), api.project("digits")._repr_html_()):
        text = " ".join(parsed(page).itertext())
        assert "12 runs" in text
        assert "and 2 more" in text
        assert "r09" in text
        assert "r10" not in text


@pytest.mark.parametrize(
    "line",
    [
        [],
        [1.0],
        [1.0, 1.0],
        [np.nan, np.nan],
        [1.0, np.nan, 2.0, np.inf, 3.0, 4.0],
        [-1e308, 1e308, 0.0],
        [5e-324, 0.0],
    ],
)
def test_any_line_is_drawn_inside_its_box(line):
    root = parsed(sparkline(np.arange(len(line)), np.array(line, dtype=np.float64)))
    for element in root:
        points = element.get("points") or f"{element.get('cx')},{element.get('cy')}"
        for x, y in (point.split(",") for point in points.split(" ")):
            assert 0 <= float(x) <= 160
            assert 0 <= float(y) <= 28


@pytest.mark.integration
def test_the_page_survives_nbconvert(make_run, api):
    nbformat = pytest.importorskip("nbformat")
    nbconvert = pytest.importorskip("nbconvert")
    page = api.run(make_run(rows=[{"loss": 1.0}, {"loss": 0.5}]))._repr_html_()
    output = nbformat.v4.new_output("display_data", data={"text/html": page, "text/plain": "run"})
    cell = nbformat.v4.new_code_cell("run", outputs=[output])
    body, _ = nbconvert.HTMLExporter().from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))
    points = re.search(r' points="[^"]+"', page)[0]
    assert body.count(points) == page.count(points) == 1
