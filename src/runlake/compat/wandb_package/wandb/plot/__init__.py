"""Ready-made charts."""

from runlake.compat.unsupported import unsupported
from runlake.plot import Chart as CustomChart
from runlake.plot import bar, confusion_matrix, histogram, line, line_series, pr_curve, roc_curve, scatter

plot_table = unsupported("plot_table")

__all__ = [
    "CustomChart",
    "bar",
    "confusion_matrix",
    "histogram",
    "line",
    "line_series",
    "plot_table",
    "pr_curve",
    "roc_curve",
    "scatter",
]
