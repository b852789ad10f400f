"""From two addresses to a service over a cluster."""

from __future__ import annotations

from pathlib import Path

from runlake.artifact_model import UploadWay
from runlake.model import RunPath
from runlake.service.cluster.collector import Collector
from runlake.service.cluster.mirror import Mirror
from runlake.service.cluster.packer import Packer
from runlake.service.cluster.prover import Prover
from runlake.service.cluster.sealer import Sealer
from runlake.service.cluster.service import ClusterService
from runlake.store.cluster.bucket import Bucket
from runlake.store.cluster.database import Database
from runlake.store.cluster.object_cache import ObjectCache
from runlake.store.cluster.store import ClusterStore

CACHE_BYTES = 4 * 2**30


def open_cluster(
    database_url: str,
    bucket_url: str,
    *,
    default_entity: str,
    user: str | None = None,
    cache_dir: Path,
    cache_bytes: int = CACHE_BYTES,
    seals: bool = False,
    signed_endpoint: str | None = None,
    upload_way: UploadWay = "server",
    ducklake: str | None = None,
) -> ClusterService:
    """The store in a database and a bucket; its tables are made where they are missing.

    Objects that were read stay in `cache_dir`, at most `cache_bytes` of them. With `seals` a thread seals what has
    ended, here and elsewhere, one lets small runs share files, one proves what clients put into the bucket, and one
    removes what nothing leads to any more. `signed_endpoint` is the bucket's server as those reach it who are given
    addresses of objects, `upload_way` what they may do there. In the schema `ducklake` a thread keeps a DuckLake
    catalog of what is sealed, if one is named.
    """
    database = Database(database_url)
    database.migrate()
    cache = ObjectCache(cache_dir, cache_bytes)
    sealers: list[Sealer] = []
    workers: list[Sealer | Packer | Prover | Collector | Mirror] = []

    def on_ended(path: RunPath) -> None:
        for sealer in sealers:
            sealer.soon(path)

    bucket = Bucket(bucket_url, signed_endpoint=signed_endpoint)
    store = ClusterStore(database, bucket, cache, on_ended=on_ended, upload_way=upload_way)
    if seals:
        sealers.append(Sealer(store))
        workers += [*sealers, Packer(store), Prover(store), Collector(store)]
    if ducklake is not None:
        workers.append(Mirror(store, ducklake))

    def close() -> None:
        for worker in workers:
            worker.close()
        store.close()

    return ClusterService(store, default_entity=default_entity, user=user, close=close, ducklake=ducklake)
