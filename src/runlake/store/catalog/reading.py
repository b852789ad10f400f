"""Reading runs of a project anew: one by one, or many at once in several processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from runlake.errors import NotFoundError, StoreError
from runlake.model import ENDED_STATES, RunInfo, RunPath
from runlake.store.catalog.known_project import KnownProject
from runlake.store.catalog.limits import CatalogLimits
from runlake.store.catalog.project_records import CatalogRow, ProjectRecords
from runlake.store.catalog.run_columns import RunColumns
from runlake.store.catalog.watching import SILENT_STATES, Fingerprint, list_folders
from runlake.store.folder_store import FolderStore
from runlake.store.journal.fingerprint import JournalFingerprint

_BULK_ROWS = 10_000

Fold = Callable[[RunPath], RunInfo]
FoldMany = Callable[[str, str, list[str]], "Iterable[tuple[RunColumns | None, list[str]]]"]
"""Reads many run folders of a project at once: see `store.catalog.fold_many`."""


@dataclass(frozen=True, slots=True)
class RunReading:
    """How runs are read: `fold` one, `fold_many` those that have ended, where that is offered."""

    layout: FolderStore
    fold: Fold
    fingerprint: Fingerprint
    fold_many: FoldMany | None
    limits: CatalogLimits

    def read_all(self, known: KnownProject, dirty: list[str], watch: Mapping[str, float]) -> Iterator[int]:
        """Read runs anew, those in `watch` to be watched until then; yields how many were read, from time to time."""
        records, absorb_at = known.records, self.limits.absorb_at
        is_many = self.fold_many is not None and len(dirty) >= self.limits.fold_many_from
        before = records.rows_of(dirty) if len(dirty) <= absorb_at else None
        done = 0
        for step in self._read_in_bulk(known, dirty, watch) if is_many else iter(dirty):
            if isinstance(step, int):
                done += step
            else:
                done += 1
                known.take_row(step, self._read_one(known, step, watch.get(step, 0.0)), before)
                if len(records.overlay) >= absorb_at and done % absorb_at == 0:
                    known.absorb()
            yield done
        if len(records.overlay) >= absorb_at:
            known.absorb()

    def _read_in_bulk(self, known: KnownProject, dirty: list[str], watch: Mapping[str, float]) -> Iterator[int | str]:
        """Have other processes read what has ended; yields how many runs were taken, and folders left to be read."""
        assert self.fold_many is not None
        on_disk = list_folders(self.layout.runs_dir(known.entity, known.project))
        close_looks = {folder for folder, row in known.records.overlay.items() if row.is_open} | watch.keys()
        others = [folder for folder in dirty if folder in on_disk and folder not in close_looks]
        yield from sorted(set(dirty) - set(others))
        taken: list[RunColumns] = []
        for columns, left in self.fold_many(known.entity, known.project, others):
            if columns is not None:
                taken.append(columns)
                if sum(part.size for part in taken) >= _BULK_ROWS:
                    known.take_columns(taken)
                    taken = []
                yield columns.size
            yield from left
        known.take_columns(taken)

    def _read_one(self, known: KnownProject, folder: str, watch_until_s: float) -> CatalogRow:
        records = known.records
        before = records.overlay.get(folder)
        is_watched = watch_until_s > 0 or (before is not None and before.is_open)
        found = JournalFingerprint(0, is_final=True)
        try:
            path = self.layout.run_path_of(self.layout.runs_dir(known.entity, known.project) / folder)
            if not self.layout.run_dir(path).is_dir():
                return CatalogRow(None, 0, is_open=False, watch_until_s=watch_until_s)
            info = None if is_watched else self.fold(path)
            if info is None or info.state not in ENDED_STATES:
                found = self.fingerprint(path)  # before the fold: what comes in between is seen at the next refresh
                info = self.fold(path)
        except (NotFoundError, FileNotFoundError):
            return CatalogRow(None, 0, is_open=False, watch_until_s=watch_until_s)
        except (StoreError, OSError) as error:
            last = records.rows_of([folder]).get(folder)
            problem = f"{type(error).__name__}: {error}"
            return CatalogRow(last.info if last else None, found.value, is_open=True, problem=problem)
        return _row_of(info, found, records, watch_until_s)


def _row_of(info: RunInfo, found: JournalFingerprint, records: ProjectRecords, watch_until_s: float) -> CatalogRow:
    if records.is_dead(info.incarnation):
        return CatalogRow(None, 0, is_open=False, watch_until_s=watch_until_s)
    is_open = info.state not in ENDED_STATES and not (info.state in SILENT_STATES and found.is_final)
    return CatalogRow(info, found.value if is_open or watch_until_s else 0, is_open, watch_until_s=watch_until_s)
