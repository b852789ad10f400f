"""A folder's store into a cluster, and back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from runlake.store.artifacts.content import ContentStore
from runlake.store.cluster.bucket import Bucket
from runlake.store.cluster.check_bucket import check_bucket
from runlake.store.cluster.database import Database
from runlake.store.cluster.object_cache import ObjectCache
from runlake.store.cluster.owner import claim
from runlake.store.cluster.store import ClusterStore
from runlake.store.folder_store import FolderStore
from runlake.store.move.move import Report, StoreMove
from runlake.store.move.run import Moved

_CACHE_BYTES = 1 << 30


def move_store(
    folder: Path,
    database_url: str,
    bucket_url: str,
    *,
    cache_dir: Path,
    is_back: bool = False,
    force: bool = False,
    report: Report = lambda done, total: None,
) -> Iterator[Moved]:
    """Copy what is missing there, or with `is_back` here; yields as `StoreMove.move` does."""
    bucket = Bucket(bucket_url)
    check_bucket(bucket)
    cluster = ClusterStore(Database(database_url), bucket, ObjectCache(cache_dir, _CACHE_BYTES))
    try:
        cluster.create()
        claim(cluster.database, bucket)
        here = FolderStore(folder.absolute())
        contents = (ContentStore(here), cluster.contents)
        if is_back:
            yield from StoreMove(cluster, here, (contents[1], contents[0]), force=force).move(report)
        else:
            here.check_format()
            for moved in StoreMove(here, cluster, contents, force=force).move(report):
                if moved.is_new and moved.path.run_id:
                    cluster.note_run(moved.path)  # the first listing reads none of them
                yield moved
    finally:
        cluster.close()
