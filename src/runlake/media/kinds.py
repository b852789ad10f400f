"""Which foreign objects are media, told by the names of their classes: nothing is imported to find out."""

from __future__ import annotations

from types import ModuleType
from typing import Any, Literal

Kind = Literal["figure", "pil", "plotly", "bokeh", "pandas", "polars"]

_CLASSES: dict[tuple[str, str], Kind] = {
    ("matplotlib", "FigureBase"): "figure",
    ("matplotlib", "Axes"): "figure",
    ("PIL", "Image"): "pil",
    ("plotly", "BaseFigure"): "plotly",
    ("bokeh", "Model"): "bokeh",
    ("bokeh", "Document"): "bokeh",
    ("pandas", "DataFrame"): "pandas",
    ("polars", "DataFrame"): "polars",
}
"""Package and class; a class that inherits from one of these is of the same kind."""


def kind_of(value: Any) -> Kind | None:
    """The kind of a figure, an image or a frame of another package; None for everything else."""
    if isinstance(value, ModuleType):
        return "figure" if value.__name__ in ("matplotlib.pyplot", "pylab") else None
    for base in type(value).__mro__:
        kind = _CLASSES.get((base.__module__.partition(".")[0], base.__name__))
        if kind is not None:
            return kind
    return None
