"""MLflow on a SQLite file."""

import mlflow
from mlflow.entities import Metric
from rows import KEYS, row_chunks

EXPERIMENT = "benchmark"


def start(folder):
    open_store(folder)
    mlflow.start_run()
    return (lambda row, step: mlflow.log_metrics(row, step=step)), mlflow.end_run


def fill(folder, row_count):
    """Its batch call, of 1,000 metrics at most: one call a row would take minutes."""
    open_store(folder)
    client = mlflow.MlflowClient()
    run_id = mlflow.start_run().info.run_id
    step = 0
    for chunk in row_chunks(row_count):
        for start_row in range(0, len(chunk), 100):
            batch = []
            for row in chunk[start_row : start_row + 100]:
                batch += [Metric(key, value, 1_700_000_000_000 + step, step) for key, value in row.items()]
                step += 1
            client.log_batch(run_id, metrics=batch)
    mlflow.end_run()


def read(folder):
    return frame(folder, KEYS)


def read_key(folder, key):
    return frame(folder, [key])


def frame(folder, keys):
    import pandas as pd

    open_store(folder)
    client = mlflow.MlflowClient()
    experiment = client.get_experiment_by_name(EXPERIMENT)
    run_id = client.search_runs([experiment.experiment_id])[0].info.run_id
    return pd.DataFrame({key: [metric.value for metric in client.get_metric_history(run_id, key)] for key in keys})


def open_store(folder):
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    mlflow.set_experiment(EXPERIMENT)


def fill_curve(folder, number, key, curve):
    """One run of one key, by its batch call."""
    open_store(folder)
    client = mlflow.MlflowClient()
    run_id = mlflow.start_run(run_name=f"r{number:02}").info.run_id
    for begin in range(0, len(curve), 1000):
        steps = range(begin, min(begin + 1000, len(curve)))
        client.log_batch(run_id, metrics=[Metric(key, curve[step], 1_700_000_000_000 + step, step) for step in steps])
    mlflow.end_run()
