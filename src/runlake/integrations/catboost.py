"""CatBoost: a callback that logs each iteration, and a summary of the trained model."""

from __future__ import annotations

from typing import Any

from runlake.integrations.boosters import active_run, keep_model, log_importances, named

__all__ = ["WandbCallback", "log_summary"]


class WandbCallback:
    """Logs one row an iteration: ``<data>-<metric>`` each, and ``iteration@metric-period-<period>``.

    `metric_period` is the one that the model was given; it stands in the key of the iteration. Raises
    `NotStartedError` without an active run.
    """

    def __init__(self, metric_period: int = 1) -> None:
        self._run = active_run("catboost.WandbCallback")
        self.metric_period = metric_period

    def after_iteration(self, info: Any) -> bool:
        row: dict[str, Any] = {f"iteration@metric-period-{self.metric_period}": info.iteration}
        for data, metrics in (info.metrics or {}).items():
            row |= {f"{data}-{metric}": values[-1] for metric, values in metrics.items() if values}
        self._run.log(row)
        return True


def log_summary(
    model: Any, log_all_params: bool = True, save_model_checkpoint: bool = False, log_feature_importance: bool = True
) -> None:
    """Say of a trained model its parameters, ``best_iteration`` and ``best_score``, and a chart of importances.

    The parameters join the configuration: all of them, or those that were given. With `save_model_checkpoint` the model
    is kept as the artifact ``model_<run id>``, with the alias ``best`` where it is the best one of its training, else
    ``last``. Raises `NotStartedError` without an active run.
    """
    run = active_run("catboost.log_summary")
    every = model.get_all_params()
    run.config.update(dict(every if log_all_params else model.get_params()), allow_val_change=True)
    run.summary.update({"best_iteration": model.get_best_iteration(), "best_score": model.get_best_score()})
    if log_feature_importance:
        log_importances(run, named(model.feature_names_, model.get_feature_importance()))
    if save_model_checkpoint:
        alias = "best" if every.get("use_best_model") else "last"
        keep_model(run, model.save_model, "model", f"model_{run.id}", [alias])
