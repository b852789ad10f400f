"""A project into a folder: a file for each stream of each run, what is known of the runs, and a manifest.

A run has files of its own, however small it is: then what is new in a run changes its files and no others, and an
export that is brought up to date is byte for byte a new one. The rows of the next stream are read while those of one
are written, so memory holds two streams of runs at a time.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from runlake.bulk.folder import ExportFolder, copy_stream
from runlake.bulk.manifest import (
    FileEntry,
    Manifest,
    RunEntry,
    find_manifest,
    fingerprint_of,
    made_by,
    read_manifest,
)
from runlake.bulk.options import ExportOptions, options_text
from runlake.bulk.plan import ExportPlan, PlannedRun, decode_plan, make_plan
from runlake.bulk.rows import read_planned, write_rows, write_tables
from runlake.errors import ConflictError, NotFoundError, StoreError, UnreadableRunWarning, warn
from runlake.local_names import why_refused
from runlake.model import FileInfo, RunInfo, Stream
from runlake.query.rows.history import History
from runlake.query.rows.table import MAX_COLUMNS
from runlake.query.runs.table import runs_table
from runlake.service.contract import Service
from runlake.store.layout import encode_file_part, encode_name
from runlake.values import encode_json, flatten

Report = Callable[[int, int | None], None]
"""Told (rows done, rows in all)."""


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """What an export did: `written_count` runs were written, `kept_count` were there already, as they are.

    `continued_from` is when the export was begun that was gone on with, in seconds since 1970; None for a new one.
    `problems` say what is not in the folder and why.
    """

    manifest: Manifest
    written_count: int
    kept_count: int
    problems: tuple[str, ...]
    continued_from: float | None = None


def export_folder(
    service: Service,
    entity: str,
    project: str,
    folder: Path,
    options: ExportOptions,
    *,
    since: Path | None = None,
    report: Report = lambda done, total: None,
) -> Exported:
    """Export a project, go on with an export that was killed, or bring one up to date.

    With `since`, the manifest of an export elsewhere, only runs that are new or changed since are written. Runs that
    cannot be read are left out, and the manifest says so. `ConflictError` where the folder holds something else, an
    export of another project or with other options, or one that is being written; `BadValueError` for more keys than a
    wide table holds.
    """
    target = ExportFolder(folder)
    target.check_may_begin()
    with target.claimed():
        plan, is_begun = _plan(service, target, entity, project, options, since)
        work = _Work(service, target, plan, report)
        entries = work.write_runs()
        manifest = _manifest(plan, entries, _write_tables(target, plan))
        for path in sorted(set(plan.leftover) - manifest.files_here().keys()):
            target.remove(path)
        target.finish(manifest.encoded())
    return Exported(
        manifest=manifest,
        written_count=work.written_count,
        kept_count=sum(run.kept is not None for run in plan.runs),
        problems=tuple(f"run {run.run_id}: {problem}" for run in entries for problem in run.problems),
        continued_from=plan.made.at if is_begun else None,
    )


def _plan(
    service: Service, target: ExportFolder, entity: str, project: str, options: ExportOptions, since: Path | None
) -> tuple[ExportPlan, bool]:
    """What is to be done, and whether it was begun before."""
    content = target.read_plan()
    if content is not None:
        plan = decode_plan(content)
        if (plan.entity, plan.project, plan.options, plan.made_by) == (entity, project, options, made_by()):
            return plan, True
        raise ConflictError(
            f"{target.folder} holds an export of {plan.entity}/{plan.project} that was not ended, by {plan.made_by} "
            f"({options_text(plan.options)}); go on with it, or remove the folder"
        )
    before = find_manifest(target.folder)
    base = None if since is None else read_manifest(since)
    if base is not None and before is not None and base.digest != before.digest:
        raise ConflictError(f"{target.folder} holds an export; name a new folder for what came after {since}")
    is_in_place = before is not None or base is None
    plan = make_plan(service, entity, project, options, before or base, is_in_place=is_in_place)
    if is_in_place:
        plan = _without_lost(target, plan)
    target.begin(plan.encoded())
    return plan, False


def _without_lost(target: ExportFolder, plan: ExportPlan) -> ExportPlan:
    """The plan, in which runs are written anew when a file of theirs has gone from the folder."""
    lost = {
        run.run_id: [entry.path for entry in run.kept.files]
        for run in plan.runs
        if run.kept is not None and not all(map(target.has_size, run.kept.files))
    }
    runs = tuple(msgspec.structs.replace(run, kept=None) if run.run_id in lost else run for run in plan.runs)
    leftover = sorted({*plan.leftover, *(path for paths in lost.values() for path in paths)})
    return msgspec.structs.replace(plan, runs=runs, leftover=tuple(leftover))


class _Read(NamedTuple):
    """The rows of one stream of a run, or why they cannot be had."""

    history: History | None
    problem: str | None = None


class _Work:
    """Writes the runs of a plan that are not there yet."""

    def __init__(self, service: Service, target: ExportFolder, plan: ExportPlan, report: Report) -> None:
        self._service, self._target, self._plan, self._report = service, target, plan, report
        self.written_count = 0
        self._done = 0
        self._total = sum(sum(run.row_counts.values()) for run in plan.runs)

    def write_runs(self) -> list[RunEntry]:
        """The entries of all runs, in the order of the plan."""
        noted = self._target.noted()
        entries = {run.run_id: run.kept for run in self._plan.runs if run.kept is not None} | noted
        missing = [run for run in self._plan.runs if run.run_id not in entries]
        self._add(sum(sum(run.row_counts.values()) for run in self._plan.runs if run.run_id in entries))
        with ThreadPoolExecutor(1, thread_name_prefix="runlake-read") as pool:
            coming = self._read_ahead(pool, missing)
            for run in missing:
                entry = self._write_run(run, coming)
                self._target.note(entry)
                entries[run.run_id] = entry
                self.written_count += 1
        return [entries[run.run_id] for run in self._plan.runs]

    def _read_ahead(self, pool: ThreadPoolExecutor, runs: Sequence[PlannedRun]) -> Iterator[_Read]:
        """Each stream of each run; while one is written the next one is read."""
        wanted = [(run, stream) for run in runs for stream in self._plan.options.streams]
        reading: list[Future[_Read]] = [pool.submit(self._read, *first) for first in wanted[:1]]
        for place in range(1, len(wanted) + 1):
            found = reading.pop().result()
            reading += [pool.submit(self._read, *following) for following in wanted[place : place + 1]]
            yield found

    def _read(self, run: PlannedRun, stream: Stream) -> _Read:
        if not run.row_counts[stream]:
            return _Read(None)
        try:
            return _Read(read_planned(self._service, run, stream, self._plan.options))
        except NotFoundError:
            return _Read(None, f"its {stream} is missing: it was deleted while it was exported")
        except StoreError as error:
            return _Read(None, f"its {stream} cannot be read: {error}")

    def _write_run(self, run: PlannedRun, coming: Iterator[_Read]) -> RunEntry:
        files: list[FileEntry] = []
        problems: list[str] = []
        for stream in self._plan.options.streams:
            found = next(coming)
            problems += [] if found.problem is None else [found.problem]
            if found.history is not None and found.history.row_count:
                files.append(self._write_stream(run, stream, found.history))
            else:  # a process that was killed may have left one
                self._target.clear(self._path_of(run, stream))
            self._add(run.row_counts[stream])
        for file in run.files:
            problem = self._copy_file(run, file, files)
            problems += [] if problem is None else [problem]
        for problem in problems:
            warn(f"run {run.info.path} is not whole in the export: {problem}", UnreadableRunWarning)
        info = run.info
        return RunEntry(
            run_id=info.run_id,
            incarnation=info.incarnation,
            generation=info.generation,
            fingerprint=fingerprint_of(info),
            row_counts=run.row_counts,
            next_n=run.next_n,
            made_by=self._plan.made_by,
            files=tuple(files),
            problems=tuple(problems),
        )

    def _write_stream(self, run: PlannedRun, stream: Stream, history: History) -> FileEntry:
        path = self._path_of(run, stream)
        with self._target.writing(path) as file:
            write_rows(file, run, history, self._plan.options)
        return FileEntry(
            path=path,
            kind=stream,
            size_bytes=file.size_bytes,
            sha256=file.sha256(),
            row_count=history.row_count,
            first_step=int(np.min(history.step)),
            last_step=int(np.max(history.step)),
        )

    def _copy_file(self, run: PlannedRun, info: FileInfo, files: list[FileEntry]) -> str | None:
        """Copy one file of a run; the answer says why it is not there."""
        why = why_refused(info.name)
        if why is not None:
            return f"the file {info.name!r} is left out: {why}"
        path = "/".join(["files", encode_name(run.run_id), *map(encode_file_part, info.name.split("/"))])
        md5 = hashlib.md5(usedforsecurity=False)
        try:
            with self._service.open_file(run.info.path, info.name) as source, self._target.writing(path) as file:
                copy_stream(source, file, md5)
        except NotFoundError:
            return f"the file {info.name!r} is missing: it was deleted while it was exported"
        if base64.b64encode(md5.digest()).decode() != info.md5:
            self._target.clear(path)
            return f"the file {info.name!r} is left out: it was changed while it was exported"
        files.append(
            FileEntry(
                path=path,
                kind="file",
                size_bytes=file.size_bytes,
                sha256=file.sha256(),
                name=info.name,
                md5=info.md5,
            )
        )
        return None

    def _path_of(self, run: PlannedRun, stream: Stream) -> str:
        return f"{stream}/{encode_name(run.run_id)}.{self._plan.options.format}"

    def _add(self, row_count: int) -> None:
        self._done += row_count
        self._report(self._done, self._total)


def _write_tables(target: ExportFolder, plan: ExportPlan) -> tuple[FileEntry, ...]:
    """The tables of the whole project: its runs, and the versions of its artifacts."""
    entries = [_write_table(target, plan, "runs", _runs_table([run.info for run in plan.runs]))]
    if plan.artifacts:
        entries.append(_write_table(target, plan, "artifacts", _artifacts_table(plan)))
    return tuple(entries)


def _runs_table(infos: list[RunInfo]) -> pa.Table:
    """A row a run, a column a setting or result; of more than a wide table holds, both are one column of JSON each."""
    places = np.arange(len(infos))
    names: set[tuple[str, str]] = set()
    for info in infos:
        for root, tree in (("config", info.config), ("summary", info.summary)):
            names.update((root, path) for path in flatten(tree, stringify_keys=True))
    if len(names) <= MAX_COLUMNS:
        return runs_table(None, infos, places)
    table = runs_table(None, [msgspec.structs.replace(info, config={}, summary={}) for info in infos], places)
    for root in ("config", "summary"):
        texts = [str(encode_json(getattr(info, root))) for info in infos]
        table = table.append_column(pa.field(root, pa.string()), pa.array(texts, pa.string()))
    return table


def _write_table(target: ExportFolder, plan: ExportPlan, name: str, table: pa.Table) -> FileEntry:
    path = f"{name}.{plan.options.format}"
    with target.writing(path) as file:
        if plan.options.format == "jsonl":
            for row in table.to_pylist():
                present = {key: value for key, value in row.items() if value is not None}
                file.write(f"{encode_json(present)}\n".encode())
        else:
            write_tables(file, iter([table.combine_chunks()]), plan.options)
    return FileEntry(path=path, kind=name, size_bytes=file.size_bytes, sha256=file.sha256(), row_count=table.num_rows)


def _artifacts_table(plan: ExportPlan) -> pa.Table:
    rows: list[dict[str, Any]] = [
        {
            "name": info.name,
            "version": info.version,
            "artifact_id": info.artifact_id,
            "type": info.type,
            "state": info.state,
            "digest": info.digest,
            "size_bytes": info.size_bytes,
            "file_count": info.file_count,
            "description": info.description,
            "aliases": list(info.aliases),
            "tags": list(info.tags),
            "created_by": None if info.created_by is None else info.created_by.run_id,
            "created_at": info.created_at,
            "updated_at": info.updated_at,
            "metadata": str(encode_json(info.metadata)),
        }
        for info in plan.artifacts
    ]
    texts = ("name", "version", "artifact_id", "type", "state", "digest", "description", "created_by", "metadata")
    kinds = {name: pa.string() for name in texts} | {name: pa.list_(pa.string()) for name in ("aliases", "tags")}
    kinds |= {
        "size_bytes": pa.int64(),
        "file_count": pa.int64(),
        "created_at": pa.float64(),
        "updated_at": pa.float64(),
    }
    return pa.Table.from_pylist(rows, schema=pa.schema([(name, kinds[name]) for name in rows[0]]))


def _manifest(plan: ExportPlan, runs: Sequence[RunEntry], tables: tuple[FileEntry, ...]) -> Manifest:
    files = [entry for run in runs for entry in run.files]
    totals = {"runs": len(runs)}
    totals |= {s: sum(entry.row_count or 0 for entry in files if entry.kind == s) for s in plan.options.streams}
    totals |= {"files": sum(entry.kind == "file" for entry in files)}
    manifest = Manifest(
        made_by=plan.made_by,
        entity=plan.entity,
        project=plan.project,
        options=plan.options,
        totals=totals,
        tables=tables,
        runs=tuple(runs),
        deleted=plan.deleted,
        base=plan.base,
        made=plan.made,
    )
    return msgspec.structs.replace(manifest, digest=manifest.proper_digest())
