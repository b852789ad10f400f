"""A listing asks only how those journals stand that moved: it finds all the same that a writer falls silent."""

import pytest

from runlake.model import RunPath, WriterBatch, WriterStart
from runlake.service.cluster.sealer import Sealer
from runlake.store.journal.limits import WriterLimits
from runlake.store.journal.liveness import STALE_S
from runlake.store.opening.inspect_here import IN_PROCESS
from runlake.store.opening.open import open_run
from trainer import Trainer
from waiting import wait_until

RUN = RunPath("ann", "mnist", "a")


@pytest.fixture
def trainer(store):
    trainer = Trainer(store, "a").log(loss=1.0)
    yield trainer
    trainer.opened.writer.close()


def state_of(replica):
    """As it is listed."""
    (run,) = replica.list_runs("ann", "mnist").runs
    return run.state


def fall_nearly_silent(store):
    """All writers were heard last so long ago that in a second they count as dead."""
    for table in ("parts", "served"):
        store.database.write(f"update {table} set heard_at = now() - make_interval(secs => {STALE_S - 1.0})")


def version_while_nearly_silent(store, replica):
    """Of the listing, in which the run still goes on; None where the look came after that second."""
    fall_nearly_silent(store)
    version = replica.list_runs("ann", "mnist").version
    return version if state_of(replica) == "running" else None


def test_a_run_whose_writer_falls_silent_is_crashed_and_runs_again_when_it_is_heard(store, new_replica, trainer):
    replica = new_replica()
    versions = [wait_until(lambda: version_while_nearly_silent(store, replica), "the run goes on")]
    wait_until(lambda: state_of(replica) == "crashed", "the run is crashed")
    trainer.log(loss=2.0)
    assert state_of(replica) == "running"
    versions.append(replica.list_runs("ann", "mnist").version)
    assert len({*versions, replica.list_runs("ann", "mnist").version}) == 2


def test_a_writer_that_sends_nothing_but_that_it_lives_is_heard(store, new_replica):
    replica, other = new_replica(), new_replica()
    handle = other.begin_writer(RUN, WriterStart())
    fall_nearly_silent(store)
    wait_until(lambda: state_of(replica) == "crashed", "the run is crashed")
    other.write_batch(RUN, handle.writer, WriterBatch())
    assert state_of(replica) == "running"


def test_what_was_closed_by_a_writer_that_dies_before_it_goes_on_is_sealed_when_it_was_silent(store, new_store):
    writer = open_run(store, RUN, {}, inspector=IN_PROCESS, limits=WriterLimits(rows_per_part=10)).writer
    for step in range(11):
        writer.log({"loss": 1.0}, step=step, timestamp=1.7e9, runtime=1.0)
    journal, sealing = store.journal(RUN), new_store()
    (closed, _), (following, _) = journal.list_parts()
    journal.drop(following)  # as if it died before it began this one
    sealer = Sealer(sealing, look_every_s=0.05, silent_s=0.0, again_s=0.1, longest_s=0.2)
    wait_until(lambda: sealing.counts.read().get("seals_done", 0) > 2, "it was tried several times")
    assert [name for name, _ in journal.list_parts()] == [closed]

    fall_nearly_silent(store)
    wait_until(lambda: journal.list_parts() == [], "it is sealed")
    sealer.close()


def test_a_replica_that_begins_late_finds_who_fell_silent_meanwhile(store, new_replica, trainer):
    wait_until(lambda: version_while_nearly_silent(store, new_replica()), "the run goes on")
    wait_until(lambda: state_of(new_replica()) == "crashed", "the run is crashed")


def test_what_moves_is_told_once(store, new_replica, trainer):
    replica = new_replica()
    first = replica.read_news("ann", "mnist")
    trainer.log(loss=2.0)
    told = replica.read_news("ann", "mnist", since=first.version)
    assert told.changed == ("a",)
    assert replica.read_news("ann", "mnist", since=told.version).changed == ()
