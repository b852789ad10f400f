"""The care of a store in a folder: sealing, merging, checking, mending, emptying the trash, taking in another store.

What these verbs need is loaded when the first of them is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from runlake.errors import NotFoundError, RunlakeError
from runlake.model import Finding, Garbage, Merged, Repair, RunPath, TrashItem
from runlake.service.local.listings import Listings
from runlake.service.local.open_store import OpenStore
from runlake.store.folder_store import FolderStore
from runlake.store.layout import check_run_path

_HARMLESS = frozenset({"torn", "foreign"})
"""Findings that say nothing of whether readers can read the run."""


class LocalCare:
    """`contract.care` over a folder."""

    def __init__(self, folder: OpenStore[FolderStore], listings: Listings) -> None:
        self._folder, self._listings = folder, listings
        self._store = folder.store

    def seal(self, entity: str, project: str, run_id: str | None = None) -> Iterator[tuple[RunPath, int]]:
        from runlake.service.local.sealing import seal_runs

        return seal_runs(self._folder, self._listings, entity, project, run_id)

    def pack_runs(self, entity: str, project: str, *, at_once: bool = False) -> Iterator[RunPath]:
        from runlake.store.compact import pack

        self._folder.check_project(entity, project)
        if at_once:
            return pack.pack_runs(self._store, entity, project, quiet_s=0.0, min_run_count=2)
        return pack.pack_runs(self._store, entity, project)

    def check(
        self,
        entity: str | None = None,
        project: str | None = None,
        *,
        report: Callable[[int, int], None] = lambda done, total: None,
    ) -> Iterator[tuple[RunPath, list[Finding]]]:
        from runlake.query.rows.readable import why_unreadable
        from runlake.store.care.check import PackedFiles, check_run, unreadable
        from runlake.store.care.check_project import check_project, check_store

        if entity is None and (findings := check_store(self._store)):
            yield RunPath("", "", ""), findings
        for owner, name in self._folder.chosen_projects(entity, project):
            if findings := check_project(self._store, owner, name, report):
                yield RunPath(owner, name, ""), findings
            merged = PackedFiles()
            for run_id in sorted(self._store.run_ids(owner, name)):
                path = RunPath(owner, name, run_id)
                findings = check_run(self._store, path, merged)
                if all(finding.kind in _HARMLESS for finding in findings) and (
                    why := why_unreadable(self._store, path)
                ):
                    findings.append(unreadable(Path(), why).as_finding(Path()))
                yield path, findings

    def repair(
        self,
        entity: str | None = None,
        project: str | None = None,
        run_id: str | None = None,
        *,
        is_dry_run: bool = False,
        force: bool = False,
    ) -> Iterator[tuple[RunPath, list[Repair]]]:
        """Runs that cannot be mended do not stop the others; the first of their errors is raised at the end."""
        from runlake.query.rows.readable import why_unreadable
        from runlake.store.care.repair import left_unreadable, repair_run
        from runlake.store.care.repair_project import repair_project, repair_store

        if entity is not None and project is not None and run_id is not None:
            self._listings.check_exists(RunPath(entity, project, run_id))
        if entity is None and (repairs := repair_store(self._store, is_dry_run=is_dry_run)):
            yield RunPath("", "", ""), repairs
        from runlake.store.run.snapshot import reading

        failures: list[RunlakeError] = []
        for owner, name in self._folder.chosen_projects(entity, project):
            if run_id is None and (
                repairs := repair_project(
                    self._store, owner, name, self._folder.writer_id, is_dry_run=is_dry_run, force=force
                )
            ):
                yield RunPath(owner, name, ""), repairs
            for each in sorted(self._store.run_ids(owner, name)) if run_id is None else [run_id]:
                path = RunPath(owner, name, each)
                try:
                    with reading(path):
                        repairs = repair_run(self._store, path, is_dry_run=is_dry_run, force=force)
                    if all(each.is_mended for each in repairs) and not (is_dry_run and repairs):
                        repairs += left_unreadable(why_unreadable(self._store, path))
                    yield path, repairs
                except NotFoundError:
                    continue  # deleted since the runs were listed, or a folder without a journal
                except RunlakeError as error:
                    failures.append(error)
        if failures:
            raise failures[0]

    def list_trash(self) -> list[TrashItem]:
        from runlake.store.opening import trash

        return trash.list_trash(self._store)

    def restore_run(self, run: RunPath | str) -> RunPath:
        from runlake.store.opening import trash

        if isinstance(run, RunPath):
            folder = trash.find_trashed(self._store, check_run_path(run))
            return trash.restore_run(self._store, folder, self._folder.writer_id, run)
        if run not in {item.name for item in self.list_trash() if item.is_run}:
            raise NotFoundError(f"no deleted run {run!r} in the trash of {self._folder.url}; see: runlake trash")
        return trash.restore_run(self._store, self._store.trash_dir / run, self._folder.writer_id)

    def empty_trash(self, *, older_than_s: float, is_dry_run: bool = False) -> Iterator[Garbage]:
        from runlake.store.care.garbage import collect

        return collect(self._store, older_than_s=older_than_s, is_dry_run=is_dry_run)

    def merge_from(
        self, other: Path, *, projects: Sequence[tuple[str, str]] | None = None, is_dry_run: bool = False
    ) -> Iterator[Merged]:
        from runlake.store.merge.merge_stores import choose_projects, merge_projects

        theirs = FolderStore(other.absolute())
        chosen = choose_projects(self._store, theirs, projects)
        return merge_projects(self._store, theirs, chosen, self._folder.writer_id, is_dry_run=is_dry_run)
