"""Mending what is wrong with a store and its projects beside their runs.

Of each kind of thing that can be mended one function does it, and stands in a table below: it is given everything that
is wrong with the store or the project, and answers what it did about its own. What no table knows is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from runlake.errors import NotFoundError, StoreError
from runlake.model import Repair, RunPath
from runlake.store.care.check_project import examine_project, examine_store
from runlake.store.care.damage import Damage, Remedy
from runlake.store.care.garbage import Quarantine
from runlake.store.care.read_only import unless_read_only
from runlake.store.care.repair_artifacts import mend_artifacts
from runlake.store.changes import changes_of, new_name, parse_name
from runlake.store.disk import remove
from runlake.store.folder_store import FolderStore
from runlake.store.journal.folder import journal_of
from runlake.store.journal.liveness import is_any_alive
from runlake.store.opening.trash import move_run_to_trash
from runlake.store.run.snapshot import read_consistently
from runlake.store.run.view import view_of
from runlake.store.store_format import create_store


@dataclass(frozen=True, slots=True)
class _Job:
    """One repair of a store, or of a project in it; `writer` is who tells of it. With `is_dry` nothing is changed."""

    layout: FolderStore
    is_dry: bool
    entity: str = ""
    project: str = ""
    writer: str = ""
    is_forced: bool = False


def repair_store(layout: FolderStore, *, is_dry_run: bool = False) -> list[Repair]:
    """Make `store.toml` anew where it is missing or damaged."""
    damages = examine_store(layout)
    remedies = _mend(_Job(layout, is_dry_run), damages, _OF_A_STORE)
    return [remedy.as_repair(layout.root) for remedy in remedies]


def repair_project(
    layout: FolderStore, entity: str, project: str, writer: str, *, is_dry_run: bool = False, force: bool = False
) -> list[Repair]:
    """Make packs of changes and notes of artifacts anew, and finish deletes.

    A run whose process lives is left alone unless `force`; so are contents of artifacts that were altered, which are
    moved to the trash.

    ReadOnlyError when the store cannot be written.
    """
    with unless_read_only(f"{entity}/{project} cannot be repaired"):
        damages = examine_project(layout, entity, project)
        remedies = _mend(_Job(layout, is_dry_run, entity, project, writer, force), damages, _OF_A_PROJECT)
        return [remedy.as_repair(layout.project_dir(entity, project)) for remedy in remedies]


def _mend(job: _Job, damages: list[Damage], menders: Sequence[_Mender]) -> list[Remedy]:
    """One remedy for each damage, in their order."""
    remedies: dict[Damage, Remedy] = {}
    for mender in menders:
        remedies.update(mender(job, damages))
    return [remedies.get(damage) or _left_alone(damage) for damage in damages]


def _left_alone(damage: Damage) -> Remedy:
    whys = {"foreign": "move it elsewhere", "newer": "upgrade runlake"}
    return damage.left(f"left alone: {whys.get(damage.kind, damage.advice)}")


def _mend_mark(job: _Job, damages: list[Damage]) -> Mapping[Damage, Remedy]:
    mark = job.layout.root / "store.toml"
    mine = [damage for damage in damages if damage.file == mark and damage.kind != "newer"]
    if mine and not job.is_dry:
        if mark.exists():
            Quarantine(job.layout).take(mark)
        create_store(job.layout)
    return {damage: Remedy(damage.kind, mark, "made anew", damage.lost) for damage in mine}


def _mend_changes(job: _Job, damages: list[Damage]) -> Mapping[Damage, Remedy]:
    changes_dir = job.layout.changes_dir(job.entity, job.project)
    packs = [damage for damage in damages if damage.file.parent.parent == changes_dir]
    if packs and not job.is_dry:
        _make_packs_anew(job)
    remedy = "made anew, and every run told as moved"
    return {damage: Remedy(damage.kind, damage.file, remedy, damage.lost) for damage in packs}


def _make_packs_anew(job: _Job) -> None:
    """What the damaged packs still say, and that every run moved: some line that is gone may have said so."""
    changes = changes_of(job.layout, job.entity, job.project)
    garbled = changes.garbled_packs()
    names = {line for file in garbled for line in file.read_text("utf-8", "replace").splitlines() if parse_name(line)}
    for run_id in job.layout.run_ids(job.entity, job.project):
        path = RunPath(job.entity, job.project, run_id)
        try:
            incarnation = read_consistently(job.layout, path, view_of).incarnation
        except (StoreError, NotFoundError):
            incarnation = "unreadable"
        names.add(new_name(path, job.writer, "edit", incarnation))
    aside = Quarantine(job.layout)
    for file in garbled:
        aside.keep(file)
    changes.write_pack(sorted(names))
    for file in garbled:
        remove(file)


def _finish_deletes(job: _Job, damages: list[Damage]) -> Mapping[Damage, Remedy]:
    """Runs that have a tombstone go to the trash, unless a process still writes into them."""
    remedies = {}
    for damage in (damage for damage in damages if damage.kind == "deleted"):
        try:
            run = job.layout.run_path_of(damage.file)
        except FileNotFoundError:
            continue  # somebody was faster
        if not job.is_forced and is_any_alive(journal_of(job.layout, run)):
            remedies[damage] = damage.left("left alone: a process still writes into it")
            continue
        if not job.is_dry:
            move_run_to_trash(job.layout, run, job.writer)
        remedies[damage] = Remedy(damage.kind, damage.file, "moved to the trash")
    return remedies


def _mend_artifacts(job: _Job, damages: list[Damage]) -> Mapping[Damage, Remedy]:
    project = (job.entity, job.project)
    return mend_artifacts(job.layout, project, damages, is_dry=job.is_dry, is_forced=job.is_forced)


_Mender = Callable[[_Job, list[Damage]], Mapping[Damage, Remedy]]
_OF_A_STORE: tuple[_Mender, ...] = (_mend_mark,)
_OF_A_PROJECT: tuple[_Mender, ...] = (_mend_changes, _finish_deletes, _mend_artifacts)
