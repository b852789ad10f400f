"""The run that is there already, for who opens one: looked at, or moved out of the way when it is deleted.

Needs neither numpy nor Arrow.
"""

from __future__ import annotations

from runlake.errors import ConflictError, NotFoundError, UsageError
from runlake.model import RunPath
from runlake.store.changes import changes_of
from runlake.store.journal.folder import FolderJournal
from runlake.store.layout import Layout
from runlake.store.opening.inspect import FoundRun, RunInspector
from runlake.store.opening.writers import OvertakenError


def find_run(
    layout: Layout, path: RunPath, journal: FolderJournal | None, inspector: RunInspector, rewind_to: int | None = None
) -> FoundRun | None:
    """The run to go on with or to follow, None when there is none; one that was deleted is moved out of the way.

    With `rewind_to` as it was at that step. OvertakenError when it was deleted: look again.
    """
    if rewind_to is None:
        found = _state_if_any(layout, path, inspector)
    elif _has_content(layout, path):
        found = inspector.past(layout, path, rewind_to)
    else:
        raise _nothing_to_go_back_in(layout, path)
    if found is not None and _is_deleted(layout, path, found.info.incarnation):
        if journal is not None and journal.is_here():
            _finish_deletion(layout, path, found.info.incarnation)
        raise OvertakenError(f"run {path} was deleted")
    return found


def fork_run(layout: Layout, path: RunPath, source: RunPath, step: int, inspector: RunInspector) -> None:
    """Make a run that begins as another was at a step. UsageError when there is one of that id."""
    if _has_content(layout, path):
        raise UsageError(f'run "{path}" exists already; choose another id to fork into')
    if not _has_content(layout, source):
        raise _nothing_to_go_back_in(layout, source)
    inspector.fork(layout, source, step, path)


def _state_if_any(layout: Layout, path: RunPath, inspector: RunInspector) -> FoundRun | None:
    if not _has_content(layout, path):
        return None
    try:
        return inspector.state(layout, path)
    except NotFoundError:
        return None  # a process that was killed before it had written anything whole


def _nothing_to_go_back_in(layout: Layout, path: RunPath) -> NotFoundError:
    return NotFoundError(f'there is no run "{path}" in {layout.root} to go back in; see: runlake ls')


def _has_content(layout: Layout, path: RunPath) -> bool:
    folders = (layout.journal_dir(path), layout.segments_dir(path))
    return any(folder.is_dir() and any(folder.iterdir()) for folder in folders)


def _is_deleted(layout: Layout, path: RunPath, incarnation: str) -> bool:
    """Whether the run has its tombstone, although it is still here: no listing would show what is written into it."""
    death = changes_of(layout, path.entity, path.project).latest_death(incarnation)
    return death is not None and death.action == "delete"


def _finish_deletion(layout: Layout, path: RunPath, incarnation: str) -> None:
    """What a deleter that was killed, or is at it, or had another copy of the store has left to do."""
    from runlake.store.opening import trash  # it loads numpy: not in every training process

    try:
        trashed = trash.move_folder_to_trash(layout, path, incarnation)
        if not _is_deleted(layout, path, incarnation):  # it was taken back since it was looked at
            trash.restore_run(layout, trashed, "restored", path)
    except (NotFoundError, ConflictError):
        pass  # somebody else has done it, or there is a new run already
