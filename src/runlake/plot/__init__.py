"""Ready-made charts: `line`, `scatter`, `bar`, `histogram`, `line_series`, `roc_curve`, `pr_curve`, `confusion_matrix`.

`plot_table` makes the charts of W&B's chart editor. Each makes a `Chart`, which is logged like any other value: its
data as a table, and the picture beside it.

    run.log({"roc": runlake.plot.roc_curve(y_true, y_probas, labels=["cat", "dog"])})
"""

from runlake.plot.chart import Chart
from runlake.plot.confusion import confusion_matrix
from runlake.plot.curves import pr_curve, roc_curve
from runlake.plot.presets import plot_table, visualize
from runlake.plot.tables import bar, histogram, line, line_series, scatter

__all__ = [
    "Chart",
    "bar",
    "confusion_matrix",
    "histogram",
    "line",
    "line_series",
    "plot_table",
    "pr_curve",
    "roc_curve",
    "scatter",
    "visualize",
]
