"""What runs a project has, fresh at every call, at the cost of what moved.

The catalog is derived and may vanish at any moment. Its truth is in memory, its files (`catalog_file`) only spare
the next process work; every failure to read or write them is therefore survived. A refresh

1. reads the changes that were noted since the last one, and folds the runs named there anew;
2. looks at the journals of runs that have not ended, and folds those that moved or whose writer is gone;
3. compares the run folders with what is known, at first and whenever the folder of runs is another than it was: folders
   that were copied in are found, ones that were moved away are dropped.

A run whose incarnation has a tombstone is not listed even if its folder is there: it was deleted in another copy of
the store. A run that cannot be read is listed as it last was, with a problem, and tried again at every refresh.

A project that is not known yet is folded whole, which takes a while for a large one. `refresh` waits for it and tells
how far it is; `peek` does not wait, and says that what it shows is not everything.

Hosts that share a network file system see each other's files late and in any order: a change may be there before the
records it speaks of. There, a run is watched for `SETTLE_S` after each change, and folded once more at the end.
"""

from __future__ import annotations

import math
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from weakref import WeakValueDictionary

import pyarrow as pa
import pyarrow.compute as pc

from runlake.errors import NotFoundError, StoreError
from runlake.model import RunInfo, RunPath
from runlake.store.catalog.catalog_file import CatalogFile, CatalogUnusableError
from runlake.store.catalog.columns_file import DamagedFileError, read_columns
from runlake.store.catalog.project_records import CatalogRow, ProjectRecords, ProjectState
from runlake.store.catalog.run_columns import RunColumns
from runlake.store.catalog.version_log import VersionLog, load_version
from runlake.store.changes import PACK_AT, Change, ChangeScan, FolderChanges, changes_of
from runlake.store.disk import make_folder
from runlake.store.journal.fingerprint import JournalFingerprint
from runlake.store.layout import Layout
from runlake.store.location import is_on_network

ENDED_STATES = frozenset({"finished", "failed", "killed", "pending"})
"""What comes after these is announced by a change; in all other states the journal is watched."""

_SILENT_STATES = ("crashed", "preempted")
"""How a run stands that may have gone without a word: it is watched until its writers are certainly gone."""

SAVE_INTERVAL_S = 5.0
"""Runs that log move all the time; what the files do not have yet, the next process folds."""

ABSORB_AT = 2000
"""So many runs are kept as objects; beyond, they become columns. A head on disk is never longer than this."""

SETTLE_S = 600.0
"""Longer than a network file system shows stale attributes, and two clocks of a cluster differ."""

_SETTLED_NS = 2_000_000_000
"""A folder changed this recently may change again without a new time stamp: file systems count in coarse ticks."""

_PROGRESS_INTERVAL_S = 0.1
_PROGRESS_FROM = 500
_FOLD_MANY_FROM = 2000
_BULK_ROWS = 10_000
_CHECKPOINT_S = 10.0

Progress = Callable[[str, int, int], None]
"""Told (entity/project, runs read, runs to read) from time to time while many runs are read."""

Fold = Callable[[RunPath], RunInfo]
FoldMany = Callable[[str, str, list[str]], "Iterable[tuple[RunColumns | None, list[str]]]"]
"""Reads many run folders of a project at once: see `store.catalog.fold_many`."""


class _Watched(NamedTuple):
    """A run whose journal is watched, as it last was."""

    fingerprint: int
    is_silent: bool


@dataclass(slots=True)
class _Project:
    """What this process knows of a project. `open_rows` are the runs among the columns that are watched, by folder."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    records: ProjectRecords | None = None
    open_rows: dict[str, _Watched] = field(default_factory=dict)
    has_unsaved: bool = False
    saved_at_s: float = -math.inf
    state: ProjectState | None = None
    is_state_old: bool = True
    cannot_pack: bool = False
    log: VersionLog | None = None

    def columns_changed(self) -> None:
        """To be called when the records got other columns."""
        assert self.records is not None
        assert self.records.columns is not None
        self.open_rows = _open_rows(self.records.columns)
        self.is_state_old = self.has_unsaved = True


class Catalog:
    """The runs of every project of a store. Threads may share it; one project's wait does not hold up another.

    With `logs_versions` every state is appended to a log beside the catalog, and other processes can `load_version` it.
    """

    def __init__(
        self,
        layout: Layout,
        *,
        fold: Fold,
        fingerprint: Callable[[RunPath], JournalFingerprint],
        fold_many: FoldMany | None = None,
        cache_dir: Path | None = None,
        progress: Progress | None = None,
        save_interval_s: float = SAVE_INTERVAL_S,
        settle_s: float | None = None,
        absorb_at: int = ABSORB_AT,
        pack_at: int = PACK_AT,
        logs_versions: bool = False,
    ) -> None:
        self._layout, self._fold, self._fingerprint = layout, fold, fingerprint
        self._fold_many, self._progress = fold_many, progress
        self._save_interval_s, self._absorb_at, self._pack_at = save_interval_s, absorb_at, pack_at
        is_remote = is_on_network(layout.root)
        self._settle_s = (SETTLE_S if is_remote else 0.0) if settle_s is None else settle_s
        self._places = catalog_places(layout.root, cache_dir, is_remote=is_remote)
        self._file: CatalogFile | None = None
        self._logs_versions = logs_versions
        self._token = secrets.token_hex(8)
        self._columns: WeakValueDictionary[str, RunColumns] = WeakValueDictionary()
        self._projects: dict[tuple[str, str], _Project] = {}
        self._lock = threading.RLock()

    def peek(self, entity: str, project: str) -> ProjectState | None:
        """The project as this process last saw it, without waiting; None when it has not looked yet."""
        known = self._projects.get((entity, project))
        return None if known is None else known.state

    def refresh(self, entity: str, project: str) -> ProjectState:
        """The project as of now."""
        with self._lock:
            known = self._projects.setdefault((entity, project), _Project())
        with known.lock:
            if known.records is None:
                self._take(known, self._load(entity, project))
            return self._refresh(RunPath(entity, project, ""), known, _records(known))

    def load_version(self, entity: str, project: str, version: str) -> ProjectState | None:
        """The project as it was in a version of another process; None if that is gone."""
        for folder in self._places:
            records = load_version(folder, entity, project, version)
            if records is None:
                continue
            name = records.columns_name
            if name is not None:
                records.columns = self._columns.get(name)
                if records.columns is None:
                    try:
                        records.columns = self._columns[name] = read_columns(folder / name)
                    except (DamagedFileError, OSError):
                        return None
            return records.state(0, version)
        return None

    def _refresh(self, place: RunPath, known: _Project, records: ProjectRecords) -> ProjectState:
        scan = self._changes_of(place).read_since(records.seen)
        records.note_deaths(scan.changes)
        is_first_reading = records.run_count == 0
        stamp = _stamp(self._layout.runs_dir(place.entity, place.project))
        dirty = self._find_dirty(place, known, records, scan, stamp)
        watch = self._watch_times(records, scan.changes)
        if is_first_reading:
            # Those not folded yet are no rows, and so found by whoever goes on from here.
            records.seen, records.folder_stamp = scan.seen, None
        self._fold_all(place, known, records, sorted(dirty), watch, is_first_reading=is_first_reading)
        # Only now: a refresh that was interrupted must find the same changes and folders again.
        settled = _settled(stamp, self._settle_s)
        known.has_unsaved |= scan.seen != records.seen or settled != records.folder_stamp
        records.seen, records.folder_stamp = scan.seen, settled
        if known.log is not None and not known.log.keep():
            known.is_state_old = True
        self._publish(place, known, records)
        self._pack(place, known, records)
        if known.has_unsaved and time.monotonic() - known.saved_at_s >= self._save_interval_s:
            self._save(place, known, records)
        assert known.state is not None
        return known.state

    # What may have moved ------------------------------------------------------------------------------------

    def _find_dirty(
        self,
        place: RunPath,
        known: _Project,
        records: ProjectRecords,
        scan: ChangeScan,
        stamp: tuple[int, int, int] | None,
    ) -> set[str]:
        """The folders of all runs that may be other than they are known."""
        dirty = {change.folder for change in scan.changes}
        now_s = time.time()
        for folder, row in records.overlay.items():
            if folder in dirty:
                continue
            if row.problem is not None or 0 < row.watch_until_s <= now_s:
                dirty.add(folder)
            elif row.is_open or row.watch_until_s:
                state = row.info.state if row.info else ""
                if self._has_moved(place, folder, _Watched(row.fingerprint, row.is_open and state in _SILENT_STATES)):
                    dirty.add(folder)
        for folder, watched in known.open_rows.items():
            if folder not in dirty and folder not in records.overlay and self._has_moved(place, folder, watched):
                dirty.add(folder)
        if scan.is_garbled or stamp is None or stamp != records.folder_stamp:
            on_disk = _folders(self._layout.runs_dir(place.entity, place.project))
            present = records.folders
            # What was deleted long ago is named in many changes, and nowhere else.
            dirty &= on_disk | present
            dirty |= on_disk | present if scan.is_garbled else on_disk ^ present
        return dirty

    def _has_moved(self, place: RunPath, folder: str, watched: _Watched) -> bool:
        value, is_final = self._fingerprint_of(place, folder)
        # A crashed run whose writers are certainly gone needs no watching any more; folding it again says so.
        return value != watched.fingerprint or (is_final and watched.is_silent)

    def _fingerprint_of(self, place: RunPath, folder: str) -> JournalFingerprint:
        try:
            return self._fingerprint(self._path_of(place, folder))
        except OSError:
            return JournalFingerprint(-1, is_final=False)  # the folder is gone, or no journal: folding it will say so

    def _changes_of(self, place: RunPath) -> FolderChanges:
        return changes_of(self._layout, place.entity, place.project)

    def _path_of(self, place: RunPath, folder: str) -> RunPath:
        return self._layout.run_path_of(self._layout.runs_dir(place.entity, place.project) / folder)

    def _watch_times(self, records: ProjectRecords, changes: Iterable[Change]) -> dict[str, float]:
        """Until when runs are to be watched because of a change, in seconds since 1970, by folder."""
        if self._settle_s <= 0:
            return {}
        now_s = time.time()
        until = {folder: row.watch_until_s for folder, row in records.overlay.items()}
        until |= {change.folder: min(change.at_us / 1e6, now_s) + self._settle_s for change in changes}
        return {folder: time_s for folder, time_s in until.items() if time_s > now_s}

    # Folding ------------------------------------------------------------------------------------------------

    def _fold_all(
        self,
        place: RunPath,
        known: _Project,
        records: ProjectRecords,
        dirty: list[str],
        watch: Mapping[str, float],
        *,
        is_first_reading: bool,
    ) -> None:
        """Read runs anew; many of them in several processes, where those are offered."""
        is_many = self._fold_many is not None and len(dirty) >= _FOLD_MANY_FROM
        before = records.rows_of(dirty) if len(dirty) <= self._absorb_at else None
        told_at_s = saved_at_s = time.monotonic()
        done = 0
        steps = self._fold_in_bulk(place, known, records, dirty, watch) if is_many else iter(dirty)
        for step in steps:
            if isinstance(step, int):
                done += step
            else:
                done += 1
                self._take_row(known, records, step, self._row(place, step, records, watch.get(step, 0.0)), before)
                if len(records.overlay) >= self._absorb_at and done % self._absorb_at == 0:
                    self._absorb(place, known, records)
            now_s = time.monotonic()
            if len(dirty) >= _PROGRESS_FROM and (now_s - told_at_s >= _PROGRESS_INTERVAL_S or done == len(dirty)):
                told_at_s = now_s
                if is_first_reading:
                    self._publish(place, known, records, is_complete=False)
                if self._progress is not None:
                    self._progress(f"{place.entity}/{place.project}", done, len(dirty))
            if is_first_reading and now_s - saved_at_s >= _CHECKPOINT_S:
                self._save(place, known, records, is_partial=True)
                saved_at_s = time.monotonic()
        if len(records.overlay) >= self._absorb_at:
            self._absorb(place, known, records)

    def _fold_in_bulk(
        self,
        place: RunPath,
        known: _Project,
        records: ProjectRecords,
        dirty: list[str],
        watch: Mapping[str, float],
    ) -> Iterator[int | str]:
        """Have other processes read what has ended; yields how many runs were taken, and folders left to be read."""
        assert self._fold_many is not None
        runs_dir = self._layout.runs_dir(place.entity, place.project)
        on_disk = _folders(runs_dir)
        close_looks = {folder for folder, row in records.overlay.items() if row.is_open} | watch.keys()
        others = [folder for folder in dirty if folder in on_disk and folder not in close_looks]
        yield from sorted(set(dirty) - set(others))
        taken: list[RunColumns] = []
        for columns, left in self._fold_many(place.entity, place.project, others):
            if columns is not None:
                taken.append(columns)
                if sum(part.size for part in taken) >= _BULK_ROWS:
                    self._take_columns(known, records, taken)
                    taken = []
                yield columns.size
            yield from left
        self._take_columns(known, records, taken)

    def _take_columns(self, known: _Project, records: ProjectRecords, taken: list[RunColumns]) -> None:
        """Runs that have ended, as they are now, in place of whatever was known of them."""
        if taken:
            records.take_columns(taken)
            known.columns_changed()

    def _take_row(
        self,
        known: _Project,
        records: ProjectRecords,
        folder: str,
        row: CatalogRow,
        before: Mapping[str, CatalogRow] | None,
    ) -> None:
        """A run as it is now, unless it is as it was."""
        if before is not None and before.get(folder) == row:
            return
        if records.knows(folder) or row.info is not None or row.problem is not None or row.watch_until_s:
            records.overlay[folder] = row
            known.is_state_old = known.has_unsaved = True

    def _row(self, place: RunPath, folder: str, records: ProjectRecords, watch_until_s: float) -> CatalogRow:
        """Read a run anew."""
        before = records.overlay.get(folder)
        is_watched = watch_until_s > 0 or (before is not None and before.is_open)
        mark = JournalFingerprint(0, is_final=True)
        try:
            path = self._path_of(place, folder)
            if not self._layout.run_dir(path).is_dir():
                return CatalogRow(None, 0, is_open=False, watch_until_s=watch_until_s)
            info = None if is_watched else self._fold(path)
            if info is None or info.state not in ENDED_STATES:
                mark = self._fingerprint(path)  # before the fold: what comes in between is seen at the next refresh
                info = self._fold(path)
        except (NotFoundError, FileNotFoundError):
            return CatalogRow(None, 0, is_open=False, watch_until_s=watch_until_s)
        except (StoreError, OSError) as error:
            last = records.rows_of([folder]).get(folder)
            problem = f"{type(error).__name__}: {error}"
            return CatalogRow(last.info if last else None, mark.value, is_open=True, problem=problem)
        return self._row_of(info, mark, records, watch_until_s)

    def _row_of(
        self, info: RunInfo, mark: JournalFingerprint, records: ProjectRecords, watch_until_s: float
    ) -> CatalogRow:
        if records.is_dead(info.incarnation):
            return CatalogRow(None, 0, is_open=False, watch_until_s=watch_until_s)
        is_open = info.state not in ENDED_STATES and not (info.state in _SILENT_STATES and mark.is_final)
        return CatalogRow(info, mark.value if is_open or watch_until_s else 0, is_open, watch_until_s=watch_until_s)

    def _absorb(self, place: RunPath, known: _Project, records: ProjectRecords) -> None:
        """Turn the runs in the overlay into columns."""
        records.absorb(place.entity, place.project)
        known.columns_changed()

    # What others see ----------------------------------------------------------------------------------------

    def _publish(self, place: RunPath, known: _Project, records: ProjectRecords, *, is_complete: bool = True) -> None:
        if known.state is not None and not known.is_state_old and known.state.is_complete == is_complete:
            return
        known.is_state_old = False
        number = known.state.number + 1 if known.state else 1
        version = self._append_version(place, known, records) if self._logs_versions and is_complete else None
        known.state = records.state(number, version or f"{self._token}-{number}", is_complete=is_complete)

    def _append_version(self, place: RunPath, known: _Project, records: ProjectRecords) -> str | None:
        """The version under which other processes can load this state; None where nothing can be written."""
        if not self._places:
            return None
        folder = self._places[0]
        try:
            make_folder(folder)
            CatalogFile(folder).save_columns(place.entity, place.project, records)
            known.log = known.log or VersionLog(folder, place.entity, place.project)
            version = known.log.append(records)
        except OSError:
            known.log = None
            return None
        if records.columns is not None and records.columns_name is not None:
            self._columns[records.columns_name] = records.columns
        return version

    def _pack(self, place: RunPath, known: _Project, records: ProjectRecords) -> None:
        if known.cannot_pack or len(records.seen.loose) < self._pack_at:
            return
        changes = self._changes_of(place)
        try:
            changes.pack()
        except OSError:
            known.cannot_pack = True  # a store that only others may write
            return
        scan = changes.read_since(records.seen)
        if not scan.changes:  # what came meanwhile is for the next refresh
            records.seen = scan.seen

    def _take(self, known: _Project, records: ProjectRecords) -> None:
        known.records = records
        known.open_rows = _open_rows(records.columns) if records.columns else {}

    def _load(self, entity: str, project: str) -> ProjectRecords:
        for place in self._places:
            records = CatalogFile(place).load(entity, project)
            if records is not None:
                return records
        return ProjectRecords()

    def _save(self, place: RunPath, known: _Project, records: ProjectRecords, *, is_partial: bool = False) -> None:
        with self._lock:
            while self._places:
                file = self._file or CatalogFile(self._places[0])
                try:
                    file.save(place.entity, place.project, records, is_partial=is_partial)
                except CatalogUnusableError:
                    self._file = None
                    self._places.pop(0)
                    continue
                self._file = file
                known.has_unsaved, known.saved_at_s = is_partial, time.monotonic()
                return


def catalog_places(root: Path, cache_dir: Path | None, *, is_remote: bool) -> list[Path]:
    """Where the catalog of a store may be, the best first: in the store, then in the user's cache."""
    in_store = [] if is_remote else [root / ".catalog"]
    return in_store + ([cache_dir / "catalog"] if cache_dir else [])


def _records(known: _Project) -> ProjectRecords:
    assert known.records is not None
    return known.records


def _open_rows(columns: RunColumns) -> dict[str, _Watched]:
    rows = columns.fields["@is_open"]
    folders = columns.fields["@folder"].filter(rows).to_pylist()
    marks = columns.fields["@journal_mark"].filter(rows).to_pylist()
    silent = pc.is_in(columns.fields["state"].filter(rows), pa.array(_SILENT_STATES, pa.large_string())).to_pylist()
    return dict(zip(folders, map(_Watched, marks, silent), strict=True))


def _folders(runs_dir: Path) -> set[str]:
    try:
        with os.scandir(runs_dir) as entries:
            return {entry.name for entry in entries if not entry.name.startswith(".") and entry.is_dir()}
    except FileNotFoundError:
        return set()


def _stamp(folder: Path) -> tuple[int, int, int] | None:
    """Which folder this is and when it last changed. A copied folder has times of its own choice, but not all three."""
    try:
        found = folder.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_ctime_ns


def _settled(stamp: tuple[int, int, int] | None, settle_s: float) -> tuple[int, int, int] | None:
    """The stamp if it can be trusted to change with the folder."""
    margin_ns = max(_SETTLED_NS, int(settle_s * 1e9))
    return stamp if stamp and time.time_ns() - max(stamp[1:]) > margin_ns else None
