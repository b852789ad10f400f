"""The data types that can be logged."""

from runlake import (
    Audio,
    Bokeh,
    Classes,
    EvalTable,
    Graph,
    Histogram,
    Html,
    Image,
    JoinedTable,
    Molecule,
    Object3D,
    Plotly,
    Table,
    Video,
    box3d,
)
from runlake.media.annotations import BoundingBoxes2D, ImageMask
from runlake.media.graph import Node
from runlake.media.stored import Media
from runlake.media.stored import Media as BatchableMedia

__all__ = [
    "Audio",
    "BatchableMedia",
    "Bokeh",
    "BoundingBoxes2D",
    "Classes",
    "EvalTable",
    "Graph",
    "Histogram",
    "Html",
    "Image",
    "ImageMask",
    "JoinedTable",
    "Media",
    "Molecule",
    "Node",
    "Object3D",
    "Plotly",
    "Table",
    "Video",
    "box3d",
]
