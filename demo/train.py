"""One run: train a classifier, and log what there is to know about it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import joblib
import numpy as np

import runlake
from demo.digits import LABELS, Digits
from demo.mistakes import confusion_figure, mistakes_table
from demo.model import Setting, judge, make_model, weights_of

PROJECT = "digits"
MODEL_FILE = "model-best.joblib"


def begin(setting: Setting, store: Path, *, run_id: str | None = None) -> runlake.Run:
    """A run of this setting; of a sweep, the sweep's parameters take the place of those of the setting."""
    return runlake.init(
        store=store,
        project=PROJECT,
        id=run_id,
        name=setting.name,
        mode="online",
        config=setting.config,
        tags=["demo"],
        settings={"silent": True, "system_interval_s": 1.0},
    )


def train(run: runlake.Run, digits: Digits, validation: Digits, *, scratch: Path, on_epoch: Callable[[], None]) -> None:
    """Train what the run's config says, and keep everything with the run. `scratch` holds the model file."""
    with run:
        setting = Setting(name=run.name, **run.config.as_dict())
        model, random, best = make_model(setting), np.random.default_rng(setting.seed), -1.0
        began_at = time.monotonic()
        for epoch in range(1, setting.epoch_count + 1):
            for batch in digits.batches(setting.batch_size, random):
                model.partial_fit(batch.pixels, batch.digit, classes=LABELS)
                loss, accuracy = judge(model, batch)
                run.log({"loss": loss, "accuracy": accuracy, "epoch": epoch})
            val_loss, val_accuracy = judge(model, validation)
            weights = runlake.Histogram(weights_of(model))
            run.log({"val_loss": val_loss, "val_accuracy": val_accuracy, "weights": weights, "epoch": epoch})
            if val_accuracy > best:
                best = val_accuracy
                joblib.dump(model, scratch / MODEL_FILE)
                run.save(scratch / MODEL_FILE, base_path=scratch, policy="now")
                run.summary["best_val_accuracy"] = best
            on_epoch()
        best_model = joblib.load(scratch / MODEL_FILE)
        run.log(
            {
                "confusion": confusion_figure(best_model, validation, setting.name),
                "mistakes": mistakes_table(best_model, validation),
            }
        )
        seconds = time.monotonic() - began_at
        print(f"{setting.name:<12} best validation accuracy {best:.4f}   {run.step:,} rows in {seconds:.1f} s")
