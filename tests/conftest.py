"""What all tests share: how Hypothesis looks for examples, warm processes, and no sealing behind anybody's back."""

import atexit
import gc
import os
import signal
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import warm
from cpu_durations import CpuDurations

NOBODY = Path(__file__).parent / "nobody.pem"
"""The one authority that is trusted: each client of HTTP would read the 140 of the machine, be it of plain HTTP."""

NO_MATTER = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
"""A fixture that examples share, and how long it took to make them: a busy machine is no fault of a strategy."""

MARKS_OF_FOLDERS = {
    "tests/attack/": ["long"],
    "tests/integrations/peers/": ["integration", "long"],
    "tests/page/": ["browser"],
    "tests/server/official/": ["integration"],
}
"""All tests of these folders are of that kind."""

COMMON = {"deadline": None, "print_blob": True, "suppress_health_check": NO_MATTER}
settings.register_profile("runlake", max_examples=20, **COMMON)
settings.register_profile("thorough", max_examples=1000, **COMMON)
settings.load_profile("runlake")


def pytest_addoption(parser):
    parser.addoption("--cold", action="store_true", help="start every Python process anew, none with warm packages")
    parser.addoption("--over-cluster", action="store_true", help="the official client meets PostgreSQL and a bucket")
    parser.addoption("--cpu-durations", type=int, metavar="N", help="show N tests that cost most processor time")


def pytest_configure(config):
    heed_signals()
    keep_bytecode()
    os.environ["SSL_CERT_FILE"] = str(NOBODY)
    os.environ["RUNLAKE_SEAL"] = "off"  # each run that ends would begin a process: who asks for segments seals
    if config.getoption("--cold"):
        warm.use_cold()
    if (count := config.getoption("--cpu-durations")) is not None:
        config.pluginmanager.register(CpuDurations(count))


def heed_signals():
    """Shells have what they start in the background ignore these, and so would all processes of the tests."""
    handlers = {signal.SIGINT: signal.default_int_handler, getattr(signal, "SIGHUP", None): signal.SIG_DFL}
    for number, handler in handlers.items():
        if number is not None and signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, handler)


def keep_bytecode():
    """Where nothing compiled is kept, each of the many processes of the tests compiles all that it imports anew."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """What is collected stays to the end: garbage is looked for neither while that is made nor, later, among it."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        atexit.register(gc.unfreeze)  # packages in C look at the end whether all of theirs is gone
        gc.enable()


def pytest_itemcollected(item):
    for folder, marks in MARKS_OF_FOLDERS.items():
        if item.nodeid.startswith(folder):
            for mark in marks:
                item.add_marker(mark)


def pytest_unconfigure():
    warm.stop()


@pytest.fixture(scope="session")
def s3_server():
    """A real S3 server that runs as long as the tests, and has a bucket: ask it for `new_url()`."""
    import seaweed

    if (reason := seaweed.why_not()) is not None:
        pytest.skip(reason)
    with seaweed.s3_server() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server():
    """A PostgreSQL that runs as long as the tests."""
    from postgres import PostgresServer, find_programs

    programs = find_programs()
    if programs is None or find_spec("psycopg") is None:
        pytest.skip("there is no PostgreSQL, or no psycopg")
    server = PostgresServer(programs)
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def losing_proxy(postgres_server):
    """A way to it on which an answer can be lost, or which can be cut."""
    from lost_answers import LosingProxy

    proxy = LosingProxy(postgres_server.folder / ".s.PGSQL.5432")
    yield proxy
    proxy.close()


@pytest.fixture(scope="session")
def shared_database_url(postgres_server):
    """The address of the database of a store that tests share: each has runs, places and names of its own in it."""
    from runlake.store.cluster.database import Database

    url = postgres_server.url_of(postgres_server.make_database())
    database = Database(url)
    database.migrate()
    database.close()
    return url


@pytest.fixture(scope="session")
def shared_database(shared_database_url):
    """The same as this process sees it."""
    from runlake.store.cluster.database import Database

    database = Database(shared_database_url)
    yield database
    database.close()


@pytest.fixture
def cluster(s3_server, shared_database, tmp_path):
    """A store on PostgreSQL and a bucket, with nothing in it that others see."""
    from parts_of_cluster import Cluster

    from runlake.store.cluster.bucket import Bucket
    from runlake.store.cluster.object_cache import ObjectCache

    cache = ObjectCache(tmp_path / "objects", 1 << 28)
    yield Cluster(shared_database, Bucket(s3_server.new_url(), s3_server.options()), cache)
    cache.close()


@pytest.fixture
def lonely_cluster(cluster, shared_database_url):
    """The same with tables of its own: for what looks at all objects."""
    from runlake.store.cluster.database import Database

    database = Database(shared_database_url, schema=cluster.bucket.url.rpartition("/")[2])
    database.migrate()
    yield cluster._replace(database=database)
    database.close()


@pytest.fixture(scope="session")
def empty_schemas():
    """The names of schemas of the shared database whose tables are empty: to make those of a store takes a while."""
    return []


@pytest.fixture
def new_cluster_store(postgres_server, shared_database_url, empty_schemas, s3_server, tmp_path):
    """Makes stores on PostgreSQL and a bucket; whoever asks for one closes it."""
    from runlake.store.cluster.bucket import Bucket
    from runlake.store.cluster.database import Database
    from runlake.store.cluster.object_cache import ObjectCache
    from runlake.store.cluster.store import ClusterStore

    taken = []

    def make():
        taken.append(empty_schemas.pop() if empty_schemas else f"s{os.urandom(6).hex()}")
        database = Database(shared_database_url, schema=taken[-1], connection_count=8)
        bucket = Bucket(s3_server.new_url(), s3_server.options())
        store = ClusterStore(database, bucket, ObjectCache(tmp_path / "cache", 64 << 20))
        store.create()
        return store

    yield make
    for schema in taken:
        empty_tables(shared_database_url, schema)
        empty_schemas.append(schema)


def empty_tables(url, schema):
    """Remove all rows of a store."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"set search_path = {schema}; set session_replication_role = replica")  # in any order
        tables = connection.execute("select tablename from pg_tables where schemaname = %s", (schema,)).fetchall()
        connection.execute(";".join(f"delete from {table}" for (table,) in tables if table != "schema_version"))


@pytest.fixture
def train(store):
    """Starts processes that train into the `store` of a folder of tests; those left running are closed at the end."""
    from trainer import Trainer

    trainers = []

    def start(run_id, **fields):
        trainers.append(Trainer(store, run_id, **fields))
        return trainers[-1]

    yield start
    for trainer in trainers:
        trainer.opened.writer.close()
