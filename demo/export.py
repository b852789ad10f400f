"""Everything out again: frames, files, the best model. Nothing here knows how the runs were made."""

from __future__ import annotations

from pathlib import Path

import joblib
import pandas as pd
import pyarrow.parquet as pq

import runlake
from demo.digits import Digits
from demo.search import SWEEP_NAME
from demo.train import MODEL_FILE, PROJECT


def export(store: Path, output: Path, validation: Digits, sweep_id: str) -> None:
    """Compare, choose, export, download, predict; prints what it finds and writes into `output`."""
    api = runlake.Api(store)
    runs = api.runs(PROJECT)
    written_down = [run for run in runs if run.sweep is None]
    best, second = sorted(written_down, key=lambda run: run.summary["best_val_accuracy"], reverse=True)[:2]

    print(f"\nWhere the configs of {best.name} and {second.name} differ:\n")
    configs = pd.DataFrame([best.config, second.config]).transpose()
    configs.columns = pd.Index([best.name, second.name])
    print(configs[configs[best.name] != configs[second.name]])

    history = best.to_pandas(keys=["loss", "accuracy", "val_loss", "val_accuracy"])
    history.to_csv(output / "metrics.csv", index=False)

    names = pd.DataFrame({"name": [run.name for run in runs]})
    settings = pd.DataFrame.from_records([run.config for run in runs])
    results = pd.DataFrame.from_records([run.summary._json_dict for run in runs])
    results = results.drop(columns=["weights", "confusion", "mistakes"])
    pd.concat([names, settings, results], axis=1).to_csv(output / "project.csv", index=False)

    pq.write_table(runs.to_arrow(), output / "project.parquet")

    accuracy = best.summary["best_val_accuracy"]
    print(f"\nBest run of those: {best.name} with {accuracy:.2%} validation accuracy")
    events = best.to_pandas("events")
    print(f"Beside {best.row_count:,} rows of metrics it has {len(events)} rows of system metrics")

    sweep = api.sweep(f"{PROJECT}/{sweep_id}")
    searched = sorted(sweep.runs, key=lambda run: run.summary.get("best_val_accuracy", 0), reverse=True)
    found = searched[0]
    print(
        f"\nBest of {len(searched)} runs of the sweep: {found.name} with {found.summary['best_val_accuracy']:.2%}, by"
    )
    config = found.config
    print(
        f"  learning_rate {config['learning_rate']:.2g}, hidden {config['hidden']}, batch_size {config['batch_size']}"
    )
    found.file(MODEL_FILE).download(root=str(output), replace=True).close()
    model = joblib.load(output / MODEL_FILE)
    right = (model.predict(validation.pixels) == validation.digit).mean()
    print(f"Its model, downloaded and asked again, reads {right:.2%} of the same digits rightly")
    api.close()


def forget_earlier(store: Path) -> None:
    """Move the runs and the sweep of an earlier demo to the store's trash."""
    if not store.exists():
        return
    with runlake.Api(store) as api:
        if any(project.name == PROJECT for project in api.projects(api.default_entity)):
            for run in api.runs(PROJECT, filters={"tags": "demo"}):
                run.delete()
            for sweep in api.sweeps(PROJECT):
                if sweep.name == SWEEP_NAME:
                    sweep.delete()
