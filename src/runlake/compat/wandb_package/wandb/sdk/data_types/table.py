"""Where integrations find `Table`."""

from runlake import Table

__all__ = ["Table"]
