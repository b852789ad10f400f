"""The settings of a writing run."""

from runlake import Settings

__all__ = ["Settings"]
