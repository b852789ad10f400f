"""Several replicas over one database and one bucket: whichever is asked next, it goes on where the others are."""

import pytest

from runlake.errors import NotFoundError
from runlake.model import LoggedRow, OpenRequest, RunEdit, RunPath, WriterBatch, WriterStart
from runlake.service.cluster.sealer import Sealer
from runlake.service.cluster.service import ClusterService
from runlake.service.local.limits import LocalLimits
from runlake.store.cluster.catalog import ClusterCatalog
from runlake.store.cluster.unsealed import find_unsealed
from runlake.store.folder_store import FolderStore
from runlake.store.journal.journal import PartName
from runlake.store.journal.limits import WriterLimits
from runlake.store.run.state import read_run
from trainer import Trainer
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


def test_a_stop_request_at_one_replica_comes_with_the_next_rows_at_another(new_replica):
    one, other = new_replica(), new_replica()
    handle = one.begin_writer(RUN, WriterStart())
    told = [one.write_batch(RUN, handle.writer, batch(n, 1)).is_stop_requested for n in range(3)]
    other.stop_run(RUN)
    told += [one.write_batch(RUN, handle.writer, batch(n, 1)).is_stop_requested for n in range(3, 5)]

    assert told == [False, False, False, True, True]
    assert losses(other) == [n / 4 for n in range(5)]


def test_the_journal_of_a_process_elsewhere_may_come_by_any_replica_and_any_of_it_twice(new_replica, tmp_path):
    one, other = new_replica(), new_replica()
    trained = Trainer(FolderStore(tmp_path), "a")
    writer = trained.opened.writer
    part, pieces = PartName(writer.writer, 0), []
    for n in range(12):
        trained.log(loss=n / 4)
        pieces.append(FolderStore(tmp_path).journal(RUN).read(part, sum(map(len, pieces))))
    one.open_writer(RUN, OpenRequest(token="t", header={**writer.header.body, "writer": writer.writer}))
    offset = 0
    for n, piece in enumerate(pieces):
        for replica in (one, one, other) if n % 4 == 3 else (one, one):
            offset_after = replica.append_frames(RUN, writer.writer, 0, offset, piece).next_offset
        offset = offset_after
    other.stop_run(RUN)

    trained.log(loss=3.0)
    last = FolderStore(tmp_path).journal(RUN).read(part, offset)
    assert one.append_frames(RUN, writer.writer, 0, offset, last).is_stop_requested
    assert [losses(replica) for replica in (one, other)] == [[n / 4 for n in range(13)]] * 2
    trained.opened.writer.close()


def test_rows_go_on_from_part_to_part_and_by_other_replicas_in_between(new_store):
    one, other = (
        ClusterService(new_store(), default_entity="ann", limits=LocalLimits(writers=WriterLimits(rows_per_part=10)))
        for _ in range(2)
    )
    handle = one.begin_writer(RUN, WriterStart())
    for n in range(24):
        replica = other if n % 7 == 6 else one
        replica.write_batch(RUN, handle.writer, batch(n * 3, 3, summary={"n": n}))

    assert losses(other) == [n / 4 for n in range(72)]
    assert one.read_run(RUN).summary["n"] == 23


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
    early = new_replica()
    before = early.list_runs("ann", "mnist").runs
    early.close()
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
