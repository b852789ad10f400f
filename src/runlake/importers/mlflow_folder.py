"""Runs in MLflow's file store (``mlruns/``): a folder for each run, in it a file for each metric, parameter and tag.

``<experiment>/meta.yaml`` and ``<experiment>/<run>/meta.yaml`` say what each is; a file of a metric has lines
``<milliseconds> <value> <step>``. What is deleted says so there, or lies in ``.trash``.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from runlake.artifact_model import digest_of
from runlake.errors import BadValueError
from runlake.importers.folder_files import entries_below
from runlake.importers.foreign import ForeignArtifact, ForeignRun, LeftOut, project_of
from runlake.importers.mlflow_run import LIVE_S, SYSTEM_PREFIX, MlflowRun, foreign_run
from runlake.importers.points import SortedPoints
from runlake.importers.yaml_file import read_mapping

META, TRASH, REGISTRY, RUNS = "meta.yaml", ".trash", "models", "mlruns"
_STATUS = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
_NO_RUNS = frozenset({"models", "traces", "datasets", "tags", "assessments"})
"""What lies beside the runs of an experiment."""


def is_of(place: Path) -> bool:
    """Whether a folder is such a store, or has one called ``mlruns`` in it."""
    return _store(place) is not None


def _store(place: Path) -> Path | None:
    for folder in (place, place / RUNS):
        if any(not each.parent.is_symlink() for each in folder.glob(f"*/{META}")):
            return folder
    return None


def read(place: Path) -> Iterator[ForeignRun | LeftOut]:
    """Each run, experiment by experiment. BadValueError for a place that is none."""
    store = _store(place)
    if store is None:
        raise BadValueError(f"{place} is no file store of MLflow: no folder in it has a file {META}")
    for folder in _folders(store):
        if folder.name == TRASH:
            for experiment in _folders(folder):
                yield LeftOut(str(experiment), "experiment", "deleted in MLflow")
        elif folder.name == REGISTRY:
            for model in _folders(folder):
                yield LeftOut(str(model), "registered model", f"{model.name}: no home here")
        elif (folder / META).is_file():
            yield from _experiment(store, folder)


def _experiment(store: Path, folder: Path) -> Iterator[ForeignRun | LeftOut]:
    try:
        meta = read_mapping(folder / META)
    except BadValueError as error:
        yield LeftOut(str(folder), "experiment", f"{folder.name}: {error}", is_damage=True)
        return
    name = str(meta.get("name", folder.name))
    if meta.get("lifecycle_stage") == "deleted":
        yield LeftOut(str(folder), "experiment", f"{name}: deleted in MLflow")
        return
    runs = [each for each in _folders(folder) if each.name not in _NO_RUNS]
    models = _models_of_runs(folder / "models")
    parents = {_content(run / "tags" / "mlflow.parentRunId") for run in runs}
    for run in runs:
        try:
            said = read_mapping(run / META)
        except BadValueError as error:
            yield LeftOut(str(run), "run", f"{run.name} of {name}: {error}", is_damage=True)
            continue
        if said.get("lifecycle_stage") == "deleted":
            yield LeftOut(str(run), "run", f"{run.name} of {name}: deleted in MLflow")
        else:
            yield foreign_run(_run(store, run, name, said, (parents, models.get(run.name, []))))
    for what in ("traces", "datasets"):
        if count := sum(1 for _ in _folders(folder / what)):
            yield LeftOut(str(folder / what), what.removesuffix("s"), f"of {name}: no home here", count)


def _run(
    store: Path, run: Path, experiment: str, said: dict[str, Any], known: tuple[set[str | None], list[Path]]
) -> MlflowRun:
    problems: list[str] = []
    parents, models = known
    status = said.get("status")
    written_at = max(
        (Path(place, name).stat().st_mtime for place, _, names in os.walk(run / "metrics") for name in names),
        default=(run / META).stat().st_mtime,
    )
    return MlflowRun(
        run_id=run.name,
        experiment_id=run.parent.name,
        experiment=experiment,
        name=_text(said.get("run_name")),
        user=_text(said.get("user_id")),
        status=_STATUS.get(status, str(status)) if isinstance(status, int) else str(status),
        start_ms=_whole(said.get("start_time")),
        end_ms=_whole(said.get("end_time")),
        artifact_uri=str(said.get("artifact_uri", "")),
        place=run,
        roots=(store,),
        params=dict(_values(run / "params", problems)),
        tags=dict(_values(run / "tags", problems)),
        read_points=partial(_read_points, run / "metrics", problems),
        is_fresh=time.time() - written_at < LIVE_S,
        is_parent=run.name in parents,
        artifacts=_artifacts(models, problems),
        lost=Counter({"data set of a run": count} if (count := sum(1 for _ in _folders(run / "inputs"))) else {}),
        problems=problems,
    )


def _read_points(folder: Path, problems: list[str], points: SortedPoints) -> None:
    for key, file in _files(folder, problems):
        is_system = key.startswith(SYSTEM_PREFIX)
        name = f"system.{key.removeprefix(SYSTEM_PREFIX)}" if is_system else key
        for timestamp, step, value in _points(file, problems):
            points.add("events" if is_system else "history", timestamp, step, name, value)


def _points(file: Path, problems: list[str]) -> Iterator[tuple[float, int, float]]:
    try:
        with file.open(encoding="utf-8", errors="replace") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    at_ms, value, *step = line.split()
                    yield int(at_ms) / 1000, int(step[0]) if step else 0, float(value)
                except ValueError:
                    # The last line of a file may be one that is being written.
                    if line.endswith("\n"):
                        problems.append(f"{file}: line {number} is no point of a metric: {line.strip()[:60]!r}")
    except OSError as error:
        problems.append(f"{file} cannot be read: {error}")


def _values(folder: Path, problems: list[str]) -> Iterator[tuple[str, str]]:
    for key, file in _files(folder, problems):
        content = _content(file)
        if content is None:
            problems.append(f"{file} cannot be read")
        else:
            yield key, content


def _files(folder: Path, problems: list[str]) -> Iterator[tuple[str, Path]]:
    """The files of a folder at any depth; their path from there is the name of what they hold."""
    for place, inner, names in os.walk(folder, onerror=lambda error: None):
        inner.sort()
        for name in sorted(names):
            file = Path(place, name)
            if file.is_symlink() or not file.is_file():
                problems.append(f"{file} is no file: it was not read")
            else:
                yield file.relative_to(folder).as_posix().encode(errors="replace").decode(), file


def _models_of_runs(folder: Path) -> dict[str, list[Path]]:
    """The folders of the models that each run logged."""
    found: dict[str, list[Path]] = {}
    for model in _folders(folder):
        try:
            run_id = read_mapping(model / META).get("source_run_id")
        except BadValueError:
            continue
        found.setdefault(str(run_id), []).append(model)
    return found


def _artifacts(models: list[Path], problems: list[str]) -> Iterator[ForeignArtifact]:
    for model in models:
        said = read_mapping(model / META)
        entries, files = entries_below(model / "artifacts", problems)
        names = ("model_id", "model_type")
        metadata = {name: said.get(name) for name in names}
        yield ForeignArtifact(
            name=project_of(str(said.get("name") or model.name)),
            type="model",
            digest=digest_of(entries),
            artifact_id=hashlib.sha256(f"mlflow\0{model.name}".encode()).hexdigest()[:32],
            created_at=(_whole(said.get("creation_timestamp")) or 0) / 1000,
            entries=entries,
            files=files,
            metadata={**metadata, **{part: dict(_values(model / part, problems)) for part in ("params", "tags")}},
        )


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(each for each in folder.iterdir() if each.is_dir() and not each.is_symlink())
    except OSError:
        return []


def _content(file: Path) -> str | None:
    try:
        return file.read_text("utf-8", errors="replace").rstrip("\n")
    except OSError:
        return None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) else None
