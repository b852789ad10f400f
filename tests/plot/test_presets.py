import pandas as pd
import pytest

import runlake.plot as plot
from runlake.errors import BadValueError, NotSupportedError, RunlakeWarning
from runlake.media import left_out
from runlake.media.read import read_media
from runlake.media.table import Table

CURVES = Table(columns=["class", "y", "x"], data=[["mean", 1.0, 0], ["mean", 0.5, 1], ["cat", 0.9, 0], ["cat", 0.2, 1]])
SERIES = Table(columns=["step", "lineKey", "lineVal"], data=[[0, "a", 1], [1, "a", 2]])
MATRIX = Table(columns=["Actual", "Predicted", "nPredictions"], data=[["cat", "cat", 3], ["cat", "dog", 1]])

TITLES = {"title": "P(R)", "x-axis-title": "Recall", "y-axis-title": "Precision"}
LINES = {"step": "step", "lineKey": "lineKey", "lineVal": "lineVal"}


@pytest.mark.parametrize(
    ("name", "table", "fields", "texts", "same"),
    [
        ("line/v0", CURVES, {"x": "x", "y": "y"}, {"title": "T"}, plot.line(CURVES, "x", "y", title="T")),
        ("line/v0", CURVES, {"x": "x", "y": "y", "stroke": None}, None, plot.line(CURVES, "x", "y")),
        ("line/v0", CURVES, {"x": "x", "y": "y", "stroke": "class"}, {}, plot.line(CURVES, "x", "y", "class")),
        ("scatter/v0", CURVES, {"x": "x", "y": "y"}, {"title": "T"}, plot.scatter(CURVES, "x", "y", "T")),
        ("bar/v0", CURVES, {"label": "class", "value": "y"}, {}, plot.bar(CURVES, "class", "y")),
        ("histogram/v0", CURVES, {"value": "y"}, {}, plot.histogram(CURVES, "y")),
        (
            "lineseries/v0",
            SERIES,
            LINES,
            {"title": "T", "xname": "epoch"},
            plot.line_series([0, 1], [[1, 2]], ["a"], "T", "epoch"),
        ),
        (
            "confusion_matrix/v1",
            MATRIX,
            {name: name for name in MATRIX.columns},
            {"title": "T"},
            plot.Chart(
                "confusion", MATRIX, {"actual": "Actual", "predicted": "Predicted", "count": "nPredictions"}, "T"
            ),
        ),
    ],
)
def test_a_preset_of_wandb_is_drawn_like_the_chart_of_its_name(name, table, fields, texts, same):
    chart = plot.plot_table(f"wandb/{name}", table, fields, texts)
    shown = chart.to_svg().replace("lineVal", "y")
    assert (chart.kind, shown) == (same.kind, same.to_svg())


def test_curves_as_detectors_log_them_have_their_names_on_the_axes():
    chart = plot.plot_table(
        "wandb/area-under-curve/v0", CURVES, fields={"x": "x", "y": "y", "class": "class"}, string_fields=TITLES
    )
    assert chart.title == "P(R)"
    assert [(trace.name, trace.xs) for trace in chart.drawing().traces] == [("mean", [0, 1]), ("cat", [0, 1])]
    assert all(text in chart.to_svg() for text in TITLES.values())


@pytest.mark.parametrize(
    ("name", "fields"),
    [("team/mine/v3", {"x": "x", "size": "y"}), ("wandb/line/v0", {"x": "x", "y": "missing"}), ("wandb/line/v0", {})],
)
def test_a_chart_of_another_definition_keeps_its_table_and_fields_and_says_so_once(files, name, fields):
    left_out.said.clear()
    chart = plot.plot_table(name, CURVES, fields, {"title": "T"})
    with pytest.raises(NotSupportedError, match="without a drawing"), left_out.strictly(True):
        chart.stored(files.write, "k", 0)
    with pytest.warns(RunlakeWarning, match=f"plot_table: a chart of '{name}' is kept as its table and its fields"):
        value = chart.stored(files.write, "k", 0)
    chart.stored(files.write, "k", 1)
    assert "rendering" not in value
    assert value["fields"] == {"vega_spec_name": name, "fields": fields, "string_fields": {"title": "T"}}
    assert read_media(value, files.open).data == CURVES.data
    again = plot.Chart.from_stored(value, files.open)
    assert (again.kind, again.title, again.fields) == ("vega", "T", value["fields"])
    assert "<table>" in again._repr_html_()
    with pytest.raises(NotSupportedError, match=r"runlake\.plot\.line"):
        again.to_svg()


def test_a_chart_without_fields_is_a_table_with_the_name_of_its_definition():
    chart = plot.visualize("team/mine", pd.DataFrame({"a": [1]}))
    assert (chart.fields["vega_spec_name"], chart.table.data) == ("team/mine", [[1]])


def test_what_is_no_table_is_refused():
    with pytest.raises(BadValueError, match="made of a int"):
        plot.plot_table("wandb/line/v0", 5, {})
