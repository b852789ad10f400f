"""Runs into a database of MLflow, through its own package. See `answer` for how it is asked.

Which database, the variable MLFLOW_TRACKING_URI says.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import mlflow
from mlflow.entities import Metric, Param, RunStatus, RunTag, ViewType
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

VERSION = mlflow.__version__

KEY, FINGERPRINT = "runlake.run", "runlake.fingerprint"
POINTS_OF_A_BATCH, PARAMS_OF_A_BATCH = 1000, 100


@functools.cache
def _client() -> Any:
    return MlflowClient()


def begin(
    experiment: str, location: str, key: str, fingerprint: str, about: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """The run `key` as it is there, or a new one in its place."""
    client = _client()
    experiment_id = _experiment(experiment, location)
    condition = f"tags.`{KEY}` = '{_quoted(key)}'"
    for found in client.search_runs([experiment_id], condition, ViewType.ALL):
        is_whole = found.data.tags.get(FINGERPRINT) == fingerprint and found.info.lifecycle_stage == "active"
        if is_whole:
            yield {"run_id": found.info.run_id, "artifact_uri": found.info.artifact_uri, "is_same": True}
            return
        _remove(found)
    tags = {**about["tags"], KEY: key}
    run = client.create_run(experiment_id, start_time=about["start_ms"], tags=tags, run_name=about["name"])
    run_id = run.info.run_id
    params = [Param(name, value) for name, value in about["params"].items()]
    for start in range(0, len(params), PARAMS_OF_A_BATCH):
        client.log_batch(run_id, params=params[start : start + PARAMS_OF_A_BATCH])
    _runs_begun[run_id] = fingerprint
    yield {"run_id": run_id, "artifact_uri": run.info.artifact_uri, "is_same": False}


_runs_begun: dict[str, str] = {}
"""What the runs that are being written are to be known by when they are whole."""


def metrics(run_id: str, points: list[list[Any]]) -> Iterator[dict[str, Any]]:
    """Numbers, each with its key, its milliseconds since 1970, and its step."""
    found = [Metric(key, value, at, step) for key, value, at, step in points]
    for start in range(0, len(found), POINTS_OF_A_BATCH):
        _client().log_batch(run_id, metrics=found[start : start + POINTS_OF_A_BATCH])
    yield from ()


def end(run_id: str, status: str | None, end_ms: int) -> Iterator[dict[str, Any]]:
    """How a run ended; and that all of it is there."""
    if status is not None:
        _client().set_terminated(run_id, RunStatus.to_string(RunStatus.from_string(status)), end_ms)
    _client().log_batch(run_id, tags=[RunTag(FINGERPRINT, _runs_begun.pop(run_id))])
    yield from ()


def _experiment(name: str, location: str) -> str:
    client = _client()
    found = client.get_experiment_by_name(name)
    if found is not None:
        if found.lifecycle_stage != "active":
            client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)
    return str(client.create_experiment(name, artifact_location=location))


def _remove(run: Any) -> None:
    """A run that was not written to its end, or has changed since: it gives its place to another."""
    client = _client()
    try:
        client.delete_run(run.info.run_id)
    except MlflowException:
        pass  # it is deleted
    store = client._tracking_client.store
    if hasattr(store, "_hard_delete_run"):
        store._hard_delete_run(run.info.run_id)


def _quoted(text: str) -> str:
    return text.replace("'", "\\'")


VERBS = {verb.__name__: verb for verb in (begin, metrics, end)}
