"""The callback of Stable-Baselines3."""

from runlake.integrations.sb3 import WandbCallback

__all__ = ["WandbCallback"]
