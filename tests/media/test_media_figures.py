import json
import math
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest

from runlake.errors import BadValueError, CorruptError, NotSupportedError, RunlakeWarning
from runlake.media.convert import convert_value
from runlake.media.figures import Bokeh, Plotly
from runlake.media.graph import Graph, Node
from runlake.media.image import Image
from runlake.media.left_out import strictly
from runlake.media.read import read_media

FIGURE = {"data": [{"type": "scatter", "x": [1, 2], "y": [0.5, None]}], "layout": {"title": {"text": "é"}}}


class PlotlyFigure:
    """What plotly offers of what is used of it, under the name it has there."""

    def to_html(self, include_plotlyjs, div_id):
        return f"<html>plot {div_id} from {include_plotlyjs}</html>"

    def to_json(self):
        return json.dumps(FIGURE)


@pytest.fixture
def plotly_figure():
    base = type("BaseFigure", (PlotlyFigure,), {"__module__": "plotly.basedatatypes"})
    return type("Figure", (base,), {"__module__": "plotly.graph_objs._figure"})()


@pytest.fixture
def axes():
    figure, axes = plt.subplots()
    yield axes
    plt.close(figure)


@pytest.mark.parametrize("wrap", [lambda figure: figure, Plotly])
def test_a_plotly_figure_is_kept_as_its_json_and_as_a_page(files, plotly_figure, wrap):
    value = convert_value(wrap(plotly_figure), files.write, "val/k", 3)
    assert value["path"] == f"media/plotly/val/k_3_{value['sha256'][:20]}.plotly.json"
    assert json.loads(files[value["path"]]) == FIGURE
    assert files[value["rendering"]["path"]] == b"<html>plot figure from cdn</html>"
    assert (value["_type"], value["rendering"]["format"], len(files)) == ("plotly-file", "html", 2)
    again = read_media(value, files.open)
    assert (again.document, again.page) == (FIGURE, "<html>plot figure from cdn</html>")
    assert again.stored(files.write, "val/k", 3) == value


def test_the_json_of_a_figure_is_enough(files):
    figure = {"data": [{"y": np.array([[1.5, math.nan], [math.inf, 2]]), "name": None, "n": np.int64(3), "on": True}]}
    value = Plotly(figure).stored(files.write, "k", 0)
    assert "rendering" not in value
    assert read_media(value, files.open).document == {
        "data": [{"y": [[1.5, None], [None, 2.0]], "name": None, "n": 3, "on": True}]
    }


@pytest.mark.parametrize(
    ("packed", "plain"),
    [
        ({"dtype": "i1", "bdata": "AQID/w=="}, [1, 2, 3, -1]),
        ({"dtype": "f8", "bdata": "AAAAAAAA+D8AAAAAAAD4fw==", "shape": "1, 2"}, [[1.5, None]]),
        ({"dtype": "f4", "bdata": ""}, []),
        ({"dtype": "u2", "bdata": 5}, {"dtype": "u2", "bdata": 5}),
    ],
)
def test_arrays_that_plotly_packs_are_plain_lists(packed, plain):
    assert Plotly({"data": [{"y": packed}]}).document == {"data": [{"y": plain}]}


def test_a_matplotlib_figure_is_a_picture_where_plotly_cannot_convert_it(files, axes, monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly", None)
    for figure in (axes, axes.figure, plt):
        assert isinstance(Plotly.make_plot_media(figure), Image)
    plot = Plotly(axes)
    with pytest.raises(NotSupportedError, match="was kept as a picture"), strictly(True):
        plot.stored(files.write, "k", 0)
    with pytest.warns(RunlakeWarning, match=r"Plotly: .* kept as a picture; .*ModuleNotFoundError"):
        value = plot.stored(files.write, "k", 0)
    assert (value["_type"], value["width"]) == ("image-file", 640)


def test_the_file_of_a_bokeh_document_is_kept(files, tmp_path):
    path = tmp_path / "a.bokeh.json"
    path.write_text('{"roots": [], "title": "é"}')
    value = Bokeh(path).stored(files.write, "k", 0)
    assert (value["_type"], value["path"].split("/")[1]) == ("bokeh-file", "bokeh")
    assert read_media(value, files.open).document == {"roots": [], "title": "é"}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Plotly(5), "made of a builtins.int; give a figure of plotly"),
        (lambda: Bokeh(5), "made of a builtins.int; give a figure or a document of bokeh"),
        (lambda: Bokeh("missing.json"), "No such file"),
        (lambda: Graph().add_node("a"), "was given 'a' as a node"),
    ],
)
def test_what_is_no_figure_is_refused(make, message):
    with pytest.raises(BadValueError, match=message):
        make()


def test_a_figure_file_that_is_no_json_is_named(files):
    files["media/plotly/x"] = b"<"
    with pytest.raises(CorruptError, match=r"'media/plotly/x' is no JSON"):
        read_media({"_type": "plotly-file", "path": "media/plotly/x"}, files.open)


def test_a_graph_is_its_nodes_and_edges(files):
    graph = Graph()
    first = graph.add_node(id="a", name="in", class_name="Input", size=[2], parameters=[["w", [1, 2]]])
    second = graph.add_node(Node(id="b", name="out", num_parameters=np.int64(7)))
    assert (graph.add_edge(first, second), graph.add_edge("b", "a")) == (("a", "b"), ("b", "a"))
    value = graph.stored(files.write, "k", 0)
    assert json.loads(files[value["path"]]) == {
        "format": "keras",
        "nodes": [
            {"id": "a", "name": "in", "class_name": "Input", "size": [2], "parameters": [["w", [1, 2]]]},
            {"id": "b", "name": "out", "num_parameters": 7},
        ],
        "edges": [["a", "b"], ["b", "a"]],
    }
    again = read_media(value, files.open)
    assert (again.edges, again.nodes[0].class_name, again.nodes[1].size) == (graph.edges, "Input", None)
    assert (repr(again), "<li>in: Input</li>" in again._repr_html_()) == ("Graph(2 nodes, 2 edges)", True)


@pytest.mark.integration
def test_real_keras_models_are_graphs():
    keras = pytest.importorskip("keras", exc_type=ImportError)
    start = keras.Input((4,), name="start")
    left, right = (keras.layers.Dense(3, name=name)(start) for name in ("left", "right"))
    graph = Graph.from_keras(keras.Model(start, keras.layers.Add(name="both")([left, right])))
    assert [(node.id, node.num_parameters, node.output_shape) for node in graph.nodes] == [
        ("start", 0, [None, 4]),
        ("left", 15, [None, 3]),
        ("right", 15, [None, 3]),
        ("both", 0, [None, 3]),
    ]
    assert graph.edges == [("start", "left"), ("start", "right"), ("left", "both"), ("right", "both")]
    chain = keras.Sequential([keras.layers.Dense(2, name="first"), keras.layers.Dense(1, name="second")])
    assert Graph.from_keras(chain).edges == []  # it has no input yet
    chain.build((None, 4))
    assert Graph.from_keras(chain).edges == [("first", "second")]


def test_the_notebook_shows_the_page(plotly_figure):
    assert "plot figure from cdn" in Plotly(plotly_figure)._repr_html_()
    assert Plotly(FIGURE)._repr_html_() == "<code>Plotly(data, layout)</code>"


@pytest.mark.integration
def test_real_plotly_figures_come_back(files):
    graph_objects = pytest.importorskip("plotly.graph_objects")
    figure = graph_objects.Figure(graph_objects.Heatmap(z=np.array([[1.5, math.nan], [3, 4]])))
    value = convert_value(figure, files.write, "k", 0)
    assert convert_value(figure, files.write, "k", 0) == value
    again = read_media(value, files.open)
    assert again.document["data"][0]["z"] == [[1.5, None], [3.0, 4.0]]
    assert "plotly" in again.page
    assert list(map(list, again.to_figure().data[0].z)) == [[1.5, None], [3.0, 4.0]]


@pytest.mark.integration
def test_real_plotly_converts_matplotlib_figures(files, axes):
    pytest.importorskip("plotly")
    axes.plot([1, 2, 3])
    for given in (axes.figure, axes, plt):
        value = Plotly(given).stored(files.write, "k", 0)
        assert read_media(value, files.open).document["data"][0]["y"] == [1.0, 2.0, 3.0]
    assert plt.gcf() is axes.figure


@pytest.mark.integration
def test_real_bokeh_figures_come_back(files):
    plotting = pytest.importorskip("bokeh.plotting")
    figure = plotting.figure()
    figure.line([1, 2], np.array([3.0, 4.0]))
    value = convert_value(figure, files.write, "k", 0)
    again = read_media(value, files.open)
    assert (value["_type"], again.document["roots"][0]["name"]) == ("bokeh-file", "Figure")
    (root,) = again.to_figure().roots
    assert root.renderers[0].data_source.data["y"].tolist() == [3.0, 4.0]
    assert "bokeh" in again.page
    assert Bokeh(figure).stored(files.write, "k", 0)["_type"] == "bokeh-file"
