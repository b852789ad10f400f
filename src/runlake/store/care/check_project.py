"""What is wrong with a store beside its runs: its own mark, how changes are told, folders that are no runs."""

from __future__ import annotations

import re
from pathlib import Path

from runlake.errors import CorruptError, NotFoundError, StoreError
from runlake.model import Finding, RunPath
from runlake.store.care.check_sweeps import check_sweeps
from runlake.store.care.damage import NOTHING, Damage
from runlake.store.changes import SeenChanges, changes_of, parse_name
from runlake.store.layout import Layout
from runlake.store.run.snapshot import read_consistently
from runlake.store.run.view import view_of
from runlake.store.store_format import FORMAT_VERSION, is_store, read_format

_MOVE_IT = "move it elsewhere; readers ignore it"
_HASHED = re.compile(r".*%~[0-9a-f]{40}")


def check_store(layout: Layout) -> list[Finding]:
    """What is wrong with the store's own mark, `store.toml`; nothing for a folder in which no project is."""
    if not is_store(layout) and not layout.entities():
        return []
    try:
        version = read_format(layout)
    except FileNotFoundError:
        lost, advice = "the store's id, which no reader needs", "runlake repair makes it anew"
        return [Finding(kind="missing", place="store.toml", lost=lost, advice=advice)]
    except CorruptError:
        lost, advice = "the store's id, which no reader needs", "runlake repair makes it anew"
        return [Finding(kind="corrupt", place="store.toml", lost=lost, advice=advice)]
    if version > FORMAT_VERSION:
        advice = "upgrade runlake to read it"
        return [Finding(kind="newer", place="store.toml", lost="nothing", advice=advice)]
    return []


def check_project(layout: Layout, entity: str, project: str) -> list[Finding]:
    """What is wrong with a project beside its runs; places are within the project's folder.

    Kinds: corrupt (a pack of changes), foreign (no run, no change), deleted (a run that is in the way of its own
    tombstone: no listing shows it), and those of `check_sweeps`.
    """
    project_dir = layout.project_dir(entity, project)
    return [damage.as_finding(project_dir) for damage in examine_project(layout, entity, project)]


def examine_project(layout: Layout, entity: str, project: str) -> list[Damage]:
    """The same for who mends it. Of a run that is to be deleted the file is its folder."""
    changes_dir, runs_dir = layout.changes_dir(entity, project), layout.runs_dir(entity, project)
    lost, advice = "which runs had moved: readers look at all of them", "runlake repair makes it anew"
    damages = [Damage("corrupt", pack, lost, advice) for pack in changes_of(layout, entity, project).garbled_packs()]
    for entry in _entries(changes_dir):
        if entry.name != "packed" and parse_name(entry.name) is None:
            damages.append(Damage("foreign", entry, NOTHING, _MOVE_IT))
    for entry in _entries(runs_dir):
        if not _is_run(entry):
            damages.append(Damage("foreign", entry, NOTHING, _MOVE_IT))
    for path in _deleted_runs(layout, entity, project):
        lost = "nothing: it was deleted, and no listing shows it"
        damages.append(Damage("deleted", layout.run_dir(path), lost, "runlake repair moves it to the trash"))
    return [*damages, *check_sweeps(layout, entity, project)]


def _deleted_runs(layout: Layout, entity: str, project: str) -> list[RunPath]:
    """The runs that have a tombstone, and are still there: whoever deleted them was killed, or did it in a copy."""
    dead: dict[str, bool] = {}
    for change in changes_of(layout, entity, project).read_since(SeenChanges()).changes:
        if change.action.endswith("delete"):
            dead[change.incarnation] = change.action == "delete"
    if not any(dead.values()):
        return []
    found = []
    for run_id in sorted(layout.run_ids(entity, project)):
        path = RunPath(entity, project, run_id)
        try:
            incarnation = read_consistently(layout, path, view_of).incarnation
        except (StoreError, NotFoundError):
            continue  # nobody can tell which life of the run this is
        if dead.get(incarnation):
            found.append(path)
    return found


def _entries(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))


def _is_run(folder: Path) -> bool:
    """Whether this may be the folder of a run, also of one that is only being made."""
    if not folder.is_dir() or (_HASHED.fullmatch(folder.name) and not (folder / "id").exists()):
        return False
    return any((folder / name).is_dir() for name in ("journal", "segments")) or not any(folder.iterdir())
