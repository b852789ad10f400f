"""Writers that a server feeds: turns of several workers, requests that come twice, workers that are killed."""

import os
import time

import pytest

from runlake.errors import GapError, NotFoundError
from runlake.model import LoggedRow, MetricRule, RunEdit, RunPath, WriterBatch, WriterStart
from runlake.service.local.limits import LocalLimits
from runlake.service.local.service import LocalService
from runlake.store import disk
from runlake.store.folder_store import FolderStore
from runlake.store.ingest.batches import RemoteRuns
from runlake.store.journal.folder import FolderJournal, journal_of
from runlake.store.journal.journal import PartName
from runlake.store.journal.limits import WriterLimits
from waiting import wait_until

PATH = RunPath("lab", "mnist", "a1")


def rows(first, count, **more):
    return [LoggedRow(n, 1000.0 + n, float(n), {"loss": n / 4, "n": n, **more}) for n in range(first, first + count)]


def batch(first, count, **more):
    return WriterBatch(rows={"history": rows(first, count)}, first_n={"history": first}, **more)


@pytest.fixture
def service(tmp_path):
    return LocalService(tmp_path, default_entity="lab")


@pytest.fixture
def another_worker(tmp_path):
    return LocalService(tmp_path, default_entity="lab")


@pytest.fixture
def writer(service):
    return service.begin_writer(PATH, WriterStart(name="first", config={"lr": 0.1})).writer


def steps(service):
    return service.read_history(PATH).step.tolist()


def test_what_a_batch_says_is_there_when_it_is_answered(service, writer):
    answer = service.write_batch(
        PATH,
        writer,
        batch(0, 3, summary={"best": 1}, rules=(MetricRule("loss", summary=("min",)),), info={"notes": "hi"}),
    )
    run = service.read_run(PATH)
    assert answer.row_counts == {"history": 3, "events": 0, "console": 0}
    assert (run.name, run.state, run.notes, run.config) == ("first", "running", "hi", {"lr": 0.1})
    assert run.summary == {"loss": {"min": 0.0}, "n": 2, "best": 1}
    assert steps(service) == [0, 1, 2]


def test_a_batch_that_comes_again_changes_nothing(service, another_worker, writer):
    for who in (service, service, another_worker, service):
        who.write_batch(PATH, writer, batch(0, 3))
    service.write_batch(PATH, writer, batch(1, 4))
    another_worker.write_batch(PATH, writer, batch(0, 6))
    assert steps(service) == [0, 1, 2, 3, 4, 5]


def test_rows_that_are_missing_are_asked_for_and_nothing_of_the_batch_is_kept(service, writer):
    service.write_batch(PATH, writer, batch(0, 3))
    with pytest.raises(GapError, match="from 5 on were sent, and there are only 3") as caught:
        service.write_batch(PATH, writer, batch(5, 2, info={"notes": "lost"}))
    assert caught.value.expected == 3
    assert steps(service) == [0, 1, 2]
    assert service.read_run(PATH).notes is None


def test_workers_take_turns_in_one_part(service, another_worker, writer):
    for first in range(0, 40, 2):
        (service if first % 4 else another_worker).write_batch(PATH, writer, batch(first, 2))
    journal = FolderJournal(FolderStore(service._folder.store.root).journal_dir(PATH))
    assert [name for name, _ in journal.list_parts()] == [PartName(writer, 0)]
    assert steps(service) == list(range(40))
    assert [finding for _, findings in service.check() for finding in findings] == []


def test_a_worker_goes_on_in_the_next_part(tmp_path):
    limits = LocalLimits(writers=WriterLimits(rows_per_part=10))
    service, another_worker = (LocalService(tmp_path, default_entity="lab", limits=limits) for _ in range(2))
    writer = service.begin_writer(PATH, WriterStart()).writer
    for first in range(0, 60, 3):
        (service if first % 2 else another_worker).write_batch(PATH, writer, batch(first, 3))
    parts = journal_of(service._folder.store, PATH).list_parts()
    assert len(parts) > 3
    assert steps(service) == list(range(60))
    assert [finding for _, findings in service.check() for finding in findings] == []


@pytest.mark.slow
@pytest.mark.parametrize("stride", [pytest.param(1, marks=pytest.mark.long), 5])
def test_a_worker_that_was_killed_at_any_byte_of_its_turn_leaves_what_the_next_can_go_on_with(tmp_path, stride):
    service = LocalService(tmp_path, default_entity="lab")
    writer = service.begin_writer(PATH, WriterStart()).writer
    service.write_batch(PATH, writer, batch(0, 3))
    part = service._folder.store.journal_dir(PATH) / f"{writer}-000.part"
    before = part.stat().st_size
    service.write_batch(PATH, writer, WriterBatch(rows={"history": rows(3, 2, name="a", x={"y": [1]})}))
    whole = part.read_bytes()
    for size in range(before, len(whole), stride):
        part.write_bytes(whole[:size])
        next_worker = LocalService(tmp_path, default_entity="lab")
        next_worker.write_batch(PATH, writer, WriterBatch(rows={"history": rows(3, 3)}, first_n={"history": 3}))
        assert next_worker.read_history(PATH).step.tolist() == [0, 1, 2, 3, 4, 5], f"killed at byte {size}"
        assert [f for _, findings in next_worker.check() for f in findings] == []


def test_a_full_disk_keeps_nothing_of_a_batch_and_the_next_attempt_succeeds(service, writer):
    service.write_batch(PATH, writer, batch(0, 3))
    free_bytes = iter([100, 0])
    with (
        disk.watched(lambda step, place: next(free_bytes) if step == "write" else None),
        pytest.raises(OSError, match="No space left"),
    ):
        service.write_batch(PATH, writer, batch(3, 3, summary={"x": 1}, exit_code=0))
    assert steps(service) == [0, 1, 2]
    service.write_batch(PATH, writer, batch(3, 3, summary={"x": 1}, exit_code=0))
    assert steps(service) == [0, 1, 2, 3, 4, 5]
    assert (service.read_run(PATH).state, service.read_run(PATH).summary["x"]) == ("finished", 1)


def test_a_last_batch_that_comes_again_is_known_also_when_everything_is_sealed(service, another_worker, writer):
    last = batch(0, 3, exit_code=1, runtime_s=2.0)
    service.write_batch(PATH, writer, last)
    assert list(service.seal("lab", "mnist")) == [(PATH, 3)]
    assert another_worker.write_batch(PATH, writer, last).row_counts == {"history": 3, "events": 0, "console": 0}
    with pytest.raises(GapError, match="1 history rows came after the end"):
        service.write_batch(PATH, writer, batch(0, 4))
    run = service.read_run(PATH)
    assert (run.state, run.exit_code, run.row_count, run.runtime_s) == ("failed", 1, 3, 2.0)


def test_a_deleted_run_takes_no_batch_and_does_not_come_back(service, another_worker, writer):
    service.write_batch(PATH, writer, batch(0, 3))
    another_worker.delete_run(PATH)
    with pytest.raises(NotFoundError, match="was deleted"):
        service.write_batch(PATH, writer, batch(3, 3))
    assert service.list_runs("lab", "mnist").total_count == 0


def test_only_what_changed_in_a_document_is_recorded(service, another_worker, writer):
    service.write_batch(PATH, writer, WriterBatch(config={"lr": 0.1, "n": {"a": 1}}, summary={"x": 1, "y": 2}))
    another_worker.edit_run(PATH, RunEdit(config_set={"lr": 0.5}, summary_set={"x": 7}))
    service.write_batch(PATH, writer, WriterBatch(config={"lr": 0.1, "n": {"a": 2}}, summary={"x": 1}))
    run = service.read_run(PATH)
    assert (run.config, run.summary) == ({"lr": 0.5, "n": {"a": 2}}, {"x": 7})


def test_a_fresh_start_is_a_new_attempt_and_a_resume_goes_on(service, writer):
    service.write_batch(PATH, writer, batch(0, 3, exit_code=0))
    again = service.begin_writer(PATH, WriterStart())
    assert (again.row_counts, again.is_new) == ({"history": 0, "events": 0, "console": 0}, True)
    service.write_batch(PATH, again.writer, batch(0, 2, exit_code=0))
    assert steps(service) == [0, 1]
    resumed = service.begin_writer(PATH, WriterStart(resume="allow"))
    assert (resumed.row_counts["history"], resumed.is_new) == (2, False)
    service.write_batch(PATH, resumed.writer, WriterBatch(rows={"history": rows(2, 1)}, first_n={"history": 0}))
    assert steps(service) == [0, 1, 2]
    assert service.find_writer(PATH).writer == resumed.writer
    assert [g.row_count for g in service.list_generations(PATH)] == [3, 3]


def test_a_run_that_is_rewound_goes_on_behind_the_step(service, writer):
    service.write_batch(PATH, writer, batch(0, 5, exit_code=0))
    rewound = service.begin_writer(PATH, WriterStart(rewind_to=1))
    assert rewound.row_counts["history"] == 2
    service.write_batch(PATH, rewound.writer, WriterBatch(rows={"history": rows(2, 1)}, first_n={"history": 0}))
    assert steps(service) == [0, 1, 2]


def test_processes_side_by_side_have_writers_of_their_own(service):
    one, other = (service.begin_writer(PATH, WriterStart(is_shared=True, client=c)).writer for c in ("one", "other"))
    for writer, first in ((one, 0), (other, 0), (one, 2), (other, 2)):
        service.write_batch(PATH, writer, batch(first, 2))
    assert service.find_writer(PATH, "one").writer == one
    assert service.find_writer(PATH, "nobody") is None
    assert sorted(steps(service)) == [0, 0, 1, 1, 2, 2, 3, 3]


def test_a_request_to_stop_is_told_with_every_answer_from_then_on(service, another_worker, writer):
    assert not service.write_batch(PATH, writer, WriterBatch()).is_stop_requested
    another_worker.stop_run(PATH)
    assert [service.write_batch(PATH, writer, WriterBatch()).is_stop_requested for _ in range(2)] == [True, True]
    assert (
        LocalService(service._folder.store.root, default_entity="lab")
        .write_batch(PATH, writer, WriterBatch())
        .is_stop_requested
    )


def test_a_writer_that_was_not_heard_of_for_long_counts_as_crashed(service, writer):
    service.write_batch(PATH, writer, batch(0, 1))
    long_ago = time.time() - 301
    for file in service._folder.store.journal_dir(PATH).iterdir():
        os.utime(file, (long_ago, long_ago))
    assert service.read_run(PATH).state == "crashed"
    service.write_batch(PATH, writer, WriterBatch())
    assert service.read_run(PATH).state == "running"


def test_threads_of_one_worker_wait_for_each_other(tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    runs = RemoteRuns(FolderStore(tmp_path))
    writer = runs.begin(PATH, WriterStart()).writer
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: runs.write(PATH, writer, batch(0, 50)), range(32)))
    assert steps(LocalService(tmp_path, default_entity="lab")) == list(range(50))


@pytest.mark.parametrize("who", ["detached", "off"])
def test_a_run_that_ends_is_sealed_by_a_process_where_nobody_says_otherwise(service, writer, monkeypatch, who):
    monkeypatch.setenv("RUNLAKE_SEAL", who)
    service.write_batch(PATH, writer, batch(0, 3, exit_code=0))
    store = service._folder.store
    if who == "detached":
        wait_until(lambda: not any(store.journal_dir(PATH).glob("*.part")), "the run is sealed")
    assert store.segments_dir(PATH).exists() == (who == "detached")
    assert steps(service) == [0, 1, 2]
