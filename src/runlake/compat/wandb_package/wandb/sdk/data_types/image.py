"""Where integrations find `Image`."""

from runlake import Image

__all__ = ["Image"]
