"""Keras' callbacks beside the real library, over PyTorch: no TensorFlow is there."""

import os
from pathlib import Path

import numpy as np
import pytest

import runlake
from runlake.errors import BadValueError, RunlakeWarning

pytestmark = [
    pytest.mark.integration,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # of Keras, by NumPy
]

X = np.random.default_rng(0).normal(size=(64, 3)).astype("float32")
Y = (X[:, 0] > 0).astype("float32")


@pytest.fixture
def keras(store, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setitem(os.environ, "KERAS_BACKEND", "torch")
    return pytest.importorskip("keras")


@pytest.fixture
def fit(keras):
    """Trains a small model for two epochs of three batches."""

    def fit(*callbacks, rate=0.1):
        model = keras.Sequential(
            [keras.layers.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(1, activation="sigmoid")]
        )
        model.compile(keras.optimizers.SGD(rate), "binary_crossentropy", metrics=["accuracy"])
        options = {"epochs": 2, "batch_size": 16, "validation_split": 0.25, "verbose": 0}
        return model.fit(X, Y, callbacks=list(callbacks), **options).history

    return fit


def test_metrics_of_each_epoch_are_a_row(store, fit):
    from runlake.integrations.keras import WandbMetricsLogger

    with runlake.init(project="p", id="r"):
        history = fit(WandbMetricsLogger())
    assert store.rows("r") == [
        {
            "_step": epoch,
            **{f"epoch/{name}": values[epoch] for name, values in history.items()},
            "epoch/epoch": epoch,
            "epoch/learning_rate": pytest.approx(0.1),
        }
        for epoch in range(2)
    ]


@pytest.mark.parametrize(("log_freq", "steps"), [("batch", [5, 6, 7, 8, 9, 10]), (2, [5, 7, 9, 11])])
def test_metrics_of_batches_are_rows_too(store, keras, fit, log_freq, steps):
    from runlake.integrations.keras import WandbMetricsLogger

    with runlake.init(project="p", id="r"):
        schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)
        fit(WandbMetricsLogger(log_freq, initial_global_step=5), rate=schedule)
    rows = store.rows("r")
    assert [row["batch/batch_step"] for row in rows if "batch/loss" in row] == steps
    assert [row["epoch/epoch"] for row in rows if "epoch/loss" in row] == [0, 1]
    rates = [row["batch/learning_rate"] for row in rows if "batch/loss" in row]
    assert rates == sorted(rates, reverse=True) != rates[:1] * len(rates)


def test_another_frequency_is_refused(store, keras):
    from runlake.integrations.keras import WandbMetricsLogger

    runlake.init(project="p")
    with pytest.raises(BadValueError, match="log_freq='sometimes'"):
        WandbMetricsLogger("sometimes")


@pytest.mark.parametrize("name", ["model.keras", "at-{epoch:02d}.keras"])
def test_each_checkpoint_is_a_version_of_a_model(store, keras, fit, name):
    from runlake.integrations.keras import WandbModelCheckpoint

    with runlake.init(project="p", id="r"):
        fit(WandbModelCheckpoint(name))
    versions = [store.artifact(f"run_r_model:v{number}") for number in range(2)]
    assert [version.aliases for version in versions] == [["epoch_0"], ["latest", "epoch_1"]]
    file = Path(versions[1].file("fetched"))
    assert file.name == name.format(epoch=2)
    assert keras.saving.load_model(file).count_params() == 21


def test_tables_of_examples_and_predictions_are_artifacts(store, fit):
    from runlake.integrations.keras import WandbEvalCallback

    class Examples(WandbEvalCallback):
        def add_ground_truth(self, logs=None):
            for index in range(3):
                self.data_table.add_data(index, float(Y[index]))

        def add_model_predictions(self, epoch, logs=None):
            for index, label in self.data_table_ref.data:
                guess = float(self.model.predict(X[index : index + 1], verbose=0)[0, 0])
                self.pred_table.add_data(epoch, index, label, guess)

    with runlake.init(project="p", id="r"):
        fit(Examples(["index", "label"], ["epoch", "index", "label", "guess"]))
    (examples,) = store.run("r").used_artifacts()
    assert (examples.name, examples.type, len(examples.get("val_data").data)) == ("val:v0", "dataset", 3)
    predicted = store.run("r").logged_artifacts()
    assert [artifact.name for artifact in predicted] == ["run_r_pred:v0", "run_r_pred:v1"]
    tables = [artifact.get("eval_data") for artifact in predicted]
    assert [[row[:2] for row in table.data] for table in tables] == [[[epoch, i] for i in range(3)] for epoch in (0, 1)]


def test_the_older_callback_logs_epochs_and_keeps_the_best_model(store, keras, fit):
    from runlake.integrations.keras import WandbCallback

    with runlake.init(project="p", id="r"):
        with pytest.warns(RunlakeWarning, match="leaves out log_weights, training_data;"):
            callback = WandbCallback(log_weights=True, training_data=(1, 2), log_gradients=False)
        history = fit(callback)
    assert store.rows("r") == [
        {"_step": epoch, "epoch": epoch, **{name: values[epoch] for name, values in history.items()}}
        for epoch in range(2)
    ]
    best = min(history["val_loss"])
    summary = store.run("r").summary
    assert (summary["best_val_loss"], summary["best_epoch"]) == (best, history["val_loss"].index(best))
    assert keras.saving.load_model(store.model("model-best")).count_params() == 21
