"""The callback of LightGBM."""

from runlake.integrations.lightgbm import log_summary, wandb_callback

__all__ = ["log_summary", "wandb_callback"]
