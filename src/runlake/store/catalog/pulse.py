"""Which runs of a project move: for any number who ask from time to time, at the cost of looking and not of reading.

A run is looked at as the catalog does: changes that were noted, folders that are new, journals that have grown. But
nothing is folded for it, so that a project in which twenty runs log all the time costs a few system calls a run and
look. What moved is remembered with the number of the look, so that each who asks is told what came since they last did.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from runlake.listing_model import ProjectNews
from runlake.store.catalog.watching import FolderStamp, Watch, list_folders
from runlake.store.changes import SeenChanges, changes_of
from runlake.store.folder_store import FolderStore
from runlake.store.journal.fingerprint import read_fingerprint

LOOK_EVERY_S = 0.4
"""Who asks sooner is answered from the last look."""

MAX_CHANGED = 1000
"""Of more runs than this it is not said which moved."""


class OpenFolders(Protocol):
    """What a catalog knows of the runs that may move."""

    def open_folders(self, entity: str, project: str) -> set[str]:
        """The folders of all runs that may move without a change being noted, as of now."""
        ...


class ProjectPulse:
    """The moves of one project, as long as the object lives. Threads may share it; `clock` tells seconds."""

    def __init__(
        self,
        layout: FolderStore,
        catalog: OpenFolders,
        entity: str,
        project: str,
        *,
        every_s: float = LOOK_EVERY_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._layout, self._catalog, self._place = layout, catalog, (entity, project)
        self._every_s, self._clock = every_s, clock
        self._changes = changes_of(layout, entity, project)
        self._runs_dir = layout.runs_dir(entity, project)
        self._watch = Watch(
            self._runs_dir, layout.run_path_of, lambda path: read_fingerprint(layout.journal(path)), 0.0, time.time
        )
        self._lock = threading.Lock()
        self._token: str | None = None
        self._number = 0
        self._looked_at_s = 0.0
        self._seen = SeenChanges()
        self._stamp: FolderStamp | None = None
        self._folders: set[str] = set()
        self._marks: dict[str, int] = {}
        self._run_ids: dict[str, str] = {}
        self._moved: OrderedDict[str, int] = OrderedDict()

    def news(self, since: str | None) -> ProjectNews:
        """What moved since a version that was given here; where that is not known any more, anything may have."""
        with self._lock:
            if self._token is None:
                self._begin()
            elif self._clock() - self._looked_at_s >= self._every_s:
                self._look()
            return ProjectNews(version=f"{self._token}-{self._number}", changed=self._changed_since(since))

    def _begin(self) -> None:
        # In this order: what comes in between is found by the first look.
        scan = self._changes.read_since(SeenChanges())
        self._seen, self._folders, self._stamp = scan.seen, list_folders(self._runs_dir), None
        self._marks = {folder: self._mark_of(folder)[0] for folder in self._catalog.open_folders(*self._place)}
        self._moved.clear()
        self._token, self._looked_at_s = secrets.token_hex(8), self._clock()

    def _look(self) -> None:
        moved: dict[str, None] = {}
        scan = self._changes.read_since(self._seen)
        if scan.is_garbled:
            self._begin()
            return
        # Watched from the change on: of some hosts the change is seen before the records it speaks of.
        for change in scan.changes:
            moved[change.folder] = None
            self._marks.setdefault(change.folder, -1)
        stamp = self._watch.stamp()
        if stamp is None or stamp != self._stamp:
            folders = list_folders(self._runs_dir)
            for folder in folders - self._folders:
                self._marks.setdefault(folder, -1)
            moved |= dict.fromkeys(folders ^ self._folders)
            self._folders = folders
        for folder, known in list(self._marks.items()):
            mark, is_final = self._mark_of(folder)
            if mark != known:
                moved[folder] = None
                self._marks[folder] = mark
            elif is_final and folder not in moved:
                del self._marks[folder]
        # Only now: a look that was interrupted must find the same again.
        self._seen, self._stamp, self._looked_at_s = scan.seen, self._watch.settled(stamp), self._clock()
        self._number += bool(moved)
        for folder in moved:
            self._moved[folder] = self._number
            self._moved.move_to_end(folder)

    def _mark_of(self, folder: str) -> tuple[int, bool]:
        """What changes when a run moves, and whether nobody writes it any more."""
        try:
            found = self._watch.fingerprint(self._layout.run_path_of(self._runs_dir / folder))
        except OSError:
            return -2, folder not in self._folders  # it is gone, or its first file is being made
        return found

    def _changed_since(self, since: str | None) -> tuple[str, ...] | None:
        token, _, number = (since or "").rpartition("-")
        if token != self._token or not number.isdecimal() or int(number) > self._number:
            return None
        changed: list[str] = []
        for folder, at in reversed(self._moved.items()):
            if at <= int(number):
                break
            run_id = self._run_id(folder)
            if run_id is None or len(changed) >= MAX_CHANGED:
                return None
            changed.append(run_id)
        return tuple(sorted(changed))

    def _run_id(self, folder: str) -> str | None:
        """None for a folder that is gone and whose name does not say it."""
        try:
            self._run_ids[folder] = self._layout.run_path_of(self._runs_dir / folder).run_id
        except OSError:
            pass
        return self._run_ids.get(folder)
