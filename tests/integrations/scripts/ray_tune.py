"""Ray Tune with its callback for wandb, and with "setup" with ``setup_wandb`` in each trial."""

import sys

import ray
from ray import tune
from ray.air.integrations.wandb import WandbLoggerCallback, setup_wandb


def train(config):
    if "setup" in config:
        run = setup_wandb(config, project="ray", group="trials")
        for step in range(3):
            run.log({"score": config["lr"] * (step + 1)})
        run.finish()
        return
    for step in range(3):
        tune.report({"score": config["lr"] * (step + 1), "parts": {"a": step}})


def main():
    by_hand = "setup" in sys.argv
    ray.init(num_cpus=1, include_dashboard=False, object_store_memory=100_000_000, log_to_driver=False)
    space = {"lr": tune.grid_search([0.1, 0.2])} | ({"setup": True} if by_hand else {})
    callbacks = [] if by_hand else [WandbLoggerCallback(project="ray", group="trials")]
    results = tune.Tuner(
        train,
        param_space=space,
        tune_config=tune.TuneConfig(max_concurrent_trials=1),
        run_config=tune.RunConfig(callbacks=callbacks, verbose=0),
    ).fit()
    assert not results.errors, results.errors


if __name__ == "__main__":
    main()
