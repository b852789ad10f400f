"""Figures of plotly and bokeh: their JSON, which their library reads again, and a page that shows them.

The JSON is what the library itself makes, but with its packed arrays as plain lists, so that any program reads it.
"""

from __future__ import annotations

import base64
import html
import json
import math
import warnings
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from runlake.errors import BadValueError, CorruptError, NotSupportedError
from runlake.media.image import Image, figure_of
from runlake.media.kinds import kind_of
from runlake.media.left_out import left_out
from runlake.media.stored import Media, OpenFile, WriteFile, read_file, store_file


class FigureMedia(Media):
    """A figure as a document, and as a page where its library could make one."""

    __slots__ = ("document", "page")

    TYPE: ClassVar[str]
    FOLDER: ClassVar[str]

    document: dict[str, Any]
    """The figure as plain JSON."""
    page: str | None
    """The figure as HTML, which loads its script from the network; None where there is none."""

    @classmethod
    def from_stored(cls, value: Mapping[str, Any], open_file: OpenFile) -> Self:
        """The figure of a stored dict; the inverse of `stored`."""
        figure = cls.__new__(cls)
        content = read_file(value, open_file)
        try:
            figure.document = json.loads(content)
        except ValueError as error:
            raise CorruptError(f"the file {value['path']!r} is no JSON: {error}; restore it from a copy") from error
        page = value.get("rendering")
        figure.page = None if page is None else read_file(page, open_file).decode()
        return figure

    def stored(self, write_file: WriteFile, key: str, step: int) -> dict[str, Any]:
        """Write the JSON and the page and return the dict that names them."""
        content = json.dumps(self.document, ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass")
        stored: dict[str, Any] = {"_type": self.TYPE}
        stored |= store_file(write_file, self.FOLDER, key, step, f"{self.FOLDER}.json", content)
        if self.page is not None:
            page = store_file(write_file, self.FOLDER, key, step, "html", self.page.encode(errors="surrogatepass"))
            stored["rendering"] = page | {"format": "html"}
        return stored

    @abstractmethod
    def to_figure(self) -> Any:
        """The figure as its own library has it; `NotSupportedError` where that is not installed."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self.document)})"

    def _repr_html_(self) -> str:
        if self.page is None:
            return f"<code>{html.escape(repr(self))}</code>"
        return (
            f'<iframe srcdoc="{html.escape(self.page)}" sandbox="allow-scripts" '
            'style="width:100%;height:480px;border:0"></iframe>'
        )


class Plotly(FigureMedia):
    """A figure of plotly.

    `val` is the figure, its JSON as a dict, or a matplotlib figure, which plotly then converts as well as it can: one
    that it cannot convert is kept as a picture, and said. Raises `BadValueError` for what is no figure.
    """

    __slots__ = ("_picture",)

    TYPE = "plotly-file"
    FOLDER = "plotly"

    def __init__(self, val: Any) -> None:
        self._picture: tuple[Image, str] | None = None
        if kind_of(val) == "figure":
            picture = Image(val)
            try:
                val = _converted(val)
            except Exception as error:
                # The converter is other people's, knows a part of matplotlib only, and fails in many ways.
                self._picture = picture, f"{type(error).__name__}: {error}"
                val = {}
        if kind_of(val) == "plotly":
            # With an id of its own making, a page would be another file each time.
            self.page = str(val.to_html(include_plotlyjs="cdn", div_id="figure"))
            self.document = _unpacked(json.loads(val.to_json()))
        elif isinstance(val, Mapping):
            self.page = None
            self.document = _unpacked(dict(val))
        else:
            raise BadValueError(
                f"a Plotly figure cannot be made of a {type(val).__module__}.{type(val).__qualname__}; "
                "give a figure of plotly, its dict, or a figure of matplotlib"
            )

    @classmethod
    def make_plot_media(cls, val: Any) -> Plotly | Image:
        """A figure of plotly as it is, one of matplotlib as an Image."""
        return Image(val) if kind_of(val) == "figure" else cls(val)

    @classmethod
    def from_stored(cls, value: Mapping[str, Any], open_file: OpenFile) -> Self:
        """The figure of a stored dict; the inverse of `stored`."""
        figure = super().from_stored(value, open_file)
        figure._picture = None
        return figure

    def stored(self, write_file: WriteFile, key: str, step: int) -> dict[str, Any]:
        """Write JSON and page, or the picture of a figure that plotly could not convert, and return the dict."""
        if self._picture is None:
            return super().stored(write_file, key, step)
        picture, reason = self._picture
        left_out(f"Plotly: a figure of matplotlib was kept as a picture; plotly did not convert it ({reason})")
        return picture.stored(write_file, key, step)

    def to_figure(self) -> Any:
        """The figure as plotly has it; `NotSupportedError` where plotly is not installed."""
        try:
            import plotly.graph_objects
        except ImportError:
            raise NotSupportedError(
                "a figure of plotly needs plotly, which is not installed; its JSON is in `.document`"
            ) from None
        return plotly.graph_objects.Figure(self.document, skip_invalid=True)


class Bokeh(FigureMedia):
    """A figure of bokeh: a model, a document, or the path of a document's JSON. Raises `BadValueError`."""

    __slots__ = ()

    TYPE = "bokeh-file"
    FOLDER = "bokeh"

    def __init__(self, data_or_path: Any) -> None:
        if isinstance(data_or_path, str) or hasattr(data_or_path, "__fspath__"):
            self.page = None
            try:
                self.document = json.loads(Path(data_or_path).read_bytes())
            except (OSError, ValueError) as error:
                raise BadValueError(
                    f"a figure of bokeh was to be read from {str(data_or_path)!r}: {error}; give the path of its JSON"
                ) from error
        elif kind_of(data_or_path) == "bokeh":
            self.document, self.page = _of_bokeh(data_or_path)
        else:
            raise BadValueError(
                f"a Bokeh figure cannot be made of a {type(data_or_path).__module__}."
                f"{type(data_or_path).__qualname__}; give a figure or a document of bokeh, or the path of its JSON"
            )

    def to_figure(self) -> Any:
        """The figure as a document of bokeh; `NotSupportedError` where bokeh is not installed."""
        try:
            from bokeh import document
        except ImportError:
            raise NotSupportedError(
                "a figure of bokeh needs bokeh, which is not installed; its JSON is in `.document`"
            ) from None
        kind: Any = document.Document
        return kind.from_json(self.document)


def _converted(figure: Any) -> Any:
    from plotly.matplotlylib import Exporter, PlotlyRenderer

    renderer = PlotlyRenderer()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of things that matplotlib has and plotly lacks
        # The figure stays open: who drew it may go on drawing.
        Exporter(renderer, close_mpl=False).run(figure_of(figure))
    return renderer.plotly_fig


def _of_bokeh(data: Any) -> tuple[dict[str, Any], str]:
    """The JSON of the document that a model is in, or that it is made part of for a moment, and its page."""
    from bokeh.document import Document
    from bokeh.embed import file_html
    from bokeh.embed.util import OutputDocumentFor
    from bokeh.resources import CDN

    page = str(file_html(data, CDN, title="bokeh"))
    if isinstance(data, Document):
        document = data.to_json(deferred=False)
    else:
        with OutputDocumentFor([data]) as own:
            document = own.to_json(deferred=False)
    # In memory its arrays may be objects of bokeh's own; as text it is plain.
    from bokeh.core.json_encoder import serialize_json

    plain: dict[str, Any] = json.loads(serialize_json(document))
    return plain, page


def _unpacked(part: Any) -> Any:
    """A figure's JSON with arrays that are packed into text as lists; what is no number is null, as plotly has it."""
    if isinstance(part, Mapping):
        if set(part) <= {"dtype", "bdata", "shape"} and isinstance(part.get("bdata"), str):
            return _unpacked(_array_of(part))
        return {str(name): _unpacked(value) for name, value in part.items()}
    if isinstance(part, list | tuple):
        return [_unpacked(item) for item in part]
    if hasattr(part, "tolist"):
        return _unpacked(part.tolist())
    if isinstance(part, float) and not math.isfinite(part):
        return None
    return part if isinstance(part, str | int | float | None) else str(part)


def _array_of(packed: Mapping[str, Any]) -> Any:
    import numpy as np

    values = np.frombuffer(base64.b64decode(packed["bdata"]), np.dtype(packed["dtype"]).newbyteorder("<"))
    shape = packed.get("shape")
    return values.reshape([int(length) for length in str(shape).split(",")] if shape is not None else -1).tolist()


def as_figure(value: Any) -> Media | None:
    """A figure or picture of another package as one of our data types; None for everything else."""
    match kind_of(value):
        case "figure" | "pil":
            return Image(value)
        case "plotly":
            return Plotly(value)
        case "bokeh":
            return Bokeh(value)
    return None
