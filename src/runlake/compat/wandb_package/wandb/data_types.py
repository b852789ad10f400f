"""The data types that can be logged."""

from runlake import Histogram, Html, Image, Table

__all__ = ["Histogram", "Html", "Image", "Table"]
