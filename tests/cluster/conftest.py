import contextlib
import functools
import os
import re
import subprocess
import sys

import pytest

import warm
from runlake.service.cluster.service import ClusterService
from waiting import DEADLINE_S, lines_until_served


@pytest.fixture
def store(new_cluster_store):
    store = new_cluster_store()
    yield store
    store.close()


@pytest.fixture
def new_replica(new_store):
    """Makes services over the store as its replicas are."""
    return lambda: ClusterService(new_store(), default_entity="ann", user="ann")


@pytest.fixture
def new_store(store, shared_database_url, tmp_path):
    """Opens the store as its replicas do: with connections and a cache of their own."""
    from runlake.store.cluster.database import Database
    from runlake.store.cluster.object_cache import ObjectCache
    from runlake.store.cluster.store import ClusterStore

    replicas = []

    def make(**options):
        database = Database(shared_database_url, schema=store.database.schema, connection_count=4)
        cache = ObjectCache(tmp_path / f"cache{len(replicas)}", 64 << 20)
        replicas.append(ClusterStore(database, store.bucket, cache, **options))
        return replicas[-1]

    yield make
    for replica in replicas:
        replica.close()


@pytest.fixture
def new_mirror(store):
    """Makes mirrors as processes have them; the schema is gone at the end."""
    schema = f"lake_{store.database.schema}"

    from runlake.store.lake.catalog import LakeCatalog
    from runlake.store.lake.mirror import LakeMirror

    yield lambda: LakeMirror(store, LakeCatalog(store.database, store.bucket, schema))
    store.database.write(f"drop schema if exists {schema} cascade")


@pytest.fixture
def mirror(new_mirror):
    return new_mirror()


@pytest.fixture
def lake(store, mirror, shared_database_url):
    from lake_reader import LakeReader

    return LakeReader(shared_database_url, mirror.catalog.schema, store.bucket)


@pytest.fixture
def serve_replica(s3_server, tmp_path):
    """`runlake serve` over a database and a place in the bucket, for as long as a block lasts: its address and its
    admin's key, if it made one. With more options, words before the command, and variables.
    """
    return functools.partial(_serving, s3_server, tmp_path)


@contextlib.contextmanager
def _serving(s3_server, folder, database, *options, before=(), **variables):
    places = {"RUNLAKE_DATABASE": database, "RUNLAKE_BUCKET": s3_server.new_url(), "RUNLAKE_ENTITY": "ann"}
    server = warm.Popen(
        [*before, sys.executable, "-m", "runlake", "serve", "--cache-dir", str(folder / "cache"), *options],
        env={**os.environ, **s3_server.environment(), **places, **variables, "HOME": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        said = lines_until_served(server)
        keys = re.findall(r"WANDB_API_KEY=(\S+)", "".join(said))
        yield said[-1].split()[-1], keys[0] if keys else None
    finally:
        server.terminate()
        server.wait(DEADLINE_S)
        server.stdout.close()


@pytest.fixture
def new_postgres():
    """Makes a PostgreSQL of the test's own, which writes to the disk before it answers, or a standby of another."""
    from postgres import PostgresServer, find_programs

    programs, servers = find_programs(), []
    if programs is None:
        pytest.skip("there is no PostgreSQL")

    def make(primary=None):
        servers.append(PostgresServer(programs, "-c", "fsync=on", primary=primary))
        servers[-1].start()
        return servers[-1]

    yield make
    for server in servers:
        server.remove()
