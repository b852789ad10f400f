"""The one interleaving for which a lock and a guard are there; without them it is seen, as `test_chaos` must see it."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from parts_of_cluster import parts_in_two_segments
from replica_process import MUTANTS

from runlake.errors import CorruptError
from runlake.model import LoggedRow, RunPath, WriterBatch, WriterStart
from runlake.service.cluster.service import ClusterService
from runlake.service.local.limits import LocalLimits
from runlake.store.cluster import journal, segments, served
from runlake.store.cluster.database import Database
from runlake.store.cluster.object_cache import ObjectCache
from runlake.store.cluster.store import ClusterStore
from runlake.store.compact import seal
from runlake.store.compact.seal_plan import plan
from runlake.store.journal.limits import WriterLimits
from runlake.store.run.snapshot import take_snapshot
from waiting import wait_until

RUN = RunPath("ann", "p", "r")
CHANGED = ((served, "_TURN"), (served, "_APPEND"), (journal, "_APPEND"), (segments, "check_publishable"))


@pytest.fixture
def design(request, monkeypatch):
    """The right one, or a wrong one for as long as the test runs."""
    for module, name in CHANGED:
        monkeypatch.setattr(module, name, getattr(module, name))  # so that it is put back
    MUTANTS[request.param]()
    return request.param


def batch(first, count):
    rows = [LoggedRow(n, 1000.0 + n, float(n), {"loss": n / 4}) for n in range(first, first + count)]
    return WriterBatch(rows={"history": rows}, first_n={"history": first})


def steps(service):
    return service.read_history(RUN).step.tolist()


@pytest.fixture
def slow_store(store, losing_proxy, tmp_path):
    """The store as a replica has it whose way to the database can be cut, and the way."""
    name = store.database.read("select current_database()")[0][0]
    database = Database(f"postgresql://tests@127.0.0.1:{losing_proxy.port}/{name}", schema=store.database.schema)
    slow = ClusterStore(database, store.bucket, ObjectCache(tmp_path / "its-cache", 1 << 24))
    yield slow, losing_proxy
    slow.close()


@pytest.mark.parametrize("design", ["", "no lock"], indirect=True)
def test_of_two_turns_at_once_with_the_same_rows_one_keeps_them(design, slow_store, store, new_replica):
    slow, way = ClusterService(slow_store[0], default_entity="ann"), slow_store[1]
    other = new_replica()
    handle = other.begin_writer(RUN, WriterStart())
    slow.write_batch(RUN, handle.writer, batch(0, 10))
    waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
    with ThreadPoolExecutor(2) as pool:
        way.cut_at = b"insert into chunks"
        first = pool.submit(slow.write_batch, RUN, handle.writer, batch(10, 10))
        wait_until(lambda: not way.is_open.is_set(), "the first turn is about to append")
        second = pool.submit(other.write_batch, RUN, handle.writer, batch(10, 10))
        wait_until(lambda: second.done() or store.database.read(waiting)[0][0], "the second has come as far as it can")
        way.is_open.set()
        assert [turn.result().row_counts["history"] for turn in (first, second)] == [20, 20]
    if design == "":
        assert steps(other) == list(range(20))
    else:
        with pytest.raises(CorruptError, match="not in the order of their numbers"):
            steps(other)


@pytest.mark.parametrize("design", ["", "no guard"], indirect=True)
def test_a_sealer_that_sleeps_past_its_lease_publishes_nothing(design, new_store):
    store = new_store()
    limits = LocalLimits(writers=WriterLimits(rows_per_part=10))
    service = ClusterService(store, default_entity="ann", limits=limits)
    handle = service.begin_writer(RUN, WriterStart())
    service.write_batch(RUN, handle.writer, batch(0, 15))
    with store.segments(RUN).alone(is_waiting=False) as is_alone:
        snapshot = take_snapshot(store, RUN)
        (first,) = plan(snapshot)
        meta = seal.write_files(snapshot, first)
        store.database.write("update leases set until = now()")  # it sleeps for so long
        service.write_batch(RUN, handle.writer, batch(15, 15))
        assert (is_alone, seal.seal_run(new_store(), RUN)) == (True, 20)
        try:
            seal.publish_meta(snapshot.segments, meta)
            is_published = True
        except FileNotFoundError:
            is_published = False  # it looks again
    is_wrong = design != ""
    assert (is_published, bool(parts_in_two_segments(store, RUN))) == (is_wrong, is_wrong)
    assert steps(service) == list(range(30))
