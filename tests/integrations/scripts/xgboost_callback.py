"""Boosted trees by XGBoost with its callback for wandb; with "model" it keeps the booster too."""

import sys

import numpy as np
import wandb
import xgboost
from wandb.integration.xgboost import WandbCallback

rng = np.random.default_rng(0)
points = rng.normal(size=(200, 4))
labels = (points[:, 0] + points[:, 1] ** 2 > 0.5).astype(int)
train = xgboost.DMatrix(points[:150], labels[:150], feature_names=["a", "b", "c", "d"])
test = xgboost.DMatrix(points[150:], labels[150:], feature_names=["a", "b", "c", "d"])
settings = {"objective": "binary:logistic", "max_depth": 3, "seed": 0, "nthread": 1}
with wandb.init(project="xgboost", name="trees", config=settings):
    xgboost.train(
        settings,
        train,
        num_boost_round=6,
        evals=[(train, "train"), (test, "test")],
        verbose_eval=False,
        callbacks=[WandbCallback(log_model="model" in sys.argv, log_feature_importance=True)],
    )
