"""Mending what is wrong with a store beside its runs."""

from __future__ import annotations

from runlake.errors import NotFoundError, ReadOnlyError, StoreError
from runlake.model import Finding, Repair, RunPath
from runlake.store.care.check_project import check_project, check_store, deleted_runs
from runlake.store.care.garbage import Quarantine
from runlake.store.changes import garbled_packs, new_name, parse_name, write_pack
from runlake.store.disk import READ_ONLY_ERRNOS
from runlake.store.journal.folder import journal_of
from runlake.store.journal.liveness import is_any_alive
from runlake.store.layout import Layout
from runlake.store.opening.trash import move_run_to_trash
from runlake.store.run.snapshot import read_consistently
from runlake.store.run.view import view_of
from runlake.store.store_format import create_store


def repair_store(layout: Layout, *, is_dry_run: bool = False) -> list[Repair]:
    """Make `store.toml` anew where it is missing or damaged."""
    repairs = []
    for finding in check_store(layout):
        if finding.kind == "newer":
            repairs.append(_said_of(finding, "left alone: upgrade runlake", is_mended=False))
            continue
        if not is_dry_run:
            file = layout.root / "store.toml"
            if file.exists():
                Quarantine(layout).take(file)
            create_store(layout)
        repairs.append(_said_of(finding, "made anew"))
    return repairs


def repair_project(
    layout: Layout, entity: str, project: str, writer: str, *, is_dry_run: bool = False, force: bool = False
) -> list[Repair]:
    """Make packs of changes anew, and finish deletes; a run whose process lives is left alone unless `force`.

    ReadOnlyError when the store cannot be written.
    """
    try:
        findings = check_project(layout, entity, project)
        if any(_is_of_pack(finding) for finding in findings) and not is_dry_run:
            _make_packs_anew(layout, entity, project, writer)
        deleted = {layout.run_dir(path).name: path for path in deleted_runs(layout, entity, project)}
        repairs = []
        for finding in findings:
            path = deleted.get(finding.place.rpartition("/")[2]) if finding.kind == "deleted" else None
            if path is not None and not force and _is_being_written(layout, path):
                repairs.append(_said_of(finding, "left alone: a process still writes into it", is_mended=False))
            elif path is not None:
                if not is_dry_run:
                    move_run_to_trash(layout, path, writer)
                repairs.append(_said_of(finding, "moved to the trash"))
            elif _is_of_pack(finding):
                repairs.append(_said_of(finding, "made anew, and every run told as moved"))
            elif finding.kind == "foreign":
                repairs.append(_said_of(finding, "left alone: move it elsewhere", is_mended=False))
            else:
                repairs.append(_said_of(finding, f"left alone: {finding.advice}", is_mended=False))
        return repairs
    except OSError as error:
        if error.errno not in READ_ONLY_ERRNOS:
            raise
        raise ReadOnlyError(f"{entity}/{project} cannot be repaired, because it cannot be written: {error}") from error


def _is_of_pack(finding: Finding) -> bool:
    return finding.kind == "corrupt" and finding.place.startswith("changes/")


def _make_packs_anew(layout: Layout, entity: str, project: str, writer: str) -> None:
    """What the damaged packs still say, and that every run moved: some line that is gone may have said so."""
    changes_dir = layout.changes_dir(entity, project)
    garbled = garbled_packs(changes_dir)
    names = {line for file in garbled for line in file.read_text("utf-8", "replace").splitlines() if parse_name(line)}
    for run_id in layout.run_ids(entity, project):
        path = RunPath(entity, project, run_id)
        try:
            incarnation = read_consistently(layout, path, view_of).incarnation
        except (StoreError, NotFoundError):
            incarnation = "unreadable"
        names.add(new_name(path, writer, "edit", incarnation))
    aside = Quarantine(layout)
    for file in garbled:
        aside.keep(file)
    write_pack(changes_dir, sorted(names))
    for file in garbled:
        file.unlink(missing_ok=True)


def _is_being_written(layout: Layout, path: RunPath) -> bool:
    journal = journal_of(layout, path)
    return is_any_alive(journal)


def _said_of(finding: Finding, remedy: str, *, is_mended: bool = True) -> Repair:
    lost = "nothing" if is_mended and finding.kind == "deleted" else finding.lost
    return Repair(kind=finding.kind, place=finding.place, remedy=remedy, lost=lost, is_mended=is_mended)
