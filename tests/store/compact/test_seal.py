"""Sealing changes where rows lie and nothing else, whoever does it, how often, and wherever it is killed."""

import os
import shutil
import subprocess
import sys
import threading

import pytest
from stepping import EACH_STEP, AtStep, Killed, die, first, killed_at_each_step

import warm
from runlake.errors import CorruptError, NotFoundError, ReadOnlyError
from runlake.query.rows.scan import read_history
from runlake.store import disk
from runlake.store.compact.seal import drop_leftovers, seal_run
from runlake.store.compact.seal_plan import is_closed, plan
from runlake.store.folder_store import FolderStore
from runlake.store.journal import record
from runlake.store.journal.journal import PartName
from runlake.store.journal.limits import WriterLimits
from runlake.store.journal.stop_requests import StopRequestWatcher
from runlake.store.run.snapshot import read_consistently, take_snapshot
from runlake.store.run.state import read_run
from runlake.values import flatten
from stored import RUN, START_S, Writer, as_dicts, edit, edit_config, part_names, segment_files
from whole_run import everything


@pytest.fixture
def layout(tmp_path):
    return FolderStore(tmp_path / "store")


def a_run_of_every_kind_of_record(layout, *, end=True):
    writer = Writer(layout, start={"set": flatten({"lr": 0.1}), "name": "n"}, rows_per_part=4)
    writer.log_many([{"i": i, "x": i / 4, **({"s": f"row {i}"} if i % 3 else {})} for i in range(10)])
    writer.log({"half": 1}, commit=False).log({"other": [1, 2]})
    writer.log({"system.cpu": 1.0}, stream="events").log({"line": 0, "text": "hello"}, stream="console")
    writer.record(record.SUMMARY, {"set": {"best": 7}}).record(record.CONFIG, {"set": {"more": "x"}})
    if end:
        writer.end()
    return writer


def test_a_sealed_run_reads_as_before(layout):
    a_run_of_every_kind_of_record(layout)
    before = everything(layout)
    assert seal_run(layout, RUN) == 13
    assert part_names(layout) == []
    assert everything(layout) == before


def test_sealing_again_finds_nothing_to_do(layout):
    a_run_of_every_kind_of_record(layout)
    seal_run(layout, RUN)
    files = segment_files(layout)
    assert seal_run(layout, RUN) == 0
    assert segment_files(layout) == files


def test_two_stores_with_equal_parts_get_segments_of_equal_names(layout, tmp_path):
    a_run_of_every_kind_of_record(layout)
    shutil.copytree(layout.root, tmp_path / "copy")
    copy = FolderStore(tmp_path / "copy")
    seal_run(layout, RUN)
    seal_run(copy, RUN)
    assert segment_files(copy) == segment_files(layout) != []
    for name in segment_files(layout):
        assert (copy.segments_dir(RUN) / name).read_bytes() == (layout.segments_dir(RUN) / name).read_bytes()


def test_of_a_living_run_only_what_is_closed_is_sealed(layout):
    writer = Writer(layout, rows_per_part=4).log_many([{"i": i} for i in range(10)])
    before = everything(layout)
    assert seal_run(layout, RUN) == 8
    assert part_names(layout) == [(writer.id, 2)]
    assert everything(layout) == before
    writer.log_many([{"i": i} for i in range(10, 20)])
    assert [row["i"] for row in as_dicts(read_history(layout, RUN))] == list(range(20))
    assert seal_run(layout, RUN) == 8
    writer.end()
    before = everything(layout)
    assert before.info.state == "finished"
    seal_run(layout, RUN)
    assert everything(layout) == before


def test_the_segments_of_a_finished_run_are_brought_together(layout):
    writer = Writer(layout, rows_per_part=4)
    for start in range(0, 20, 4):
        writer.log_many([{"i": i} for i in range(start, start + 5)])
        seal_run(layout, RUN)
    assert len([name for name in segment_files(layout) if name.endswith(".meta")]) > 2
    writer.end()
    before = everything(layout)
    seal_run(layout, RUN)
    kinds = sorted(
        name.partition(".")[2] if ".meta" in name else name.partition("-")[2] for name in segment_files(layout)
    )
    assert kinds == ["history.parquet", "history.series.parquet", "meta"]
    assert everything(layout) == before


def test_a_large_segment_between_small_ones_stays_between_them(layout):
    writer = Writer(layout, rows_per_part=5).log_many([{"i": i} for i in range(6)])
    seal_run(layout, RUN)
    writer.log_many([{"i": i, "noise": f"{i * 7919 % 10007}" * 40} for i in range(6, 400)])
    seal_run(layout, RUN)
    writer.log_many([{"i": i} for i in range(400, 407)])
    seal_run(layout, RUN)
    writer.end()
    before = everything(layout)
    large = max(m.stat().st_size for m in layout.segments_dir(RUN).glob("*-history.parquet"))
    seal_run(layout, RUN, segment_bytes=2 * large)
    assert len(list(layout.segments_dir(RUN).glob("*.meta"))) == 3
    assert everything(layout) == before


def test_large_runs_become_several_segments_and_stay_so(layout):
    Writer(layout, rows_per_part=10).log_many([{"i": i, "x": i / 7} for i in range(200)]).end()
    before = everything(layout)
    seal_run(layout, RUN, segment_bytes=4000)
    files = segment_files(layout)
    assert len([name for name in files if name.endswith(".meta")]) > 2
    assert everything(layout) == before
    while seal_run(layout, RUN, segment_bytes=4000):
        pass
    assert everything(layout) == before


def test_an_older_attempt_stays_retrievable_and_is_sealed_apart(layout):
    Writer(layout).log_many([{"old": i} for i in range(3)]).end()
    first = read_run(layout, RUN).generation
    Writer(layout, at_s=100.0).log({"new": 1}).end()
    before = everything(layout)
    seal_run(layout, RUN)
    assert everything(layout) == before
    metas = {m.generation: m for m in take_snapshot(layout, RUN).metas}
    assert sorted(metas) == sorted({first, before.info.generation})
    assert [(s.first_n, s.row_count) for s in metas[first].stretches] == [(0, 3)]


def test_an_attempt_that_crashed_does_not_keep_the_next_from_being_sealed(layout):
    crashed = Writer(layout).log({"a": 1}).die()
    Writer(layout, at_s=100.0).log({"b": 1}).end()
    seal_run(layout, RUN)
    assert part_names(layout) == [(crashed.id, 0)]
    assert read_run(layout, RUN).summary == {"b": 1}


def test_the_open_part_of_a_crashed_run_is_never_dropped(layout):
    writer = Writer(layout, rows_per_part=4).log_many([{"i": i} for i in range(6)]).die()
    before = everything(layout)
    assert seal_run(layout, RUN) == 4
    assert seal_run(layout, RUN) == 0
    assert part_names(layout) == [(writer.id, 1)]
    assert everything(layout) == before
    assert before.info.state == "crashed"


def test_edits_after_sealing_are_read_and_sealed_too(layout):
    a_run_of_every_kind_of_record(layout)
    seal_run(layout, RUN)
    edit_config(layout, {"lr": 0.5}, at_s=1000.0)
    edit(layout, record.SUMMARY, {"set": {"i": -1}}, at_s=1001.0)
    before = everything(layout)
    assert (before.info.config["lr"], before.info.summary["i"]) == (0.5, -1)
    seal_run(layout, RUN)
    assert part_names(layout) == []
    assert everything(layout) == before


def test_a_sealed_run_can_be_gone_on_with(layout):
    Writer(layout).log_many([{"i": 0}, {"i": 1}]).end()
    seal_run(layout, RUN)
    second = Writer(layout, at_s=100.0, resume="must").log({"i": 2})
    assert [row["i"] for row in as_dicts(read_history(layout, RUN))] == [0, 1, 2]
    second.end()
    seal_run(layout, RUN)
    assert [row["i"] for row in as_dicts(read_history(layout, RUN))] == [0, 1, 2]
    assert part_names(layout) == []


def test_a_request_to_stop_stays_where_the_living_run_looks_for_it(layout):
    writer = Writer(layout, rows_per_part=2).log_many([{"i": i} for i in range(5)])
    watch = StopRequestWatcher(writer.journal._journal, writer.opened.generation, writer.id)
    assert not watch.is_stop_requested()
    editor = edit(layout, record.STATE, {"stop": True}, at_s=50.0)
    seal_run(layout, RUN)
    assert (editor, 0) in part_names(layout)
    assert watch.is_stop_requested()
    writer.end()
    seal_run(layout, RUN)
    assert part_names(layout) == []
    assert read_run(layout, RUN).stop_requested


def test_a_part_whose_text_looks_like_its_own_end_is_not_taken_for_closed(layout):
    fake_end = b"\x7f\0\0\0" + bytes([record.CLOSE]) + b"\xc3\x80crc" + b"x" * 127
    writer = Writer(layout)
    writer.log_many([{"i": i} for i in range(WriterLimits().frames_per_block - 3)]).log({"text": fake_end.decode()})
    before = everything(layout)
    assert is_closed(take_snapshot(layout, RUN), PartName(writer.id, 0))
    assert seal_run(layout, RUN) == 0
    assert (part_names(layout), segment_files(layout)) == ([(writer.id, 0)], [])
    assert everything(layout) == before


def test_damage_stops_sealing_and_nothing_is_dropped(layout):
    writer = Writer(layout).log_many([{"i": i} for i in range(5)]).end()
    file = layout.journal_dir(RUN) / str(PartName(writer.id, 0))
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(CorruptError, match="byte"):
        seal_run(layout, RUN)
    assert file.read_bytes() == bytes(data)


def test_a_run_that_is_not_there_cannot_be_sealed(layout):
    Writer(layout)
    with pytest.raises(NotFoundError, match='"nope"'):
        seal_run(layout, RUN._replace(run_id="nope"))
    assert not layout.run_dir(RUN._replace(run_id="nope")).exists()


# Killed on the way


@pytest.mark.slow
@EACH_STEP
def test_a_sealer_may_be_killed_at_any_step(layout, tmp_path, stride):
    a_run_of_every_kind_of_record(layout)
    before = everything(layout)
    for killed in killed_at_each_step(layout, tmp_path, lambda copy: seal_run(copy, RUN), stride):
        assert everything(killed) == before
        seal_run(killed, RUN)
        assert everything(killed) == before
        assert part_names(killed) == []
        files = segment_files(killed)
        assert len([name for name in files if name.endswith(".meta")]) == 1
        assert len(files) == 7


@pytest.mark.slow
@EACH_STEP
def test_a_sealer_may_be_killed_at_any_step_when_segments_are_brought_together(layout, tmp_path, stride):
    writer = Writer(layout, rows_per_part=3).log_many([{"i": i} for i in range(7)])
    seal_run(layout, RUN)
    writer.log_many([{"i": i} for i in range(7, 14)])
    seal_run(layout, RUN)
    writer.end()
    before = everything(layout)
    assert [len(batch.metas) for batch in plan(take_snapshot(layout, RUN))] == [2]
    for killed in killed_at_each_step(layout, tmp_path, lambda copy: seal_run(copy, RUN), stride):
        assert everything(killed) == before
        seal_run(killed, RUN)
        assert everything(killed) == before
        for file in killed.segments_dir(RUN).iterdir():
            os.utime(file, (START_S, START_S))
        drop_leftovers(killed, RUN)
        assert (len(segment_files(killed)), part_names(killed)) == (3, [])


@pytest.mark.parametrize("has_locks", [True, False])
def test_the_last_part_of_a_living_writer_stays_until_there_is_another(layout, monkeypatch, has_locks):
    if not has_locks:
        monkeypatch.setattr(disk, "fcntl", None)
    writer = Writer(layout, rows_per_part=4).log_many({"i": i} for i in range(4))

    def full(step, place):
        if step == "create" and place.name.endswith("-001.part"):
            raise OSError(28, "No space left on device", str(place))

    with disk.watched(full), pytest.raises(OSError, match="No space left"):
        writer.log({"i": 4})
    assert (seal_run(layout, RUN), read_run(layout, RUN).state) == (0, "running")
    writer.log({"i": 4})
    assert (seal_run(layout, RUN), read_run(layout, RUN).state) == (4, "running")
    writer.end()
    assert (seal_run(layout, RUN), part_names(layout), read_run(layout, RUN).state) == (5, [], "finished")


def test_what_a_full_disk_leaves_of_a_segment_is_nothing(layout):
    a_run_of_every_kind_of_record(layout)
    before = everything(layout)

    def full(step, place):
        return 10 if step == "write" and place.suffix == ".meta" else None

    with disk.watched(full), pytest.raises(OSError, match="No space left"):
        seal_run(layout, RUN)
    assert everything(layout) == before
    assert not any(name.endswith(".meta") for name in segment_files(layout))
    seal_run(layout, RUN)
    assert everything(layout) == before


def test_what_a_killed_sealer_left_goes_when_it_is_old(layout):
    a_run_of_every_kind_of_record(layout)
    seal_run(layout, RUN)
    folder = layout.segments_dir(RUN)
    files = segment_files(layout)
    orphans = [folder / ".runlake-tmp-99-x.parquet", folder / f"{'0' * 24}-history.parquet"]
    for file in orphans:
        file.write_bytes(b"half")
    drop_leftovers(layout, RUN)
    assert all(file.exists() for file in orphans)
    for file in orphans:
        os.utime(file, (START_S, START_S))
    drop_leftovers(layout, RUN)
    assert segment_files(layout) == files
    assert not any(file.exists() for file in orphans)


# Several at once


def test_a_reader_between_publication_and_drop_sees_every_row_once(layout):
    a_run_of_every_kind_of_record(layout)
    before = everything(layout)
    calls = []

    def reader(snapshot):
        calls.append(len(snapshot.metas))
        if len(calls) == 1:
            with pytest.raises(Killed), disk.watched(AtStep(first(".meta", "sync"), die)):
                seal_run(layout, RUN)
        return len(snapshot.metas), len(snapshot.parts)

    assert read_consistently(layout, RUN, reader) == (1, 0)
    assert calls == [0, 1]
    assert everything(layout) == before


def test_a_reader_whose_parts_vanish_looks_again(layout):
    a_run_of_every_kind_of_record(layout)
    before = everything(layout)
    sealed = []

    def reader(snapshot):
        if not sealed:
            sealed.append(seal_run(layout, RUN))
        return [snapshot.scan(name) for name in snapshot.parts], len(snapshot.metas)

    assert read_consistently(layout, RUN, reader) == ([], 1)
    assert everything(layout) == before


@pytest.mark.slow
def test_a_reader_never_misses_a_row_while_sealers_work(layout):
    writer = Writer(layout, rows_per_part=5).log({"i": 0})
    stop = threading.Event()
    problems = []

    def seal_on():
        while not stop.is_set():
            try:
                seal_run(layout, RUN)
            except Exception as error:
                problems.append(error)
                return

    sealers = [threading.Thread(target=seal_on) for _ in range(2)]
    for thread in sealers:
        thread.start()
    try:
        for i in range(1, 120):
            writer.log({"i": i})
            if i % 6 == 0:
                assert [row["i"] for row in as_dicts(read_history(layout, RUN))] == list(range(i + 1))
                assert read_run(layout, RUN).row_count == i + 1
    finally:
        stop.set()
        for thread in sealers:
            thread.join()
    assert problems == []
    writer.end()
    seal_run(layout, RUN)
    assert [row["i"] for row in as_dicts(read_history(layout, RUN))] == list(range(120))
    assert (part_names(layout), len(segment_files(layout))) == ([], 3)


def test_sealers_of_other_processes_wait_for_each_other(layout):
    a_run_of_every_kind_of_record(layout)
    before = everything(layout)
    command = [sys.executable, "-m", "runlake.store.compact.after_finish", str(layout.run_dir(RUN))]
    sealers = [warm.Popen(command, stderr=subprocess.PIPE) for _ in range(3)]
    assert [(s.communicate()[1], s.returncode) for s in sealers] == [(b"", 0)] * 3
    assert everything(layout) == before
    assert (part_names(layout), len(segment_files(layout))) == ([], 7)


def test_the_command_says_what_is_wrong_in_one_line(layout):
    Writer(layout)
    command = [sys.executable, "-m", "runlake.store.compact.after_finish", str(layout.run_dir(RUN).with_name("nope"))]
    done = warm.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith('run "nope" not in project ann/p')


def test_a_run_that_cannot_be_written_cannot_be_sealed(layout, tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    a_run_of_every_kind_of_record(layout)
    layout.run_dir(RUN).chmod(0o555)
    try:
        with pytest.raises(ReadOnlyError, match="cannot be sealed"):
            seal_run(layout, RUN)
    finally:
        layout.run_dir(RUN).chmod(0o755)
