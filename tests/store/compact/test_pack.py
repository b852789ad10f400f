"""Packing changes where the rows of small runs lie and nothing else, whoever does it and wherever it is killed."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest
from stepping import EACH_STEP, AtStep, Killed, die, first, killed_at_each_step

import warm
from runlake.errors import CorruptError, StoreError
from runlake.model import STREAMS, RunPath
from runlake.query.rows.scan import read_history
from runlake.store import disk
from runlake.store.care.check import PackedFiles, check_run
from runlake.store.compact import packed_file
from runlake.store.compact.pack import AT_ONCE, pack_runs, write_packed
from runlake.store.compact.pack_folder import FolderPacking
from runlake.store.compact.pack_plan import PACKED_BYTES, plan
from runlake.store.compact.seal import seal_run
from runlake.store.folder_store import FolderStore
from runlake.store.opening.trash import move_run_to_trash, restore_run
from runlake.store.run.snapshot import read_consistently, take_snapshot
from runlake.store.run.state import read_run
from runlake.store.segment import schema
from runlake.store.segment.folder import FolderSegments, packed_of
from runlake.store.segment.read import open_parquet, read_rows
from runlake.store.segment.segments import SegmentFile
from runlake.store.segment.write import PACKED_GROUP_VALUES
from stored import Writer, as_dicts, edit_config, part_names, segment_files
from whole_run import everything

RUN_COUNT = 5
PATHS = [RunPath("ann", "p", f"r{number}") for number in range(RUN_COUNT)]


@pytest.fixture
def layout(tmp_path):
    return FolderStore(tmp_path / "store")


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    layout = FolderStore(tmp_path_factory.mktemp("template") / "store")
    for number, path in enumerate(PATHS):
        write(layout, path, number)
    return layout


@pytest.fixture
def sealed(template, layout):
    """Five runs of every kind of value, sealed."""
    shutil.copytree(template.root, layout.root)
    return layout


def write(layout, path, number=0, *, row_count=9):
    writer = Writer(layout, path=path, at_s=number * 100.0, start={"name": f"n{number}"}, rows_per_part=4)
    for i in range(row_count):
        values = {"loss": number + i / 8, "i": i, "mixed": i if i % 2 else i / 2}
        extra = {"text": f"{number}:{i}", "list": [i], "none": None} if i % 3 == number % 3 else {}
        writer.log({**extra, **values} if number % 2 else {**values, **extra})
    writer.log({"cpu": 1.5}, stream="events").log({"line": 0, "text": f"hello {number}"}, stream="console")
    writer.end()
    seal_run(layout, path)
    return writer


def all_of(layout):
    return {path: everything(layout, path) for path in PATHS}


def pack(layout, **options):
    return list(pack_runs(FolderPacking(layout, "ann", "p"), AT_ONCE._replace(**options)))


def packed_files(layout):
    folder = layout.merged_dir("ann", "p")
    return sorted(file.name for file in folder.iterdir() if not file.name.startswith(".")) if folder.is_dir() else []


def packed_names(layout):
    return packed_file.list_names(packed_of(layout, "ann", "p"))


def read_packed(layout, name):
    return packed_file.read_list(packed_of(layout, "ann", "p"), name)


def metas(layout, path):
    return take_snapshot(layout, path).metas


@pytest.mark.slow
def test_packed_runs_read_as_before(sealed):
    before = all_of(sealed)
    assert sorted(pack(sealed)) == PATHS
    assert all_of(sealed) == before
    (name,) = packed_names(sealed)
    expected = [f"{name}-{stream}{kind}.parquet" for stream in STREAMS for kind in ("", ".series")]
    assert packed_files(sealed) == sorted([*expected, f"{name}.runs"])
    assert [[file.partition(".")[2] for file in segment_files(sealed, path)] for path in PATHS] == [
        ["meta"]
    ] * RUN_COUNT


def test_packing_and_sealing_again_find_nothing_to_do(sealed):
    pack(sealed)
    files = packed_files(sealed), [segment_files(sealed, path) for path in PATHS]
    assert pack(sealed) == []
    assert [seal_run(sealed, path) for path in PATHS] == [0] * RUN_COUNT
    assert (packed_files(sealed), [segment_files(sealed, path) for path in PATHS]) == files


def test_two_stores_with_equal_runs_get_equal_packed_files(sealed, tmp_path):
    shutil.copytree(sealed.root, tmp_path / "copy")
    copy = FolderStore(tmp_path / "copy")
    pack(sealed)
    pack(copy)
    assert packed_files(copy) == packed_files(sealed)
    for name in packed_files(sealed):
        assert (copy.merged_dir("ann", "p") / name).read_bytes() == (sealed.merged_dir("ann", "p") / name).read_bytes()


def test_a_row_group_of_a_packed_file_is_of_one_lane_and_keys_follow_each_other(sealed):
    pack(sealed)
    (name,) = packed_names(sealed)
    parquet = open_parquet(SegmentFile(packed_of(sealed, "ann", "p"), f"{name}-history.parquet"))
    columns = ["lane", "key", "run_id", "n"]
    groups = [parquet.read_row_group(g, columns=columns) for g in range(parquet.num_row_groups)]
    assert {len(set(group["lane"].to_pylist())) for group in groups} == {1}
    rows = [tuple(row.values()) for group in groups for row in group.to_pylist()]
    assert rows == sorted(rows)
    assert max(group.num_rows for group in groups) <= PACKED_GROUP_VALUES


def test_only_what_is_finished_small_and_quiet_is_packed(sealed):
    running = RunPath("ann", "p", "running")
    crashed = RunPath("ann", "p", "crashed")
    large = RunPath("ann", "p", "large")
    alive = Writer(sealed, path=running, at_s=600.0, rows_per_part=2).log_many([{"i": i} for i in range(5)])
    Writer(sealed, path=crashed, at_s=700.0, rows_per_part=2).log_many([{"i": i} for i in range(5)]).die()
    writer = Writer(sealed, path=large, at_s=800.0)
    for _ in range(18):
        writer.log({"noise": os.urandom(2**19).hex()})
    writer.end()
    for path in (running, crashed, large):
        seal_run(sealed, path)
    assert pack(sealed, quiet_s=3600.0) == []
    assert pack(sealed, min_run_count=RUN_COUNT + 1) == []
    assert packed_files(sealed) == []
    assert sorted(pack(sealed)) == PATHS
    assert not any(meta.is_packed for path in (running, crashed, large) for meta in metas(sealed, path))
    alive.end()


# Killed on the way


def planned(layout):
    found = FolderPacking(layout, "ann", "p").survey(quiet_s=0.0)
    (batch,) = plan(packed_of(layout, "ann", "p"), found, {}, min_run_count=2, packed_bytes=PACKED_BYTES)
    return batch


def pointing(batch, packed):
    paths = {unit.identity: unit.path for unit in batch}
    return [(paths[run.incarnation, run.generation], run) for run in packed.runs]


def rows_of(layout, paths):
    return [as_dicts(read_history(layout, path, stream=stream)) for path in paths for stream in ("history", "console")]


@pytest.mark.slow
@EACH_STEP
def test_a_packer_may_be_killed_at_any_step(layout, tmp_path, stride):
    paths = PATHS[:2]
    for number, path in enumerate(paths):
        Writer(layout, path=path).log({"loss": number / 8, "i": 1}).log(
            {"line": 0, "text": "x"}, stream="console"
        ).end()
        seal_run(layout, path)
    before = rows_of(layout, paths)
    for killed in killed_at_each_step(layout, tmp_path, pack, stride):
        assert rows_of(killed, paths) == before
        pack(killed)
        assert rows_of(killed, paths) == before
        assert [len(metas(killed, path)) for path in paths] == [1, 1]
        assert len(list(killed.root.rglob("*.meta"))) == 2
        (name,) = packed_names(killed)
        assert {meta.packed_in for path in paths for meta in metas(killed, path)} == {name}
        assert len(packed_files(killed)) == 5


@pytest.mark.long
def test_a_packer_that_is_really_killed_loses_nothing(layout):
    paths = [RunPath("ann", "p", f"k{number}") for number in range(60)]
    for number, path in enumerate(paths):
        write(layout, path, number)
    before = {path: everything(layout, path) for path in paths}
    for delay_s in (0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.2):
        process = subprocess.Popen(packing_command(layout))
        time.sleep(delay_s)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert {path: everything(layout, path) for path in paths} == before
    warm.run(packing_command(layout), check=True)
    assert {path: everything(layout, path) for path in paths} == before
    assert all(meta.is_packed for path in paths for meta in metas(layout, path))


def packing_command(layout):
    code = (
        "import sys; from pathlib import Path; from runlake.store.folder_store import FolderStore\n"
        "from runlake.store.compact.pack import AT_ONCE, pack_runs\n"
        "from runlake.store.compact.pack_folder import FolderPacking\n"
        "print(len(list(pack_runs(FolderPacking(FolderStore(Path(sys.argv[1])), 'ann', 'p'), AT_ONCE))))"
    )
    return [sys.executable, "-c", code, str(layout.root)]


# Several at once


@pytest.mark.slow
def test_packers_of_other_processes_wait_for_each_other(sealed):
    before = all_of(sealed)
    packers = [warm.Popen(packing_command(sealed), stdout=subprocess.PIPE, text=True) for _ in range(3)]
    moved = sorted(int(packer.communicate()[0]) for packer in packers)
    assert ([packer.returncode for packer in packers], moved) == ([0, 0, 0], [0, 0, RUN_COUNT])
    assert all_of(sealed) == before
    assert len(packed_names(sealed)) == 1


@pytest.mark.slow
@pytest.mark.parametrize("reads_first", [True, False])
def test_a_reader_that_begins_before_and_ends_after_looks_again(sealed, reads_first):
    before = all_of(sealed)
    calls = []

    def reader(snapshot):
        calls.append([meta.is_packed for meta in snapshot.metas])
        if len(calls) == 1 and not reads_first:
            pack(sealed)
        found = [as_dicts(rows) for meta in snapshot.metas for rows in read_segment(snapshot, meta)]
        if len(calls) == 1:
            pack(sealed)
        return found

    found = read_consistently(sealed, PATHS[0], reader)
    assert [row for rows in found for row in rows] == before[PATHS[0]].rows["history"]
    assert calls == [[False], [True]]
    assert all_of(sealed) == before


def read_segment(snapshot, meta):
    return read_rows(snapshot.values_of(meta, "history"), "history", footers=meta.footers, owner=meta.owner)


@pytest.mark.slow
def test_a_reader_between_publication_and_drop_sees_every_row_once(sealed):
    before = all_of(sealed)
    with pytest.raises(Killed), disk.watched(AtStep(first(".meta", "remove"), die)):
        pack(sealed)
    assert sum(len(list(sealed.segments_dir(path).glob("*.meta"))) for path in PATHS) == 2 * RUN_COUNT
    assert all_of(sealed) == before


@pytest.mark.slow
def test_readers_never_miss_a_row_while_packers_and_sealers_work(sealed):
    stop = threading.Event()
    problems = []
    before = {path: everything(sealed, path) for path in PATHS[1:]}

    def work(action):
        while not stop.is_set():
            try:
                action()
            except Exception as error:
                problems.append(error)
                return

    def seal_all():
        for path in PATHS:
            seal_run(sealed, path)

    workers = [threading.Thread(target=work, args=(action,)) for action in (lambda: pack(sealed), seal_all)]
    for thread in workers:
        thread.start()
    try:
        expected = as_dicts(read_history(sealed, PATHS[0], keys=["loss"]))
        for round_number in range(3):
            writer = Writer(sealed, path=PATHS[0], at_s=1000.0 * (round_number + 1), resume="must")
            writer.log({"loss": float(round_number)}).end()
            expected.append({"_step": expected[-1]["_step"] + 1, "loss": float(round_number)})
            assert as_dicts(read_history(sealed, PATHS[0], keys=["loss"])) == expected
            assert {path: everything(sealed, path) for path in PATHS[1:]} == before
    finally:
        stop.set()
        for thread in workers:
            thread.join()
    assert problems == []
    assert as_dicts(read_history(sealed, PATHS[0], keys=["loss"])) == expected


@pytest.mark.slow
def test_a_run_that_moved_while_it_was_packed_is_left_as_it_is(sealed):
    batch = planned(sealed)
    packed = write_packed(packed_of(sealed, "ann", "p"), batch, [])
    Writer(sealed, path=PATHS[1], at_s=5000.0, resume="must").log({"loss": 7.0}).end()
    seal_run(sealed, PATHS[1])
    move_run_to_trash(sealed, PATHS[2], "w")
    before = {path: everything(sealed, path) for path in PATHS if path != PATHS[2]}
    moved = list(FolderPacking(sealed, "ann", "p").point(packed, pointing(batch, packed)))
    assert sorted(moved) == [PATHS[0], PATHS[3], PATHS[4]]
    assert {path: everything(sealed, path) for path in before} == before
    assert [meta.is_packed for meta in metas(sealed, PATHS[1])] == [False]


# After packing


def test_edits_after_packing_are_seen_sealed_or_not(sealed):
    pack(sealed)
    before = as_dicts(read_history(sealed, PATHS[0]))
    edit_config(sealed, {"lr": 0.5}, path=PATHS[0], at_s=9000.0)
    assert read_run(sealed, PATHS[0]).config == {"lr": 0.5}
    seal_run(sealed, PATHS[0])
    assert part_names(sealed, PATHS[0]) == []
    assert sorted(meta.is_packed for meta in metas(sealed, PATHS[0])) == [False, True]
    assert read_run(sealed, PATHS[0]).config == {"lr": 0.5}
    assert as_dicts(read_history(sealed, PATHS[0])) == before


@pytest.mark.slow
def test_a_packed_run_can_be_gone_on_with(sealed):
    pack(sealed)
    before = as_dicts(read_history(sealed, PATHS[0]))
    others = {path: everything(sealed, path) for path in PATHS[1:]}
    for number in range(3):
        Writer(sealed, path=PATHS[0], at_s=9000.0 + 100 * number, resume="must").log({"loss": number / 2}).end()
        before.append({"_step": before[-1]["_step"] + 1, "loss": number / 2})
        assert as_dicts(read_history(sealed, PATHS[0])) == before
        seal_run(sealed, PATHS[0])
        assert as_dicts(read_history(sealed, PATHS[0])) == before
    assert sorted(meta.is_packed for meta in metas(sealed, PATHS[0])) == [False, True]
    more = [RunPath("ann", "p", f"more{number}") for number in range(2 * RUN_COUNT)]
    for number, path in enumerate(more):
        write(sealed, path, 20 + number)
    assert set(pack(sealed)) >= {*more, *PATHS}
    assert [meta.is_packed for meta in metas(sealed, PATHS[0])] == [True]
    assert as_dicts(read_history(sealed, PATHS[0])) == before
    assert {path: everything(sealed, path) for path in others} == others


def test_a_new_attempt_under_an_old_id_hides_the_packed_one(sealed):
    pack(sealed)
    Writer(sealed, path=PATHS[0], at_s=9000.0).log({"loss": 1.0}).end()
    assert as_dicts(read_history(sealed, PATHS[0])) == [{"_step": 0, "loss": 1.0}]
    seal_run(sealed, PATHS[0])
    assert as_dicts(read_history(sealed, PATHS[0])) == [{"_step": 0, "loss": 1.0}]


@pytest.mark.slow
def test_a_deleted_packed_run_can_be_made_again_or_brought_back(sealed):
    before = all_of(sealed)
    pack(sealed)
    trashed = move_run_to_trash(sealed, PATHS[0], "w")
    assert {path: everything(sealed, path) for path in PATHS[1:]} == {path: before[path] for path in PATHS[1:]}
    Writer(sealed, path=PATHS[0], at_s=9000.0).log({"loss": 1.0}).end()
    seal_run(sealed, PATHS[0])
    assert as_dicts(read_history(sealed, PATHS[0])) == [{"_step": 0, "loss": 1.0}]
    move_run_to_trash(sealed, PATHS[0], "w")
    with pytest.raises(StoreError, match="merged files of ann/p; restore it there"):
        restore_run(sealed, trashed, "w", RunPath("ann", "elsewhere", "r0"))
    restore_run(sealed, trashed, "w")
    assert all_of(sealed) == before


def test_a_copied_run_reads_as_the_first_and_is_not_packed_itself(sealed):
    copy, early = RunPath("ann", "p", "copy"), RunPath("ann", "p", "early")
    shutil.copytree(sealed.run_dir(PATHS[0]), sealed.run_dir(early))
    pack(sealed)
    shutil.copytree(sealed.run_dir(PATHS[0]), sealed.run_dir(copy))
    rows = as_dicts(read_history(sealed, PATHS[0]))
    assert as_dicts(read_history(sealed, copy)) == as_dicts(read_history(sealed, early)) == rows
    assert [meta.is_packed for meta in metas(sealed, early)] == [False]


# Taking care of packed files


@pytest.mark.slow
def test_a_packed_file_that_is_mostly_of_deleted_runs_is_made_anew(sealed):
    pack(sealed)
    (first,) = packed_names(sealed)
    for path in PATHS[:3]:
        move_run_to_trash(sealed, path, "w")
    before = {path: everything(sealed, path) for path in PATHS[3:]}
    assert sorted(pack(sealed, grace_s=0.0)) == PATHS[3:]
    assert {path: everything(sealed, path) for path in PATHS[3:]} == before
    (second,) = {*packed_names(sealed)} - {first}
    assert sorted(run.run_id for run in read_packed(sealed, second).runs) == ["r3", "r4"]
    # What lies in the trash may be brought back.
    assert first in packed_names(sealed)
    shutil.rmtree(sealed.trash_dir)
    assert pack(sealed, grace_s=0.0) == []
    assert packed_names(sealed) == [second]
    assert len(packed_files(sealed)) == 7
    assert {path: everything(sealed, path) for path in PATHS[3:]} == before


@pytest.mark.slow
def test_a_packed_run_that_has_grown_large_stays_where_it_is(sealed):
    pack(sealed)
    (first,) = packed_names(sealed)
    writer = Writer(sealed, path=PATHS[0], at_s=9000.0, resume="must")
    for _ in range(18):
        writer.log({"noise": os.urandom(2**19).hex()})
    writer.end()
    seal_run(sealed, PATHS[0])
    for path in PATHS[1:4]:
        move_run_to_trash(sealed, path, "w")
    shutil.rmtree(sealed.trash_dir)
    before = {path: everything(sealed, path) for path in (PATHS[0], PATHS[4])}
    assert pack(sealed, grace_s=0.0) == [PATHS[4]]
    assert len(packed_names(sealed)) == 2
    assert first in packed_names(sealed)
    assert sorted(meta.is_packed for meta in metas(sealed, PATHS[0])) == [False, True]
    assert {path: everything(sealed, path) for path in before} == before
    assert pack(sealed, grace_s=0.0) == []


def test_a_packed_file_that_nobody_points_to_goes_after_an_hour(sealed):
    pack(sealed)
    (name,) = packed_names(sealed)
    folder = sealed.merged_dir("ann", "p")
    shutil.move(sealed.runs_dir("ann", "p"), sealed.root / "aside")
    FolderPacking(sealed, "ann", "p").remove_unused()
    FolderPacking(sealed, "ann", "p").remove_unused()
    assert packed_names(sealed) == [name]
    # It came back before the hour was over, so the next hour begins anew.
    shutil.move(sealed.root / "aside", sealed.runs_dir("ann", "p"))
    FolderPacking(sealed, "ann", "p").remove_unused()
    assert not packed_file.unused_mark(folder, name).exists()
    shutil.rmtree(sealed.runs_dir("ann", "p"))
    FolderPacking(sealed, "ann", "p").remove_unused()
    os.utime(packed_file.unused_mark(folder, name), (1.0, 1.0))
    FolderPacking(sealed, "ann", "p").remove_unused()
    assert packed_files(sealed) == []
    assert not packed_file.unused_mark(folder, name).exists()


def test_nothing_is_removed_while_a_run_cannot_be_read(sealed):
    pack(sealed)
    files = packed_files(sealed)
    for path in PATHS[:-1]:
        shutil.rmtree(sealed.run_dir(path))
    (file,) = sealed.segments_dir(PATHS[-1]).glob("*.meta")
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    assert pack(sealed, grace_s=0.0) == []
    assert packed_files(sealed) == files


@pytest.mark.slow
def test_many_small_packs_leave_few_files(layout):
    paths = [RunPath("ann", "p", f"s{number}") for number in range(12)]
    for number, path in enumerate(paths):
        write(layout, path, number, row_count=3)
        if number % 2:
            pack(layout, grace_s=0.0)
    assert len(packed_names(layout)) <= 3
    rows = {path: as_dicts(read_history(layout, path, keys=["loss"])) for path in paths}
    assert rows == {p: [{"_step": i, "loss": k + i / 8} for i in range(3)] for k, p in enumerate(paths)}


@pytest.mark.slow
def test_large_batches_become_several_files(sealed):
    before = all_of(sealed)
    size_bytes = sum(file.stat().st_size for file in sealed.segments_dir(PATHS[0]).glob("*y.parquet"))
    assert sorted(pack(sealed, packed_bytes=size_bytes)) == PATHS
    assert len(packed_names(sealed)) == 2
    assert all_of(sealed) == before


def test_one_damaged_run_is_named_and_the_others_are_packed(sealed):
    (file,) = sealed.segments_dir(PATHS[0]).glob("*-history.parquet")
    flip(file, first_value(file))
    with pytest.raises(CorruptError, match=file.name):
        pack(sealed)
    assert [meta.is_packed for path in PATHS for meta in metas(sealed, path)] == [False, True, True, True, True]


def first_value(file):
    """A byte of the values of the first row group, which are f64."""
    column = next(i for i, name in enumerate(schema.VALUES_SCHEMA.names) if name == "f64")
    stored = SegmentFile(FolderSegments(file.parent), file.name)
    return open_parquet(stored).metadata.row_group(0).column(column).data_page_offset + 50


def flip(file, place):
    data = bytearray(file.read_bytes())
    data[place] ^= 0x10
    file.write_bytes(data)


def check_all(layout):
    packed = PackedFiles()
    return {path.run_id: check_run(layout, path, packed) for path in PATHS}, packed


def test_check_reads_a_packed_file_once_and_finds_nothing(sealed):
    pack(sealed)
    findings, packed = check_all(sealed)
    assert findings == {path.run_id: [] for path in PATHS}
    assert sorted(file.name for file, _ in packed.is_whole) == [
        n for n in packed_files(sealed) if n.endswith("parquet")
    ]


def test_check_names_every_run_that_loses_rows_in_a_packed_file(sealed):
    pack(sealed)
    (name,) = packed_names(sealed)
    file = sealed.merged_dir("ann", "p") / f"{name}-history.parquet"
    whole = file.read_bytes()
    flip(file, first_value(file))
    place = f"../../merged/{file.name}"
    assert {i: [(f.kind, f.place, f.lost) for f in found] for i, found in check_all(sealed)[0].items()} == {
        path.run_id: [("corrupt", place, "9 history rows")] for path in PATHS
    }
    file.unlink()
    assert {i: [(f.kind, f.place, f.lost) for f in found] for i, found in check_all(sealed)[0].items()} == {
        path.run_id: [("missing", place, "9 history rows")] for path in PATHS
    }
    file.write_bytes(whole)
    assert check_all(sealed)[0] == {path.run_id: [] for path in PATHS}


@pytest.mark.slow
def test_a_flipped_bit_is_named_by_the_reader_that_meets_it(sealed):
    pack(sealed)
    before = all_of(sealed)
    (name,) = packed_names(sealed)
    for kind in ("-history.parquet", "-history.series.parquet"):
        file = sealed.merged_dir("ann", "p") / f"{name}{kind}"
        whole = file.read_bytes()
        for place in range(10, len(whole), max(1, len(whole) // 25)):
            flip(file, place)
            for path in PATHS:
                found = rows_or_error(sealed, path)
                assert found == before[path].rows["history"] or file.name in str(found)
            file.write_bytes(whole)


def rows_or_error(layout, path):
    try:
        return as_dicts(read_history(layout, path))
    except CorruptError as error:
        return error


# Who does it


def age(layout, paths):
    for path in paths:
        for file in layout.segments_dir(path).glob("*.meta"):
            os.utime(file, (1_700_000_000.0,) * 2)


@pytest.mark.slow
def test_the_process_that_seals_a_run_packs_when_enough_have_come_together(layout):
    paths = [RunPath("ann", "p", f"s{number:02}") for number in range(17)]
    for number, path in enumerate(paths):
        write(layout, path, number, row_count=2)
    command = [sys.executable, "-m", "runlake.store.compact.after_finish", str(layout.run_dir(paths[0]))]
    warm.run(command, check=True)
    assert packed_names(layout) == []  # they ended a moment ago
    age(layout, paths)
    warm.run(command, check=True)
    assert [meta.is_packed for path in paths for meta in metas(layout, path)] == [True] * 17
    later = [RunPath("ann", "p", f"t{number:02}") for number in range(3)]
    for number, path in enumerate(later):
        write(layout, path, 100 + number, row_count=2)
    age(layout, later)
    warm.run(command, check=True)
    assert not any(meta.is_packed for path in later for meta in metas(layout, path))


def test_a_unit_knows_its_rows_and_its_inputs(sealed):
    (unit,) = [unit for unit in FolderPacking(sealed, "ann", "p").survey(quiet_s=0.0).fresh if unit.path == PATHS[0]]
    assert (unit.row_count, unit.inputs) == (11, [meta.name for meta in metas(sealed, PATHS[0])])
