"""Models that MLflow keeps for a run, as artifacts: those it logged (since version 3), and versions in the registry."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from runlake.artifact_model import digest_of
from runlake.importers.database import Database
from runlake.importers.folder_files import entries_below
from runlake.importers.foreign import ForeignArtifact, project_of
from runlake.importers.mlflow_run import artifact_folder, find_folder

_ID_LENGTH = 32
_VERSION_COLUMNS = ("name", "version", "creation_time", "description", "current_stage", "source", "user_id")
_MODEL_COLUMNS = ("model_id", "experiment_id", "name", "artifact_location", "creation_timestamp_ms", "model_type")
_DATASET_COLUMNS = ("name", "digest", "dataset_source_type", "dataset_source", "dataset_schema", "dataset_profile")


class ModelTables:
    """The tables of a database that say of models and data sets."""

    def __init__(self, file: Path, database: Database) -> None:
        self._database = database
        self._roots = (file.parent / "mlruns", file.parent / "mlartifacts")

    def inputs_of(self, run_id: str) -> list[dict[str, Any]]:
        """The data sets that a run used, as MLflow describes them."""
        found = []
        where = "destination_type = 'RUN' and destination_id = ? and source_type = 'DATASET'"
        for input_id, dataset_id in self._database.select("inputs", ("input_uuid", "source_id"), where, (run_id,)):
            tags = dict(self._database.select("input_tags", ("name", "value"), "input_uuid = ?", (input_id,)))
            for row in self._database.select("datasets", _DATASET_COLUMNS, "dataset_uuid = ?", (dataset_id,)):
                found.append({**dict(zip(_DATASET_COLUMNS, row, strict=True)), "tags": tags})
        return found

    def artifacts_of(
        self,
        run_id: str,
        uri: str,
        experiment_id: str,
        roots: Sequence[Path],
        lost: Counter[str],
        problems: list[str],
    ) -> Iterator[ForeignArtifact]:
        """The models of a run, oldest first; of one whose files are elsewhere, its name goes into `lost`."""
        where = "source_run_id = ? and lifecycle_stage = 'active'"
        for model_id, of_experiment, name, location, *facts in self._database.select(
            "logged_models", _MODEL_COLUMNS, where, (run_id,)
        ):
            folder = self._model_folder(str(location), str(of_experiment), str(model_id))
            metadata = {"model_id": model_id, "model_type": facts[1], **self._of_model(model_id)}
            yield from _artifact(f"{run_id}/{model_id}", str(name), folder, facts[0], metadata, lost, problems)
        for name, version, created_ms, description, stage, source, user in self._database.select(
            "model_versions", _VERSION_COLUMNS, "run_id = ?", (run_id,)
        ):
            folder = self._source_folder(str(source or ""), run_id, artifact_folder(uri, run_id, experiment_id, roots))
            of_version = ("name = ? and version = ?", (name, version))
            tags = dict(self._database.select("model_version_tags", ("key", "value"), *of_version))
            aliases = [row[0] for row in self._database.select("registered_model_aliases", ("alias",), *of_version)]
            aliases += [stage] if stage not in (None, "None") else []
            metadata = {"version": version, "source": source, "user": user, "tags": tags}
            identity = f"{run_id}/{name}/{version}"
            for artifact in _artifact(identity, str(name), folder, created_ms, metadata, lost, problems):
                yield _with(artifact, description, [alias.replace("/", "-") for alias in aliases])

    def _model_folder(self, location: str, experiment_id: str, model_id: str) -> Path | None:
        if not experiment_id.isalnum():
            return None
        ending = Path("models", model_id, "artifacts")
        return find_folder(location, ending, [root / experiment_id for root in self._roots])

    def _source_folder(self, source: str, run_id: str, artifacts: Path | None) -> Path | None:
        """Where the files of a version lie: in a model, or below the artifacts of its run."""
        if source.startswith("models:/"):
            model_id = source.removeprefix("models:/")
            rows = self._database.select(
                "logged_models", ("artifact_location", "experiment_id"), "model_id = ?", (model_id,)
            )
            for location, experiment_id in rows:
                return self._model_folder(str(location), str(experiment_id), model_id)
            return None
        _, mark, below = source.partition(f"{run_id}/artifacts/")
        if artifacts is None or not mark or ".." in Path(below).parts or Path(below).is_absolute():
            return None
        return artifacts / below if (artifacts / below).is_dir() else None

    def _of_model(self, model_id: str) -> dict[str, Any]:
        of_model = ("model_id = ?", (model_id,))
        return {
            "params": dict(self._database.select("logged_model_params", ("param_key", "param_value"), *of_model)),
            "tags": dict(self._database.select("logged_model_tags", ("tag_key", "tag_value"), *of_model)),
            "metrics": dict(self._database.select("logged_model_metrics", ("metric_name", "metric_value"), *of_model)),
        }


def _artifact(
    identity: str,
    name: str,
    folder: Path | None,
    created_ms: int | None,
    metadata: Mapping[str, Any],
    lost: Counter[str],
    problems: list[str],
) -> Iterator[ForeignArtifact]:
    if folder is None:
        lost[f"model {name}, whose files are not on this machine"] += 1
        return
    entries, files = entries_below(folder, problems)
    yield ForeignArtifact(
        name=project_of(name),
        type="model",
        digest=digest_of(entries),
        artifact_id=hashlib.sha256(f"mlflow\0{identity}".encode("utf-8", "surrogatepass")).hexdigest()[:_ID_LENGTH],
        created_at=(created_ms or 0) / 1000,
        entries=entries,
        files=files,
        metadata=dict(metadata),
    )


def _with(artifact: ForeignArtifact, description: str | None, aliases: Sequence[str]) -> ForeignArtifact:
    from dataclasses import replace

    return replace(artifact, description=description or None, aliases=tuple(aliases))
