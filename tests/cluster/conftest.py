import pytest

from runlake.service.cluster.service import ClusterService


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
