"""What one process knows of a project, and what of that others have not been shown or the disk does not have."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from runlake.store.catalog.project_records import CatalogRow, ProjectRecords, ProjectState
from runlake.store.catalog.run_columns import RunColumns
from runlake.store.catalog.version_log import VersionLog
from runlake.store.catalog.watching import Watched, open_rows_of


@dataclass(slots=True)
class KnownProject:
    """One project. `lock` is held by who refreshes it; `open_rows` are the runs among the columns that are watched."""

    entity: str
    project: str
    lock: threading.RLock = field(default_factory=threading.RLock)
    is_loaded: bool = False
    records: ProjectRecords = field(default_factory=ProjectRecords)
    open_rows: dict[str, Watched] = field(default_factory=dict)
    has_unsaved: bool = False
    saved_at_s: float = -math.inf
    state: ProjectState | None = None
    is_state_old: bool = True
    cannot_pack: bool = False
    log: VersionLog | None = None

    def load(self, records: ProjectRecords) -> None:
        """Begin with what was saved."""
        self.records, self.open_rows, self.is_loaded = records, open_rows_of(records.columns), True

    def take_row(self, folder: str, row: CatalogRow, before: Mapping[str, CatalogRow] | None) -> None:
        """A run as it is now, unless it is as it was `before`."""
        if before is not None and before.get(folder) == row:
            return
        if self.records.knows(folder) or row.info is not None or row.problem is not None or row.watch_until_s:
            self.records.overlay[folder] = row
            self.is_state_old = self.has_unsaved = True

    def take_columns(self, taken: Sequence[RunColumns]) -> None:
        """Runs that have ended, as they are now, in place of whatever was known of them."""
        if taken:
            self.records.take_columns(taken)
            self._columns_changed()

    def absorb(self) -> None:
        """Turn the runs in the overlay into columns."""
        self.records.absorb(self.entity, self.project)
        self._columns_changed()

    def _columns_changed(self) -> None:
        self.open_rows = open_rows_of(self.records.columns)
        self.is_state_old = self.has_unsaved = True
