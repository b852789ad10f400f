"""Where integrations find `Video`."""

from runlake import Video

__all__ = ["Video"]
