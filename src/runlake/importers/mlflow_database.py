"""Runs in MLflow's SQLite database (``mlflow.db``), of any version that has its tables of runs and metrics."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from runlake.errors import BadValueError
from runlake.importers.database import Database, is_database, open_database, reading
from runlake.importers.foreign import ForeignRun, LeftOut
from runlake.importers.mlflow_models import ModelTables
from runlake.importers.mlflow_run import GREATEST, LIVE_S, SYSTEM_PREFIX, MlflowRun, foreign_run
from runlake.importers.points import NOT_FINITE, NUMBER, SortedPoints

NAME = "mlflow.db"
_RUN_COLUMNS = (
    "run_uuid", "experiment_id", "name", "user_id", "status", "start_time", "end_time", "artifact_uri",
    "lifecycle_stage",
)  # fmt: skip
_PIECE_POINTS = 50_000
_PIECE = """
select max(rowid), count(*) from (select rowid from metrics where run_uuid = ? and rowid > ? order by rowid limit ?)
"""
_POINTS = f"""
select
    case when key glob '{SYSTEM_PREFIX}*' then 'events' else 'history' end,
    timestamp / 1000.0,
    {{step}},
    case when key glob '{SYSTEM_PREFIX}*' then 'system.' || substr(key, {len(SYSTEM_PREFIX) + 1}) else key end,
    case when {{is_nan}} or abs(value) >= {GREATEST!r} then {NOT_FINITE} else {NUMBER} end,
    case
        when {{is_nan}} then 'nan'
        when value >= {GREATEST!r} then 'inf'
        when value <= -{GREATEST!r} then '-inf'
        else value
    end
from source.metrics where run_uuid = ? and rowid > ? and rowid <= ? order by rowid
"""
_NEEDED = {"runs": ("run_uuid", "experiment_id"), "metrics": ("run_uuid", "key", "value", "timestamp")}
_READ = frozenset({
    "alembic_version", "experiments", "runs", "metrics", "latest_metrics", "params", "tags", "inputs", "input_tags",
    "datasets", "logged_models", "logged_model_params", "logged_model_tags", "logged_model_metrics", "model_versions",
    "model_version_tags", "registered_models", "registered_model_aliases", "workspaces",
})  # fmt: skip
"""Tables of which all that belongs to a run is read. MLflow makes ``workspaces`` with one row of its own."""


def is_of(place: Path) -> bool:
    """Whether a file is such a database, or a folder has one that is called as MLflow calls it."""
    return _file(place) is not None


def _file(place: Path) -> Path | None:
    file = place / NAME if place.is_dir() else place
    if not file.is_file() or not is_database(file):
        return None
    try:
        with open_database(file) as database:
            return file if all(database.has(table, "run_uuid") for table in _NEEDED) else None
    except BadValueError:
        # A damaged one is read all the same when its name says whose it is: what is wrong is told then.
        return file if file.name == NAME else None


def read(place: Path) -> Iterator[ForeignRun | LeftOut]:
    """Each run, in the order in which they were begun. BadValueError for a database that cannot be read."""
    file = _file(place)
    if file is None:
        raise BadValueError(f"{place} is no database of MLflow: it has no tables of runs and metrics")
    with open_database(file) as database:
        for table, columns in _NEEDED.items():
            if not database.has(table, *columns):
                raise BadValueError(
                    f"{file} has no table {table} with the columns {', '.join(columns)}: it is of a version of MLflow "
                    "that is not known here"
                )
        yield from _read(file, database)


def _read(file: Path, database: Database) -> Iterator[ForeignRun | LeftOut]:
    experiments = {
        row[0]: (str(row[1]), row[2])
        for row in database.select("experiments", ("experiment_id", "name", "lifecycle_stage"))
    }
    parents = {row[0] for row in database.select("tags", ("value",), "key = 'mlflow.parentRunId'")}
    models = ModelTables(file, database)
    for run_id, experiment_id, *columns, stage in database.select("runs", _RUN_COLUMNS):
        experiment, experiment_stage = experiments.get(experiment_id, (f"experiment {experiment_id}", None))
        if "deleted" in (stage, experiment_stage):
            yield LeftOut(str(file), "run", f"{run_id} of {experiment}: deleted in MLflow")
            continue
        yield foreign_run(_run(file, database, models, (str(run_id), str(experiment_id), experiment), columns, parents))
    for table, column, what in (
        ("model_versions", "run_id", "model version"),
        ("logged_models", "source_run_id", "model"),
    ):
        if database.has(table, column) and (count := _without_run(database, table, column)):
            yield LeftOut(str(file), what, f"of the table {table}: it is of no run", count)
    for table in sorted(database.tables - _READ):
        if not table.startswith("sqlite_") and (count := database.count(table)):
            yield LeftOut(str(file), "row", f"of the table {table}: no home here", count)


def _without_run(database: Database, table: str, column: str) -> int:
    of_run = f"select 1 from runs where run_uuid = {table}.{column}"
    ((count,),) = database.query(f"select count(*) from {table} where not exists ({of_run})")
    return int(count)


def _run(
    file: Path,
    database: Database,
    models: ModelTables,
    identity: tuple[str, str, str],
    columns: list[Any],
    parents: set[str],
) -> MlflowRun:
    run_id, experiment_id, experiment = identity
    name, user, status, start_ms, end_ms, artifact_uri = columns
    of_run, argument = "run_uuid = ?", (run_id,)
    problems: list[str] = []
    lost: Counter[str] = Counter()
    roots = (file.parent / "mlruns", file.parent / "mlartifacts")
    return MlflowRun(
        run_id=run_id,
        experiment_id=experiment_id,
        experiment=experiment,
        name=name,
        user=user,
        status=str(status),
        start_ms=start_ms,
        end_ms=end_ms,
        artifact_uri=str(artifact_uri or ""),
        place=file,
        roots=roots,
        params={key: str(value) for key, value in database.select("params", ("key", "value"), of_run, argument)},
        tags={key: str(value) for key, value in database.select("tags", ("key", "value"), of_run, argument)},
        read_points=partial(_read_points, database, run_id),
        source=database,
        is_fresh=time.time() - _written_at(file) < LIVE_S,
        is_parent=run_id in parents,
        inputs=models.inputs_of(run_id),
        artifacts=models.artifacts_of(run_id, str(artifact_uri or ""), experiment_id, roots, lost, problems),
        lost=lost,
        problems=problems,
    )


def _read_points(database: Database, run_id: str, points: SortedPoints) -> None:
    """Some thousands at a time, so that who writes to the database never waits for long."""
    step = "coalesce(step, 0)" if database.has("metrics", "step") else "0"
    is_nan = "coalesce(is_nan, 0)" if database.has("metrics", "is_nan") else "0"
    query = _POINTS.format(step=step, is_nan=is_nan)
    last = -(2**62)
    while True:
        ((end, count),) = database.query(_PIECE, (run_id, last, _PIECE_POINTS))
        if not count:
            return
        with reading(database.file):
            points.add_from(query, (run_id, last, end))
        last = end


def _written_at(file: Path) -> float:
    beside = (file, file.with_name(f"{file.name}-wal"), file.with_name(f"{file.name}-journal"))
    return max(each.stat().st_mtime for each in beside if each.exists())
