"""LightGBM: a callback that logs each iteration, and a summary of the trained booster."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import lightgbm

from runlake.integrations.boosters import active_run, keep_model, log_importances, named

__all__ = ["log_summary", "wandb_callback"]


def wandb_callback(log_params: bool = True, define_metric: bool = True) -> Callable[[Any], None]:
    """A callback for `lightgbm.train`, `lightgbm.cv` and `fit`: one row an iteration, ``<data>_<metric>`` each.

    ``iteration`` stands in the row too; of cross-validation there are ``<data>_<metric>-mean`` and ``-stdv``. With
    `log_params` the parameters join the configuration, with `define_metric` the summary keeps the best value of each
    metric. Raises `NotStartedError` without an active run.
    """
    run = active_run("lightgbm.wandb_callback")

    def log_iteration(env: Any) -> None:
        is_first = env.iteration == env.begin_iteration
        if log_params and is_first:
            run.config.update(dict(env.params), allow_val_change=True)
        row: dict[str, Any] = {"iteration": env.iteration}
        for entry in env.evaluation_result_list:
            data, metric, value, higher_is_better, *deviation = entry
            if data == "cv_agg":  # older versions: both names in one
                data, metric = metric.split(" ", 1)
            key = f"{data}_{metric}"
            if deviation:
                row[f"{key}-stdv"], key = deviation[0], f"{key}-mean"
            row[key] = value
            if define_metric and is_first:
                run.define_metric(key, summary="max" if higher_is_better else "min")
        run.log(row)

    return log_iteration


def log_summary(model: lightgbm.Booster, feature_importance: bool = True, save_model_checkpoint: bool = False) -> None:
    """Say of a trained booster ``best_iteration`` and ``best_score``, in the summary, and a chart of importances.

    With `save_model_checkpoint` the model of the best iteration is kept as the artifact ``model_<run id>`` with the
    alias ``best``. Raises `NotStartedError` without a run.
    """
    run = active_run("lightgbm.log_summary")
    booster = getattr(model, "booster_", model)  # of the scikit-learn classes
    run.summary.update({"best_iteration": booster.best_iteration, "best_score": _plain(booster.best_score)})
    if feature_importance:
        log_importances(run, named(booster.feature_name(), booster.feature_importance()))
    if save_model_checkpoint:
        best = booster.best_iteration
        save = partial(booster.save_model, num_iteration=best)
        keep_model(run, save, f"model_ckpt_{best}.txt", f"model_{run.id}", ["best"])


def _plain(scores: Any) -> Any:
    return {name: _plain(score) for name, score in scores.items()} if isinstance(scores, dict) else scores
