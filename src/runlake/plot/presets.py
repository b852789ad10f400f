"""Charts of W&B's chart editor: its presets are drawn as the charts here, others are kept as a table and its fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runlake.media.table import Table
from runlake.plot.chart import Chart, as_table
from runlake.plot.drawing import ChartKind

PRESETS: dict[str, tuple[ChartKind, dict[str, str]]] = {
    "wandb/line/v0": ("line", {"x": "x", "y": "y", "stroke": "stroke"}),
    "wandb/lineseries/v0": ("line", {"step": "x", "lineVal": "y", "lineKey": "stroke"}),
    "wandb/scatter/v0": ("scatter", {"x": "x", "y": "y"}),
    "wandb/bar/v0": ("bar", {"label": "label", "value": "value"}),
    "wandb/histogram/v0": ("histogram", {"value": "value"}),
    "wandb/area-under-curve/v0": ("line", {"x": "x", "y": "y", "class": "stroke"}),
    "wandb/confusion_matrix/v1": (
        "confusion",
        {"Actual": "actual", "Predicted": "predicted", "nPredictions": "count"},
    ),
}
"""The name of a preset → the chart that it is here, and what its fields are called there and here."""

_OPTIONAL = ("stroke", "class", "lineKey")
_LABELS = {"xname": "x_label", "x-axis-title": "x_label", "y-axis-title": "y_label"}


def plot_table(
    vega_spec_name: str,
    data_table: Any,
    fields: Mapping[str, Any],
    string_fields: Mapping[str, Any] | None = None,
    split_table: bool = False,
) -> Chart:
    """A chart of W&B's chart editor: the name of its definition, a table, and which column of it is which field.

    W&B's own presets (`PRESETS`) are drawn. Of others the table and the fields are kept, and logging one says that
    it has no drawing: a definition lies on W&B's server. `string_fields` hold titles; `split_table` has no meaning
    here. Raises `BadValueError` for what is no table.
    """
    table = as_table(data_table)
    texts = {str(name): text for name, text in (string_fields or {}).items()}
    given = {str(name): column for name, column in fields.items()}
    title = str(texts.get("title") or "")
    chart = _preset(str(vega_spec_name), table, given)
    if chart is None:
        kept = {"vega_spec_name": str(vega_spec_name), "fields": given, "string_fields": texts}
        return Chart("vega", table, kept, title)
    kind, own = chart
    labels = {_LABELS[name]: str(text) for name, text in texts.items() if name in _LABELS and text}
    return Chart(kind, table, own | labels, title)


def visualize(id: str, value: Any) -> Chart:
    """A chart of W&B's chart editor without fields: the name of its definition and a table."""
    return plot_table(id, value, {})


def _preset(name: str, table: Table, given: Mapping[str, Any]) -> tuple[ChartKind, dict[str, Any]] | None:
    """The kind and the fields of a preset; None for other charts, and where a column that is drawn is not there."""
    if name not in PRESETS:
        return None
    kind, names = PRESETS[name]
    own = {}
    for theirs, ours in names.items():
        column = given.get(theirs)
        if column is None and theirs in _OPTIONAL:
            continue
        if column not in table.columns:
            return None
        own[ours] = column
    return kind, own
