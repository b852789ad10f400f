"""Where integrations find `Histogram`."""

from runlake import Histogram

__all__ = ["Histogram"]
