"""One run of Neptune, as its exporter wrote it, as a foreign run."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from runlake.importers.folder_files import files_below, opener
from runlake.importers.foreign import ForeignFile, ForeignRow, ForeignRun, mark_of, project_of, run_id_of
from runlake.importers.foreign_media import LateMedia, MediaFile, file_below, late_files
from runlake.importers.points import SortedPoints
from runlake.media.histogram import Histogram
from runlake.model import METADATA_FILE, LoggedRow, Stream, WriterBatch, WriterStart
from runlake.values import encode_json

PARAMETERS = {
    "float": "float_value", "int": "int_value", "string": "string_value", "bool": "bool_value",
    "datetime": "datetime_value", "string_set": "string_set_value",
}  # fmt: skip
SERIES = {
    "float_series": "float_value", "string_series": "string_value", "histogram_series": "histogram_value",
    "file_series": "file_value",
}  # fmt: skip
FILES = frozenset({"file", "file_set", "artifact"})
_PIECE_ROWS = 20_000
_SYS, _MACHINE = "sys/", ("monitoring/", "runtime/", "source_code/")
"""Namespaces of Neptune itself: what it knows of a run, and what it found out of the machine."""

_TERMINALS = {"stdout": "", "stderr": "error"}
_KINDS = {
    "image": ("png", "jpg", "jpeg", "gif", "webp", "bmp"), "audio": ("wav", "mp3", "flac", "ogg"),
    "video": ("mp4", "webm"), "html": ("html", "htm"),
}  # fmt: skip
_KIND_OF = {f".{suffix}": kind for kind, suffixes in _KINDS.items() for suffix in suffixes}


class Export(NamedTuple):
    """The Parquet files of a run, or of several: `place` names them, `files` is where files of their runs lie."""

    place: str
    rows: ds.Dataset
    files: Path


def foreign_run(export: Export, project_id: str, run_id: str) -> ForeignRun:
    """The run as an import takes it."""
    own, machine, config = _parameters(export, project_id, run_id)
    created_at = own.get("sys/creation_time")
    started_at = created_at.timestamp() if isinstance(created_at, datetime) else None
    lost: Counter[str] = Counter()
    problems: list[str] = []
    if own.get("sys/forking/parent"):
        lost["fork, of which the rows before it stay with the parent"] += 1
    run = _Run(export, _of_run(project_id, run_id), lost, problems)
    name = own.get("sys/name") or own.get("sys/custom_run_id")
    tags = [tag for path in ("sys/tags", "sys/group_tags") for tag in own.get(path) or ()]
    return ForeignRun(
        run_id=run_id_of(run_id),
        mark=mark_of("neptune", project_id, run_id),
        place=f"{export.place} ({run_id})",
        project=project_of(project_id.rpartition("/")[2] or project_id),
        start=WriterStart(
            name=str(name or run_id),
            notes=own.get("sys/description") or None,
            tags=tuple(dict.fromkeys(map(str, tags))) or None,
            group=own.get("sys/forking/parent"),
            user=own.get("sys/owner"),
            host=own.get("sys/hostname"),
            config={path: _plain(value) for path, value in config.items()},
            resume="never",
            created_at=started_at,
        ),
        said=run.said(started_at, is_failed=own.get("sys/failed") is True, running_s=own.get("sys/running_time")),
        files=run.all_files({"neptune": {path: _plain(value) for path, value in {**own, **machine}.items()}}),
        lost=lost,
        problems=problems,
    )


def _of_run(project_id: str, run_id: str) -> pc.Expression:
    return (pc.field("project_id") == project_id) & (pc.field("run_id") == run_id)


def _parameters(export: Export, project_id: str, run_id: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The single values of a run: Neptune's own, those of the machine, and the user's."""
    found: tuple[dict[str, Any], dict[str, Any], dict[str, Any]] = ({}, {}, {})
    names = set(export.rows.schema.names)
    columns = ["attribute_path", "attribute_type", *(name for name in PARAMETERS.values() if name in names)]
    where = _of_run(project_id, run_id) & pc.field("attribute_type").isin(list(PARAMETERS))
    for batch in _batches(export.rows, columns, where):
        for row in batch.to_pylist():
            path, value = row["attribute_path"], row.get(PARAMETERS[row["attribute_type"]])
            if value is not None:
                kind = 0 if path.startswith(_SYS) else 1 if path.startswith(_MACHINE) else 2
                found[kind][path] = value
    return found


class _Run:
    """The series and files of one run."""

    def __init__(self, export: Export, where: pc.Expression, lost: Counter[str], problems: list[str]) -> None:
        self._export, self._where, self._lost, self._problems = export, where, lost, problems

    def said(self, started_at: float | None, *, is_failed: bool, running_s: Any) -> Iterator[ForeignRow | WriterBatch]:
        """The rows, and the end: there is no Neptune any more in which the run could go on."""
        points = SortedPoints()
        first_at = started_at
        try:
            for stream, at, step, key, value in self._points():
                first_at = at if first_at is None else first_at
                points.add(stream, at, step, key, value)
            for said in points.rows("history", first_at or 0.0):
                yield ForeignRow("history", said.row._replace(values=self._values(said.row.values)))
            for number, said in enumerate(points.rows("events", first_at or 0.0)):
                yield ForeignRow("events", said.row._replace(step=number))
            yield from _lines(points.rows("console", first_at or 0.0))
        finally:
            points.close()
        runtime_s = float(running_s) if isinstance(running_s, int | float) else 0.0
        yield WriterBatch(exit_code=int(is_failed), runtime_s=runtime_s)

    def _points(self) -> Iterator[tuple[Stream, float, float, str, Any]]:
        names = set(self._export.rows.schema.names)
        columns = ["attribute_path", "attribute_type", "step", "timestamp"]
        columns += [name for name in dict.fromkeys(SERIES.values()) if name in names]
        where = self._where & pc.field("attribute_type").isin(list(SERIES))
        for batch in _batches(self._export.rows, columns, where):
            found = {name: batch.column(name) for name in columns}
            steps, times = _steps(found["step"]), _seconds(found["timestamp"])
            paths, kinds = found["attribute_path"].to_pylist(), found["attribute_type"].to_pylist()
            values = {kind: found[SERIES[kind]].to_pylist() for kind in set(kinds) if SERIES[kind] in found}
            streams = {pair: _stream_of(*pair) for pair in set(zip(paths, kinds, strict=True))}
            for row, pair in enumerate(zip(paths, kinds, strict=True)):
                value = values[pair[1]][row] if pair[1] in values else None
                if value is None:
                    self._lost[f"{pair[1]} without a value"] += 1
                else:
                    stream, key = streams[pair]
                    yield stream, times[row], steps[row], key, value

    def _values(self, values: dict[str, Any]) -> dict[str, Any]:
        return {key: self._value(value) if isinstance(value, dict) else value for key, value in values.items()}

    def _value(self, value: dict[str, Any]) -> Any:
        if "edges" in value:
            histogram = (value.get("values"), value.get("edges"))
            return LateMedia(lambda: Histogram(np_histogram=histogram), value, self._problems)
        name = str(value.get("path"))
        file = file_below(self._export.files, name)
        if file is None:
            self._lost["file of a series that is gone"] += 1
            return {"_type": "file", "path": name}
        kind = _KIND_OF.get(file.suffix.lower())
        if kind is None:
            return {"_type": "file", "path": name}
        return late_files([MediaFile(kind, file)], {"_type": "file", "path": name}, self._problems)

    def all_files(self, document: dict[str, Any]) -> Iterator[ForeignFile]:
        """The files of the run; and a document of all that is known of it and the machine."""
        columns = ["attribute_path", "attribute_type", "file_value"]
        if "file_value" in self._export.rows.schema.names:
            kinds = [*FILES, "file_series"]
            for batch in _batches(self._export.rows, columns, self._where & pc.field("attribute_type").isin(kinds)):
                for row in batch.to_pylist():
                    name = (row["file_value"] or {}).get("path")
                    if name is not None:
                        yield from self._files(row["attribute_path"], row["attribute_type"], name)
        known = [*PARAMETERS, *SERIES, *FILES]
        others = self._where & ~pc.field("attribute_type").isin(known)
        for batch in _batches(self._export.rows, ["attribute_type"], others):
            for kind in batch.column(0).to_pylist():
                self._lost[f"attribute of type {kind}"] += 1
        yield ForeignFile(METADATA_FILE, partial(io.BytesIO, encode_json(document).encode()))

    def _files(self, path: str, kind: str, name: str) -> Iterator[ForeignFile]:
        file = file_below(self._export.files, name)
        if kind == "file_series":
            if file is not None and file.suffix.lower() not in _KIND_OF:
                yield ForeignFile(f"{path}/{file.name}", opener(file))
        elif file is not None:
            has_ending = Path(path).suffix == file.suffix
            yield ForeignFile(path if has_ending else f"{path}{file.suffix}", opener(file))
        elif kind == "file_set" and (folder := folder_below(self._export.files, name)):
            yield from files_below(folder, f"{path}/", self._problems)
        else:
            self._lost[f"{kind} that is gone"] += 1


def folder_below(root: Path, name: str) -> Path | None:
    """The folder that has this path in `root`; None for one that is not there, or leads out of it."""
    try:
        folder = (root.resolve() / name).resolve()
        return folder if folder.is_relative_to(root.resolve()) and folder.is_dir() else None
    except (OSError, ValueError, RuntimeError):
        return None


def _batches(rows: ds.Dataset, columns: list[str], where: pc.Expression) -> Iterator[pa.RecordBatch]:
    scanner = rows.scanner(
        columns=columns,
        filter=where,
        batch_size=_PIECE_ROWS,
        batch_readahead=1,
        fragment_readahead=1,
        use_threads=False,
    )
    yield from (batch for batch in scanner.to_batches() if batch.num_rows)


def _stream_of(path: str, kind: str) -> tuple[Stream, str]:
    if not path.startswith(_MACHINE[:2]):
        return "history", path
    if kind == "string_series" and path.rpartition("/")[2] in _TERMINALS:
        return "console", path.rpartition("/")[2]
    return "events", f"system.{path.partition('/')[2]}"


def _lines(rows: Iterator[ForeignRow]) -> Iterator[ForeignRow]:
    number = 0
    for _, row in rows:
        for key, text in row.values.items():
            level = {"level": _TERMINALS[key]} if _TERMINALS[key] else {}
            for line in str(text).rstrip("\n").split("\n"):
                values = {"line": number, "text": line, **level}
                yield ForeignRow("console", LoggedRow(0, row.timestamp, row.runtime, values))
                number += 1


def _steps(column: pa.Array) -> list[float]:
    """Steps as whole numbers where they are such; 0 for none."""
    found = column.cast(pa.float64()).fill_null(0.0)
    if pc.all(pc.equal(found, pc.floor(found))).as_py():
        return list(found.cast(pa.int64()).to_pylist())
    return [int(step) if step.is_integer() else step for step in found.to_pylist()]


def _seconds(column: pa.Array) -> list[float]:
    """Times in seconds since 1970; 0 for none."""
    found = column.cast(pa.timestamp("ms", tz="UTC")).cast(pa.int64()).fill_null(0)
    return list(pc.divide(found.cast(pa.float64()), 1000.0).to_pylist())


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
