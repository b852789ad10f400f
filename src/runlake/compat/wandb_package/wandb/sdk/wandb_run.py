"""The class of a writing run."""

from runlake import Run

__all__ = ["Run"]
