"""Whoever seals a run notes how it reads: who lists many reads only those of which nobody noted what they are now."""

import contextlib
import logging
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlake.errors import CorruptError, NotFoundError, UnreachableError
from runlake.model import RunEdit, RunInfo, RunPath
from runlake.service.cluster.sealer import Sealer
from runlake.store.catalog.project_records import CatalogRow, ProjectRecords
from runlake.store.catalog.run_columns import MarkedRun, RunColumns
from runlake.store.cluster import run_states
from runlake.store.cluster.catalog import ClusterCatalog
from runlake.store.cluster.owner import claim, take_over
from runlake.store.cluster.run_states import note_run
from runlake.store.run.state import read_run
from trainer import Trainer
from waiting import wait_until

RUN = RunPath("ann", "mnist", "a")
ODD = {"big": 2**70, "lr": 0.1, "text": "\ud800", "nested": {"deep": [1, {"x": None}]}}


class Reading:
    """A catalog of a replica, and which runs it read by itself."""

    def __init__(self, store, **limits):
        self.read, self.store = [], store
        self.catalog = ClusterCatalog(store.database, store.listing_states, fold=self.fold, **limits)

    def fold(self, path):
        self.read.append(path.run_id)
        return read_run(self.store, path)

    def runs(self, project="mnist"):
        """The runs by id, as they are listed."""
        return {run.run_id: run for run in self.catalog.refresh("ann", project).runs}

    def taken(self):
        """Which runs were read since this was asked last."""
        read, self.read = sorted(self.read), []
        return read


@pytest.fixture
def new_reading(new_store):
    readings = []

    def make(**limits):
        readings.append(Reading(new_store(), **limits))
        return readings[-1]

    yield make
    for reading in readings:
        reading.catalog.close()


@pytest.fixture
def reading(new_reading):
    return new_reading()


@pytest.fixture
def replica(new_replica):
    return new_replica()


def read_all(store, project="mnist"):
    """The runs by id, each read by itself."""
    run_ids = store.run_ids("ann", project)
    return {run_id: read_run(store, RunPath("ann", project, run_id)) for run_id in run_ids}


def test_of_runs_that_were_sealed_none_is_read_and_they_are_what_reading_them_gives(replica, store, train, reading):
    for run_id in "abc":
        train(run_id, config=ODD).log(loss=1.5, text="é").finish(exit_code=int(run_id == "b"))
    list(replica.seal("ann", "mnist"))

    assert reading.runs() == read_all(store)
    assert reading.taken() == []
    replica.edit_run(RUN, RunEdit(config_set={"lr": 0.5}))
    assert reading.runs()["a"].config["lr"] == 0.5
    assert reading.taken() == ["a"]
    replica.edit_run(RUN, RunEdit(config_set={"lr": 0.7}))
    list(replica.seal("ann", "mnist"))
    assert reading.runs() == read_all(store)
    assert reading.taken() == []


def test_a_replica_notes_what_it_seals_beside_its_answers(new_store, train, reading):
    trained, sealing = train("a").log(loss=1.0), new_store()
    trained.finish()
    sealer = Sealer(sealing, look_every_s=0.05, silent_s=0.0)
    sealer.soon(RUN)
    wait_until(lambda: sealing.database.read("select 1 from run_states"), "the note")
    sealer.close()
    assert (reading.runs()["a"].summary["loss"], reading.taken()) == (1.0, [])


def test_a_run_of_which_some_is_unsealed_or_that_is_gone_is_not_noted(store, train):
    train("a").log(loss=1.0)
    train("b").finish()
    assert not store.note_run(RUN)
    store.delete_run(RUN._replace(run_id="b"))
    assert not store.note_run(RUN._replace(run_id="b"))
    assert not store.note_run(RUN._replace(run_id="never"))
    assert store.database.read("select 1 from run_states") == []


@pytest.mark.parametrize("is_deleted", [False, True], ids=["edited", "deleted"])
def test_a_run_that_moves_while_it_is_read_is_not_noted(is_deleted, replica, store, train, reading):
    train("a").log(loss=1.0).finish()
    list(replica.seal("ann", "mnist"))
    store.database.write("delete from run_states")

    def fold(path):
        info = read_run(store, path)
        if is_deleted:
            replica.delete_run(path)
        else:
            replica.edit_run(path, RunEdit(config_set={"lr": 0.5}))
            list(replica.seal("ann", "mnist"))
            store.database.write("delete from run_states")
        return info

    assert not note_run(store.database, RUN, fold)
    assert reading.runs() == read_all(store)
    assert not is_deleted or reading.runs() == {}


def test_what_is_noted_is_not_read_again_to_note_it(replica, store, train):
    train("a").log(loss=1.0).finish()
    list(replica.seal("ann", "mnist"))
    read = []
    assert note_run(store.database, RUN, read.append)
    assert read == []


def test_a_run_that_cannot_be_read_is_not_noted_and_its_sealing_goes_on(replica, store, train):
    train("a").log(loss=1.0).finish()
    list(replica.seal("ann", "mnist"))
    store.database.write("delete from run_states")

    def fold(path):
        raise CorruptError(f"{path} is damaged")

    assert not note_run(store.database, RUN, fold)
    assert store.database.read("select 1 from run_states") == []


def test_who_asks_for_the_sealing_of_what_is_not_there_is_told_at_once(replica):
    with pytest.raises(NotFoundError):
        replica.seal("ann", "never")


def test_a_note_counts_only_for_the_time_it_is_of(replica, store, train, reading):
    train("a").log(loss=1.0).finish()
    list(replica.seal("ann", "mnist"))
    assert (reading.runs()["a"].summary["loss"], reading.taken()) == (1.0, [])
    replica.delete_run(RUN)
    assert reading.runs() == {}
    replica.restore_run(RUN)
    assert (reading.runs()["a"].summary["loss"], reading.taken()) == (1.0, ["a"])
    store.note_run(RUN)
    trained = train("a", resume="must")
    trained.log(loss=2.0)
    assert (reading.runs()["a"].summary["loss"], reading.taken()) == (2.0, ["a"])


def test_a_note_of_another_version_of_runlake_is_left_alone(replica, train, reading, monkeypatch):
    train("a").finish()
    monkeypatch.setattr(run_states, "FIELDS", "of tomorrow")
    list(replica.seal("ann", "mnist"))
    monkeypatch.undo()
    assert (list(reading.runs()), reading.taken()) == (["a"], ["a"])


def test_what_moved_and_is_as_it_was_makes_no_new_version(replica, store, train, reading):
    train("a").log(loss=1.0).finish()
    list(replica.seal("ann", "mnist"))
    before = reading.catalog.refresh("ann", "mnist")
    store.database.write("update runs set moved_xid = pg_current_xact_id()")
    assert store.note_run(RUN)
    assert reading.catalog.refresh("ann", "mnist") is before
    assert reading.taken() == []


def test_a_note_of_a_project_that_had_another_name_is_not_believed(replica, store, train, new_reading):
    train("a").log(loss=1.0).finish()
    list(replica.seal("ann", "mnist"))
    store.database.write("update projects set name = 'other', project_key = 'other'")
    reading = new_reading()
    (run,) = reading.catalog.refresh("ann", "other").runs
    assert (run.path, reading.taken()) == (RUN._replace(project="other"), ["a"])


def test_notes_that_a_restored_database_has_from_the_future_are_gone(replica, store, train):
    claim(store.database, store.bucket)
    train("a").finish()
    list(replica.seal("ann", "mnist"))
    store.database.write("update run_states set moved_xid = '9000000000000'::xid8")
    take_over(store.database, store.bucket)
    assert store.database.read("select 1 from run_states") == []


def test_with_its_run_a_note_goes_for_good(replica, store, train):
    train("a").finish()
    list(replica.seal("ann", "mnist"))
    replica.delete_run(RUN)
    list(replica.empty_trash(older_than_s=0.0))
    assert store.database.read("select 1 from run_states") == []


# Columns made beside the answers ------------------------------------------------------------------------------


def test_columns_are_made_beside_the_answers_and_every_replica_cuts_its_pages_from_them(
    store, train, new_reading, replica
):
    reading = new_reading(absorb_at=3)
    for number in range(8):
        train(f"r{number}").log(loss=float(number)).finish()
    first = reading.catalog.refresh("ann", "mnist")
    assert (first.columns.size, len(first.added)) == (8, 0)  # all that there is costs no more than it did to read it
    for number in range(4):
        replica.edit_run(RUN._replace(run_id=f"r{number}"), RunEdit(config_set={"n": number}))
    second = reading.catalog.refresh("ann", "mnist")
    assert (second.columns, len(second.added)) == (first.columns, 4)

    third = wait_until(lambda: later(reading, second), "other columns")
    assert (third.columns.size, len(third.added), third.number) == (8, 0, second.number + 1)
    expected = read_all(store)
    for state in (second, third, new_reading().catalog.load_version("ann", "mnist", third.version)):
        assert {run.run_id: run for run in state.runs} == expected


def later(reading, before):
    """The state with other columns, once there is one."""
    state = reading.catalog.refresh("ann", "mnist")
    return state if state.columns is not before.columns else None


def test_listings_go_on_while_the_bucket_is_away(train, new_reading, replica, caplog, monkeypatch):
    reading = new_reading(absorb_at=3)
    for number in range(8):
        train(f"r{number}").finish()
    first = reading.catalog.refresh("ann", "mnist")

    def away(*_, **__):
        raise UnreachableError("the bucket does not answer")

    monkeypatch.setattr(reading.store.bucket, "put_file", away)
    for number in range(4):
        replica.edit_run(RUN._replace(run_id=f"r{number}"), RunEdit(config_set={"n": number}))
    with caplog.at_level(logging.WARNING, logger="runlake"):
        assert reading.runs()["r3"].config == {"n": 3}
        wait_until(lambda: caplog.messages, "that it is said")
    assert caplog.messages[0] == ("what is known of ann/mnist cannot be kept for others: the bucket does not answer")
    monkeypatch.undo()
    wait_until(lambda: reading.catalog.refresh("ann", "mnist").columns is not first.columns, "columns, in the end")


def test_who_asks_while_a_replica_ends_is_answered(train, reading):
    reading.catalog.close()
    train("a").log(loss=1.0).finish()
    assert reading.runs()["a"].summary["loss"] == 1.0


def test_what_moved_while_columns_were_made_stays_beside_them():
    records = ProjectRecords(columns=columns_of(n for n in range(6)), columns_name="old")
    records.overlay = {name: row_of(name, 1) for name in ("r0", "r1", "r2")} | {"r3": gone()}
    before, made = records.copy(), records.copy()
    made.absorb("ann", "mnist")
    made.columns_name = "new"
    records.overlay["r1"] = row_of("r1", 2)
    records.overlay["r4"] = row_of("r4", 2)

    records.replace(before, made)

    assert (records.columns, records.columns_name) == (made.columns, "new")
    assert records.overlay == {"r1": row_of("r1", 2), "r4": row_of("r4", 2)}
    told = {run.run_id: run.config["version"] for run in records.state(1, "v").runs}
    assert told == {"r0": 1, "r1": 2, "r2": 1, "r4": 2, "r5": 0}


def test_columns_that_others_took_the_place_of_meanwhile_are_not_taken():
    records = ProjectRecords(columns=columns_of(n for n in range(3)))
    records.overlay = {"r0": row_of("r0", 1)}
    before, made = records.copy(), records.copy()
    made.absorb("ann", "mnist")
    records.columns = other = columns_of(n for n in range(4))
    records.replace(before, made)
    assert (records.columns, records.overlay) == (other, {"r0": row_of("r0", 1)})


def info_of(run_id, version):
    names = {"incarnation": "i", "generation": "g", "name": run_id, "state": "finished", "summary": {}}
    return RunInfo(
        **RUN._replace(run_id=run_id)._asdict(),
        **names,
        config={"version": version},
        created_at=float(run_id[1:]),
        heartbeat_at=1.0,
        exit_code=0,
        row_count=0,
        last_step=-1,
    )


def row_of(run_id, version):
    return CatalogRow(info_of(run_id, version), version, is_open=False)


def gone():
    return CatalogRow(None, 0, is_open=False)


def columns_of(numbers):
    runs = [MarkedRun(f"r{number}", info_of(f"r{number}", 0), 0, False) for number in numbers]
    return RunColumns.of("ann", "mnist", runs)


# Whatever happens ---------------------------------------------------------------------------------------------

DEEDS = ["log", "edit", "finish", "seal", "note", "delete", "restore", "look"]
STEPS = st.lists(st.tuples(st.sampled_from(DEEDS), st.integers(0, 2)), max_size=14)


class Project:
    """Three runs of a project of its own, and what is done to them."""

    def __init__(self, store, replica):
        self.store, self.replica, self.name = store, replica, f"p{secrets.token_hex(6)}"
        self.trainers, self.count = {}, 0
        store.make_project("ann", self.name)

    def do(self, what, path):
        self.count += 1
        trainer = self.trainers.get(path)
        if what == "log":
            if trainer is None:
                trainer = self.trainers[path] = Trainer(self.store, path.run_id, project=self.name, resume="allow")
            trainer.log(loss=float(self.count))
        elif what == "finish" and trainer is not None:
            self.trainers.pop(path).finish()
        elif what == "edit" and self.store.has_run(path):
            self.replica.edit_run(path, RunEdit(config_set={"n": self.count}))
        elif what == "seal":
            list(self.replica.seal("ann", self.name))
        elif what == "note":
            self.store.note_run(path)
        elif what == "delete" and trainer is None and self.store.has_run(path):
            self.replica.delete_run(path)
        elif what == "restore" and not self.store.has_run(path):
            with contextlib.suppress(NotFoundError):
                self.replica.restore_run(path)

    def close(self):
        for trainer in self.trainers.values():
            trainer.opened.writer.close()


@pytest.fixture
def others(new_store):
    """The store as two other replicas have it."""
    return new_store(), new_store()


@pytest.mark.slow
@given(steps=STEPS)
def test_whatever_is_done_a_listing_is_what_reading_each_run_gives(steps, store, others, replica):
    project = Project(store, replica)
    early, late = (Reading(other, absorb_at=2) for other in others)
    for what, number in steps:
        if what == "look":
            early.runs(project.name)
        else:
            project.do(what, RunPath("ann", project.name, "abc"[number]))
    expected = read_all(store, project.name)
    assert [reading.runs(project.name) for reading in (early, late)] == [expected, expected]
    for part in (project, early.catalog, late.catalog):
        part.close()
