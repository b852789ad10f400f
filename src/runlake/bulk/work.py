"""Runs and versions of artifacts as files, several at a time.

Each worker reads, writes and digests one stream of a run after the other, so memory holds one of them for each worker.
Decoding, encoding and digests do not hold the interpreter, so two workers keep two cores busy. What a file holds
follows from its run alone: neither how many workers there are nor who was faster can be seen in it.
"""

from __future__ import annotations

import contextlib
import contextvars
import os
import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from queue import SimpleQueue
from typing import NamedTuple

from runlake.bulk.artifact_files import write_artifact
from runlake.bulk.batches import Histories, batch_cells, in_batches, read_batch
from runlake.bulk.copies import copy_file
from runlake.bulk.manifest import Entry, FileEntry, RunEntry, fingerprint_of
from runlake.bulk.plan import ExportPlan, PlannedArtifact, PlannedRun
from runlake.bulk.rows import write_planned
from runlake.bulk.side_by_side import SideBySide
from runlake.bulk.target import Target
from runlake.bulk.unreadable import UnreadableError
from runlake.bulk.windows import WHOLE_CELLS, NotInWindowsError, cell_count
from runlake.model import FileInfo, Stream
from runlake.query.rows.export import ParquetInMemory
from runlake.query.rows.history import History
from runlake.service.contract import Service
from runlake.store.layout import encode_file_part, encode_name

MOST_WORKERS = 4
"""More only wait for each other, and each holds a stream of a run."""


class _NothingError(Exception):
    """There is no row, so there is no file."""


class Room:
    """How many cells all workers together may hold: two whole streams. One that is longer is read in windows."""

    def __init__(self, whole_cells: int) -> None:
        self.whole_cells = whole_cells
        self._limit = self._free = 2 * whole_cells
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def taken(self, cells: int) -> Iterator[None]:
        """Wait until there is room for so many, and hold it within the block."""
        wanted = min(self._limit, cells)  # a stream that cannot be read in windows is there alone
        with self._changed:
            self._changed.wait_for(lambda: self._free >= wanted)
            self._free -= wanted
        try:
            yield
        finally:
            with self._changed:
                self._free += wanted
                self._changed.notify_all()


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
    whole_cells: int = WHOLE_CELLS,
) -> Generator[Written, None, None]:
    """Write the files of these; each is answered as soon as its files are there, in whatever order."""
    count = min(worker_count or min(os.cpu_count() or 1, MOST_WORKERS), len(planned))
    found: SimpleQueue[Written | BaseException] = SimpleQueue()
    is_over, room = threading.Event(), Room(whole_cells)
    coming, turn = iter(in_batches(planned, plan.options.streams, whole_cells)), threading.Lock()

    def take() -> Sequence[PlannedRun | PlannedArtifact]:
        with turn:
            return () if is_over.is_set() else next(coming, ())

    def work() -> None:
        try:
            worker = _Worker(service, target, plan, room, copying)
            while batch := take():
                for written in worker.write(batch):
                    found.put(written)
                    if is_over.is_set():
                        return
        except BaseException as error:
            found.put(error)

    with SideBySide() as copying, ThreadPoolExecutor(max(1, count), thread_name_prefix="runlake-export") as pool:
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


class _Worker:
    """Writes one file after the other, in memory of its own."""

    def __init__(self, service: Service, target: Target, plan: ExportPlan, room: Room, copying: SideBySide) -> None:
        self._service, self._target, self._plan, self._room = service, target, plan, room
        self._copying = copying
        self._memory = ParquetInMemory()

    def write(self, batch: Sequence[PlannedRun | PlannedArtifact]) -> Iterator[Written]:
        """Write the files of what is read together."""
        runs = [one for one in batch if isinstance(one, PlannedRun)]
        are_together = len(runs) > 1
        copied = self._copying.each(self._copy_file, ((run, info) for run in runs for info in run.files))
        with self._room.taken(batch_cells(runs, self._plan) if are_together else 0):
            histories = read_batch(self._service, self._plan, runs) if are_together else None
            for run in runs:
                entry = self._write_run(run, histories, islice(copied, len(run.files)))
                yield Written(entry, sum(run.row_counts.values()))
        for one in batch:
            if isinstance(one, PlannedArtifact):
                yield Written(write_artifact(self._service, self._target, one.info, self._copying), 0)

    def _write_run(self, run: PlannedRun, histories: Histories | None, copied: Iterable[FileEntry | str]) -> RunEntry:
        """Write the files of one run; its entry says which, and why what is missing is.

        With `histories` it is one of several for which there is room already.
        """
        files: list[FileEntry] = []
        problems: list[str] = []
        for stream in self._plan.options.streams:
            taken = self._room.taken(cell_count(run, stream) if histories is None else 0)
            whole = None if histories is None else histories.get((run.run_id, stream))
            with taken:
                file, problem = self._write_stream(run, stream, whole)
            problems += [] if problem is None else [problem]
            files += [] if file is None else [file]
        for one in copied:
            if isinstance(one, str):
                problems.append(one)
            else:
                files.append(one)
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

    def _write_stream(
        self, run: PlannedRun, stream: Stream, whole: History | None
    ) -> tuple[FileEntry | None, str | None]:
        """Write one stream of a run; the file, if it has rows, and why it is not there if it should be."""
        options = self._plan.options
        path, problem = f"{stream}/{encode_name(run.run_id)}.{options.format}", None
        for whole_cells in (self._room.whole_cells, None) if run.row_counts[stream] else ():
            try:
                with self._target.writing(path) as file:
                    rows = write_planned(
                        file,
                        self._service,
                        run,
                        stream,
                        options,
                        whole_cells=whole_cells,
                        whole=whole,
                        memory=self._memory,
                    )
                    if not rows.row_count:
                        raise _NothingError
                size_bytes, sha256 = file.size_bytes, file.sha256()
                return FileEntry(path=path, kind=stream, size_bytes=size_bytes, sha256=sha256, **rows._asdict()), None
            except NotInWindowsError:
                continue
            except UnreadableError as error:
                problem = str(error)
            except _NothingError:
                pass
            break
        self._target.clear(path)  # a process that was killed may have left one
        return None, problem

    def _copy_file(self, asked: tuple[PlannedRun, FileInfo]) -> FileEntry | str:
        """Copy one file of a run; where it cannot be had, why."""
        run, info = asked
        path = "/".join(["files", encode_name(run.run_id), *map(encode_file_part, info.name.split("/"))])
        return copy_file(
            self._target,
            lambda: self._service.open_file(run.info.path, info.name),
            path,
            name=info.name,
            kind="file",
            md5=info.md5,
            other_bytes="it was changed while it was exported",
        )
