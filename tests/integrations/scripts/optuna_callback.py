"""Optuna's callback for wandb: a study as one run, and with "many" each trial as a run."""

import sys

import optuna
from optuna_integration.wandb import WeightsAndBiasesCallback

many = "many" in sys.argv
callback = WeightsAndBiasesCallback(
    metric_name="height", wandb_kwargs={"project": "optuna", "name": "study"}, as_multirun=many
)


def height(trial):
    x = trial.suggest_float("x", -2, 2)
    kind = trial.suggest_categorical("kind", ["plain", "odd"])
    return x**2 + (kind == "odd")


if many:
    height = callback.track_in_wandb()(height)
study = optuna.create_study(study_name="bowl", direction="minimize", sampler=optuna.samplers.TPESampler(seed=0))
study.optimize(height, n_trials=4, callbacks=[callback])
