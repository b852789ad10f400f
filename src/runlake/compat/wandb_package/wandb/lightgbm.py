"""The callback of LightGBM."""

from wandb.integration.lightgbm import log_summary, wandb_callback

__all__ = ["log_summary", "wandb_callback"]
