"""Small multiples: what is in the picture, where, and that nothing spoils it."""

import math
import struct
from xml.etree import ElementTree

import pytest

from runlake.comparison.picture import Picture
from runlake.plot.canvas import LIGHT
from runlake.plot.drawing import Trace
from runlake.plot.multiples import Multiples, Panel, draw_multiples, grid_of
from runlake.plot.multiples_png import draw_multiples_png

SVG = "{http://www.w3.org/2000/svg}"
ODD = '<script>alert(1)</script> & "x" $y_1$ \x07 _'


def multiples(run_count, key_count):
    names = [f"run {place}" for place in range(run_count)]
    xs = [float(step) for step in range(20)]

    def trace(run, key):
        return Trace("", xs, [math.sin(x / 3 + run) * 10.0**key for x in xs])

    panels = [Panel(f"key {key}", [trace(run, key) for run in range(run_count)]) for key in range(key_count)]
    return Multiples(title=f"{run_count} runs", x_label="step", names=names, panels=panels)


def texts(svg):
    return ["".join(element.itertext()) for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


@pytest.mark.parametrize(("run_count", "key_count"), [(2, 1), (3, 4), (10, 9), (10, 40), (32, 2)])
def test_every_run_and_key_is_named_and_drawn_within_the_sheet(run_count, key_count):
    svg = draw_multiples(multiples(run_count, key_count))
    root = ElementTree.fromstring(svg)
    shown = texts(svg)
    assert [text for text in shown if text.startswith("key ")] == [f"key {key}" for key in range(key_count)]
    named_count = min(run_count, 24)
    assert [text for text in shown if text.startswith("run ")] == [f"run {place}" for place in range(named_count)]
    lines = [path for path in root.iter(f"{SVG}path") if path.get("class", "").startswith("line ")]
    assert len(lines) == named_count + run_count * key_count
    assert len({(path.get("class"), path.get("stroke-dasharray")) for path in lines}) == run_count
    width, height = float(root.get("width")), float(root.get("height"))
    for path in lines:
        points = [point.split() for piece in path.get("d").split("M") for point in piece.split("L") if point]
        assert all(0 <= float(x) <= width and 0 <= float(y) <= height for x, y in points)


def test_panels_are_large_where_there_are_few_and_never_tiny():
    assert [grid_of(count).column_count for count in (1, 2, 4, 5, 9, 10, 40)] == [1, 2, 2, 3, 3, 4, 4]
    assert min(grid_of(count).width for count in range(1, 41)) >= 320


def test_the_picture_is_light_whoever_looks():
    svg = draw_multiples(multiples(2, 1))
    assert "prefers-color-scheme" not in svg
    assert all(color in svg for color in LIGHT)


HARD = {
    "gaps": Trace("", [0.0, 1.0, 2.0, 3.0], [1.0, math.nan, math.inf, 2.0]),
    "nothing": Trace("", [], []),
    "one point": Trace("", [5.0], [1e-300]),
    "constant": Trace("", [0.0, 1.0], [7.0, 7.0]),
    "the largest": Trace("", [0.0, 1.0], [-1.7e308, 1.7e308]),
}


@pytest.mark.parametrize("name", HARD)
def test_hard_values_are_drawn_all_the_same(name):
    drawing = Multiples(title="t", x_label="step", names=["a"], panels=[Panel("k", [HARD[name]])])
    marks = draw_multiples(drawing).partition("</style>")[2]
    assert "nan" not in marks
    assert "inf" not in marks
    assert draw_multiples_png(drawing, 40).startswith(b"\x89PNG")


def test_names_of_others_are_text_and_nothing_else():
    panels = [Panel(ODD, [Trace("", [0.0, 1.0], [0.0, 1.0])])]
    drawing = Multiples(title=ODD, x_label="step", names=[ODD], panels=panels, note=ODD)
    page = Picture(drawing, ("section", "key", ODD), (("config", ODD, ODD),)).to_html()
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 6
    assert "default-src 'none'" in page
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")
    assert draw_multiples_png(drawing, 40).startswith(b"\x89PNG")


@pytest.mark.parametrize(("run_count", "key_count"), [(2, 1), (3, 10)])
def test_a_png_is_as_large_as_its_panels_need(run_count, key_count):
    png = draw_multiples_png(multiples(run_count, key_count), 50)
    width, height = struct.unpack(">II", png[16:24])
    grid = grid_of(key_count)
    rows = -(-key_count // grid.column_count)
    assert width == pytest.approx(grid.column_count * grid.width / 2, abs=2)
    assert rows * grid.height / 2 < height < rows * grid.height / 2 + 100
