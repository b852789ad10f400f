"""The callback of XGBoost."""

from runlake.integrations.xgboost import WandbCallback, wandb_callback

__all__ = ["WandbCallback", "wandb_callback"]
