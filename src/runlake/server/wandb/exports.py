"""Histories as wide Parquet files, from which the official client scans instead of asking for pages of rows.

File i of a run holds the rows of `STEPS_PER_FILE` steps, i times as many skipped, and is made once those steps are
complete. The client keeps the files it has downloaded by their index and never looks again, so a file never changes;
rows behind the last file are read live. The client asks for live rows by whole pages, in which it has rows of files
too; but it tells nobody which files it knows. Files end where its pages end (1,000 steps, or any part of a file), so a
page lies in files or behind them, and files that appear in the middle of a scan do it no harm.

What comes out must be what was logged. From a file the client gives None for what a row lacks, and nothing for keys
inside dicts. So there are files only of runs whose every row has the same keys with plain values; all others are read
live. Neither is a run that was begun anew, nor one under the id of a deleted run that had files: the client knows its
copies by the id and the index alone, and would take those of the earlier life for files of the new one.

The files are derived: who deletes them loses nothing. `care.garbage` removes those of runs that are gone and those
that nobody asks for; of each run that ever had files a small state stays, which says so.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from runlake.errors import NotFoundError
from runlake.model import RUNTIME, STEP, TIMESTAMP, RunInfo, RunPath
from runlake.query.rows.history import EXACT_INTEGER, History, Series
from runlake.query.rows.select import slice_rows
from runlake.ready import ready
from runlake.server.wandb.histories import Histories
from runlake.service.contract import Service
from runlake.values import plain_name, split_path

logger = logging.getLogger(__name__)

STEPS_PER_FILE = 20_000
"""The client opens every file again for each page: many small ones cost it more than what is left to be read live."""

MIN_ROWS_PER_FILE = 2_000
"""Runs that log less often than every tenth step are read live: there would be more files than rows are worth."""

_ASKED_EVERY_S = 600.0
"""How exactly a file's access time says when it was last asked for."""

_PLAIN_LANES = frozenset({"f64", "i64", "bool", "str"})
_NAME = re.compile(r"[0-9a-f]{16}-[0-9]{6}\.parquet")
_ENDED = frozenset({"finished", "failed", "killed"})


class ExportState(msgspec.Struct, frozen=True):
    """What there is of a run: `file_count` files that hold `row_count` rows, made when the run had `seen_row_count`.

    `is_live`: this run has what no file can say, now and for ever.
    """

    file_count: int = 0
    row_count: int = 0
    seen_row_count: int = 0
    was_ended: bool = False
    is_live: bool = False
    first_live_step: int | None = None


class Announcement(msgspec.Struct, frozen=True):
    """What a scan is to read: the files of these names, and live what begins at `first_live_step` (None: nothing)."""

    names: tuple[str, ...] = ()
    first_live_step: int | None = None


class Exports:
    """The exports of a store, in a folder of their own. Threads and processes may share it.

    Without a folder there are none, and all rows are read live.
    """

    def __init__(self, folder: Path | None, *, steps_per_file: int = STEPS_PER_FILE) -> None:
        self._folder = folder or Path()
        self._steps_per_file = steps_per_file
        self._min_rows = sys.maxsize if folder is None else MIN_ROWS_PER_FILE * steps_per_file // STEPS_PER_FILE
        self._lock = threading.Lock()

    def announce(self, service: Service, histories: Histories, info: RunInfo) -> Announcement:
        """The files that there are of a run, after making those that are due."""
        if info.row_count < self._min_rows:
            return Announcement()
        state = self._read_state(info)
        is_ended = info.state in _ENDED
        if not state.is_live and (state.seen_row_count, state.was_ended) != (info.row_count, is_ended):
            try:
                with self._lock:
                    state = self._make(service, histories, info, self._read_state(info))
            except OSError as error:
                logger.warning("no exports of run %s can be made, so it is read live: %s", info.path, error)
                return Announcement()
        if state.is_live or not state.file_count:
            return Announcement()
        names = tuple(_file_name(info, index) for index in range(state.file_count))
        for name in names:
            _note_use(self._folder_of(info.path) / name)
        return Announcement(names, state.first_live_step)

    def first_step_behind(self, info: RunInfo) -> int:
        """The step behind the last file; 0 while there is none."""
        if info.row_count < self._min_rows:
            return 0
        state = self._read_state(info)
        return 0 if state.is_live else state.file_count * self._steps_per_file

    def open_export(self, path: RunPath, name: str) -> Path:
        """The file behind one of the names of an announcement; `NotFoundError` when there is none such."""
        file = self._folder_of(path) / name
        if _NAME.fullmatch(name) is None or not file.is_file():
            raise NotFoundError(f"run {path} has no export {name[:80]!r}; ask for its parquetHistory again")
        _note_use(file)
        return file

    def forget(self, path: RunPath) -> None:
        """Remove the files of a run that is gone; that there were some stays known."""
        for file in self._folder_of(path).glob("*.parquet"):
            file.unlink(missing_ok=True)

    def _make(self, service: Service, histories: Histories, info: RunInfo, before: ExportState) -> ExportState:
        history = histories.read(service, info)
        state = self._next_state(service, info, history, before)
        folder = self._folder_of(info.path)
        folder.mkdir(parents=True, exist_ok=True)
        _write_whole(folder / "run", str(info.path).encode())  # for who clears exports
        for index in range(before.file_count, state.file_count):
            start, stop = np.searchsorted(
                history.step, [index * self._steps_per_file, (index + 1) * self._steps_per_file]
            )
            _write_parquet(folder / _file_name(info, index), wide_table(slice_rows(history, int(start), int(stop))))
        _write_whole(folder / _state_name(info), msgspec.json.encode(state))
        return state

    def _next_state(self, service: Service, info: RunInfo, history: History, before: ExportState) -> ExportState:
        size = self._steps_per_file
        live = ExportState(is_live=True)
        if before.is_live or not is_plain(history) or len(service.list_generations(info.path)) > 1:
            return live
        if not before.file_count and self._had_files_in_another_life(info):
            return live
        if int(np.searchsorted(history.step, before.file_count * size)) != before.row_count or history.step[0] < 0:
            return live  # rows came later, with steps that are in files already
        is_ended = info.state in _ENDED
        # Whoever writes may still add to the last row.
        closed = history.step if is_ended else history.step[:-1]
        file_count = max(before.file_count, (int(closed[-1]) + 1) // size if len(closed) else 0)
        ends = np.searchsorted(history.step, np.arange(before.file_count, file_count + 1) * size)
        if bool((np.diff(ends) < self._min_rows).any()):
            return live
        row_count = int(ends[-1])
        first_live = int(history.step[row_count]) if row_count < history.row_count else None
        return ExportState(file_count, row_count, info.row_count, is_ended, first_live_step=first_live)

    def _read_state(self, info: RunInfo) -> ExportState:
        """The state of a run that is whole: what is missing or damaged is made again."""
        folder = self._folder_of(info.path)
        state = _decode_state(folder / _state_name(info))
        is_whole = all((folder / _file_name(info, index)).is_file() for index in range(state.file_count))
        return state if is_whole else ExportState()

    def _had_files_in_another_life(self, info: RunInfo) -> bool:
        states = [file for file in self._folder_of(info.path).glob("*.json") if file.name != _state_name(info)]
        return any(_decode_state(file).file_count for file in states)

    def _folder_of(self, path: RunPath) -> Path:
        """Names of people and runs are no names of files."""
        return self._folder / hashlib.sha256(str(path).encode()).hexdigest()[:32]


def is_plain(history: History) -> bool:
    """Whether every row has the same keys, each with a number, a text or a truth as its value."""
    for series in history.series:
        if series.lane not in _PLAIN_LANES or len(split_path(series.key)) > 1:
            return False
    columns = _columns(history)
    return bool(history.row_count) and all(_is_dense(history, column) for column in columns.values())


def wide_table(history: History) -> pa.Table:
    """A history that `is_plain`, a row a row and a column a key."""
    columns: dict[str, pa.ChunkedArray | pa.Array] = {STEP: pa.array(history.step)}
    for axis, values in ((TIMESTAMP, history.timestamp), (RUNTIME, history.runtime)):
        if values is not None:
            columns[axis] = pa.array(values)
    for key, series in _columns(history).items():
        columns[key] = series[0].values if len(series) == 1 else _numbers(history, series)
    return pa.table(columns)


def _columns(history: History) -> dict[str, list[Series]]:
    columns: dict[str, list[Series]] = {}
    for series in history.series:
        columns.setdefault(plain_name(series.key), []).append(series)
    return columns


def _is_dense(history: History, series: Sequence[Series]) -> bool:
    """Whether each row has a value: of one type, or of integers and floats that are all exact as floats."""
    if sum(len(one.values) for one in series) != history.row_count or series[0].key in (STEP, TIMESTAMP, RUNTIME):
        return False
    if len(series) == 1:
        return True
    if {one.lane for one in series} != {"f64", "i64"} or len(series) != 2:
        return False
    integers = next(one for one in series if one.lane == "i64").values.to_numpy()
    return bool((np.abs(integers) <= EXACT_INTEGER).all())


def _numbers(history: History, series: Sequence[Series]) -> pa.Array:
    column = np.zeros(history.row_count)
    for one in series:
        column[slice(None) if one.rows is None else one.rows] = one.values.to_numpy()
    return pa.array(column)


def _life(info: RunInfo) -> str:
    return hashlib.sha256(f"{info.incarnation}/{info.generation}".encode()).hexdigest()[:16]


def _file_name(info: RunInfo, index: int) -> str:
    return f"{_life(info)}-{index:06d}.parquet"


def _state_name(info: RunInfo) -> str:
    return f"{_life(info)}.json"


def _decode_state(file: Path) -> ExportState:
    """What a state file says; that there is nothing, where it is missing or damaged."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=ready(ExportState))
    except (FileNotFoundError, NotADirectoryError, PermissionError, msgspec.MsgspecError):
        return ExportState()


def _note_use(file: Path) -> None:
    """Let the access time say that the file was asked for, also where a disk does not count reads."""
    try:
        status, now_s = file.stat(), time.time()
        if now_s - status.st_atime > _ASKED_EVERY_S:
            os.utime(file, (now_s, status.st_mtime))
    except OSError:
        pass  # a store that cannot be written is not cleared either


def _write_parquet(file: Path, table: pa.Table) -> None:
    """Whole or not at all; who makes the same file meanwhile makes the same bytes."""
    temporary = file.with_name(f".{file.name}-{os.getpid()}-{os.urandom(4).hex()}")
    try:
        pq.write_table(table, temporary, row_group_size=max(1, len(table)), compression="zstd")
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


def _write_whole(file: Path, content: bytes) -> None:
    temporary = file.with_name(f".{file.name}-{os.getpid()}-{os.urandom(4).hex()}")
    temporary.write_bytes(content)
    temporary.replace(file)
