"""The callbacks of XGBoost, LightGBM and CatBoost beside the real libraries, which may be missing."""

import numpy as np
import pytest

import runlake
from runlake.sdk.active_run import NotStartedError

pytestmark = pytest.mark.integration

X = np.random.default_rng(0).normal(size=(80, 3))
Y = (X[:, 0] > 0).astype(int)
NAMES = ["a", "b", "c"]


def fetched(store, name, *, aliases):
    """The only file of an artifact, of which the run is the maker."""
    artifact = store.artifact(name)
    assert (artifact.type, artifact.aliases, artifact.logged_by().id) == ("model", aliases, "r")
    return artifact.file("fetched")


def keys_of(rows):
    return [sorted(row) for row in rows]


def test_xgboost_logs_a_row_a_round_its_settings_importances_and_the_model(store):
    xgboost = pytest.importorskip("xgboost")
    from runlake.integrations.xgboost import WandbCallback

    with runlake.init(project="p", id="r"):
        model = xgboost.XGBClassifier(
            n_estimators=3,
            max_depth=2,
            eval_metric=["logloss", "auc"],
            early_stopping_rounds=3,
            callbacks=[WandbCallback(log_model=True)],
        )
        model.fit(X, Y, eval_set=[(X[:40], Y[:40]), (X[40:], Y[40:])], verbose=False)
    results = model.evals_result()
    *rounds, importances, best = store.rows("r")
    assert rounds == [
        {
            "_step": epoch,
            **{f"{data}-{metric}": results[data][metric][epoch] for data in results for metric in results[data]},
            "epoch": epoch,
        }
        for epoch in range(3)
    ]
    assert importances["Feature Importance"]["chart"] == "bar"
    assert best == {"_step": 4, "best_score": model.best_score, "best_iteration": model.best_iteration}
    run = store.run("r")
    assert run.config["learner"]["gradient_booster"]["tree_train_param"]["max_depth"] == "2"
    assert run.summary["validation_1-logloss"] == {"min": min(results["validation_1"]["logloss"])}
    assert run.summary["validation_1-auc"] == {"max": max(results["validation_1"]["auc"])}
    file = fetched(store, "r_model.json:latest", aliases=["latest"])
    assert xgboost.Booster(model_file=file).num_boosted_rounds() == 3


def test_xgboost_in_cross_validation_has_mean_and_deviation(store):
    xgboost = pytest.importorskip("xgboost")
    from runlake.integrations.xgboost import WandbCallback

    with runlake.init(project="p", id="r"):
        xgboost.cv(
            {"objective": "binary:logistic"},
            xgboost.DMatrix(X, label=Y),
            num_boost_round=2,
            nfold=2,
            metrics="logloss",
            callbacks=[WandbCallback()],
        )
    each = ["_step", "epoch", "test-logloss", "test-logloss-std", "train-logloss", "train-logloss-std"]
    assert keys_of(store.rows("r")) == [each, each]


def test_lightgbm_logs_a_row_an_iteration_its_parameters_and_a_summary(store):
    lightgbm = pytest.importorskip("lightgbm")
    from runlake.integrations.lightgbm import log_summary, wandb_callback

    results = {}
    with runlake.init(project="p", id="r"):
        training = lightgbm.Dataset(X[:60], Y[:60], feature_name=NAMES)
        booster = lightgbm.train(
            {"objective": "binary", "metric": ["binary_logloss", "auc"], "verbosity": -1, "num_leaves": 4},
            training,
            3,
            valid_sets=[lightgbm.Dataset(X[60:], Y[60:], reference=training)],
            valid_names=["val"],
            callbacks=[lightgbm.record_evaluation(results), wandb_callback()],
        )
        log_summary(booster, save_model_checkpoint=True)
    *iterations, importances = store.rows("r")
    assert iterations == [
        {"_step": i, "iteration": i, **{f"val_{metric}": values[i] for metric, values in results["val"].items()}}
        for i in range(3)
    ]
    table = importances["Feature Importance"]["table"]
    assert (table["ncols"], table["nrows"]) == (2, 3)
    run = store.run("r")
    assert run.config["num_leaves"] == 4
    assert run.summary["best_iteration"] == booster.best_iteration
    assert run.summary["val_auc"] == {"max": max(results["val"]["auc"])}
    file = fetched(store, "model_r:best", aliases=["latest", "best"])
    assert lightgbm.Booster(model_file=file).num_trees() == 3


def test_lightgbm_in_cross_validation_has_mean_and_deviation(store):
    lightgbm = pytest.importorskip("lightgbm")
    from runlake.integrations.lightgbm import wandb_callback

    with runlake.init(project="p", id="r"):
        parameters = {"objective": "binary", "metric": "binary_logloss", "verbosity": -1}
        lightgbm.cv(parameters, lightgbm.Dataset(X, Y), 2, nfold=2, callbacks=[wandb_callback(log_params=False)])
    (first, second) = store.rows("r")
    assert sorted(first) == sorted(second)
    assert [key for key in first if key.endswith(("_binary_logloss-mean", "_binary_logloss-stdv"))]
    assert dict(store.run("r").config) == {}


def test_catboost_logs_a_row_an_iteration_its_parameters_and_a_summary(store):
    catboost = pytest.importorskip("catboost")
    from runlake.integrations.catboost import WandbCallback, log_summary

    with runlake.init(project="p", id="r"):
        model = catboost.CatBoostClassifier(iterations=3, depth=2, verbose=False, allow_writing_files=False)
        model.fit(
            catboost.Pool(X[:60], Y[:60], feature_names=NAMES),
            eval_set=catboost.Pool(X[60:], Y[60:], feature_names=NAMES),
            callbacks=[WandbCallback()],
        )
        log_summary(model, save_model_checkpoint=True)
    *iterations, importances = store.rows("r")
    results = model.get_evals_result()
    assert iterations == [
        {
            "_step": i,
            "iteration@metric-period-1": i + 1,
            "learn-Logloss": results["learn"]["Logloss"][i],
            "validation-Logloss": results["validation"]["Logloss"][i],
        }
        for i in range(3)
    ]
    assert importances["Feature Importance"]["table"]["nrows"] == 3
    run = store.run("r")
    assert (run.config["depth"], run.summary["best_iteration"]) == (2, model.get_best_iteration())
    loaded = catboost.CatBoostClassifier().load_model(fetched(store, "model_r:best", aliases=["latest", "best"]))
    assert loaded.tree_count_ == model.tree_count_


def test_without_a_run_the_callback_is_named(store):
    pytest.importorskip("xgboost")
    from runlake.integrations.xgboost import WandbCallback

    with pytest.raises(NotStartedError, match=r"xgboost\.WandbCallback"):
        WandbCallback()
