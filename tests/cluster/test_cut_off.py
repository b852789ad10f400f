"""A replica that is cut off from the database in the midst of a request: whoever sends it again finds it done once."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from runlake.errors import RunlakeError
from runlake.model import LoggedRow, RunPath, WriterBatch, WriterStart
from runlake.service.cluster.service import ClusterService
from runlake.store.cluster.database import Database, UnreachableDatabaseError
from runlake.store.cluster.object_cache import ObjectCache
from runlake.store.cluster.store import ClusterStore
from waiting import DEADLINE_S, wait_until

RUN = RunPath("ann", "p", "r")


@pytest.fixture
def cut_off(store, losing_proxy, tmp_path):
    """A replica whose way to the database can be cut, and which has little patience."""
    name = store.database.read("select current_database()")[0][0]
    url = f"postgresql://tests@127.0.0.1:{losing_proxy.port}/{name}?connect_timeout=2"
    database = Database(url, schema=store.database.schema, patience_s=0.3)
    itself = ClusterStore(database, store.bucket, ObjectCache(tmp_path / "its-cache", 1 << 24))
    yield ClusterService(itself, default_entity="ann", user="ann")
    itself.close()


@pytest.mark.parametrize(
    "cut_at", [b"select writer, number, end_offset from parts", b"union all\nselect file, null, key"]
)
def test_a_run_that_is_sealed_between_two_looks_of_a_reader_is_read(cut_off, losing_proxy, new_replica, cut_at):
    cut_off._store.database._patience_s = DEADLINE_S
    other = new_replica()
    writer = other.begin_writer(RUN, WriterStart()).writer
    other.write_batch(RUN, writer, batch(0, 10))
    other.write_batch(RUN, writer, WriterBatch(exit_code=0))
    losing_proxy.cut_at = cut_at
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(losses, cut_off)
        wait_until(lambda: not losing_proxy.is_open.is_set(), "the reader is about to look")
        list(other.seal("ann", "p"))
        losing_proxy.is_open.set()
        assert reading.result() == [n / 4 for n in range(10)]


def batch(first, count, **said):
    rows = [LoggedRow(n, 1000.0 + n, float(n), {"loss": n / 4}) for n in range(first, first + count)]
    return WriterBatch(rows={"history": rows}, first_n={"history": first}, **said)


A_TURN = {"config": {"lr": 0.1}}
"""What others are told of takes a turn; rows alone are one statement."""


def losses(service):
    (series,) = service.read_history(RUN, keys=["loss"]).series
    return series.values.to_pylist()


def test_a_commit_whose_answer_is_lost_is_repeated_and_doubles_no_row(cut_off, losing_proxy, new_replica):
    handle = new_replica().begin_writer(RUN, WriterStart())
    for first in (0, 10):
        losing_proxy.lose = b"COMMIT"
        with pytest.raises(UnreachableDatabaseError):
            cut_off.write_batch(RUN, handle.writer, batch(first, 10, config={"first": first}))
        assert losses(new_replica()) == [n / 4 for n in range(first + 10)]
        assert (
            cut_off.write_batch(RUN, handle.writer, batch(first, 10, config={"first": first})).row_counts["history"]
            == first + 10
        )
    assert losses(new_replica()) == [n / 4 for n in range(20)]
    assert losing_proxy.lost_count == 2


@pytest.mark.parametrize("what", [b"insert into chunks", b"COMMIT"])
def test_a_turn_that_is_cut_in_two_is_taken_by_another_replica_and_comes_late_for_nothing(
    cut_off, losing_proxy, new_replica, what
):
    other = new_replica()
    handle = other.begin_writer(RUN, WriterStart())
    cut_off.write_batch(RUN, handle.writer, batch(0, 10))
    losing_proxy.cut_at = what
    with pytest.raises(UnreachableDatabaseError, match=r"no answer for 0\.3 s"):
        cut_off.write_batch(RUN, handle.writer, batch(10, 10, **A_TURN))
    losing_proxy.is_open.set()  # what waited there arrives after all, when nobody waits for its answer any more

    def row_count():
        try:
            return cut_off.write_batch(RUN, handle.writer, batch(10, 10, **A_TURN)).row_counts["history"]
        except RunlakeError:
            return None

    assert wait_until(row_count, "the replica is heard again") == 20
    assert other.write_batch(RUN, handle.writer, batch(10, 20)).row_counts["history"] == 30
    assert losses(cut_off) == losses(other) == [n / 4 for n in range(30)]
