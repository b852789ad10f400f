"""Boosted trees by LightGBM with its callback for wandb; with "model" it keeps the booster too."""

import sys

import lightgbm
import numpy as np
import wandb
from wandb.integration.lightgbm import log_summary, wandb_callback

rng = np.random.default_rng(0)
points = rng.normal(size=(300, 4))
labels = (points[:, 0] + points[:, 1] ** 2 > 0.5).astype(int)
train = lightgbm.Dataset(points[:200], labels[:200])
test = lightgbm.Dataset(points[200:], labels[200:], reference=train)
settings = {"objective": "binary", "metric": ["binary_logloss", "auc"], "verbose": -1, "seed": 0, "num_threads": 1}
with wandb.init(project="lightgbm", name="trees", config={"rounds": 6}):
    booster = lightgbm.train(settings, train, num_boost_round=6, valid_sets=[test], callbacks=[wandb_callback()])
    log_summary(booster, save_model_checkpoint="model" in sys.argv)
