"""Everything out again: frames, files, the best model. Nothing here knows how the runs were made."""

from __future__ import annotations

from pathlib import Path

import joblib
import pandas as pd
import pyarrow.parquet as pq

import runlake
from demo.digits import Digits
from demo.train import MODEL_FILE, PROJECT


def export(store: Path, output: Path, validation: Digits) -> None:
    """Compare, choose, export, download, predict; prints what it finds and writes into `output`."""
    api = runlake.Api(store)
    runs = api.runs(PROJECT)
    by_accuracy = sorted(runs, key=lambda run: run.summary["best_val_accuracy"], reverse=True)
    best, second = by_accuracy[:2]

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
    print(f"\nBest run: {best.name} with {accuracy:.2%} validation accuracy")
    best.file(MODEL_FILE).download(root=str(output), replace=True).close()
    model = joblib.load(output / MODEL_FILE)
    right = (model.predict(validation.pixels) == validation.digit).mean()
    print(f"Its model, downloaded and asked again, reads {right:.2%} of the same digits rightly")
    events = best.to_pandas("events")
    print(f"Beside {best.row_count:,} rows of metrics it has {len(events)} rows of system metrics")
    api.close()


def forget_earlier(store: Path) -> None:
    """Move the runs of an earlier demo to the store's trash."""
    if not store.exists():
        return
    with runlake.Api(store) as api:
        if any(project.name == PROJECT for project in api.projects(api.default_entity)):
            for run in api.runs(PROJECT, filters={"tags": "demo"}):
                run.delete()
