"""From a path, a URL or nothing at all to a service."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from runlake.settings import current_folder, is_server, resolve
from runlake.store.location import cache_dir_of
from runlake.store.location import find_store as find_store

if TYPE_CHECKING:
    from runlake.artifact_model import UploadWay
    from runlake.service.cluster.service import ClusterService
    from runlake.service.contract import Service
    from runlake.service.local.service import LocalService
    from runlake.store.catalog.catalog import Progress
    from runlake.store.move.move import Report
    from runlake.store.move.run import Moved


def open_service(
    path_or_url: str | os.PathLike[str] | None = None,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    *,
    api_key: str | None = None,
    timeout_s: float | None = None,
    progress: Progress | None = None,
) -> Service:
    """The store at `path_or_url`, else the server or the folder that the settings name.

    A folder need not exist: it is then a store without projects, and made by the first who writes into it.
    `environ` and `cwd` are those of the process when None; `progress` is told how far a catalog is that must be made
    anew. For a server, `api_key` is found where `runlake login` leaves it unless it is given, and `timeout_s` is the
    patience with one answer; nothing is asked of it yet.
    """
    environ = os.environ if environ is None else environ
    cwd = current_folder() if cwd is None else cwd
    settings = resolve({}, environ, cwd)
    place = settings.base_url if path_or_url is None else os.fspath(path_or_url)
    if place is not None and is_server(place):
        from runlake.service.remote.service import RemoteService

        return RemoteService(
            place,
            api_key=api_key or find_api_key(place, environ),
            timeout_s=timeout_s,
            default_entity=settings.entity if "entity" in settings.given else None,
        )
    from runlake.service.local.service import LocalService

    root = find_store(path_or_url, environ, cwd)
    return LocalService(
        root,
        default_entity=settings.entity,
        user=settings.username,
        cache_dir=cache_dir_of(root, environ),
        progress=progress,
    )


def open_as_server(root: Path, *, default_entity: str, environ: Mapping[str, str]) -> LocalService:
    """The store in a folder for a process that serves it: others serve it too, and all answer as one."""
    from runlake.service.local.service import LocalService

    return LocalService(
        root,
        default_entity=default_entity,
        cache_dir=cache_dir_of(root, environ),
        seals_what_is_sent=True,
        shares_versions=True,
    )


def open_cluster_as_server(
    database_url: str,
    bucket_url: str,
    *,
    default_entity: str,
    cache_dir: Path,
    cache_bytes: int,
    signed_endpoint: str | None,
    upload_way: UploadWay,
    ducklake: str | None = None,
) -> ClusterService:
    """The store in a database and a bucket for a process that serves it: any number of machines do."""
    from runlake.service.cluster.open import open_cluster

    return open_cluster(
        database_url,
        bucket_url,
        default_entity=default_entity,
        cache_dir=cache_dir,
        cache_bytes=cache_bytes,
        seals=True,
        signed_endpoint=signed_endpoint,
        upload_way=upload_way,
        ducklake=ducklake,
    )


def open_cluster_to_check(database_url: str, bucket_url: str, environ: Mapping[str, str]) -> ClusterService:
    """The store in a database and a bucket for one command, beside the replicas that serve it."""
    from runlake.service.cluster.open import CACHE_BYTES, open_cluster

    return open_cluster(
        database_url,
        bucket_url,
        default_entity=resolve({}, environ, current_folder()).entity,
        cache_dir=cache_of_bucket(bucket_url, environ),
        cache_bytes=CACHE_BYTES,
    )


def move_store(
    folder: Path, database_url: str, bucket_url: str, *, is_back: bool, force: bool, environ: Mapping[str, str]
) -> Callable[[Report], Iterator[Moved]]:
    """What copies a folder's store into a cluster, or with `is_back` out of it; it tells how far it is."""
    from runlake.service.cluster.move import move_store

    cache_dir = cache_of_bucket(bucket_url, environ)
    return lambda report: move_store(
        folder, database_url, bucket_url, cache_dir=cache_dir, is_back=is_back, force=force, report=report
    )


def cache_of_bucket(bucket_url: str, environ: Mapping[str, str]) -> Path:
    """The folder in the user's cache for what was read from a bucket."""
    return cache_dir_of(Path("/", bucket_url.partition("://")[2]), environ)


def prepare_cluster(
    database_url: str, bucket_url: str, *, takes_over: bool = False, ducklake: str | None = None
) -> tuple[str, UploadWay]:
    """Make the tables of a store in a cluster where they are missing; what people call it, and how uploads may come.

    StoreError, by name, for a bucket that does not keep what the store relies on, and for one that is another store's,
    unless this one `takes_over`. `ducklake` is the schema that is to have a DuckLake catalog.
    """
    from runlake.service.cluster.prepare import prepare

    return prepare(database_url, bucket_url, takes_over=takes_over, ducklake=ducklake)


def find_api_key(base_url: str, environ: Mapping[str, str]) -> str | None:
    """The API key for a server, from variables or where `runlake login` left it; None without one."""
    from runlake.credentials import find_key

    return find_key(base_url, environ)
