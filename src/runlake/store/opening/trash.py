"""Deleting runs: out of every listing at once, onto the heap, where they can still be found and taken back."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from runlake.errors import ConflictError, NotFoundError, PathError, ReadOnlyError, StoreError
from runlake.model import RunPath, TrashItem
from runlake.ready import ready
from runlake.store.changes import changes_of
from runlake.store.disk import TEMPORARY_PREFIX, make_subfolder, move, read_whole
from runlake.store.folder_store import FolderStore
from runlake.store.incarnation import read_claim_in
from runlake.store.journal.first_frame import part_header
from runlake.store.journal.fold import fold_run
from runlake.store.journal.folder import journal_in
from runlake.store.layout import Layout, check_run_path, encode_name, folder_identity, ids_of
from runlake.store.noting import append_change
from runlake.store.opening.trash_names import COLLECTION_PREFIX, DELETED_FILE, REPAIR_PREFIX, SWEEP_PREFIX, cut
from runlake.store.run.snapshot import Snapshot, number_parts, reading
from runlake.store.run.state import read_run, writer_states
from runlake.store.segment.folder import FolderSegments, packed_of
from runlake.store.segment.meta import read_meta
from runlake.store.stored_names import is_one_part

if TYPE_CHECKING:  # the training process does without it
    from runlake.artifact_model import CollectionPath

_BEGINS_BYTES = 100
"""So much of what a folder in the trash is called by is there, however much of it was cut."""
_UNREADABLE = "unreadable"
_PLAIN_NAME = re.compile(r"[0-9A-Za-z]{1,64}")


def move_run_to_trash(layout: FolderStore, path: RunPath, writer: str) -> Path:
    """Write the tombstone, then move the run's folder to ``.trash/<incarnation>-<run>-<entity>-<project>``.

    The tombstone comes first: who is killed in between has deleted the run all the same. Nothing in the run has to
    make sense for it. `NotFoundError` when it is gone already.
    """
    try:
        identity = folder_identity(layout.run_dir(path))
        incarnation = _life_of(layout, path) or f"{_UNREADABLE}{secrets.token_hex(4)}"
        _note_death(layout, path, writer, "delete", incarnation)
        if folder_identity(layout.run_dir(path)) != identity:
            raise FileNotFoundError  # somebody else deleted it, and there is a new run of that id
    except FileNotFoundError:
        raise _gone(path) from None
    trashed = move_folder_to_trash(layout, path, incarnation)
    death = changes_of(layout, path.entity, path.project).latest_death(incarnation)
    if death is not None and death.action != "delete":
        _note_death(layout, path, writer, "delete", incarnation)  # it was taken back between the two
    return trashed


def _life_of(layout: FolderStore, path: RunPath) -> str | None:
    """The incarnation of a run as its records say it, or its claim where there are none yet; None where neither is."""
    try:
        claimed = read_claim_in(layout.run_dir(path))
        try:
            incarnation = read_run(layout, path).incarnation
        except NotFoundError:
            incarnation = claimed or ""
        if claimed not in (None, incarnation):
            return None  # the folder speaks of two lives: it goes, whichever is meant
    except FileNotFoundError:
        raise
    except (StoreError, OSError):
        return None
    return incarnation if _PLAIN_NAME.fullmatch(incarnation) else None


def move_folder_to_trash(layout: Layout, path: RunPath, incarnation: str) -> Path:
    """Only move the folder of a run that has a tombstone. `NotFoundError` when it is gone already."""
    run_dir = layout.run_dir(path)
    try:
        make_subfolder(layout.trash_dir)
        if _other_life(run_dir, incarnation):
            raise _gone(path)
        trashed = _rename(run_dir, layout.trash_dir / _name_in_trash(path, incarnation))
        if (other := _other_life(trashed, incarnation)) is not None:
            # Somebody moved the run and restored another between the look and the move.
            try:
                move(trashed, run_dir)
            except OSError:
                _rename(trashed, layout.trash_dir / _name_in_trash(path, other))
            raise _gone(path)
        return trashed
    except FileNotFoundError:
        raise _gone(path) from None
    except OSError as error:
        raise ReadOnlyError(f"run {path} cannot be moved to {layout.trash_dir}: {error}") from error


def _other_life(run_dir: Path, incarnation: str) -> str | None:
    """Which other life of a run's id this folder holds; None where it is that one, or nothing in it says which."""
    if incarnation.startswith(_UNREADABLE):
        return None
    try:
        claimed = read_claim_in(run_dir)
    except StoreError:
        return None  # its claim was broken off, or is none
    return None if claimed == incarnation else claimed


def _gone(path: RunPath) -> NotFoundError:
    return NotFoundError(f"run {path} was deleted by somebody else just now")


def restore_run(layout: FolderStore, trashed: Path, writer: str, path: RunPath | None = None) -> RunPath:
    """Bring a run back from a folder in the trash to where it was, or to `path`, and cancel its tombstone.

    `ConflictError` when there is a run of that id again, `NotFoundError` when the folder is gone, `StoreError` when
    nothing in it says which run it was, or when its rows are merged with those of others, in another project.
    """
    with reading(f"the deleted run in {trashed}"):
        path = _checked(layout, trashed, path) if path else _path_in(trashed)
    incarnation = trashed.name.partition("-")[0]
    target = layout.run_dir(path)
    if target.exists():
        raise ConflictError(f"run {path} cannot be restored: there is a run of that id again; delete it first")
    # Before the folder comes back: who is killed in between has a run in the trash, not one that is hidden.
    _note_death(layout, path, writer, "undelete", incarnation)
    try:
        layout.make_project_dir(path.entity, path.project)
        move(trashed, target)
    except FileNotFoundError:
        raise NotFoundError(f"there is no {trashed} to restore run {path} from") from None
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            raise ConflictError(f"run {path} was made anew just now; delete it first") from None
        raise ReadOnlyError(f"run {path} cannot be moved back to {target}: {error}") from error
    # Again: who looked for the run when only the tombstone was cancelled must look once more.
    _note_death(layout, path, writer, "undelete", incarnation)
    return path


def deleted_collection(folder: Path) -> CollectionPath | None:
    """Which collection of artifacts a folder of the trash was; None for what is none, or does not say."""
    import msgspec

    from runlake.artifact_model import CollectionPath

    if not folder.name.startswith(COLLECTION_PREFIX):
        return None
    try:
        path = msgspec.json.decode(read_whole(folder / DELETED_FILE), type=ready(CollectionPath))
        check_run_path(RunPath(path.entity, path.project, "any"))
        return path
    except (OSError, ValueError, RecursionError):
        return None


def list_trash(layout: Layout) -> list[TrashItem]:
    """What is in the trash, the last deleted first. Reads the records of every run in it."""
    return _described(layout, _trashed(layout))


def find_trashed(layout: Layout, path: RunPath) -> Path:
    """The folder in the trash of the run that had this path; of several lives of it the one deleted last.

    `NotFoundError` when there is none. Only where no folder is called by the run are the others looked into.
    """
    folders = _trashed(layout)
    begins = _names_of(path)[:_BEGINS_BYTES]
    called = [one for one in folders if one.name.partition("-")[2].startswith(begins)]
    for looked_into in (called, folders):
        for item in _described(layout, looked_into):
            if item.path == path:
                return layout.trash_dir / item.name
    raise NotFoundError(f'run "{path}" is not in the trash of {layout.root}; see: runlake trash')


def _trashed(layout: Layout) -> list[Path]:
    try:
        return [entry for entry in layout.trash_dir.iterdir() if not entry.name.startswith(TEMPORARY_PREFIX)]
    except FileNotFoundError:
        return []


def _described(layout: Layout, folders: list[Path]) -> list[TrashItem]:
    items = []
    for folder in folders:
        try:
            items.append(_describe(layout, folder))
        except FileNotFoundError:
            continue  # restored or removed at this moment
    return sorted(items, key=lambda item: (-item.deleted_at, item.name))


def _describe(layout: Layout, folder: Path) -> TrashItem:
    is_run = not folder.name.startswith((REPAIR_PREFIX, SWEEP_PREFIX, COLLECTION_PREFIX))
    path = run_name = None
    deleted_at = folder.lstat().st_ctime
    if is_run:
        try:
            with reading(f"the deleted run in {folder}"):
                path = _path_in(folder)
                run_name = _name_in(folder, path)
        except (StoreError, NotFoundError, OSError):
            pass  # what cannot be read is listed by the name of its folder
    if path is not None:
        death = changes_of(layout, path.entity, path.project).latest_death(folder.name.partition("-")[0])
        deleted_at = death.at_us / 1e6 if death else deleted_at
    collection = None if is_run else deleted_collection(folder)
    return TrashItem(
        name=folder.name,
        artifact=None if collection is None else str(collection),
        path=path,
        run_name=run_name,
        deleted_at=deleted_at,
        size_bytes=size_bytes_of(folder),
        is_run=is_run,
    )


def _name_in(folder: Path, path: RunPath) -> str:
    segments = FolderSegments(folder / "segments")
    metas = [read_meta(segments, name) for name in sorted(segments.list_names())]
    replaced = {name for meta in metas for name in meta.supersedes}
    journal = journal_in(folder)
    visible = [meta for meta in metas if meta.name not in replaced]
    snapshot = Snapshot(path, segments, journal, visible, *number_parts(journal, metas))
    return fold_run(path, writer_states(snapshot), {}).name


def size_bytes_of(place: Path) -> int:
    """The bytes of a file, or of all files below a folder; what vanishes meanwhile counts nothing."""
    if not place.is_dir() or place.is_symlink():
        return place.lstat().st_size if place.exists() else 0
    total_bytes = 0
    for folder, _, files in os.walk(place):
        for name in files:
            try:
                total_bytes += Path(folder, name).lstat().st_size
            except FileNotFoundError:
                pass  # emptied at this moment
    return total_bytes


def _checked(layout: Layout, trashed: Path, path: RunPath) -> RunPath:
    """The path, unless rows of the run are in files that are not where they would be looked for from there."""
    segments, shared = FolderSegments(trashed / "segments"), packed_of(layout, path.entity, path.project)
    for segment in segments.list_names():
        try:
            meta = read_meta(segments, segment)
        except StoreError:
            continue  # it is as unreadable there
        files = (shared.folder / name.rpartition("/")[2] for name in meta.files.values())
        if meta.is_packed and not all(file.exists() for file in files):
            said = meta.writers[0].header.body
            raise StoreError(
                f"the rows of the run in {trashed} lie in the merged files of {said['entity']}/{said['project']}; "
                "restore it there"
            )
    return path


def _note_death(
    layout: FolderStore, path: RunPath, writer: str, action: Literal["delete", "undelete"], incarnation: str
) -> None:
    """A delete or its undoing, as later than all those before whatever the clocks say."""
    before = changes_of(layout, path.entity, path.project).latest_death(incarnation)
    append_change(layout, path, writer, action, incarnation, after_us=before.at_us if before else 0)


def _path_in(trashed: Path) -> RunPath:
    """What the records in a run's folder say of where it belongs."""
    try:
        journal = journal_in(trashed)
        headers = [part_header(journal.read(name), f"{trashed.name}: {name}") for name, _ in journal.list_parts()]
        segments = FolderSegments(trashed / "segments")
        metas = [read_meta(segments, name) for name in sorted(segments.list_names())]
        headers += [state.header for meta in metas for state in meta.writers]
    except (StoreError, OSError) as error:
        raise StoreError(f"{trashed} cannot be read, so give the path of the run to restore: {error}") from error
    for header in headers:
        if header is not None and header.path is not None:
            try:
                begun = check_run_path(header.path)
            except PathError as error:
                raise StoreError(f"{trashed}: give the path of the run to restore: {error}") from error
            # `runlake merge` may have given it another id: then the folder in the trash is called by that.
            paths = [begun._replace(run_id=each) for each in ids_of(begun.run_id, header.incarnation)]
            names = (_name_in_trash(path, header.incarnation) for path in paths)
            called = (path for path, name in zip(paths, names, strict=True) if _is_copy(trashed.name, name))
            return next(called, begun)
    raise StoreError(f"nothing in {trashed} says which run it was; give the path to restore it to")


def _name_in_trash(path: RunPath, incarnation: str) -> str:
    if not is_one_part(incarnation):
        incarnation = _UNREADABLE + hashlib.sha256(incarnation.encode("utf-8", "replace")).hexdigest()[:8]
    return cut(f"{incarnation}-{_names_of(path)}")


def _names_of(path: RunPath) -> str:
    return "-".join(map(encode_name, (path.run_id, path.entity, path.project)))


def _is_copy(name: str, of: str) -> bool:
    return name == of or re.fullmatch(re.escape(of) + r"\.\d+", name) is not None


def _rename(source: Path, target: Path) -> Path:
    """Rename a folder; where an older copy of it lies in the way the new one gets a number."""
    for copy in ("", *(f".{number}" for number in range(2, 1000))):
        try:
            return move(source, target.with_name(target.name + copy))
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
    raise StoreError(f"{target.parent} holds too many copies of {source.name}; empty it")
