"""What is wrong with a store and its projects beside their runs.

Of each kind of thing one function says what is wrong with it, and stands in `examine_store` or `examine_project`;
`repair_project` has the tables of what is mended.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from runlake.errors import CorruptError, NotFoundError, StoreError
from runlake.model import Finding, RunPath
from runlake.store.care.check_artifacts import Report, check_artifacts
from runlake.store.care.check_sweeps import check_sweeps
from runlake.store.care.check_views import check_views
from runlake.store.care.damage import NOTHING, Damage
from runlake.store.care.strangers import find_strangers
from runlake.store.changes import SeenChanges, changes_of, parse_name
from runlake.store.folder_store import FolderStore
from runlake.store.run.snapshot import read_consistently
from runlake.store.run.view import view_of
from runlake.store.store_format import FORMAT_VERSION, is_store, read_format

_HASHED = re.compile(r".*%~[0-9a-f]{40}")


def check_store(layout: FolderStore) -> list[Finding]:
    """What is wrong with the store itself; nothing for a folder in which no project is. Places are within the store."""
    return [damage.as_finding(layout.root) for damage in examine_store(layout)]


def examine_store(layout: FolderStore) -> list[Damage]:
    """The same for who mends it."""
    return [damage for check in _OF_A_STORE for damage in check(layout)]


def check_project(
    layout: FolderStore, entity: str, project: str, report: Report = lambda done, total: None
) -> list[Finding]:
    """What is wrong with a project beside its runs; places are within the project's folder.

    Kinds: corrupt (a pack of changes), foreign (no run, no change), deleted (a run that is in the way of its own
    tombstone: no listing shows it), and those of `check_sweeps`, `check_artifacts` and `check_views`.
    `report` is told how many contents of its artifacts were read, and of how many.
    """
    project_dir = layout.project_dir(entity, project)
    return [damage.as_finding(project_dir) for damage in examine_project(layout, entity, project, report)]


def examine_project(
    layout: FolderStore, entity: str, project: str, report: Report = lambda done, total: None
) -> list[Damage]:
    """The same for who mends it. Of a run that is to be deleted the file is its folder."""
    checks = (_check_changes, _check_folders, check_sweeps, partial(check_artifacts, report=report), check_views)
    return [damage for check in checks for damage in check(layout, entity, project)]


def _check_mark(layout: FolderStore) -> Iterator[Damage]:
    """The store's own mark, `store.toml`."""
    if not is_store(layout) and not layout.entities():
        return
    mark = layout.root / "store.toml"
    lost, advice = "the store's id, which no reader needs", "runlake repair makes it anew"
    try:
        version = read_format(layout)
    except FileNotFoundError:
        yield Damage("missing", mark, lost, advice)
    except CorruptError:
        yield Damage("corrupt", mark, lost, advice)
    else:
        if version > FORMAT_VERSION:
            yield Damage("newer", mark, NOTHING, "upgrade runlake to read it")


def _check_changes(layout: FolderStore, entity: str, project: str) -> Iterator[Damage]:
    """How changes are told to readers."""
    lost, advice = "which runs had moved: readers look at all of them", "runlake repair makes it anew"
    for pack in changes_of(layout, entity, project).garbled_packs():
        yield Damage("corrupt", pack, lost, advice)
    changes_dir = layout.changes_dir(entity, project)
    yield from find_strangers(changes_dir, lambda entry: entry.name == "packed" or parse_name(entry.name) is not None)


def _check_folders(layout: FolderStore, entity: str, project: str) -> Iterator[Damage]:
    """The folders of runs: some are none, and some should be gone."""
    yield from find_strangers(layout.runs_dir(entity, project), _is_run)
    for path in _deleted_runs(layout, entity, project):
        lost = "nothing: it was deleted, and no listing shows it"
        yield Damage("deleted", layout.run_dir(path), lost, "runlake repair moves it to the trash")


def _deleted_runs(layout: FolderStore, entity: str, project: str) -> list[RunPath]:
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


def _is_run(folder: Path) -> bool:
    """Whether this may be the folder of a run, also of one that is only being made."""
    if not folder.is_dir() or (_HASHED.fullmatch(folder.name) and not (folder / "id").exists()):
        return False
    return any((folder / name).is_dir() for name in ("journal", "segments")) or not any(folder.iterdir())


_OF_A_STORE: tuple[Callable[[FolderStore], Iterable[Damage]], ...] = (_check_mark,)
