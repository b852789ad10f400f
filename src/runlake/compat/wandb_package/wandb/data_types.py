"""The data types that can be logged."""

from runlake import Audio, Histogram, Html, Image, Molecule, Object3D, Table, Video

__all__ = ["Audio", "Histogram", "Html", "Image", "Molecule", "Object3D", "Table", "Video"]
