"""Boosted trees by CatBoost with its callback for wandb; with "model" it keeps the booster too."""

import sys

import numpy as np
import wandb
from catboost import CatBoostClassifier, Pool
from wandb.integration.catboost import WandbCallback, log_summary

rng = np.random.default_rng(0)
points = rng.normal(size=(200, 4))
labels = (points[:, 0] + points[:, 1] ** 2 > 0.5).astype(int)
train, test = Pool(points[:150], labels[:150]), Pool(points[150:], labels[150:])
settings = {"iterations": 6, "depth": 3, "random_seed": 0, "thread_count": 1, "allow_writing_files": False}
with wandb.init(project="catboost", name="trees", config=settings):
    model = CatBoostClassifier(**settings)
    model.fit(train, eval_set=test, callbacks=[WandbCallback()], verbose=False)
    log_summary(model, log_all_params=True, save_model_checkpoint="model" in sys.argv)
