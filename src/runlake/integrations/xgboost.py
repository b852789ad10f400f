"""XGBoost: a callback that logs each round, the settings of the booster, importances and the model."""

from __future__ import annotations

import json
from typing import Any

import xgboost

from runlake.integrations.boosters import active_run, best_of, keep_model, log_importances

__all__ = ["WandbCallback", "wandb_callback"]


class WandbCallback(xgboost.callback.TrainingCallback):  # type: ignore[misc]
    """Logs one row a round: ``<data>-<metric>`` for each evaluation, and ``epoch``.

    The booster's settings join the configuration. At the end come a chart of feature importances (`importance_type` is
    gain, weight, cover, total_gain or total_cover), and ``best_score`` and ``best_iteration`` where training stopped
    early; with `log_model` the model is kept as the artifact ``<run id>_model.json``. With `define_metric` the summary
    keeps the best value of each metric. Raises `NotStartedError` without an active run.
    """

    def __init__(
        self,
        log_model: bool = False,
        log_feature_importance: bool = True,
        importance_type: str = "gain",
        define_metric: bool = True,
    ) -> None:
        super().__init__()
        self._run = active_run("xgboost.WandbCallback")
        self.log_model, self.log_feature_importance = log_model, log_feature_importance
        self.importance_type, self.define_metric = importance_type, define_metric

    def before_training(self, model: Any) -> Any:
        if hasattr(model, "save_config"):  # not in cross-validation, where there are several
            self._run.config.update(json.loads(model.save_config()), allow_val_change=True)
        return model

    def after_iteration(self, model: Any, epoch: int, evals_log: dict[str, dict[str, list[Any]]]) -> bool:
        row: dict[str, Any] = {}
        for data, metrics in evals_log.items():
            for metric, values in metrics.items():
                key = f"{data}-{metric}"
                if self.define_metric and epoch == 0:
                    self._run.define_metric(key, summary=best_of(metric))
                if isinstance(values[-1], tuple):  # cross-validation
                    row[key], row[f"{key}-std"] = values[-1]
                else:
                    row[key] = values[-1]
        self._run.log({**row, "epoch": epoch})
        return False

    def after_training(self, model: Any) -> Any:
        if not hasattr(model, "get_score"):
            return model
        if self.log_model:
            name = f"{self._run.id}_model.json"
            keep_model(self._run, model.save_model, name, name)
        if self.log_feature_importance:
            log_importances(self._run, _flat(model.get_score(importance_type=self.importance_type)))
        if model.attr("best_score") is not None:
            best = {"best_score": float(model.attr("best_score")), "best_iteration": int(model.attr("best_iteration"))}
            self._run.log(best)
        return model


def wandb_callback() -> WandbCallback:
    """A `WandbCallback` that logs rows alone: no importances, no model, the last values in the summary."""
    return WandbCallback(log_feature_importance=False, define_metric=False)


def _flat(scores: dict[str, Any]) -> dict[str, float]:
    """A linear model of several classes has a list of scores a feature: their sum."""
    return {name: float(sum(score) if isinstance(score, list) else score) for name, score in scores.items()}
