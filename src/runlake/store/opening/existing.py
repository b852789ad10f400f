"""The run that is there already, for who opens one: looked at, or moved out of the way when it is deleted.

Needs neither numpy nor Arrow.
"""

from __future__ import annotations

from runlake.errors import ConflictError, NotFoundError, UsageError
from runlake.model import RunPath
from runlake.store.folder_store import FolderStore
from runlake.store.journal.journal import Journal
from runlake.store.opening.inspect import FoundRun, RunInspector
from runlake.store.opening.writers import OvertakenError
from runlake.store.store import Store


def find_run(
    store: Store, path: RunPath, journal: Journal | None, inspector: RunInspector, rewind_to: int | None = None
) -> FoundRun | None:
    """The run to go on with or to follow, None when there is none; one that was deleted is moved out of the way.

    With `rewind_to` as it was at that step. OvertakenError when it was deleted: look again.
    """
    if rewind_to is None:
        found = _state_if_any(store, path, inspector)
    elif store.has_content(path):
        found = inspector.past(store, path, rewind_to)
    else:
        raise _nothing_to_go_back_in(store, path)
    if found is not None and _is_deleted(store, path, found.info.incarnation):
        # Elsewhere a run that is deleted is gone with its tombstone, in one step.
        if isinstance(store, FolderStore) and journal is not None and journal.is_here():
            _finish_deletion(store, path, found.info.incarnation)
        raise OvertakenError(f"run {path} was deleted")
    return found


def fork_run(store: Store, path: RunPath, source: RunPath, step: int, inspector: RunInspector) -> None:
    """Make a run that begins as another was at a step. UsageError when there is one of that id."""
    if store.has_content(path):
        raise UsageError(f'run "{path}" exists already; choose another id to fork into')
    if not store.has_content(source):
        raise _nothing_to_go_back_in(store, source)
    inspector.fork(store, source, step, path)


def _state_if_any(store: Store, path: RunPath, inspector: RunInspector) -> FoundRun | None:
    if not store.has_content(path):
        return None
    try:
        return inspector.state(store, path)
    except NotFoundError:
        return None  # a process that was killed before it had written anything whole


def _nothing_to_go_back_in(store: Store, path: RunPath) -> NotFoundError:
    return NotFoundError(f'there is no run "{path}" in {store.url} to go back in; see: runlake ls')


def _is_deleted(store: Store, path: RunPath, incarnation: str) -> bool:
    """Whether the run has its tombstone, although it is still here: no listing would show what is written into it."""
    death = store.changes(path.entity, path.project).latest_death(incarnation)
    return death is not None and death.action == "delete"


def _finish_deletion(store: FolderStore, path: RunPath, incarnation: str) -> None:
    """What a deleter that was killed, or is at it, or had another copy of the store has left to do."""
    from runlake.store.opening import trash  # it loads numpy: not in every training process

    try:
        trashed = trash.move_folder_to_trash(store, path, incarnation)
        if not _is_deleted(store, path, incarnation):  # it was taken back since it was looked at
            trash.restore_run(store, trashed, "restored", path)
    except (NotFoundError, ConflictError):
        pass  # somebody else has done it, or there is a new run already
