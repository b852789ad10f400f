"""Chart: the data of a chart as a table, and the picture that is drawn of it."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any, cast

from runlake.errors import BadValueError
from runlake.media.kinds import kind_of
from runlake.media.left_out import left_out
from runlake.media.stored import Media, OpenFile, WriteFile, store_file
from runlake.media.table import Table
from runlake.plot.drawing import ChartKind, Drawing, drawing_of
from runlake.plot.svg import draw

KINDS: tuple[ChartKind, ...] = ("line", "scatter", "bar", "histogram", "roc", "pr", "confusion", "vega")


class Chart(Media):
    """A table and how it is drawn; made by the functions of `runlake.plot`.

    `kind` is one of `KINDS`; `fields` say which column of the table is what. Logging stores the table and
    the drawing as SVG, which needs no script and no network and has colours for light and dark.
    """

    __slots__ = ("fields", "kind", "table", "title")

    def __init__(self, kind: ChartKind, table: Table, fields: Mapping[str, Any], title: str) -> None:
        self.kind = kind
        self.table = table
        self.fields = dict(fields)
        self.title = str(title or "")

    @classmethod
    def from_stored(cls, value: Mapping[str, Any], open_file: OpenFile) -> Chart:
        """The chart of a stored dict; the inverse of `stored`."""
        if value["chart"] not in KINDS:
            raise BadValueError(f"a chart of kind {value['chart']!r} cannot be read; known are {', '.join(KINDS)}")
        table = Table.from_stored(value["table"], open_file)
        return cls(cast(ChartKind, value["chart"]), table, value["fields"], value["title"])

    def drawing(self) -> Drawing:
        """What is shown, as numbers."""
        return drawing_of(self.kind, self.table, self.fields, self.title)

    def to_svg(self) -> str:
        """The drawing as an SVG file that stands alone; it follows the reader's choice of light or dark."""
        return draw(self.drawing())

    def to_html(self) -> str:
        """The drawing as a page that stands alone."""
        title = html.escape(self.title or self.kind)
        return (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">'
            f"<title>{title}</title><style>body{{margin:0;display:grid;place-items:center;min-height:100vh;"
            "background:#fff}@media(prefers-color-scheme:dark){body{background:#15181d}}svg{max-width:100vw;"
            f"height:auto}}</style></head><body>{self.to_svg()}</body></html>"
        )

    def to_png(self, dpi: int = 150) -> bytes:
        """The drawing as a PNG in light colours, through matplotlib: `NotSupportedError` where that is missing."""
        from runlake.plot.png import draw_png

        return draw_png(self.drawing(), dpi)

    def stored(self, write_file: WriteFile, key: str, step: int) -> dict[str, Any]:
        """Write the table and the drawing, where there is one, and return the dict that names them."""
        stored = {
            "_type": "custom-chart",
            "chart": self.kind,
            "title": self.title,
            "fields": self.fields,
            "table": self.table.stored(write_file, key, step),
        }
        if self.kind == "vega":
            name = self.fields.get("vega_spec_name")
            left_out(f"plot_table: a chart of {name!r} is kept as its table and its fields, without a drawing")
            return stored
        drawing = store_file(write_file, "plots", key, step, "svg", self.to_svg().encode())
        return stored | {"rendering": drawing | {"format": "svg"}}

    def __repr__(self) -> str:
        title = f" {self.title!r}" if self.title else ""
        return f"Chart({self.kind}{title}, {len(self.table.data)} rows)"

    def _repr_html_(self) -> str:
        if self.kind == "vega":
            return self.table._repr_html_()
        return f'<div style="max-width:720px">{self.to_svg()}</div>'


def as_table(table: Any, *columns: Any) -> Table:
    """A Table, or a frame as one; `BadValueError` when it lacks one of the columns."""
    if kind_of(table) in ("pandas", "polars"):
        table = Table(dataframe=table)
    if not isinstance(table, Table):
        raise BadValueError(f"a chart cannot be made of a {type(table).__name__}; give a Table or a frame")
    for name in columns:
        if name not in table.columns:
            raise BadValueError(
                f"the table of a chart has no column {name!r}; it has {', '.join(map(repr, table.columns))}"
            )
    return table
