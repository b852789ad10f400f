"""The catalog among others: many writers, many readers, slow file systems, and files that go away."""

import os
import shutil
import subprocess
import sys
import threading
import time

import pytest

import warm
from runlake.model import RunPath
from runlake.store import disk
from runlake.store.catalog.catalog import Catalog
from runlake.store.catalog.fold_many import fold_many
from runlake.store.catalog.limits import CatalogLimits
from runlake.store.compact.seal import seal_run
from runlake.store.folder_store import FolderStore
from runlake.store.journal import record
from runlake.store.journal.fingerprint import JournalFingerprint, read_fingerprint
from runlake.store.journal.folder import FolderJournal
from runlake.store.noting import append_change
from runlake.store.opening.inspect_here import IN_PROCESS
from runlake.store.opening.open import open_run
from runlake.store.run.state import read_run
from waiting import DEADLINE_S


@pytest.fixture
def layout(tmp_path):
    return FolderStore(tmp_path / "store")


def path_of(run_id):
    return RunPath("ann", "p", run_id)


def start(layout, run_id):
    opened = open_run(layout, path_of(run_id), {"set": {"lr": 1}}, inspector=IN_PROCESS)
    opened.writer.log({"loss": 0.5}, step=0, timestamp=1.0, runtime=0.1)
    return opened


def make_run(layout, run_id):
    opened = start(layout, run_id)
    opened.writer.end({"exit_code": 0})
    append_change(layout, opened.path, opened.writer.writer, "finish", opened.incarnation)
    return opened


def make_catalog(layout, folded=None, **options):
    """A catalog with options or limits."""

    def fold(path):
        if folded is not None:
            folded.append(path.run_id)
        return read_run(layout, path)

    limits = {name: options.pop(name) for name in CatalogLimits.__slots__ if name in options}
    return Catalog(
        layout,
        **{
            "fold": fold,
            "fingerprint": lambda path: read_fingerprint(layout.journal(path)),
            "limits": CatalogLimits(**{"save_interval_s": 0.0, **limits}),
            **options,
        },
    )


def ids(catalog):
    return sorted(info.run_id for info in catalog.refresh("ann", "p").runs)


# Many at once ---------------------------------------------------------------------------------------------------

WRITERS = """
import os, sys
from pathlib import Path
from runlake.model import RunPath
from runlake.store.noting import append_change
from runlake.store.folder_store import FolderStore
from runlake.store.opening.open import open_run
layout, count, run_count = FolderStore(Path(sys.argv[1])), int(sys.argv[2]), int(sys.argv[3])
children = []
for number in range(count):
    pid = os.fork()
    if pid == 0:
        for i in range(run_count):
            opened = open_run(layout, RunPath("ann", "p", f"{number}-{i}"), {})
            opened.writer.log({"loss": i}, step=0, timestamp=1.0, runtime=0.1)
            opened.writer.end({"exit_code": 0})
            append_change(layout, opened.path, opened.writer.writer, "finish", opened.incarnation)
        os._exit(0)
    children.append(pid)
sys.exit(max(os.waitpid(pid, 0)[1] for pid in children))
"""

READER = """
import sys
from pathlib import Path
from runlake.store.catalog.catalog import Catalog
from runlake.store.catalog.limits import CatalogLimits
from runlake.store.journal.fingerprint import read_fingerprint
from runlake.store.folder_store import FolderStore
from runlake.store.run.state import read_run
layout = FolderStore(Path(sys.argv[1]))
seen = set()
while len(seen) < int(sys.argv[2]):
    for _ in range(5):
        if _ == 0:
            limits = CatalogLimits(save_interval_s=0.0, absorb_at=9, pack_at=15)
            catalog = Catalog(layout, fold=lambda path: read_run(layout, path), limits=limits,
                              fingerprint=lambda path: read_fingerprint(layout.journal(path)))
        state = catalog.refresh("ann", "p")
        now = {info.run_id for info in state.runs}
        assert len(now) == len(state.runs), "a run twice"
        assert seen <= now, f"lost: {seen - now}"
        assert not state.problems, state.problems
        seen = now
"""


def start_script(script, *arguments):
    command = [sys.executable, "-W", "error", "-c", script, *map(str, arguments)]
    return warm.Popen(command, stderr=subprocess.PIPE, text=True)


def finish_script(child):
    _, errors = child.communicate(timeout=DEADLINE_S)
    assert (child.returncode, errors) == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize("count", [pytest.param(64, marks=pytest.mark.long), 20])
def test_many_writers_in_one_project_are_all_seen_and_nothing_is_lost(layout, count):
    writers = start_script(WRITERS, layout.root, count, 2)
    catalog = make_catalog(layout, pack_at=count // 2, absorb_at=count // 2 - 5)
    seen = set()
    while writers.poll() is None:
        now = set(ids(catalog))
        assert seen <= now
        seen = now
    finish_script(writers)
    assert ids(catalog) == sorted(f"{n}-{i}" for n in range(count) for i in range(2))
    assert {info.state for info in catalog.refresh("ann", "p").runs} == {"finished"}
    folded = []
    assert ids(make_catalog(layout, folded)) == ids(catalog)
    assert folded == []


def test_readers_in_several_processes_and_a_catalog_that_is_taken_away_all_the_time(layout):
    readers = [start_script(READER, layout.root, 24) for _ in range(2)]
    writers = start_script(WRITERS, layout.root, 4, 6)
    folder = layout.root / ".catalog"
    moment = 0
    while any(reader.poll() is None for reader in readers):
        moment += 1
        if moment % 3 == 0:
            shutil.rmtree(folder, ignore_errors=True)
        for file in folder.glob("*.*"):
            try:
                os.truncate(file, file.stat().st_size // 2)
            except FileNotFoundError:
                continue
        time.sleep(0.02)  # the reader's own pace, not something waited for
    for child in (writers, *readers):
        finish_script(child)
    assert len(ids(make_catalog(layout))) == 24


def test_threads_share_a_catalog(layout):
    for number in range(10):
        make_run(layout, f"r{number}")
    catalog = make_catalog(layout)
    found = []
    threads = [threading.Thread(target=lambda: found.append(ids(catalog))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[f"r{number}" for number in range(10)]] * 8


# Packing --------------------------------------------------------------------------------------------------------


def test_a_reader_packs_what_has_become_many_and_other_readers_go_on(layout):
    other_folded, fresh_folded = [], []
    other = make_catalog(layout, other_folded, pack_at=1000)
    make_run(layout, "a")
    assert ids(other) == ["a"]
    make_run(layout, "b")
    packing = make_catalog(layout, pack_at=4)
    assert ids(packing) == ["a", "b"]
    assert [file.name for file in layout.changes_dir("ann", "p").iterdir()] == ["packed"]
    make_run(layout, "c")
    other_folded.clear()
    assert ids(other) == ["a", "b", "c"]
    assert other_folded == ["b", "c"]
    assert ids(make_catalog(layout, fresh_folded)) == ["a", "b", "c"]
    assert fresh_folded == []


def test_a_store_whose_changes_cannot_be_packed_is_read_all_the_same(layout):
    def refused(step, place):
        if place.parent.name == "packed":
            raise PermissionError(13, "not yours")

    make_run(layout, "a")
    catalog = make_catalog(layout, pack_at=1)
    with disk.watched(refused):
        assert (ids(catalog), ids(catalog)) == (["a"], ["a"])


# A network file system ------------------------------------------------------------------------------------------


def test_records_that_come_later_than_the_change_are_seen_once_they_are_there(layout):
    """The change is visible, the edit it speaks of is not yet: neither its part nor its size."""
    make_run(layout, "a")
    before = read_run(layout, path_of("a"))
    is_late = [True]
    catalog = make_catalog(
        layout,
        fold=lambda path: before if is_late[0] else read_run(layout, path),
        fingerprint=lambda path: JournalFingerprint(0, False) if is_late[0] else read_fingerprint(layout.journal(path)),
        settle_s=600.0,
    )
    assert catalog.refresh("ann", "p").runs == (before,)
    start(layout, "a").writer.end({"exit_code": 3})
    append_change(layout, path_of("a"), "w", "finish", before.incarnation)
    assert catalog.refresh("ann", "p").runs == (before,)
    is_late[0] = False
    (after,) = catalog.refresh("ann", "p").runs
    assert (after.exit_code, after.state) == (3, "failed")


def test_a_run_is_folded_once_more_when_its_attributes_can_be_trusted_again(layout):
    """Even where no attribute ever tells that something came."""
    make_run(layout, "a")
    folded = []
    passed_s = 0.0
    catalog = make_catalog(
        layout,
        folded,
        fingerprint=lambda path: JournalFingerprint(7, False),
        settle_s=600.0,
        clock=lambda: time.time() + passed_s,
    )
    ids(catalog)
    folded.clear()
    ids(catalog)
    assert folded == []
    passed_s = 601.0
    ids(catalog)
    assert folded == ["a"]
    ids(catalog)
    assert folded == ["a"]


def test_a_project_that_others_still_settle_in_is_gone_on_with_by_the_next_process(layout):
    make_run(layout, "a")
    ids(make_catalog(layout, settle_s=600.0))
    folded = []
    ids(make_catalog(layout, folded, settle_s=600.0, clock=lambda: time.time() + 601))
    assert folded == ["a"]


def test_without_locks_a_silent_run_counts_as_crashed_and_a_sign_of_life_brings_it_back(layout, monkeypatch):
    monkeypatch.setattr(FolderJournal, "is_held", lambda self, name: None)
    opened = start(layout, "a")
    catalog = make_catalog(layout)

    def state():
        (info,) = catalog.refresh("ann", "p").runs
        return info.state, info.row_count

    assert state() == ("running", 1)
    (part,) = layout.journal_dir(path_of("a")).iterdir()
    long_ago = time.time() - 1000
    os.utime(part, (long_ago, long_ago))  # an hour of silence, or a server whose times lag behind
    assert state() == ("crashed", 1)
    opened.writer.log({"loss": 0.1}, step=1, timestamp=2.0, runtime=0.2)
    os.utime(part)
    assert state() == ("running", 2)
    opened.writer.close()


# Crashed runs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("absorb_at", [1, 1000])
@pytest.mark.parametrize("state", ["crashed", "preempted"])
def test_a_crashed_run_is_watched_until_its_writer_is_certainly_gone(layout, state, absorb_at):
    opened = start(layout, "a")
    if state == "preempted":
        opened.writer.record(record.STATE, {"state": "preempting"})
    opened.writer.close()
    (part,) = layout.journal_dir(path_of("a")).iterdir()
    looks, folded = [], []

    def mark(path):
        looks.append(path.run_id)
        return read_fingerprint(layout.journal(path))

    catalog = make_catalog(layout, folded, fingerprint=mark, absorb_at=absorb_at)
    assert catalog.refresh("ann", "p").runs[0].state == state
    catalog.refresh("ann", "p")
    assert looks.count("a") >= 2
    long_ago = time.time() - 100
    os.utime(part, (long_ago, long_ago))
    catalog.refresh("ann", "p")
    looks.clear()
    folded.clear()
    catalog.refresh("ann", "p")
    assert (looks, folded) == ([], [])
    again = start(layout, "a")
    assert catalog.refresh("ann", "p").runs[0].state == "running"
    again.writer.close()


@pytest.mark.parametrize("absorb_at", [1, 1000])
def test_open_runs_are_watched_among_columns_too(layout, absorb_at):
    opened = start(layout, "a")
    make_run(layout, "b")
    for catalog in [make_catalog(layout, absorb_at=absorb_at) for _ in range(2)]:
        rows = {info.run_id: info.row_count for info in catalog.refresh("ann", "p").runs}
        count = rows["a"]
        assert rows == {"a": count, "b": 1}
        opened.writer.log({"loss": 0.1}, step=1, timestamp=2.0, runtime=0.2)
        assert {info.run_id: info.row_count for info in catalog.refresh("ann", "p").runs}["a"] == count + 1
    opened.writer.close()


# Reading a large project for the first time -----------------------------------------------------------------------


@pytest.fixture
def large(layout):
    """Twelve runs: with these limits they count as many."""
    for number in range(12):
        make_run(layout, f"r{number:02}")
    return layout


def test_how_far_a_first_reading_is_can_be_seen_and_is_not_taken_for_everything(large):
    told, peeks = [], []

    def progress(project, done, total):
        told.append((project, done, total))
        state = catalog.peek("ann", "p")
        peeks.append((state.is_complete, state.run_count))

    catalog = make_catalog(large, progress=progress, absorb_at=5, progress_from=10, progress_interval_s=0.0)
    assert catalog.peek("ann", "p") is None
    assert catalog.refresh("ann", "p").is_complete
    assert told == [("ann/p", done, 12) for done in range(1, 13)]
    assert peeks == [(False, done) for done in range(1, 13)]
    assert (catalog.peek("ann", "p").is_complete, catalog.peek("ann", "p").run_count) == (True, 12)


def test_a_first_reading_that_was_killed_is_gone_on_with(large):
    folded = []

    def interrupted(path):
        if path.run_id == "r07":
            raise KeyboardInterrupt
        return read_run(large, path)

    with pytest.raises(KeyboardInterrupt):
        make_catalog(large, fold=interrupted, absorb_at=3, checkpoint_s=0.0).refresh("ann", "p")
    make_run(large, "r03")
    catalog = make_catalog(large, folded, absorb_at=3)
    assert ids(catalog) == [f"r{number:02}" for number in range(12)]
    assert set(folded) == {"r03", "r07", "r08", "r09", "r10", "r11"}


def test_a_first_reading_does_not_replace_what_another_has_finished(large):

    def overtaken(path):
        if path.run_id == "r02":
            make_catalog(large).refresh("ann", "p")
        if path.run_id == "r05":
            raise KeyboardInterrupt
        return read_run(large, path)

    with pytest.raises(KeyboardInterrupt):
        make_catalog(large, fold=overtaken, checkpoint_s=0.0).refresh("ann", "p")
    folded = []
    assert len(ids(make_catalog(large, folded))) == 12
    assert folded == []


@pytest.mark.slow
def test_many_are_read_by_several_processes_and_what_these_cannot_read_by_this_one(large):
    running = start(large, "running")
    (part,) = large.journal_dir(path_of("r05")).iterdir()
    part.write_bytes(part.read_bytes()[:30] + b"!" + part.read_bytes()[31:])
    seal_run(large, path_of("r06"))
    folded = []
    catalog = make_catalog(
        large, folded, fold_many=lambda *project: fold_many(large, *project, 2), absorb_at=5, fold_many_from=10
    )
    state = catalog.refresh("ann", "p")
    assert set(folded) == {"r05", "running"}
    assert list(state.problems) == ["r05"]
    expected = {n: read_run(large, path_of(n)) for n in (*(f"r{i:02}" for i in range(12) if i != 5), "running")}
    assert {info.run_id: info for info in state.runs} == expected
    running.writer.log({"loss": 0.1}, step=1, timestamp=2.0, runtime=0.2)
    assert {info.run_id: info for info in catalog.refresh("ann", "p").runs}["running"].row_count == 2
    running.writer.close()


@pytest.mark.slow
def test_processes_answer_for_every_run_once(large):
    folders = [f"r{number:02}" for number in range(12)]
    infos, left = {}, []
    for columns, others in fold_many(large, "ann", "p", [*folders, "nothing"], 2):
        left += others
        for info in columns.infos(range(columns.size)) if columns else ():
            infos[info.run_id] = info
    assert left == ["nothing"]
    assert infos == {folder: read_run(large, path_of(folder)) for folder in folders}


@pytest.mark.parametrize("program", ["/nowhere/python", "/bin/true", "/bin/cat"])
def test_runs_that_no_process_reads_are_left_to_the_caller(large, monkeypatch, program):
    monkeypatch.setattr(sys, "executable", program)
    folders = [f"r{number:02}" for number in range(12)]
    answers = list(fold_many(large, "ann", "p", folders, 3))
    assert [columns for columns, _ in answers] == [None] * 3
    assert sorted(folder for _, left in answers for folder in left) == folders


@pytest.mark.slow
def test_processes_are_ended_with_the_reading(large):
    before = threading.active_count()
    answers = fold_many(large, "ann", "p", [f"r{number:02}" for number in range(12)] * 50, 1)
    next(answers)
    answers.close()
    assert threading.active_count() == before


@pytest.mark.slow
def test_deleted_runs_and_tombstones_are_left_out_of_what_processes_read(large):
    incarnation = read_run(large, path_of("r03")).incarnation
    append_change(large, path_of("r03"), "elsewhere", "delete", incarnation)
    shutil.rmtree(large.run_dir(path_of("r04")))
    catalog = make_catalog(large, fold_many=lambda *project: fold_many(large, *project, 1), fold_many_from=10)
    expected = [f"r{number:02}" for number in range(12) if number not in (3, 4)]
    assert ids(catalog) == expected
    packed = large.changes_dir("ann", "p") / "packed"
    packed.mkdir()
    (packed / "0.changes").write_text("damaged")
    assert ids(catalog) == expected


def test_deleted_runs_cost_a_first_reading_nothing(layout):
    for number in range(3):
        opened = make_run(layout, f"gone{number}")
        append_change(layout, opened.path, "w", "delete", opened.incarnation)
        shutil.rmtree(layout.run_dir(opened.path))
    make_run(layout, "a")
    folded = []
    assert ids(make_catalog(layout, folded)) == ["a"]
    assert folded == ["a"]


def test_a_change_that_says_nothing_new_makes_no_new_version(layout):
    opened = make_run(layout, "a")
    for absorb_at in (1, 1000):
        catalog = make_catalog(layout, absorb_at=absorb_at)
        number = catalog.refresh("ann", "p").number
        append_change(layout, opened.path, "sealer", "seal", opened.incarnation)
        assert catalog.refresh("ann", "p").number == number
