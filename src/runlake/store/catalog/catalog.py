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
records it speaks of. There, a run is watched for `limits.SETTLE_S` after each change, and folded once more at the end.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from runlake.model import RunPath
from runlake.store.catalog.catalog_file import CatalogFile, CatalogUnusableError
from runlake.store.catalog.columns_file import DamagedFileError, read_columns
from runlake.store.catalog.known_project import KnownProject
from runlake.store.catalog.limits import SETTLE_S, CatalogLimits
from runlake.store.catalog.project_records import ProjectRecords, ProjectState
from runlake.store.catalog.reading import Fold, FoldMany, RunReading
from runlake.store.catalog.run_columns import RunColumns
from runlake.store.catalog.version_log import VersionLog, load_version
from runlake.store.catalog.watching import Fingerprint, Watch
from runlake.store.changes import changes_of
from runlake.store.disk import make_folder
from runlake.store.folder_store import FolderStore
from runlake.store.location import is_on_network

if TYPE_CHECKING:  # a listing is made without what watches
    from runlake.store.catalog.pulse import ProjectPulse

Progress = Callable[[str, int, int], None]
"""Told (entity/project, runs read, runs to read) from time to time while many runs are read."""


class Catalog:
    """The runs of every project of a store. Threads may share it; one project's wait does not hold up another.

    With `logs_versions` every state is appended to a log beside the catalog, and other processes can `load_version` it.
    `clock` tells seconds since 1970.
    """

    def __init__(
        self,
        layout: FolderStore,
        *,
        fold: Fold,
        fingerprint: Fingerprint,
        fold_many: FoldMany | None = None,
        cache_dir: Path | None = None,
        progress: Progress | None = None,
        limits: CatalogLimits | None = None,
        logs_versions: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._layout, self._progress, self._clock = layout, progress, clock
        self._limits = limits = limits or CatalogLimits()
        self._fingerprint = fingerprint
        self._reading = RunReading(layout, fold, fingerprint, fold_many, limits)
        is_remote = is_on_network(layout.root)
        self._settle_s = (SETTLE_S if is_remote else 0.0) if limits.settle_s is None else limits.settle_s
        self._places = catalog_places(layout.root, cache_dir, is_remote=is_remote)
        self._file: CatalogFile | None = None
        self._logs_versions = logs_versions
        self._token = secrets.token_hex(8)
        self._columns: WeakValueDictionary[str, RunColumns] = WeakValueDictionary()
        self._projects: dict[tuple[str, str], KnownProject] = {}
        self._lock = threading.RLock()

    def peek(self, entity: str, project: str) -> ProjectState | None:
        """The project as this process last saw it, without waiting; None when it has not looked yet."""
        known = self._projects.get((entity, project))
        return None if known is None else known.state

    def refresh(self, entity: str, project: str) -> ProjectState:
        """The project as of now."""
        with self._lock:
            known = self._projects.setdefault((entity, project), KnownProject(entity, project))
        with known.lock:
            if not known.is_loaded:
                known.load(self._load(entity, project))
            return self._refresh(known)

    def open_folders(self, entity: str, project: str) -> set[str]:
        """The folders of all runs that may move without a change being noted, as of now."""
        self.refresh(entity, project)
        known = self._projects[entity, project]
        with known.lock:
            overlay = known.records.overlay
            moving = {folder for folder, row in overlay.items() if row.is_open or row.watch_until_s}
            return moving | (known.open_rows.keys() - overlay.keys())

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

    def path_of(self, entity: str, project: str, folder: str) -> RunPath:
        """The run in a folder of a project. FileNotFoundError when it is gone."""
        return self._layout.run_path_of(self._layout.runs_dir(entity, project) / folder)

    def pulse(self, entity: str, project: str) -> ProjectPulse:
        """Begin to watch a project."""
        from runlake.store.catalog.pulse import ProjectPulse

        return ProjectPulse(self._layout, self, entity, project)

    def _refresh(self, known: KnownProject) -> ProjectState:
        records, watch = known.records, self._watch_of(known)
        scan = changes_of(self._layout, known.entity, known.project).read_since(records.seen)
        records.note_deaths(scan.changes)
        is_first_reading = records.run_count == 0
        stamp = watch.stamp()
        moved = watch.moved(records, known.open_rows, scan, stamp)
        times = watch.times(records, scan.changes)
        if is_first_reading:
            # Those not folded yet are no rows, and so found by whoever goes on from here.
            records.seen, records.folder_stamp = scan.seen, None
        self._read_all(known, sorted(moved), times, is_first_reading=is_first_reading)
        # Only now: a refresh that was interrupted must find the same changes and folders again.
        settled = watch.settled(stamp)
        known.has_unsaved |= scan.seen != records.seen or settled != records.folder_stamp
        records.seen, records.folder_stamp = scan.seen, settled
        if known.log is not None and not known.log.keep():
            known.is_state_old = True
        self._publish(known)
        self._pack(known)
        if known.has_unsaved and time.monotonic() - known.saved_at_s >= self._limits.save_interval_s:
            self._save(known)
        assert known.state is not None
        return known.state

    def _watch_of(self, known: KnownProject) -> Watch:
        runs_dir = self._layout.runs_dir(known.entity, known.project)
        return Watch(runs_dir, self._layout.run_path_of, self._fingerprint, self._settle_s, self._clock)

    def _read_all(
        self, known: KnownProject, moved: list[str], times: dict[str, float], *, is_first_reading: bool
    ) -> None:
        """Read runs anew; of many it is told how far this is, and a first reading is shown and saved as it goes on."""
        limits, count = self._limits, len(moved)
        told_at_s = saved_at_s = time.monotonic()
        for done in self._reading.read_all(known, moved, times):
            now_s = time.monotonic()
            if count >= limits.progress_from and (now_s - told_at_s >= limits.progress_interval_s or done == count):
                told_at_s = now_s
                if is_first_reading:
                    self._publish(known, is_complete=False)
                if self._progress is not None:
                    self._progress(f"{known.entity}/{known.project}", done, count)
            if is_first_reading and now_s - saved_at_s >= limits.checkpoint_s:
                self._save(known, is_partial=True)
                saved_at_s = time.monotonic()

    # What others see ----------------------------------------------------------------------------------------

    def _publish(self, known: KnownProject, *, is_complete: bool = True) -> None:
        if known.state is not None and not known.is_state_old and known.state.is_complete == is_complete:
            return
        known.is_state_old = False
        number = known.state.number + 1 if known.state else 1
        version = self._append_version(known) if self._logs_versions and is_complete else None
        known.state = known.records.state(number, version or f"{self._token}-{number}", is_complete=is_complete)

    def _append_version(self, known: KnownProject) -> str | None:
        """The version under which other processes can load this state; None where nothing can be written."""
        if not self._places:
            return None
        folder, records = self._places[0], known.records
        try:
            make_folder(folder)
            CatalogFile(folder).save_columns(known.entity, known.project, records)
            if known.log is None:
                known.log = VersionLog(folder, known.entity, known.project, grows_bytes=self._limits.log_grows_bytes)
            version = known.log.append(records)
        except OSError:
            known.log = None
            return None
        if records.columns is not None and records.columns_name is not None:
            self._columns[records.columns_name] = records.columns
        return version

    def _pack(self, known: KnownProject) -> None:
        records = known.records
        if known.cannot_pack or len(records.seen.loose) < self._limits.pack_at:
            return
        changes = changes_of(self._layout, known.entity, known.project)
        try:
            changes.pack()
        except OSError:
            known.cannot_pack = True  # a store that only others may write
            return
        scan = changes.read_since(records.seen)
        if not scan.changes:  # what came meanwhile is for the next refresh
            records.seen = scan.seen

    def _load(self, entity: str, project: str) -> ProjectRecords:
        for place in self._places:
            records = CatalogFile(place).load(entity, project)
            if records is not None:
                return records
        return ProjectRecords()

    def _save(self, known: KnownProject, *, is_partial: bool = False) -> None:
        with self._lock:
            while self._places:
                file = self._file or CatalogFile(self._places[0])
                try:
                    file.save(known.entity, known.project, known.records, is_partial=is_partial)
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
