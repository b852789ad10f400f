"""A database that is restored from a backup, over a bucket that went on: what it names is there, the rest is told."""

import io

import psycopg
import pytest

from runlake.model import RunPath
from runlake.store.cluster.bucket import Bucket
from runlake.store.cluster.catalog import ClusterCatalog
from runlake.store.cluster.comparison import Comparison
from runlake.store.cluster.database import Database
from runlake.store.cluster.garbage import collect
from runlake.store.cluster.object_cache import ObjectCache
from runlake.store.cluster.store import ClusterStore
from runlake.store.run.state import read_run
from trainer import Trainer

RUN = RunPath("ann", "p", "r")


@pytest.fixture
def open_store(postgres_server, s3_server, tmp_path):
    """A replica over a database of this name, all of them over one bucket."""
    url, opened = s3_server.new_url(), []

    def open_database(name):
        database = Database(postgres_server.url_of(name))
        cache = ObjectCache(tmp_path / name, 1 << 24)
        opened.append(ClusterStore(database, Bucket(url, s3_server.options()), cache))
        return opened[-1]

    yield open_database
    for store in opened:
        store.close()


def put(store, name, content):
    store.files.put_file(RUN, name, io.BytesIO(content))


def contents(store):
    return {info.name: store.files.open_file(RUN, info.name).read() for info in store.files.list_files(RUN)}


def test_what_a_restored_database_names_is_there_and_what_came_later_is_told(postgres_server, open_store):
    name = postgres_server.make_database()
    store = open_store(name)
    store.create()
    store.make_run(RUN)
    store.claim_incarnation(RUN, "one life")
    put(store, "replaced", b"before")
    put(store, "deleted", b"before")
    store.close()
    backup = postgres_server.make_database(template=name)

    store = open_store(name)
    put(store, "replaced", b"after")
    put(store, "later", b"after")
    store.files.delete_file(RUN, "deleted")
    assert collect(store.database, store.bucket).object_count == 0

    restored = open_store(backup)
    assert contents(restored) == {"replaced": b"before", "deleted": b"before"}
    found = list(Comparison(restored.database, restored.bucket).differences(is_reading=True))
    assert [difference.kind for difference in found] == ["unknown", "unknown"]
    put(restored, "later", b"anew")
    put(restored, "replaced", b"anew")
    collect(restored.database, restored.bucket, staged_s=0.0)
    assert contents(restored) == {"replaced": b"anew", "deleted": b"before", "later": b"anew"}
    assert list(Comparison(restored.database, restored.bucket).differences()) == found


def test_a_replica_forgets_runs_of_which_the_restored_database_knows_nothing(postgres_server, open_store):
    name = postgres_server.make_database()
    store = open_store(name)
    store.create()
    Trainer(store, "kept").finish()
    store.close()
    backup = postgres_server.make_database(template=name)

    store = open_store(name)
    catalog = ClusterCatalog(store.database, store.listing_states, fold=lambda path: read_run(store, path))
    Trainer(store, "later").finish()
    assert run_ids(catalog) == ["kept", "later"]
    with psycopg.connect(postgres_server.url_of("postgres"), autocommit=True) as connection:
        connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (name,))
        connection.execute(f"alter database {name} rename to {name}_gone")
        connection.execute(f"alter database {backup} rename to {name}")
    assert run_ids(catalog) == ["kept"]


def run_ids(catalog):
    return sorted(run.run_id for run in catalog.refresh("ann", "mnist").runs)
