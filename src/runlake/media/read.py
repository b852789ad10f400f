"""Stored dicts of media as the objects they were."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from runlake.errors import BadValueError
from runlake.media.audio import Audio
from runlake.media.classes import Classes
from runlake.media.figures import Bokeh, Plotly
from runlake.media.file_media import FileMedia, read_list
from runlake.media.graph import Graph
from runlake.media.histogram import Histogram
from runlake.media.html import Html, read_pages
from runlake.media.image import Image, read_images
from runlake.media.increments import INCREMENTAL_TYPE
from runlake.media.molecule import Molecule
from runlake.media.object3d import Object3D
from runlake.media.stored import Media, OpenFile
from runlake.media.table import Table
from runlake.media.tables import EVALUATED, JOINED_TYPE, EvalTable, JoinedTable
from runlake.media.video import Video

MediaValue = Media | Sequence[Media]

_FILE_KINDS: tuple[type[FileMedia], ...] = (Audio, Video, Object3D, Molecule)

_READERS: dict[str, Callable[[Mapping[str, Any], OpenFile], MediaValue]] = {
    "histogram": lambda value, open_file: Histogram.from_stored(value),
    "image-file": Image.from_stored,
    "images/separated": read_images,
    "table-file": lambda value, open_file: _read_table(value, open_file),
    INCREMENTAL_TYPE: lambda value, open_file: _read_table(value, open_file),
    Classes.TYPE: Classes.from_stored,
    Plotly.TYPE: Plotly.from_stored,
    Bokeh.TYPE: Bokeh.from_stored,
    Graph.TYPE: Graph.from_stored,
    JOINED_TYPE: lambda value, open_file: _read_joined(value, open_file),
    "custom-chart": lambda value, open_file: _read_table(value["table"], open_file),
    "html-file": Html.from_stored,
    "html": read_pages,
    **{kind.TYPE: kind.from_stored for kind in _FILE_KINDS},
    **{kind.LIST_TYPE: partial(read_list, kind) for kind in _FILE_KINDS},
}


def read_media(value: Mapping[str, Any], open_file: OpenFile) -> MediaValue:
    """The data type that a stored dict stands for; several under one key come as a list, a chart as its table.

    `open_file` is given a run file's name and returns it open for reading bytes. Images, sounds, videos,
    objects and molecules open their file when their content is first asked for. Raises `BadValueError` when the
    dict is not media, `CorruptError` when a file is not the one that was logged, and what `open_file` raises.
    """
    reader = _READERS.get(str(value.get("_type")))
    if reader is None:
        raise BadValueError(
            f"a value of _type {value.get('_type')!r} is not media that can be read; known are {', '.join(_READERS)}"
        )
    try:
        return reader(value, open_file)
    except KeyError as error:
        raise BadValueError(
            f"a value of _type {value['_type']!r} lacks its {error.args[0]!r}: {dict(value)!r:.200}"
        ) from None


def is_media(value: Any) -> bool:
    """Whether this is a stored dict that `read_media` can read."""
    return isinstance(value, Mapping) and value.get("_type") in _READERS


def _read_table(value: Mapping[str, Any], open_file: OpenFile) -> Table:
    kind = EvalTable if EVALUATED in value else Table
    return kind.from_stored(value, open_file, lambda cell: _read_cell(cell, open_file))


def _read_joined(value: Mapping[str, Any], open_file: OpenFile) -> JoinedTable:
    left, right = (_read_table(value[name], open_file) for name in ("table1", "table2"))
    return JoinedTable(left, right, value["join_key"])


def _read_cell(cell: Any, open_file: OpenFile) -> Any:
    if is_media(cell):
        return read_media(cell, open_file)
    return [_read_cell(item, open_file) for item in cell] if isinstance(cell, list) else cell
