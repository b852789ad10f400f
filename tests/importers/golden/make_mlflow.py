"""Makes what MLflow leaves: ``python make_mlflow.py FOLDER``, with the version of MLflow that is installed.

Beside this file lies what several versions made of it, packed as ``mlflow-<version>.tar.gz``: ``database`` has
``mlflow.db``, ``files`` has ``mlruns``.
"""

import math
import os
import sys
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

T0 = 1_700_000_000_000
"""When the runs begin, in milliseconds since 1970."""


def track(client):
    """A parent with a child; one that failed, one that goes on, and one that was deleted."""
    experiment = client.create_experiment("mnist/é")
    parent = begin(client, experiment, "parent")
    metrics = [
        Metric(key, value, T0 + 1000 * step + lag, step)
        for step in range(4)
        for key, value, lag in [("loss", 1 / (step + 1), 0), ("val/acc", step / 10, 3)]
    ]
    client.log_batch(
        parent,
        metrics=metrics[::2] + metrics[1::2],
        params=[
            Param("lr", "0.1"), Param("layers", "3"), Param("opt.name", "adam"), Param("flag", "True"),
            Param("odd", "007"), Param("LR", "1e-05"),
        ],
        tags=[RunTag("team", "vision"), RunTag("mlflow.note.content", "about it"), RunTag("long", "x" * 200)],
    )  # fmt: skip
    for key, value in [("loss", math.nan), ("Loss", 3.0), ("up", math.inf), ("down", -math.inf)]:
        client.log_metric(parent, key, value, T0 + 4000, 4)
    client.log_metric(parent, "loss", 0.5, T0 + 9000, 4)
    client.log_metric(parent, "system/cpu_utilization_percentage", 12.5, T0 + 500, 0)
    Path("note.txt").write_text("hello")
    client.log_artifact(parent, "note.txt", "texts")
    child = begin(client, experiment, "child", {"mlflow.parentRunId": parent})
    client.log_metric(child, "loss", 2.0, T0 + 100, 0)
    client.set_terminated(child, "KILLED", T0 + 2000)
    client.set_terminated(parent, "FINISHED", T0 + 10_000)
    client.set_terminated(begin(client, experiment, "failed"), "FAILED", T0 + 1000)
    client.log_metric(begin(client, experiment, "open"), "loss", 7.0, T0, 0)
    client.delete_run(begin(client, experiment, "gone"))


def begin(client, experiment, name, tags=None):
    tags = {"mlflow.runName": name, "mlflow.user": "ann", "mlflow.source.name": "train.py", **(tags or {})}
    return client.create_run(experiment, start_time=T0, tags=tags).info.run_id


def log_model():
    """A model of a run, which is registered."""

    class Echo(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            return model_input

    mlflow.set_experiment("models")
    place = "name" if int(mlflow.__version__.split(".")[0]) >= 3 else "artifact_path"
    with mlflow.start_run(run_name="with a model"):
        mlflow.log_params({"depth": 3})
        given = {place: "net", "python_model": Echo(), "pip_requirements": ["mlflow"]}
        mlflow.pyfunc.log_model(registered_model_name="echo", **given)
    MlflowClient().set_registered_model_alias("echo", "champion", "1")


def main(folder):
    """Once into a database, and once into files."""
    folder = Path(folder).resolve()
    for form, address in [("database", "sqlite:///mlflow.db"), ("files", None)]:
        place = folder / form
        place.mkdir(parents=True)
        os.chdir(place)
        mlflow.set_tracking_uri(address or (place / "mlruns").as_uri())
        track(MlflowClient())
        if form == "database" and int(mlflow.__version__.split(".")[0]) >= 2:
            log_model()
        Path("note.txt").unlink()


if __name__ == "__main__":
    os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
    main(sys.argv[1])
