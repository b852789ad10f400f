"""Where `init` opens a run, and which run ``resume="auto"`` means."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runlake.model import RunPath
from runlake.names import default_name
from runlake.sdk.process.online import is_for_later, is_online, keep_for_later, open_online
from runlake.settings import Settings, current_folder
from runlake.store.folder_store import FolderStore
from runlake.store.journal.limits import WriterLimits
from runlake.store.journal.row_encoder import Prepare
from runlake.store.opening.inspect import RunInspector
from runlake.store.opening.open import open_run
from runlake.store.opening.writers import OpenedRun


def open_where_it_belongs(
    layout: FolderStore,
    path: RunPath,
    start: Mapping[str, Any],
    settings: Settings,
    *,
    rewind_to: int | None,
    fork_from: tuple[RunPath, int] | None,
    prepare: Prepare,
    inspector: RunInspector | None,
    limits: WriterLimits | None,
) -> OpenedRun:
    """Open the run where it belongs: at a server, as long as that can be asked, or in the folder alone."""
    name = _new_name(layout, path)
    if is_online(settings):
        opened = open_online(
            layout,
            path,
            start,
            settings,
            default_name=name,
            rewind_to=rewind_to,
            fork_from=fork_from,
            prepare=prepare,
            limits=limits,
        )
        if opened is not None:
            return opened
    opened = open_run(
        layout,
        path,
        start,
        resume=settings.resume,
        is_shared=settings.mode == "shared",
        default_name=name,
        rewind_to=rewind_to,
        fork_from=fork_from,
        prepare=prepare,
        inspector=inspector,
        limits=limits,
    )
    if is_online(settings) or is_for_later(settings):
        keep_for_later(layout, path, settings)
    return opened


def _new_name(layout: FolderStore, path: RunPath) -> str:
    try:
        number = len(os.listdir(layout.runs_dir(path.entity, path.project))) + 1  # noqa: PTH208 (faster, no objects)
    except OSError:  # not there yet; or something worse, which opening the run will say
        number = 1
    return default_name(path.run_id, number)


def program_file() -> str | None:
    """The script that Python was started with, if it was one."""
    main = sys.modules.get("__main__")
    return getattr(main, "__file__", None)


def program_key(settings: Settings) -> str:
    """What tells this program, started in this folder, from others."""
    import hashlib  # few runs resume themselves: `store.layout` says what this costs

    identity = f"{settings.program or program_file()}\0{current_folder()}"
    return hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def remembered_id(memory: Path) -> str | None:
    """The id of the run that the program began and has not finished."""
    try:
        return memory.read_text("utf-8") or None
    except FileNotFoundError:
        return None
