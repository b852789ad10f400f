"""The callback of CatBoost."""

from runlake.integrations.catboost import WandbCallback, log_summary

__all__ = ["WandbCallback", "log_summary"]
