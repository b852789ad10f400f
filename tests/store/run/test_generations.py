"""Generations of a run: which rows make one, who opens them, and what sealing leaves of them."""

import os
import signal
import sys
import threading
from pathlib import Path

import pytest

import runlake
import warm
from runlake.errors import BadValueError, ConflictError, NotFoundError, StoreError
from runlake.query.rows.scan import list_keys, read_history
from runlake.store import incarnation
from runlake.store.care.check import check_run
from runlake.store.compact.seal import seal_run
from runlake.store.folder_store import FolderStore
from runlake.store.incarnation import claim_incarnation
from runlake.store.journal import record
from runlake.store.opening.inspect_here import IN_PROCESS
from runlake.store.opening.open import create_pending, open_run
from runlake.store.opening.rewind import fork, read_past
from runlake.store.opening.writers import open_child
from runlake.store.run.state import list_generations, read_run, read_state
from stored import RUN, Writer, as_dicts, edit, edit_config, part_names

FORK = RUN._replace(run_id="f")


@pytest.fixture
def layout(tmp_path):
    return FolderStore(tmp_path / "store")


def values(layout, key="x", path=RUN, generation=None):
    return [row[key] for row in as_dicts(read_history(layout, path, generation=generation)) if key in row]


def rewind(layout, step):
    opened = open_run(layout, RUN, {}, rewind_to=step, inspector=IN_PROCESS)
    return opened


def log(opened, x):
    opened.writer.log({"x": x}, step=opened.next_step, timestamp=1.0, runtime=0.0)
    return opened


# Claims


@pytest.mark.parametrize("has_links", [True, False])
def test_of_all_who_claim_at_once_one_is_first_and_all_know_it(layout, monkeypatch, has_links):
    if not has_links:
        monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(PermissionError("no links here")))
    layout.make_run_dir(RUN)
    barrier, told = threading.Barrier(16), []

    def ask(number):
        barrier.wait()
        told.append(claim_incarnation(layout, RUN, f"{number:019x}"))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 16
    assert set(told) == {incarnation.read_claim(layout, RUN)}
    assert sorted(file.name for file in layout.run_dir(RUN).iterdir()) == ["files", "incarnation", "journal"]


def test_a_claim_that_was_broken_off_is_named(layout):
    layout.make_run_dir(RUN)
    (layout.run_dir(RUN) / "incarnation").touch()
    with pytest.raises(StoreError, match="incarnation is empty: the process that made it was killed"):
        claim_incarnation(layout, RUN, "0" * 19, patience_s=0.05)


def test_of_two_who_make_a_run_without_a_process_one_is_told(layout):
    create_pending(layout, RUN, "pending", None)
    with pytest.raises(ConflictError, match="exists already"):
        create_pending(layout, RUN, "pending", None)


def test_one_that_joins_before_the_first_has_written_anything_is_in_the_same_generation(layout):
    layout.make_run_dir(RUN)
    first = claim_incarnation(layout, RUN, "0" * 19)
    opened = open_run(layout, RUN, {}, resume="allow", inspector=IN_PROCESS)
    assert (opened.incarnation, opened.generation, opened.before, opened.is_beside) == (first, first, None, True)
    fresh = open_run(layout, RUN, {}, inspector=IN_PROCESS)
    assert fresh.incarnation == first
    assert fresh.generation > first


def test_a_forked_child_of_a_deleted_run_does_not_bring_it_back(layout):
    parent = open_run(layout, RUN, {}, inspector=IN_PROCESS)
    layout.run_dir(RUN).rename(layout.root / "elsewhere")
    with pytest.raises(StoreError, match="was deleted"):
        open_child(layout, parent, prepare=None, clock=lambda: 1.0)
    assert not layout.run_dir(RUN).exists()
    log(open_run(layout, RUN, {}, inspector=IN_PROCESS), 1)
    with pytest.raises(StoreError, match="was deleted"):
        open_child(layout, parent, prepare=None, clock=lambda: 1.0)
    assert values(layout) == [1]


# Order and sessions


def test_who_goes_on_stands_behind_whatever_its_clock_says(layout):
    Writer(layout, at_s=1000).log({"x": 0}).log({"x": 1}).end()
    second = Writer(layout, at_s=0, resume="allow").log({"x": 2}).log({"x": 3})
    second.clock.now_s += 5000
    second.log({"x": 4}).end()
    third = Writer(layout, at_s=500, resume="allow").log({"x": 5})
    for _ in range(2):
        history = read_history(layout, RUN)
        assert (values(layout), history.step.tolist()) == ([0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5])
        third.journal.close()
        seal_run(layout, RUN)


def test_a_session_behind_which_others_go_on_decides_nothing_any_more(layout):
    first = Writer(layout).log({"x": 0}).die()
    assert read_run(layout, RUN).state == "crashed"
    second = Writer(layout, at_s=-500, resume="allow")
    assert second.opened.header["session"] == 1
    assert read_run(layout, RUN).state == "running"
    second.end()
    assert (read_run(layout, RUN).state, read_run(layout, RUN).exit_code) == ("finished", 0)
    assert first.opened.header == {}


def test_one_that_was_only_paused_when_others_went_on_still_counts(layout):
    first = Writer(layout, at_s=0, resume="allow").log({"x": 0})
    state = read_state(layout, RUN)
    assert (state.behind.is_beside, state.behind.session) == (True, 0)
    second = Writer(layout, at_s=10, resume="allow").end()
    assert read_run(layout, RUN).state == "running"
    first.die()
    assert (second.opened.header, read_run(layout, RUN).state) == ({}, "crashed")


# Rewinds


def test_of_several_writers_the_rows_before_the_first_later_step_count(layout):
    one = Writer(layout, at_s=0.0).log({"x": 0}).log({"x": 1}).log({"x": 5}, step=5).log({"x": 2}, step=2)
    two = Writer(layout, at_s=0.5, resume="allow").log({"y": 0}, step=0).log({"y": 3}, step=3).log({"y": 4}, step=4)
    one.end(), two.end()
    three = Writer(layout, at_s=60, resume="allow")
    three.record(record.CONFIG, {"set": {"third": True}}).log({"x": 6}).end()
    past = read_past(layout, RUN, 3)
    assert [(writer, count) for _, writer, count in past.taken] == [(one.id, 2), (two.id, 2)]
    assert (past.info.last_step, past.info.row_count, past.info.config) == (3, 4, {})
    assert (past.behind.next_step, past.behind.session) == (4, 1)
    log(rewind(layout, 3), 100)
    for _ in range(3):
        rows = as_dicts(read_history(layout, RUN))
        assert [{k: v for k, v in row.items() if k != "_step"} for row in rows] == [
            {"x": 0},
            {"y": 0},
            {"x": 1},
            {"y": 3},
            {"x": 100},
        ]
        assert list_keys(layout, RUN) == ["x", "y"]
        assert [row["x"] for row in as_dicts(read_history(layout, RUN, keys=["x"])) if "x" in row] == [0, 1, 100]
        assert read_history(layout, RUN, stream="events").row_count == 0
        seal_run(layout, RUN)


def test_edits_of_the_config_stay_and_later_ones_of_the_summary_do_not(layout):
    writer = Writer(layout).log({"x": 0})
    edit(layout, record.SUMMARY, {"set": {"early": 1}}, at_s=1.0)
    writer.log({"x": 1}).log({"x": 2})
    edit(layout, record.SUMMARY, {"set": {"late": 1}}, at_s=50.0)
    edit_config(layout, {"mended": True}, at_s=50.0)
    writer.end()
    opened = rewind(layout, 1)
    info = read_run(layout, RUN)
    assert (info.summary, info.config) == ({"x": 1, "early": 1}, {"mended": True})
    edit(layout, record.SUMMARY, {"set": {"after": 1}})
    assert read_run(layout, RUN).summary == {"x": 1, "early": 1, "after": 1}
    assert opened.before.summary == {"x": 1, "early": 1}


def test_generations_are_listed_oldest_first_and_sealing_keeps_them(layout):
    Writer(layout).log({"x": 0}).log({"x": 1}).end()
    Writer(layout, at_s=10).log({"x": 10}).end()
    rewind(layout, 0).writer.end({})
    for _ in range(3):
        listed = list_generations(layout, RUN)
        assert [each.row_count for each in listed] == [2, 1, 1]
        assert [each.generation for each in listed] == sorted(each.generation for each in listed)
        assert [values(layout, generation=each.generation) for each in listed] == [[0, 1], [10], [10]]
        assert [read_run(layout, RUN, generation=each.generation).summary["x"] for each in listed] == [1, 10, 10]
        assert check_run(layout, RUN) == []
        seal_run(layout, RUN)
    assert part_names(layout) == []
    with pytest.raises(NotFoundError, match="no generation 'x'"):
        read_history(layout, RUN, generation="x")
    with pytest.raises(NotFoundError, match="no generation 'x'"):
        read_run(layout, RUN, generation="x")


def test_values_that_are_no_numbers_and_open_rows_come_through_a_rewind(layout):
    writer = Writer(layout)
    writer.log({"x": [1, {"a": None}], "t": "é", "big": 2**70}).log({"x": 1}, commit=False).die()
    log(rewind(layout, 1), 2)
    for _ in range(2):
        assert as_dicts(read_history(layout, RUN)) == [
            {"_step": 0, "x": [1, {"a": None}], "t": "é", "big": 2**70},
            {"_step": 1, "x": 1},
            {"_step": 2, "x": 2},
        ]
        assert read_run(layout, RUN).summary == {"x": 2, "t": "é", "big": 2**70}
        seal_run(layout, RUN)


@pytest.mark.slow
def test_a_rewind_that_was_killed_before_it_was_whole_has_not_been(layout):
    Writer(layout, start={"set": {"lr": 1}}).log({"x": 0}).log({"x": 1}).end()
    before = read_run(layout, RUN)
    opened = rewind(layout, 0)
    opened.writer.close()
    (part,) = layout.journal_dir(RUN).glob(f"{opened.writer.writer}-*")
    whole = part.read_bytes()
    after = read_run(layout, RUN)
    assert (after.generation, after.config) == (opened.generation, {"lr": 1})
    generations = []
    for size in range(0, len(whole), 5):
        part.write_bytes(whole[:size])
        seen = read_run(layout, RUN)
        generations.append(seen.generation)
        if seen.generation == before.generation:
            assert (seen, values(layout)) == (before, [0, 1])
        else:
            assert (seen.config, seen.summary, values(layout)) == ({"lr": 1}, {"x": 0}, [0])
    assert generations == sorted(generations)
    assert set(generations) == {before.generation, opened.generation}


def test_a_run_without_rows_has_no_step_to_go_back_to(layout):
    Writer(layout).end()
    with pytest.raises(BadValueError, match="has no rows yet"):
        rewind(layout, 0)


# Forks


@pytest.mark.long
def test_a_fork_is_there_whole_or_not_at_all_when_its_maker_is_killed(layout):
    Writer(layout).log({"x": 0}).log({"x": 1}).end()
    script = f"""
import os, signal, sys
from pathlib import Path
from runlake.store import disk
from runlake.store.folder_store import FolderStore
from runlake.store.opening.rewind import fork
from runlake.model import RunPath
def watcher(step, place):
    if step == sys.argv[1] and place.parent.name == "segments":
        os.kill(os.getpid(), signal.SIGKILL)
with disk.watched(watcher):
    fork(FolderStore(Path({str(layout.root)!r})), RunPath(*{tuple(RUN)!r}), 0, RunPath(*{tuple(FORK)!r}))
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(runlake.__file__).parent.parent)}
    for step in ("write", "sync", "create", "replace"):
        ended = warm.run([sys.executable, "-c", script, step], env=environment, check=False)
        assert ended.returncode == -signal.SIGKILL
        with pytest.raises(NotFoundError):
            read_run(layout, FORK)
        opened = log(open_run(layout, FORK, {}, resume="allow", inspector=IN_PROCESS), 5)
        assert (opened.before, values(layout, path=FORK)) == (None, [5])
        opened.writer.end({})
        layout.run_dir(FORK).rename(layout.root / f"removed-{step}")
    fork(layout, RUN, 0, FORK)
    assert values(layout, path=FORK) == [0]


def test_a_fork_whose_process_died_at_once_is_gone_on_with(layout):
    Writer(layout).log({"x": 0}).log({"x": 1}).end()
    fork(layout, RUN, 0, FORK)
    info = read_run(layout, FORK)
    assert (info.state, info.row_count, info.summary) == ("pending", 1, {"x": 0})
    opened = log(open_run(layout, FORK, {}, inspector=IN_PROCESS), 5)
    assert (opened.generation, opened.next_step) == (info.generation, 1)
    assert values(layout, path=FORK) == [0, 5]
    with pytest.raises(ConflictError, match="exists already"):
        fork(layout, RUN, 0, FORK)
