"""Several replicas over one database and one bucket: whichever is asked next, it goes on where the others are."""

import pytest

from runlake.errors import NotFoundError
from runlake.model import LoggedRow, RunEdit, RunPath, WriterBatch, WriterStart
from runlake.service.cluster.sealer import Sealer
from runlake.store.cluster.catalog import ClusterCatalog
from runlake.store.cluster.unsealed import find_unsealed
from runlake.store.run.state import read_run
from waiting import wait_until

RUN = RunPath("ann", "mnist", "a")


def rows(first, count):
    return [LoggedRow(n, 1000.0 + n, float(n), {"loss": n / 4}) for n in range(first, first + count)]


def batch(first, count, **more):
    return WriterBatch(rows={"history": rows(first, count)}, first_n={"history": first}, **more)


def losses(service, path=RUN):
    (series,) = service.read_history(path, keys=["loss"]).series
    return series.values.to_pylist()


def test_each_batch_of_a_writer_may_come_to_another_replica(new_replica):
    one, other, third = new_replica(), new_replica(), new_replica()
    handle = one.begin_writer(RUN, WriterStart())
    for turn, replica in enumerate([one, other, third, one, other, third]):
        replica.write_batch(RUN, handle.writer, batch(turn * 10, 10))
        replica.write_batch(RUN, handle.writer, batch(turn * 10, 10))  # its retry
    other.write_batch(RUN, handle.writer, WriterBatch(exit_code=0))

    assert [losses(replica) for replica in (one, other, third)] == [[n / 4 for n in range(60)]] * 3
    assert third.read_run(RUN).state == "finished"


def test_what_one_replica_changes_the_others_list_at_once(new_replica, train):
    one, other = new_replica(), new_replica()
    train("a", config={"lr": 0.1}).log(loss=1.0).finish()
    assert [run.run_id for run in one.list_runs("ann", "mnist").runs] == ["a"]

    other.edit_run(RUN, RunEdit(config_set={"lr": 0.5}, info={"tags": ["best"]}))
    (run,) = one.list_runs("ann", "mnist").runs
    assert (run.config, run.tags) == ({"lr": 0.5}, ("best",))

    other.delete_run(RUN)
    assert one.list_runs("ann", "mnist").runs == ()
    with pytest.raises(NotFoundError):
        one.read_run(RUN)
    one.restore_run(RUN)
    assert [run.run_id for run in other.list_runs("ann", "mnist").runs] == ["a"]


def test_pages_of_one_listing_may_be_cut_by_any_replica(new_replica, train):
    one, other = new_replica(), new_replica()
    for run_id in "abcd":
        train(run_id).finish()
    first = one.list_runs("ann", "mnist", limit=2)
    train("e").finish()
    one.delete_run(RUN._replace(run_id="d"))

    second = other.list_runs("ann", "mnist", offset=2, limit=2, version=first.version)

    assert [run.run_id for run in (*first.runs, *second.runs)] == list("abcd")
    assert [run.run_id for run in other.list_runs("ann", "mnist").runs] == list("abce")


def test_a_new_replica_begins_with_the_listing_that_another_kept(new_store, new_replica, train):
    train("a").log(loss=1.0).finish()
    train("b").log(loss=2.0).finish()
    before = new_replica().list_runs("ann", "mnist").runs
    train("c").log(loss=3.0).finish()
    folded = []
    late = new_store()

    def fold(path):
        folded.append(path.run_id)
        return read_run(late, path)

    state = ClusterCatalog(late.database, late.listing_states, fold=fold).refresh("ann", "mnist")

    assert sorted(state.runs, key=lambda run: run.run_id)[:2] == list(before)
    assert folded == ["c"]


def test_what_has_ended_is_sealed_beside_the_answers_by_one_of_all(new_store, new_replica, store, train):
    sealers = [Sealer(new_store(), look_every_s=0.05, silent_s=0.0) for _ in range(2)]
    try:
        trainer = train("a")
        for n in range(100):
            trainer.log(loss=n / 4)
        trainer.finish()
        sealers[0].soon(RUN)
        sealers[1].soon(RUN)
        wait_until(lambda: not find_unsealed(store.database, silent_s=0.0, limit=10))
    finally:
        for sealer in sealers:
            sealer.close()

    assert losses(new_replica()) == [n / 4 for n in range(100)]
    assert len(store.segments(RUN).list_names()) == 1
    assert store.journal(RUN).list_parts() == []


def test_runs_whose_writers_died_do_not_hide_those_that_can_be_sealed(store, train):
    for run_id in "abc":
        train(run_id).log(loss=1.0)
        store.database.write("update parts set heard_at = heard_at - interval '10 min'")
    assert [path.run_id for path, _ in find_unsealed(store.database, silent_s=30.0, limit=2)] == ["c", "b"]
