"""A bucket is that of one store: another one is refused by name, be it a copy, until it is told to take over."""

import pytest

from runlake.errors import CorruptError
from runlake.model import RunPath
from runlake.service.cluster.collector import Collector
from runlake.service.cluster.service import ClusterService
from runlake.store.changes import SeenChanges
from runlake.store.cluster.bucket import Bucket
from runlake.store.cluster.catalog import look_at
from runlake.store.cluster.database import Database
from runlake.store.cluster.moves import Moment
from runlake.store.cluster.names import Names
from runlake.store.cluster.object_cache import ObjectCache
from runlake.store.cluster.objects import Objects
from runlake.store.cluster.owner import OWNER_KEY, OtherOwnerError, check, claim, take_over
from runlake.store.cluster.store import ClusterStore
from runlake.store.noting import append_change
from waiting import wait_until

RUN = RunPath("ann", "p", "r")


@pytest.fixture
def bucket(s3_server):
    return Bucket(s3_server.new_url(), s3_server.options())


@pytest.fixture(scope="module")
def template(postgres_server):
    """The name of a database with tables."""
    name = postgres_server.make_database()
    database = Database(postgres_server.url_of(name))
    database.migrate()
    database.close()
    return name


@pytest.fixture
def open_database(postgres_server):
    opened = []

    def open_it(name):
        opened.append(Database(postgres_server.url_of(name)))
        return opened[-1]

    yield open_it
    for database in opened:
        database.close()


@pytest.fixture
def new_database(postgres_server, template, open_database):
    """Makes stores' databases; answers a name too, for who wants a copy of one."""

    def make(of=template):
        name = postgres_server.make_database(template=of)
        return open_database(name), name

    return make


def refused(database, bucket):
    with pytest.raises(OtherOwnerError) as raised:
        claim(database, bucket)
    return str(raised.value)


def test_a_bucket_belongs_to_the_first_store_that_claims_it(new_database, open_database, bucket):
    (one, name), (other, _) = new_database(), new_database()
    claim(one, bucket)
    claim(one, bucket)
    claim(open_database(name), bucket)
    assert refused(other, bucket) == (
        f"{bucket.url} belongs to another store, whose database is {one.name} and not {other.name}; choose another "
        "folder of the bucket, or if that store is gone, start once with: runlake serve --take-over-bucket"
    )
    take_over(other, bucket)
    claim(other, bucket)
    assert f"whose database is {other.name}" in refused(one, bucket)


def test_a_copy_of_a_database_is_not_the_owner_until_it_takes_over(new_database, bucket):
    original, name = new_database()
    claim(original, bucket)
    original.close()
    copy, _ = new_database(of=name)
    assert f"belongs to the database {original.name}, of which {copy.name} is a copy" in refused(copy, bucket)
    take_over(copy, bucket)
    claim(copy, bucket)
    assert f"of which {original.name} is a copy" in refused(original, bucket)


def test_two_stores_of_one_database_have_a_bucket_each(new_database, postgres_server, bucket):
    one, name = new_database()
    other = Database(postgres_server.url_of(name), schema="other")
    try:
        other.migrate()
        claim(one, bucket)
        assert "belongs to another store" in refused(other, bucket)
    finally:
        other.close()


def test_an_owner_that_cannot_be_read_is_not_overwritten(new_database, bucket):
    database, _ = new_database()
    bucket.put_new(OWNER_KEY, b"{")
    with pytest.raises(CorruptError, match=f"{OWNER_KEY} in {bucket.url} does not say which store"):
        claim(database, bucket)
    assert bucket.get(OWNER_KEY) == b"{"


def test_who_lost_the_bucket_removes_nothing_from_it(new_database, bucket, tmp_path):
    (old, _), (other, _) = new_database(), new_database()
    claim(old, bucket)
    store = ClusterStore(old, bucket, ObjectCache(tmp_path, 1 << 24))
    store.make_run(RUN)
    file = tmp_path / "file"
    file.write_bytes(b"what another names")
    key = Objects(old, bucket).put("files/x", "", file, None).key
    collector = Collector(store, every_s=0.01, staged_s=0.0, dead_s=0.0)
    try:
        wait_until(lambda: key not in {info.key for info in bucket.list()})
        take_over(other, bucket)
        with pytest.raises(OtherOwnerError):
            list(ClusterService(store, default_entity="ann").empty_trash(older_than_s=0.0))
    finally:
        collector.close()
    check(other, bucket)


def test_what_transactions_of_another_server_moved_does_not_move_for_ever(new_database, bucket, tmp_path):
    database, _ = new_database()
    store = ClusterStore(database, bucket, ObjectCache(tmp_path, 1 << 24))
    Names(database).make_run(RUN)
    append_change(store, RUN, "w", "edit", "i")
    database.write("update runs set moved_xid = '9999999999'")
    database.write("update changes set xid = '9999999999'")
    database.write("update projects set pruned_xid = '9999999999'")

    def is_still_told():
        changes = store.changes("ann", "p")
        seen = changes.read_since(changes.read_since(SeenChanges()).seen)
        before = look_at(database, "ann", "p", Moment(), 0.0)
        look = look_at(database, "ann", "p", before.moment, before.at)
        return sorted(look.moved), seen.is_garbled

    assert is_still_told() == (["r"], True)
    take_over(database, bucket)
    assert is_still_told() == ([], False)
