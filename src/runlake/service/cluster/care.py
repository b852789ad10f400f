"""The care of a store on PostgreSQL and a bucket: sealing, checking, the trash."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from runlake.errors import NotFoundError, NotSupportedError
from runlake.model import Finding, Garbage, Merged, Repair, RunPath, TrashItem
from runlake.query.rows.readable import why_unreadable
from runlake.service.local.listings import Listings
from runlake.service.local.open_store import OpenStore
from runlake.service.local.sealing import seal_runs
from runlake.store.cluster.comparison import Comparison, Difference
from runlake.store.cluster.garbage import collect, count_waiting
from runlake.store.cluster.names import DeletedRun
from runlake.store.cluster.owner import check as check_owner
from runlake.store.cluster.packing import ClusterPacking
from runlake.store.cluster.store import ClusterStore
from runlake.store.compact.pack import AT_ONCE, USUAL, pack_runs
from runlake.store.layout import check_run_path


class ClusterCare:
    """`contract.care` over a store in a cluster."""

    def __init__(self, opened: OpenStore[ClusterStore], listings: Listings) -> None:
        self._opened, self._store, self._listings = opened, opened.store, listings

    def seal(self, entity: str, project: str, run_id: str | None = None) -> Iterator[tuple[RunPath, int]]:
        return self._noted(seal_runs(self._opened, self._listings, entity, project, run_id))

    def _noted(self, sealed: Iterator[tuple[RunPath, int]]) -> Iterator[tuple[RunPath, int]]:
        for path, row_count in sealed:
            self._store.note_run(path)
            yield path, row_count

    def pack_runs(self, entity: str, project: str, *, at_once: bool = False) -> Iterator[RunPath]:
        self._opened.check_project(entity, project)
        return pack_runs(ClusterPacking(self._store, entity, project), AT_ONCE if at_once else USUAL)

    def check(
        self,
        entity: str | None = None,
        project: str | None = None,
        *,
        report: Callable[[int, int], None] = lambda done, total: None,
    ) -> Iterator[tuple[RunPath, list[Finding]]]:
        for owner, name in self._opened.chosen_projects(entity, project):
            for run_id in self._store.run_ids(owner, name):
                path = RunPath(owner, name, run_id)
                why = why_unreadable(self._store, path)
                yield path, [] if why is None else [_unreadable(path, why)]
        if entity is None:
            differences = Comparison(self._store.database, self._store.bucket).differences(is_reading=True)
            if found := [_finding_of(difference) for difference in differences]:
                yield RunPath("", "", ""), found

    def repair(
        self,
        entity: str | None = None,
        project: str | None = None,
        run_id: str | None = None,
        *,
        is_dry_run: bool = False,
        force: bool = False,
    ) -> Iterator[tuple[RunPath, list[Repair]]]:
        raise NotSupportedError(
            f"{self._store.url} keeps no files that could be repaired: a database and a bucket are restored from their "
            "backups"
        )

    def list_trash(self) -> list[TrashItem]:
        return [
            TrashItem(
                name=_name_of(run),
                path=run.path,
                run_name=run.name,
                deleted_at=run.deleted_at,
                size_bytes=self._store.names.size_bytes_of(run.run_no),
                is_run=True,
            )
            for run in reversed(self._store.names.list_deleted())
        ]

    def restore_run(self, run: RunPath | str) -> RunPath:
        deleted = self._store.names.list_deleted()
        if isinstance(run, RunPath):
            check_run_path(run)
            found = [each for each in deleted if each.path == run]
        else:
            found = [each for each in deleted if _name_of(each) == run]
        if not found:
            raise NotFoundError(f"no deleted run {str(run)!r} in the trash of {self._store.url}; see: runlake trash")
        return self._store.restore_run(found[-1])

    def empty_trash(self, *, older_than_s: float, is_dry_run: bool = False) -> Iterator[Garbage]:
        for run in self._store.names.list_deleted(older_than_s=older_than_s):
            size_bytes = self._store.names.size_bytes_of(run.run_no)
            if not is_dry_run:
                self._store.purge_run(run)
            yield Garbage(place=f".trash/{_name_of(run)}", size_bytes=size_bytes)
        database, bucket = self._store.database, self._store.bucket
        if not is_dry_run:
            check_owner(database, bucket)
        # For as long as readers may have them open, and backups of the database name them, whatever was asked for.
        found = count_waiting(database) if is_dry_run else collect(database, bucket)
        if found.object_count:
            yield Garbage(place=f"{bucket.url}: {found.object_count} objects", size_bytes=found.size_bytes)

    def merge_from(
        self, other: Path, *, projects: Sequence[tuple[str, str]] | None = None, is_dry_run: bool = False
    ) -> Iterator[Merged]:
        raise NotSupportedError(f"a folder is brought into {self._store.url} by: runlake move {other}")


_FINDINGS = {
    "unknown": ("foreign", "nothing", "remove it from the bucket, if nobody else keeps it there"),
    "lost": ("missing", "all that is in it", "restore it from a backup of the bucket"),
    "changed": ("corrupt", "some of what is in it", "restore it from a backup of the bucket"),
}


def _finding_of(difference: Difference) -> Finding:
    kind, lost, advice = _FINDINGS[difference.kind]
    return Finding(kind=kind, place=difference.key, lost=f"{lost}: {difference.said}", advice=advice)


def _unreadable(path: RunPath, why: str) -> Finding:
    advice = "restore the database and the bucket from backups of one moment"
    return Finding(kind="unreadable", place=str(path), lost=why, advice=advice)


def _name_of(run: DeletedRun) -> str:
    return f"{run.incarnation or 'unclaimed'}-{run.run_no}"
