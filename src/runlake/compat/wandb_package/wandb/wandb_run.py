"""An old place of the class of a writing run, which integrations still check against."""

from runlake import Run

__all__ = ["Run"]
