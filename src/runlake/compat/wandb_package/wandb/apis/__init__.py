"""Where older scripts find the reading Api."""

from runlake import Api

PublicApi = Api

__all__ = ["PublicApi"]
