"""Videos that gym records."""

from runlake.integrations.gym import monitor

__all__ = ["monitor"]
