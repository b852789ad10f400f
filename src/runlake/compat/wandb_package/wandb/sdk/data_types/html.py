"""Where integrations find `Html`."""

from runlake import Html

__all__ = ["Html"]
