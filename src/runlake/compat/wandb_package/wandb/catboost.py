"""The callback of CatBoost."""

from wandb.integration.catboost import WandbCallback, log_summary

__all__ = ["WandbCallback", "log_summary"]
