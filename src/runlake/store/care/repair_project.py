"""Mending what is wrong with a store beside its runs."""

from __future__ import annotations

from pathlib import Path

import msgspec

from runlake.errors import NotFoundError, ReadOnlyError, StoreError
from runlake.model import Repair, RunPath
from runlake.store.care.check_project import check_store, examine_project
from runlake.store.care.damage import Damage, Remedy, leave
from runlake.store.care.garbage import Quarantine
from runlake.store.changes import changes_of, new_name, parse_name
from runlake.store.disk import READ_ONLY_ERRNOS, remove
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
            repairs.append(leave(finding, "left alone: upgrade runlake"))
            continue
        if not is_dry_run:
            file = layout.root / "store.toml"
            if file.exists():
                Quarantine(layout).take(file)
            create_store(layout)
        repairs.append(msgspec.structs.replace(leave(finding, "made anew"), is_mended=True))
    return repairs


def repair_project(
    layout: Layout, entity: str, project: str, writer: str, *, is_dry_run: bool = False, force: bool = False
) -> list[Repair]:
    """Make packs of changes anew, and finish deletes; a run whose process lives is left alone unless `force`.

    ReadOnlyError when the store cannot be written.
    """
    try:
        damages = examine_project(layout, entity, project)
        if any(_is_pack(layout, damage.file, entity, project) for damage in damages) and not is_dry_run:
            _make_packs_anew(layout, entity, project, writer)
        repairs = []
        for damage in damages:
            run = _run_to_delete(layout, damage)
            if run is not None and not force and _is_being_written(layout, run):
                remedy = _left(damage, "left alone: a process still writes into it")
            elif run is not None:
                if not is_dry_run:
                    move_run_to_trash(layout, run, writer)
                remedy = Remedy(damage.kind, damage.file, "moved to the trash")
            elif _is_pack(layout, damage.file, entity, project):
                remedy = Remedy(damage.kind, damage.file, "made anew, and every run told as moved", damage.lost)
            elif damage.kind == "foreign":
                remedy = _left(damage, "left alone: move it elsewhere")
            else:
                remedy = _left(damage, f"left alone: {damage.advice}")
            repairs.append(remedy.as_repair(layout.project_dir(entity, project)))
        return repairs
    except OSError as error:
        if error.errno not in READ_ONLY_ERRNOS:
            raise
        raise ReadOnlyError(f"{entity}/{project} cannot be repaired, because it cannot be written: {error}") from error


def _left(damage: Damage, why: str) -> Remedy:
    return Remedy(damage.kind, damage.file, why, damage.lost, damage.byte, is_mended=False)


def _is_pack(layout: Layout, file: Path, entity: str, project: str) -> bool:
    return file.parent.parent == layout.changes_dir(entity, project)


def _run_to_delete(layout: Layout, damage: Damage) -> RunPath | None:
    """The run that has a tombstone and is still there."""
    try:
        return layout.run_path_of(damage.file) if damage.kind == "deleted" else None
    except FileNotFoundError:
        return None  # somebody was faster


def _make_packs_anew(layout: Layout, entity: str, project: str, writer: str) -> None:
    """What the damaged packs still say, and that every run moved: some line that is gone may have said so."""
    changes = changes_of(layout, entity, project)
    garbled = changes.garbled_packs()
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
    changes.write_pack(sorted(names))
    for file in garbled:
        remove(file)


def _is_being_written(layout: Layout, path: RunPath) -> bool:
    journal = journal_of(layout, path)
    return is_any_alive(journal)
