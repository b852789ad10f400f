"""What MLflow says of a run, wherever it keeps that, as a foreign run."""

from __future__ import annotations

import io
import itertools
import math
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from runlake.importers.database import Database
from runlake.importers.folder_files import files_below
from runlake.importers.foreign import (
    ForeignArtifact,
    ForeignFile,
    ForeignRow,
    ForeignRun,
    mark_of,
    project_of,
    run_id_of,
)
from runlake.importers.points import CALL_S, SortedPoints
from runlake.model import METADATA_FILE, State, WriterBatch, WriterStart
from runlake.values import encode_json

LIVE_S = 300.0
"""A run that has not ended goes on, or was killed: who wrote to it lately may go on."""

HELD_BACK_S = 60.0
"""How late a point of a run that goes on may be written: rows are numbered, and none may come before one kept."""

SYSTEM_PREFIX = "system/"
GREATEST = 1.7976931348623157e308
"""What databases have in the place of infinity."""

_ENDED: Mapping[str, tuple[State, int]] = {
    "FINISHED": ("finished", 0), "FAILED": ("failed", 1), "KILLED": ("killed", 1),
}  # fmt: skip
_OWN_TAG = "mlflow."
_MACHINE = {
    "mlflow.source.name": "program", "mlflow.user": "username", "mlflow.source.git.commit": "commit",
    "mlflow.source.git.repoURL": "remote",
}  # fmt: skip
_TAG_LENGTH = 100
_LOCAL_RUN = re.compile(r"[\w.-]+")


@dataclass(frozen=True, kw_only=True)
class MlflowRun:
    """One run as MLflow has it: times in milliseconds since 1970, `place` the folder or file where it was found.

    `read_points` adds its metrics to what it is given, which can ask `source`, where there is one. `is_fresh`: somebody
    wrote to the place lately. `roots` are folders in which that of its artifacts may lie when it has been moved.
    """

    run_id: str
    experiment_id: str
    experiment: str
    name: str | None
    user: str | None
    status: str
    start_ms: int | None
    end_ms: int | None
    artifact_uri: str
    place: Path
    roots: Sequence[Path]
    params: Mapping[str, str]
    tags: Mapping[str, str]
    read_points: Callable[[SortedPoints], None]
    is_fresh: bool
    is_parent: bool
    source: Database | None = None
    inputs: Sequence[Mapping[str, Any]] = ()
    artifacts: Iterable[ForeignArtifact] = ()
    lost: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


def foreign_run(run: MlflowRun) -> ForeignRun:
    """The run as an import takes it."""
    tags = dict(run.tags)
    started_at = run.start_ms / 1000 if run.start_ms is not None else None
    config = {key: typed(value) for key, value in run.params.items()}
    return ForeignRun(
        run_id=run_id_of(run.run_id),
        mark=mark_of("mlflow", run.run_id, str(run.start_ms)),
        place=f"{run.place} ({run.run_id})",
        project=project_of(run.experiment),
        start=WriterStart(
            name=run.name or tags.get("mlflow.runName") or run.run_id,
            notes=tags.get("mlflow.note.content") or None,
            tags=tuple(_tags(tags)) or None,
            group=tags.get("mlflow.parentRunId") or (run.run_id if run.is_parent else None),
            job_type=tags.get("mlflow.runType"),
            user=run.user or tags.get("mlflow.user"),
            program=tags.get("mlflow.source.name") or None,
            config=config,
            resume="never",
            created_at=started_at,
        ),
        said=_said(run, config, started_at or 0.0),
        files=_files(run),
        artifacts=run.artifacts,
        lost=run.lost,
        problems=run.problems,
    )


def _tags(tags: Mapping[str, str]) -> Iterator[str]:
    """MLflow's tags have values: each is a tag ``key=value``; long ones only stand in the file that has all of them."""
    for key, value in tags.items():
        tag = f"{key}={value}"
        if not key.startswith(_OWN_TAG) and len(tag) <= _TAG_LENGTH and tag.isprintable():
            yield tag


def typed(text: str) -> Any:
    """A parameter as what it was before MLflow made it text, where that text is just how Python writes it."""
    if text in ("True", "False"):
        return text == "True"
    for kind in (int, float):
        try:
            value = kind(text)
        except ValueError:
            continue
        # Infinity and NaN stay texts: a document has no such numbers.
        return value if str(value) == text and abs(value) <= GREATEST else text
    return text


def artifact_folder(uri: str, run_id: str, experiment_id: str, roots: Sequence[Path]) -> Path | None:
    """Where the files of a run lie on this machine; None when they do not, or lie elsewhere.

    A folder that is named by a file which may come from anywhere is only read when it is called as MLflow calls that of
    this run, whatever else it is said to be.
    """
    ending = Path(run_id, "artifacts")
    if not _LOCAL_RUN.fullmatch(run_id):
        return None
    return find_folder(uri, ending, [root / experiment_id for root in roots])


def find_folder(uri: str, ending: Path, parents: Sequence[Path]) -> Path | None:
    """The folder that an address on this machine names and that ends like `ending`, or one like that in `parents`."""
    parts = urlsplit(uri)
    if parts.scheme in ("", "file") or len(parts.scheme) == 1:
        named = Path(unquote(parts.path) if parts.scheme == "file" else uri)
        candidates = [named] if named.is_absolute() else [parent.parent.parent / named for parent in parents]
    elif parts.scheme == "mlflow-artifacts":
        candidates = []
    else:
        return None
    candidates = [each for each in candidates if each.parts[-len(ending.parts) :] == ending.parts]
    return next((each for each in [*candidates, *(parent / ending for parent in parents)] if each.is_dir()), None)


def _said(run: MlflowRun, config: dict[str, Any], started_at: float) -> Iterator[ForeignRow | WriterBatch]:
    ended = _ENDED.get(run.status)
    # Behind this time a row may not be complete, or another may still come before it.
    until = math.inf if ended or not run.is_fresh else time.time() - HELD_BACK_S - CALL_S
    points = SortedPoints(run.source)
    try:
        run.read_points(points)
        for said in itertools.chain(points.rows("history", started_at), points.rows("events", started_at)):
            if said.row.timestamp <= until:
                yield said
            else:
                run.lost["held-back row"] += 1
    finally:
        points.close()
    if ended is not None:
        state, exit_code = ended
        runtime_s = max(0, run.end_ms - run.start_ms) / 1000 if run.end_ms and run.start_ms else 0.0
        yield WriterBatch(config=config, state=state, exit_code=exit_code, runtime_s=runtime_s)
    else:
        yield WriterBatch(config=config)


def _files(run: MlflowRun) -> Iterator[ForeignFile]:
    folder = artifact_folder(run.artifact_uri, run.run_id, run.experiment_id, run.roots)
    names = set()
    if folder is not None:
        for file in files_below(folder, "", run.problems):
            names.add(file.name)
            yield file
    elif urlsplit(run.artifact_uri).scheme not in ("", "file"):
        run.lost[f"folder of artifacts at {run.artifact_uri}"] += 1
    documents = {METADATA_FILE: _machine(run), "mlflow/inputs.json": list(run.inputs)}
    for name, document in documents.items():
        if document and name not in names:
            yield ForeignFile(name, partial(io.BytesIO, encode_json(document).encode()))


def _machine(run: MlflowRun) -> dict[str, Any]:
    """What MLflow says of where the run came from, under the names of ``wandb-metadata.json``, and all of its tags."""
    found: dict[str, Any] = {name: run.tags[tag] for tag, name in _MACHINE.items() if run.tags.get(tag)}
    git = {name: found.pop(name) for name in ("commit", "remote") if name in found}
    return {**found, **({"git": git} if git else {}), "mlflow": {"experiment": run.experiment, "tags": dict(run.tags)}}
