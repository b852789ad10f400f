"""Telling the readers of a project that a run moved."""

from __future__ import annotations

from runlake.errors import ReadOnlyError
from runlake.model import RunPath
from runlake.store.changes import Action, new_name
from runlake.store.disk import READ_ONLY_ERRNOS
from runlake.store.store import Store


def append_change(
    store: Store, path: RunPath, writer: str, action: Action, incarnation: str, *, after_us: int = 0
) -> None:
    """Note a change of a run; `ReadOnlyError` when the store cannot be written.

    What a project needs for it is made when it is missing. The change counts as later than `after_us`, whatever the
    clock says.
    """
    try:
        name = new_name(path, writer, action, incarnation, after_us=after_us)
        store.changes(path.entity, path.project).append(name)
    except OSError as error:
        if error.errno not in READ_ONLY_ERRNOS:
            raise
        raise ReadOnlyError(
            f"cannot note in {store.url} that {path} changed, because the store cannot be written: {error}"
        ) from error
