"""The data types that can be logged."""

from runlake import Audio, Classes, Histogram, Html, Image, Molecule, Object3D, Table, Video
from runlake.media.annotations import BoundingBoxes2D, ImageMask
from runlake.media.scene import box3d

__all__ = [
    "Audio",
    "BoundingBoxes2D",
    "Classes",
    "Histogram",
    "Html",
    "Image",
    "ImageMask",
    "Molecule",
    "Object3D",
    "Table",
    "Video",
    "box3d",
]
