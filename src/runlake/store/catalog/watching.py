"""Which runs of a project may be other than they are known: a change, a journal that moved, a folder that is new."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from runlake.model import RunPath
from runlake.store.catalog.project_records import ProjectRecords
from runlake.store.catalog.run_columns import RunColumns
from runlake.store.changes import Change, ChangeScan
from runlake.store.journal.fingerprint import JournalFingerprint

SILENT_STATES = ("crashed", "preempted")
"""How a run stands that may have gone without a word: it is watched until its writers are certainly gone."""

_SETTLED_NS = 2_000_000_000
"""A folder changed this recently may change again without a new time stamp: file systems count in coarse ticks."""

Fingerprint = Callable[[RunPath], JournalFingerprint]
FolderStamp = tuple[int, int, int]


class Watched(NamedTuple):
    """A run whose journal is watched, as it last was."""

    fingerprint: int
    is_silent: bool


@dataclass(frozen=True, slots=True)
class Watch:
    """Looks at the runs of one project, in the folder `runs_dir`.

    Where hosts see each other's files late, a run is watched for `settle_s` after each change.
    """

    runs_dir: Path
    path_of: Callable[[Path], RunPath]
    fingerprint: Fingerprint
    settle_s: float
    clock: Callable[[], float]

    def moved(
        self,
        records: ProjectRecords,
        open_rows: dict[str, Watched],
        scan: ChangeScan,
        stamp: FolderStamp | None,
    ) -> set[str]:
        """The folders of all runs that may be other than they are known; `open_rows` are those to watch in columns."""
        dirty = {change.folder for change in scan.changes}
        now_s = self.clock()
        for folder, row in records.overlay.items():
            if folder in dirty:
                continue
            if row.problem is not None or 0 < row.watch_until_s <= now_s:
                dirty.add(folder)
            elif row.is_open or row.watch_until_s:
                state = row.info.state if row.info else ""
                if self._has_moved(folder, Watched(row.fingerprint, row.is_open and state in SILENT_STATES)):
                    dirty.add(folder)
        for folder, watched in open_rows.items():
            if folder not in dirty and folder not in records.overlay and self._has_moved(folder, watched):
                dirty.add(folder)
        if scan.is_garbled or stamp is None or stamp != records.folder_stamp:
            on_disk, present = list_folders(self.runs_dir), records.folders
            # What was deleted long ago is named in many changes, and nowhere else.
            dirty &= on_disk | present
            dirty |= on_disk | present if scan.is_garbled else on_disk ^ present
        return dirty

    def times(self, records: ProjectRecords, changes: Iterable[Change]) -> dict[str, float]:
        """Until when runs are to be watched because of a change, in seconds since 1970, by folder."""
        if self.settle_s <= 0:
            return {}
        now_s = self.clock()
        until = {folder: row.watch_until_s for folder, row in records.overlay.items()}
        until |= {change.folder: min(change.at_us / 1e6, now_s) + self.settle_s for change in changes}
        return {folder: time_s for folder, time_s in until.items() if time_s > now_s}

    def stamp(self) -> FolderStamp | None:
        """Which folder of runs this is and when it last changed.

        A copied folder has times of its own choice, but not all three.
        """
        try:
            found = self.runs_dir.stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_ctime_ns

    def settled(self, stamp: FolderStamp | None) -> FolderStamp | None:
        """The stamp if it can be trusted to change with the folder."""
        margin_ns = max(_SETTLED_NS, int(self.settle_s * 1e9))
        return stamp if stamp and time.time_ns() - max(stamp[1:]) > margin_ns else None

    def _has_moved(self, folder: str, watched: Watched) -> bool:
        try:
            found = self.fingerprint(self.path_of(self.runs_dir / folder))
        except OSError:
            return watched.fingerprint != -1  # the folder is gone, or no journal: folding it will say so
        # A crashed run whose writers are certainly gone needs no watching any more; folding it again says so.
        return found.value != watched.fingerprint or (found.is_final and watched.is_silent)


def open_rows_of(columns: RunColumns | None) -> dict[str, Watched]:
    """The runs among columns whose journals are to be watched, by folder."""
    if columns is None:
        return {}
    import pyarrow.compute as pc  # 30 ms, and a small project has no columns

    rows = columns.fields["@is_open"]
    folders = columns.fields["@folder"].filter(rows).to_pylist()
    fingerprints = columns.fields["@journal_mark"].filter(rows).to_pylist()
    silent = pc.is_in(columns.fields["state"].filter(rows), pa.array(SILENT_STATES, pa.large_string())).to_pylist()
    return dict(zip(folders, map(Watched, fingerprints, silent), strict=True))


def list_folders(runs_dir: Path) -> set[str]:
    """The names of the folders of runs."""
    try:
        with os.scandir(runs_dir) as entries:
            return {entry.name for entry in entries if not entry.name.startswith(".") and entry.is_dir()}
    except FileNotFoundError:
        return set()
