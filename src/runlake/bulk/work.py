"""Runs and versions of artifacts as files, several at a time.

Each worker reads, writes and digests one stream of a run after the other, so memory holds one of them for each worker.
Decoding, encoding and digests do not hold the interpreter, so two workers keep two cores busy. What a file holds
follows from its run alone: neither how many workers there are nor who was faster can be seen in it.
"""

from __future__ import annotations

import base64
import contextvars
import hashlib
import os
import threading
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import NamedTuple

import numpy as np

from runlake.bulk.artifact_files import write_artifact
from runlake.bulk.manifest import Entry, FileEntry, RunEntry, fingerprint_of
from runlake.bulk.plan import ExportPlan, PlannedArtifact, PlannedRun
from runlake.bulk.rows import read_planned, write_rows
from runlake.bulk.target import Target, copy_stream
from runlake.errors import NotFoundError, StoreError
from runlake.local_names import why_refused
from runlake.model import FileInfo, Stream
from runlake.query.rows.history import History
from runlake.service.contract import Service
from runlake.store.layout import encode_file_part, encode_name

MOST_WORKERS = 4
"""More only wait for each other, and each holds a stream of a run."""


class Written(NamedTuple):
    """A run or version whose files are there, and how many rows of the plan are done with it."""

    entry: Entry
    row_count: int


def write_all(
    service: Service,
    target: Target,
    plan: ExportPlan,
    planned: Sequence[PlannedRun | PlannedArtifact],
    worker_count: int | None = None,
) -> Generator[Written, None, None]:
    """Write the files of these; each is answered as soon as its files are there, in whatever order."""
    count = min(worker_count or min(os.cpu_count() or 1, MOST_WORKERS), len(planned))
    found: SimpleQueue[Written | BaseException] = SimpleQueue()
    is_over = threading.Event()
    coming, turn = iter(planned), threading.Lock()

    def take() -> PlannedRun | PlannedArtifact | None:
        with turn:
            return None if is_over.is_set() else next(coming, None)

    def work() -> None:
        try:
            while (one := take()) is not None:
                if isinstance(one, PlannedRun):
                    found.put(Written(write_run(service, target, plan, one), sum(one.row_counts.values())))
                else:
                    found.put(Written(write_artifact(service, target, one.info), 0))
        except BaseException as error:
            found.put(error)

    with ThreadPoolExecutor(max(1, count), thread_name_prefix="runlake-export") as pool:
        try:
            for _ in range(count):
                pool.submit(contextvars.copy_context().run, work)
            for _ in planned:
                written = found.get()
                if isinstance(written, BaseException):
                    raise written
                yield written
        finally:
            is_over.set()


def write_run(service: Service, target: Target, plan: ExportPlan, run: PlannedRun) -> RunEntry:
    """Write the files of one run; its entry says which, and why what is missing is."""
    files: list[FileEntry] = []
    problems: list[str] = []
    for stream in plan.options.streams:
        history, problem = _read(service, plan, run, stream)
        problems += [] if problem is None else [problem]
        path = f"{stream}/{encode_name(run.run_id)}.{plan.options.format}"
        if history is not None and history.row_count:
            files.append(_write_stream(target, plan, run, stream, history, path))
        else:  # a process that was killed may have left one
            target.clear(path)
    for file in run.files:
        problem = _copy_file(service, target, run, file, files)
        problems += [] if problem is None else [problem]
    info = run.info
    return RunEntry(
        run_id=info.run_id,
        incarnation=info.incarnation,
        generation=info.generation,
        fingerprint=fingerprint_of(info),
        row_counts=run.row_counts,
        next_n=run.next_n,
        made_by=plan.made_by,
        files=tuple(files),
        problems=tuple(problems),
    )


def _read(service: Service, plan: ExportPlan, run: PlannedRun, stream: Stream) -> tuple[History | None, str | None]:
    """The rows of one stream of a run, or why they cannot be had."""
    if not run.row_counts[stream]:
        return None, None
    try:
        return read_planned(service, run, stream, plan.options), None
    except NotFoundError:
        return None, f"its {stream} is missing: it was deleted while it was exported"
    except StoreError as error:
        return None, f"its {stream} cannot be read: {error}"


def _write_stream(
    target: Target, plan: ExportPlan, run: PlannedRun, stream: Stream, history: History, path: str
) -> FileEntry:
    with target.writing(path) as file:
        write_rows(file, run, history, plan.options)
    return FileEntry(
        path=path,
        kind=stream,
        size_bytes=file.size_bytes,
        sha256=file.sha256(),
        row_count=history.row_count,
        first_step=int(np.min(history.step)),
        last_step=int(np.max(history.step)),
        source_row_count=history.source_row_count,
    )


def _copy_file(service: Service, target: Target, run: PlannedRun, info: FileInfo, files: list[FileEntry]) -> str | None:
    """Copy one file of a run; the answer says why it is not there."""
    why = why_refused(info.name)
    if why is not None:
        return f"the file {info.name!r} is left out: {why}"
    path = "/".join(["files", encode_name(run.run_id), *map(encode_file_part, info.name.split("/"))])
    md5 = hashlib.md5(usedforsecurity=False)
    try:
        with service.open_file(run.info.path, info.name) as source, target.writing(path) as file:
            copy_stream(source, file, md5)
    except NotFoundError:
        return f"the file {info.name!r} is missing: it was deleted while it was exported"
    if base64.b64encode(md5.digest()).decode() != info.md5:
        target.clear(path)
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
