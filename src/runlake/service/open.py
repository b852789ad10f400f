"""From a path, a URL or nothing at all to a service."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from runlake.settings import resolve
from runlake.store.location import cache_dir_of, find_store

if TYPE_CHECKING:
    from runlake.service.contract import Service
    from runlake.store.catalog import Progress


def open_service(
    path_or_url: str | os.PathLike[str] | None = None,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    *,
    progress: Progress | None = None,
) -> Service:
    """The store at `path_or_url`, else the one that the settings name (`store.location.find_store`).

    The folder need not exist: it is then a store without projects, and made by the first who writes into it.
    `environ` and `cwd` are those of the process when None; `progress` is told how far a catalog is that must be made
    anew. `NotSupportedError` for the URL of a server.
    """
    from runlake.service.local import LocalService

    environ = os.environ if environ is None else environ
    cwd = Path.cwd() if cwd is None else cwd
    root = find_store(path_or_url, environ, cwd)
    settings = resolve({}, environ, cwd)
    return LocalService(
        root,
        default_entity=settings.entity,
        user=settings.username,
        cache_dir=cache_dir_of(root, environ),
        progress=progress,
    )
