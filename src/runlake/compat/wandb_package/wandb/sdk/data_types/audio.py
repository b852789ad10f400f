"""Where integrations find `Audio`."""

from runlake import Audio

__all__ = ["Audio"]
