"""What is known of a project's runs: most as columns, and over them the rows of those that moved since.

A row in the overlay hides what the columns say of that run. When the overlay is long, it becomes columns too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from msgspec import Struct, field, structs

from runlake.model import RunInfo
from runlake.store.catalog.run_columns import MarkedRun, RunColumns
from runlake.store.changes import Change, SeenChanges


class CatalogRow(Struct, frozen=True):
    """What is known of one run. `info` is None when it is gone, or has never been readable (`problem` says why).

    `is_open` says that its journal must be watched; so does `watch_until_s`, seconds since 1970, while it is not past.
    """

    info: RunInfo | None
    fingerprint: int
    is_open: bool
    problem: str | None = None
    watch_until_s: float = 0.0


class ProjectState(Struct, frozen=True):
    """The runs of a project at one moment; `number` and `version` are others whenever anything changed.

    `version` names the state among those of all processes, see `Catalog.load_version`. The runs are those of `columns`,
    the rows `hidden` left out, and those `added`. `problems` says of runs (by folder) that could not be read why; they
    are among the others as they were last seen, if ever. Where `is_complete` is False, the project is being read for
    the first time, and there are more.
    """

    columns: RunColumns | None
    hidden: npt.NDArray[np.int64]
    added: tuple[RunInfo, ...]
    problems: Mapping[str, str]
    number: int
    version: str
    is_complete: bool = True

    @property
    def run_count(self) -> int:
        return len(self.added) + (self.columns.size - len(self.hidden) if self.columns else 0)

    @property
    def runs(self) -> tuple[RunInfo, ...]:
        """Every run as an object, in no order: not for a hundred thousand."""
        if self.columns is None:
            return self.added
        hidden = set(self.hidden.tolist())
        rows = [row for row in range(self.columns.size) if row not in hidden]
        return (*self.columns.infos(rows), *self.added)


class ProjectRecords(Struct):
    """What is known of one project. A row in `overlay` (by folder) hides what `columns` say of that run.

    `deaths` maps incarnations to the time of their last delete or undelete and whether it was a delete;
    `folder_stamp` tells the folder of runs as it was when it was last listed.
    """

    columns: RunColumns | None = None
    overlay: dict[str, CatalogRow] = field(default_factory=dict)
    seen: SeenChanges = field(default_factory=SeenChanges)
    deaths: dict[str, tuple[int, bool]] = field(default_factory=dict)
    folder_stamp: tuple[int, int, int] | None = None
    columns_name: str | None = None

    @property
    def run_count(self) -> int:
        """How many rows there are, a run in both places counted twice."""
        return len(self.overlay) + (self.columns.size if self.columns else 0)

    @property
    def folders(self) -> set[str]:
        """The folders of all runs that are there, as far as is known."""
        found = {folder for folder, row in self.overlay.items() if row.info is not None or row.problem}
        if self.columns is not None:
            found |= self.columns.row_of_folder.keys() - self.overlay.keys()
        return found

    @property
    def hidden_rows(self) -> npt.NDArray[np.int64]:
        """The rows of the columns that the overlay hides."""
        if self.columns is None or not self.overlay:
            return np.empty(0, np.int64)
        place = self.columns.row_of_folder
        return np.array(sorted(place[folder] for folder in self.overlay if folder in place), np.int64)

    def knows(self, folder: str) -> bool:
        """Whether there is a row of this folder, be it only to say that the run is gone."""
        return folder in self.overlay or bool(self.columns and folder in self.columns.row_of_folder)

    def rows_of(self, folders: Iterable[str]) -> dict[str, CatalogRow]:
        """What is known of some runs, by folder; those of which nothing is are left out."""
        found = {folder: self.overlay[folder] for folder in folders if folder in self.overlay}
        columns = self.columns
        if columns is not None:
            place = columns.row_of_folder
            rows = {place[folder]: folder for folder in folders if folder not in found and folder in place}
            for (row, folder), info in zip(rows.items(), columns.infos(list(rows)), strict=True):
                fingerprint, is_open = (columns.fields[name][row].as_py() for name in ("@journal_mark", "@is_open"))
                found[folder] = CatalogRow(info, fingerprint, is_open)
        return found

    def fingerprints_of(self, folders: Iterable[str]) -> dict[str, int]:
        """The fingerprints of some runs, by folder; those of which nothing is known are left out."""
        found = {folder: self.overlay[folder].fingerprint for folder in folders if folder in self.overlay}
        if self.columns is not None:
            place = self.columns.row_of_folder
            rest = [folder for folder in folders if folder not in found and folder in place]
            marks = self.columns.fields["@journal_mark"].to_numpy()[[place[folder] for folder in rest]]
            found |= dict(zip(rest, marks.tolist(), strict=True))
        return found

    def run_id_of(self, folder: str) -> str:
        """The id of a run that is there. KeyError when there is none of that folder."""
        row = self.overlay.get(folder)
        if row is not None and row.info is not None:
            return row.info.run_id
        if self.columns is None:
            raise KeyError(folder)
        run_id: str = self.columns.fields["run_id"][self.columns.row_of_folder[folder]].as_py()
        return run_id

    def copy(self) -> ProjectRecords:
        """The same, which does not change when these do."""
        return structs.replace(self, overlay=dict(self.overlay), deaths=dict(self.deaths))

    def replace(self, before: ProjectRecords, after: ProjectRecords) -> None:
        """Take what was made of a copy, which was `before`, in its place; what moved since stays as it is."""
        if self.columns is not before.columns:
            return
        self.columns, self.columns_name = after.columns, after.columns_name
        for folder, row in before.overlay.items():
            if self.overlay.get(folder) is row and folder not in after.overlay:
                del self.overlay[folder]

    def note_deaths(self, changes: Iterable[Change]) -> None:
        """Of all deletes and undeletes of an incarnation the last one counts."""
        for change in changes:
            if change.action in ("delete", "undelete"):
                death = (change.at_us, change.action == "delete")
                self.deaths[change.incarnation] = max(death, self.deaths.get(change.incarnation, death))

    def is_dead(self, incarnation: str) -> bool:
        """Whether it has a tombstone."""
        return self.deaths.get(incarnation, (0, False))[1]

    def state(self, number: int, version: str, *, is_complete: bool = True) -> ProjectState:
        """What others are told of all this."""
        return ProjectState(
            columns=self.columns,
            hidden=self.hidden_rows,
            added=tuple(row.info for row in self.overlay.values() if row.info is not None),
            problems={folder: row.problem for folder, row in self.overlay.items() if row.problem is not None},
            number=number,
            version=version,
            is_complete=is_complete,
        )

    def take_columns(self, taken: Sequence[RunColumns]) -> None:
        """Runs as they are now, in place of whatever was known of them; those with a tombstone are left out."""
        folders = [folder for part in taken for folder in part.fields["@folder"].to_pylist()]
        for folder in folders:
            self.overlay.pop(folder, None)
        parts = [(part, _living_rows(part, self.deaths)) for part in taken]
        if self.columns is not None:
            place = self.columns.row_of_folder
            gone = [place[folder] for folder in folders if folder in place]
            parts.insert(0, (self.columns, np.delete(np.arange(self.columns.size), gone)))
        self.columns, self.columns_name = RunColumns.merged(parts), None

    def absorb(self, entity: str, project: str) -> None:
        """Turn the overlay into columns, but for runs that are tried again or watched for some time."""
        kept = {folder: row for folder, row in self.overlay.items() if row.problem or row.watch_until_s}
        runs = [
            MarkedRun(folder, row.info, row.fingerprint, row.is_open)
            for folder, row in self.overlay.items()
            if row.info is not None and folder not in kept
        ]
        added = RunColumns.of(entity, project, runs)
        parts = [(added, np.arange(added.size))]
        if self.columns is not None:
            visible = np.setdiff1d(np.arange(self.columns.size), self.hidden_rows, assume_unique=True)
            parts.insert(0, (self.columns, visible))
        self.columns, self.columns_name = RunColumns.merged(parts), None
        self.overlay = kept


def _living_rows(columns: RunColumns, deaths: Mapping[str, tuple[int, bool]]) -> npt.NDArray[np.int64]:
    """The rows of runs that have no tombstone."""
    dead = {incarnation for incarnation, (_, is_delete) in deaths.items() if is_delete}
    incarnations = columns.fields["incarnation"].to_pylist() if dead else ()
    return np.delete(np.arange(columns.size), [row for row, name in enumerate(incarnations) if name in dead])
