"""Runs that SwanLab wrote into its folder ``swanlog/``: their ``.swanlab`` files, and what lies beside these.

Numbers that one call logged follow each other in the file, and are a row. ``files/`` has the configuration, what is
known of the machine and what was saved, ``media/`` the files of data types.
"""

from __future__ import annotations

import io
import itertools
import json
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from runlake.errors import BadValueError
from runlake.importers.folder_files import files_below, opener
from runlake.importers.foreign import ForeignFile, ForeignRow, ForeignRun, LeftOut, mark_of, project_of, run_id_of
from runlake.importers.foreign_media import MediaFile, file_below, late_files
from runlake.importers.swanlab_records import Column, End, Line, Media, Said, Saved, Scalar, Start, read_said
from runlake.importers.yaml_file import read_mapping
from runlake.model import METADATA_FILE, Alert, LoggedRow, State, Stream, WriterBatch, WriterStart
from runlake.values import encode_json

LIVE_S = 300.0
"""A file without an end is that of a process that was killed, or goes on when it was written to lately."""

CALL_S = 1.0
"""Numbers of one step that are so close to each other were logged by one call."""

SUFFIX = ".swanlab"
_FIRST_RECORDS = 64
_OWN_PREFIX = "__swanlab__."
_ENDS: dict[str, tuple[State, int]] = {"finished": ("finished", 0), "crashed": ("failed", 1), "aborted": ("killed", 1)}
_TEXT_LIMIT_BYTES = 4 << 20


def is_of(place: Path) -> bool:
    """Whether a file or folder holds such runs."""
    return bool(_logs(place))


def _logs(place: Path) -> list[Path]:
    """The files of a run's folder, of a folder ``swanlog``, or of one that has it in it; oldest first."""
    if place.is_file():
        return [place] if place.suffix == SUFFIX and _is_log(place) else []
    for pattern in (f"*{SUFFIX}", f"run-*/*{SUFFIX}", f"swanlog/run-*/*{SUFFIX}"):
        if found := sorted(file for file in place.glob(pattern) if not file.parent.is_symlink() and _is_log(file)):
            return found
    return []


def _is_log(file: Path) -> bool:
    """Whether it is no database: SwanLab's dashboard has one that ends alike."""
    try:
        with file.open("rb") as content:
            return not content.read(16).startswith(b"SQLite format 3")
    except OSError:
        return False


def read(place: Path) -> Iterator[ForeignRun | LeftOut]:
    """Each run below a place; of a file that is none, its name. BadValueError where a single file is named."""
    logs = _logs(place)
    if not logs:
        raise BadValueError(f"{place} holds no {SUFFIX} file of SwanLab")
    for log in logs:
        try:
            yield read_log(log)
        except BadValueError as error:
            if len(logs) == 1:
                raise
            yield LeftOut(str(log), "run", str(error), is_damage=True)
    folders = {folder for log in logs for folder in log.parent.parent.glob("run-*") if folder.is_dir()}
    for folder in sorted(folders - {log.parent for log in logs}):
        if (folder / "logs").is_dir():
            yield LeftOut(str(folder), "run", f"{folder.name}: it has no {SUFFIX} file, and only its dashboard's logs")


def read_log(log: Path) -> ForeignRun:
    """The run of one file. BadValueError for a file that is none, or that says of no run."""
    lost: Counter[str] = Counter()
    problems: list[str] = []
    records = read_said(log, lost, problems)
    first = list(itertools.islice(records, _FIRST_RECORDS))
    start = next((said for said in first if isinstance(said, Start)), None)
    if start is None:
        raise BadValueError(f"{log} says of no run; it is empty, or was cut off at once")
    machine = _machine(log.parent / "files" / "swanlab-metadata.json", problems)
    config = _config(log.parent / "files" / "config.yaml", problems)
    reader = _Reader(log, start, config, lost, problems)
    started_at = start.started_at
    return ForeignRun(
        run_id=run_id_of(start.run_id or log.stem),
        mark=mark_of("swanlab", start.project, start.run_id, str(started_at)),
        place=str(log),
        project=project_of(start.project),
        start=WriterStart(
            name=start.name or None,
            notes=start.description or None,
            tags=start.tags or None,
            group=start.group or None,
            job_type=start.job_type or None,
            host=machine.get("host"),
            config=config,
            resume="allow" if start.resumes else "never",
            created_at=started_at,
        ),
        said=reader.read(itertools.chain(first, records)),
        files=reader.files(machine),
        lost=lost,
        problems=problems,
    )


class _Reader:
    """What one file says, in its order, as rows and batches."""

    def __init__(
        self, log: Path, start: Start, config: dict[str, Any], lost: Counter[str], problems: list[str]
    ) -> None:
        self._log, self._config, self._lost, self._problems = log, config, lost, problems
        self._started_at = start.started_at or 0.0
        self._system: set[str] = set()
        self._open: dict[Stream, tuple[int, float, dict[str, Any]]] = {}
        self._event_count = 0
        self._saved: list[str] = []
        self._kept_as_files: list[str] = []
        self._alerts: list[Alert] = []

    def read(self, records: Iterator[Said]) -> Iterator[ForeignRow | WriterBatch]:
        """Rows, and batches for what stands between them."""
        end: End | None = None
        for said in records:
            if isinstance(said, Scalar):
                yield from self._take(said.key, said.step, said.at, said.value)
            elif isinstance(said, Line):
                level = {"level": "error"} if said.is_error else {}
                yield self._row("console", 0, said.at, {"line": said.number, "text": said.text, **level})
            elif isinstance(said, Media):
                yield from self._take(said.key, said.step, said.at, self._media(said))
            elif isinstance(said, Column):
                self._system.update([said.key] if said.is_system else [])
            elif isinstance(said, Saved):
                self._saved += [] if said.is_own else [said.name]
            elif isinstance(said, End):
                end = said
        is_fresh = time.time() - self._log.stat().st_mtime < LIVE_S
        if end is None and is_fresh:
            # The last rows may not be complete: they come when there is more.
            self._lost["held-back row"] += len(self._open)
            yield WriterBatch(config=self._config)
            return
        for stream in list(self._open):
            yield self._closed(stream)
        if end is not None and end.state in _ENDS:
            state, exit_code = _ENDS[end.state]
            alert = Alert(title=end.state, text=end.error, level="ERROR", timestamp=end.at)
            runtime_s = max(0.0, end.at - self._started_at)
            alerts = (alert,) if end.error else ()
            yield WriterBatch(config=self._config, alerts=alerts, state=state, exit_code=exit_code, runtime_s=runtime_s)

    def files(self, machine: dict[str, Any]) -> Iterator[ForeignFile]:
        """The files beside the log; to be read behind what it says, which names those that were saved."""
        names = set()
        for file in files_below(self._log.parent / "files", "", self._problems):
            names.add(file.name)
            yield file
        for name in self._saved:
            if name not in names:
                self._lost["saved file that is not beside the log"] += 1
        for name in self._kept_as_files:
            if found := file_below(self._log.parent / "media", name):
                yield ForeignFile(f"media/{name}", opener(found))
        if machine and METADATA_FILE not in names:
            yield ForeignFile(METADATA_FILE, partial(io.BytesIO, encode_json(machine).encode()))

    def _take(self, key: str, step: int, at: float, value: Any) -> Iterator[ForeignRow]:
        is_system = key in self._system or key.startswith(_OWN_PREFIX)
        stream: Stream = "events" if is_system else "history"
        name = f"system.{key.removeprefix(_OWN_PREFIX)}" if is_system else key
        if stream in self._open:
            open_step, open_at, values = self._open[stream]
            if open_step == step and name not in values and abs(at - open_at) < CALL_S:
                values[name] = value
                return
            yield self._closed(stream)
        self._open[stream] = (step, at, {name: value})

    def _closed(self, stream: Stream) -> ForeignRow:
        step, at, values = self._open.pop(stream)
        if stream == "events":
            step, self._event_count = self._event_count, self._event_count + 1
        return self._row(stream, step, at, values)

    def _row(self, stream: Stream, step: int, at: float, values: dict[str, Any]) -> ForeignRow:
        return ForeignRow(stream, LoggedRow(step, at, max(0.0, at - self._started_at), values))

    def _media(self, said: Media) -> Any:
        folder = self._log.parent / "media"
        otherwise = {"_type": said.kind, "files": [name for name, _ in said.items]}
        if said.is_inline:
            texts = [content for content, _ in said.items]
            return texts[0] if len(texts) == 1 else texts
        found = [(file_below(folder, name), caption) for name, caption in said.items]
        if any(file is None for file, _ in found):
            self._lost[f"{said.kind} whose file is gone"] += 1
            return otherwise
        files = [MediaFile(said.kind, file, caption) for file, caption in found if file is not None]
        if said.kind == "text":
            texts = [_read_text(file.file) for file in files]
            return texts[0] if len(texts) == 1 else texts
        if not files or not all(file.is_known for file in files):
            self._lost[f"{said.kind}, which is kept as a file"] += 1
            self._kept_as_files += [name for name, _ in said.items]
            return otherwise
        return late_files(files, otherwise, self._problems)


def _read_text(file: Path) -> str:
    with file.open("rb") as content:
        return content.read(_TEXT_LIMIT_BYTES).decode("utf-8", "replace")


def _config(file: Path, problems: list[str]) -> dict[str, Any]:
    """The configuration: SwanLab keeps each value with a description and its place in the order."""
    if not file.is_file():
        return {}
    try:
        document = read_mapping(file)
    except BadValueError as error:
        problems.append(str(error))
        return {}
    return {
        key: item["value"] if isinstance(item, dict) and "value" in item else item for key, item in document.items()
    }


def _machine(file: Path, problems: list[str]) -> dict[str, Any]:
    """What SwanLab found out of the machine, under the names of ``wandb-metadata.json``; and all of it, as it is."""
    try:
        document = json.loads(file.read_text("utf-8"))
        runtime = document.get("runtime", document)
        git = document.get("git") or {}
        found = {
            "os": runtime.get("os"),
            "python": runtime.get("python_version", runtime.get("python")),
            "host": runtime.get("hostname"),
            "executable": runtime.get("python_executable", runtime.get("executable")),
            "program": runtime.get("command"),
            "git": {"remote": git.get("remote_url"), "commit": git.get("commit")} if git.get("commit") else None,
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        problems.append(f"{file.name}: {error}")
        return {}
    return {**{name: value for name, value in found.items() if value}, "swanlab": document}
