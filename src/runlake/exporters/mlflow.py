"""Runs as MLflow has them: a SQLite database ``mlflow.db``, and the files of the runs below ``artifacts``.

A database, since MLflow does not open the older folder of text files any more unless it is told to; and written by
MLflow's own package, in a process of its own, since what its tables are like differs from version to version. A run
that is there as it is here is left alone, so a second export changes nothing; one that has changed since takes the
place of what was there.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Self
from urllib.parse import unquote, urlsplit

import msgspec

from runlake.errors import NotFoundError
from runlake.exporters.columns import kind_of, stretches
from runlake.exporters.written import Written, replacing
from runlake.local_names import why_refused
from runlake.model import FileInfo, RunInfo, Stream
from runlake.peers.process import Peer
from runlake.query.rows.dicts import read_python
from runlake.service.contract import Service
from runlake.values import encode_json, flatten, plain_name

DATABASE, ARTIFACTS = "mlflow.db", "artifacts"
SUMMARY_FILE, OUTPUT_FILE = "summary.json", "output.log"
POINTS_AT_ONCE = 10_000
MAX_PARAM_LENGTH = 6000
MAX_KEY_LENGTH = 250

_STATUS = {"finished": "FINISHED", "failed": "FAILED", "crashed": "FAILED", "killed": "KILLED", "preempted": "KILLED"}
_NOT_IN_KEYS = re.compile(r"[^\w\-. :/]", re.ASCII)
_SYSTEM, _THEIR_SYSTEM = "system.", "system/"


class MlflowFolder:
    """The folder that is written. `python` is the interpreter that has MLflow, by default this one."""

    def __init__(self, folder: Path, python: str | None = None) -> None:
        self._folder = folder.absolute()
        self._folder.mkdir(parents=True, exist_ok=True)
        variables = {
            "MLFLOW_TRACKING_URI": f"sqlite:///{self._folder / DATABASE}",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "true",
        }
        self._peer = Peer("mlflow_writer", package="MLflow", extra="mlflow", python=python, variables=variables)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._peer.close()

    def export_run(self, service: Service, info: RunInfo) -> Written:
        """Write a run into the experiment that is called like its project."""
        work = _Work(service, info)
        files = work.files()
        (begun,) = self._peer.ask(
            "begin",
            experiment=info.project,
            location=(self._folder / ARTIFACTS).as_uri(),
            key=str(info.path),
            fingerprint=_fingerprint(info, files),
            about=work.about(),
        )
        place = f"{self._folder / DATABASE}: {begun['run_id']}"
        for some in work.points():  # also of one that is there: what has no home is told whenever it is asked
            if not begun["is_same"]:
                list(self._peer.ask("metrics", run_id=begun["run_id"], points=some))
        if not begun["is_same"]:
            work.write_files(Path(unquote(urlsplit(begun["artifact_uri"]).path)), files)
            list(self._peer.ask("end", run_id=begun["run_id"], **work.end()))
        return Written(
            path=info.path, place=place, row_count=info.row_count, file_count=len(files), lost=dict(work.lost)
        )


def _fingerprint(info: RunInfo, files: list[FileInfo]) -> str:
    """Another one whenever a run or its files are."""
    known = msgspec.structs.replace(info, heartbeat_at=0.0, stop_requested=False)
    facts = [msgspec.to_builtins(known), [(file.name, file.md5) for file in files]]
    return hashlib.sha256(str(encode_json(facts)).encode()).hexdigest()


class _Work:
    """One run, as MLflow would have it."""

    def __init__(self, service: Service, info: RunInfo) -> None:
        self._service, self._info = service, info
        self._keys: dict[str, str] = {}
        self.lost: Counter[str] = Counter()

    def about(self) -> dict[str, Any]:
        """What is known of the run: its name, parameters and tags."""
        info = self._info
        tags = {
            "mlflow.note.content": info.notes,
            "mlflow.user": info.user,
            "mlflow.source.name": info.program,
            "runlake.group": info.group,
            "runlake.job_type": info.job_type,
            "runlake.sweep": info.sweep,
            "runlake.tags": str(encode_json(list(info.tags))) if info.tags else None,
        }
        return {
            "name": info.name,
            "start_ms": round(info.created_at * 1000),
            "params": self._params(),
            "tags": {key: value for key, value in tags.items() if value},
        }

    def _params(self) -> dict[str, str]:
        found = {}
        for path, value in flatten(self._info.config, stringify_keys=True).items():
            text = value if isinstance(value, str) else str(encode_json(value))
            if len(text) > MAX_PARAM_LENGTH:
                self.lost["cut parameter"] += 1
                text = text[:MAX_PARAM_LENGTH]
            found[self._key(plain_name(path))] = text
        return found

    def _key(self, name: str) -> str:
        """A name that MLflow takes; of two that would be the same the second is numbered."""
        if name in self._keys:
            return self._keys[name]
        key = _NOT_IN_KEYS.sub("_", name)[:MAX_KEY_LENGTH].strip("/") or "_"
        key = "/".join(part if part.strip(".") else "_" for part in key.split("/") if part) or "_"
        taken = set(self._keys.values())
        number = 2
        while key in taken:
            key, number = f"{key[: MAX_KEY_LENGTH - 8]}_{number}", number + 1
        if key != name:
            self.lost["changed name"] += 1
        self._keys[name] = key
        return key

    def points(self) -> Iterator[list[list[Any]]]:
        """Every number as [key, value, milliseconds since 1970, step], many at a time."""
        streams: tuple[Stream, ...] = ("history", "events")
        for stream in streams:
            history = self._service.read_history(self._info.path, stream=stream)
            assert history.timestamp is not None
            steps, times = history.step.tolist(), (history.timestamp * 1000).round().astype("int64").tolist()
            for start, _, pieces in stretches(history):
                for piece in pieces:
                    values = read_python(piece.lane, piece.values)
                    if piece.lane not in ("f64", "i64", "bool"):
                        self._lose(piece.lane, values)
                        continue
                    name = piece.name
                    if stream == "events" and name.startswith(_SYSTEM):
                        name = _THEIR_SYSTEM + name.removeprefix(_SYSTEM)
                    key = self._key(name)
                    rows = piece.rows.tolist()
                    points = [
                        [key, float(value), times[start + row], steps[start + row]]
                        for row, value in zip(rows, values, strict=True)
                    ]
                    for at in range(0, len(points), POINTS_AT_ONCE):
                        yield points[at : at + POINTS_AT_ONCE]

    def _lose(self, lane: str, values: list[Any]) -> None:
        for value in values:
            self.lost["logged text" if lane == "str" else "None" if value is None else kind_of(value)] += 1

    def files(self) -> list[FileInfo]:
        """The files that go along."""
        found = []
        for file in self._service.list_files(self._info.path):
            if (why := why_refused(file.name)) is None:
                found.append(file)
            else:
                self.lost[f"file {file.name!r}, since {why}"] += 1
        return found

    def write_files(self, folder: Path, files: list[FileInfo]) -> None:
        """Put the files of the run, its summary and what it printed where MLflow looks for artifacts of a run."""
        names = {file.name for file in files}
        for file in files:
            try:
                with self._service.open_file(self._info.path, file.name) as content:
                    _copy(content, folder / file.name)
            except NotFoundError:
                self.lost[f"file {file.name!r}, which was deleted meanwhile"] += 1
        if self._info.summary and SUMMARY_FILE not in names:
            with replacing(folder / SUMMARY_FILE) as place:
                place.write(str(encode_json(self._info.summary)).encode())
        lines = self._service.read_console(self._info.path)
        if lines and OUTPUT_FILE not in names:
            with replacing(folder / OUTPUT_FILE) as place:
                place.writelines(f"{line.text}\n".encode() for line in lines)
        for relation in ("logged", "used"):
            count = len(self._service.list_run_artifacts(self._info.path, relation))
            if count:
                self.lost[f"{relation} artifact"] += count

    def end(self) -> dict[str, Any]:
        """How it ended; of one that goes on, nothing."""
        status = _STATUS.get(self._info.state)
        end_ms = round((self._info.created_at + self._info.runtime_s) * 1000)
        return {"status": status, "end_ms": end_ms}


def _copy(content: BinaryIO, place: Path) -> None:
    with replacing(place) as file:
        shutil.copyfileobj(content, file)
