"""A sealed run as an Arrow table, from a folder and from a bucket: ``python -m benchmarks.cluster_read_case FOLDER``.

FOLDER has the store of `benchmarks.reading`. Its large run is put into a store on PostgreSQL and a bucket, on this
machine, with the same files.
"""

from __future__ import annotations

import itertools
import json
import math
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

import runlake
from benchmarks.bench import CHECKOUT, store_folder
from benchmarks.read_case import LARGE_RUN
from runlake.model import RunPath
from runlake.service.cluster.service import ClusterService
from runlake.service.local.service import LocalService
from runlake.store.cluster.bucket import Bucket
from runlake.store.cluster.database import Database
from runlake.store.cluster.object_cache import ObjectCache
from runlake.store.cluster.store import ClusterStore
from runlake.store.folder_store import FolderStore
from runlake.store.noting import append_change
from runlake.store.segment.meta import read_meta
from runlake.store.segment.segments import series_name

sys.path[:0] = [str(CHECKOUT / "tests"), str(CHECKOUT / "tests" / "server"), str(CHECKOUT / "tests" / "cluster")]
from postgres import PostgresServer, find_programs  # noqa: E402
from seaweed import S3Server, s3_server  # noqa: E402

ROUNDS = 5
CACHE_BYTES = 1 << 30


def read(folder: Path) -> dict[str, float]:
    """Milliseconds of the fastest of some reads each, in turns, so that all meet the same machine."""
    programs = find_programs()
    if programs is None:
        raise SystemExit("there is no PostgreSQL here")
    database_server = PostgresServer(programs)
    try:
        database_server.start()
        with s3_server() as bucket_server, tempfile.TemporaryDirectory() as caches:
            url = database_server.url_of(database_server.make_database())
            return compare(folder, url, bucket_server, Path(caches))
    finally:
        database_server.remove()


def compare(folder: Path, url: str, server: S3Server, caches: Path) -> dict[str, float]:
    """The same of servers that run."""
    run = runlake.Api(store_folder(folder)).run(LARGE_RUN)
    path = RunPath(run.entity, run.project, run.id)
    bucket, numbers = Bucket(server.new_url(), server.options()), itertools.count()

    def open_store() -> ClusterStore:
        """As a replica has it whose cache is empty."""
        return ClusterStore(Database(url), bucket, ObjectCache(caches / str(next(numbers)), CACHE_BYTES))

    def open_service(store: ClusterStore) -> ClusterService:
        return ClusterService(store, default_entity=path.entity)

    objects = bring(FolderStore(store_folder(folder)), store := open_store(), path)
    warm = open_service(store)
    local = LocalService(store_folder(folder), default_entity=path.entity)
    filesystem = filesystem_of(server)
    reads: dict[str, Callable[[], Any]] = {
        "folder": lambda: table_of(local, path),
        "warm": lambda: table_of(warm, path),
        "cold": lambda: table_of(open_service(open_store()), path),
        "pyarrow": lambda: [pq.read_table(name, filesystem=filesystem) for name in objects],
    }
    best = dict.fromkeys(reads, math.inf)
    for _ in range(ROUNDS):
        for name, work in reads.items():
            begin_s = time.perf_counter()
            work()
            best[name] = min(best[name], 1e3 * (time.perf_counter() - begin_s))
    if not table_of(warm, path).equals(table_of(local, path)):
        raise SystemExit("the bucket answers another table than the folder")
    return best


def bring(source: FolderStore, target: ClusterStore, path: RunPath) -> list[str]:
    """Put a sealed run there with the same files; where its objects are, for a client of the bucket."""
    target.create()
    target.make_run(path)
    theirs, ours = source.segments(path), target.segments(path)
    for name in theirs.list_names():
        meta = read_meta(theirs, name)
        target.claim_incarnation(path, meta.incarnation)
        for file in [each for values in meta.files.values() for each in (values, series_name(values))]:
            with ours.create(file) as sink:
                sink.write(theirs.read(file))
        ours.adopt(f"{name}.meta", theirs.read(f"{name}.meta"))
        append_change(target, path, "bench", "finish", meta.incarnation)
    return [f"{target.bucket.url.removeprefix('s3://')}/{info.key}" for info in target.bucket.list("segments")]


def table_of(service: LocalService | ClusterService, path: RunPath) -> pa.Table:
    return runlake.Api(service=service).run(str(path)).to_arrow()


def filesystem_of(server: S3Server) -> fs.S3FileSystem:
    options = server.options()
    return fs.S3FileSystem(
        access_key=options["access_key_id"],
        secret_key=options["secret_access_key"],
        region=options["region"],
        endpoint_override=server.endpoint,
    )


if __name__ == "__main__":
    print(json.dumps(read(Path(sys.argv[1]))))
