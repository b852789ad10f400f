"""Videos that gym records."""

from wandb.integration.gym import monitor

__all__ = ["monitor"]
