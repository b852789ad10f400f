"""`repair` keeps every row whose bytes are whole, says which are lost, and may be killed anywhere."""

import os
import shutil
import threading

import pyarrow.parquet as pq
import pytest
from stepping import EACH_STEP

from runlake.errors import ConflictError, NotFoundError, ReadOnlyError
from runlake.model import STREAMS
from runlake.query.rows.scan import read_history
from runlake.store.care.check import check_run
from runlake.store.care.repair import repair_run
from runlake.store.compact.seal import seal_run
from runlake.store.disk import watched
from runlake.store.folder_store import FolderStore
from runlake.store.journal import record
from runlake.store.journal.journal import PartName
from runlake.store.run.state import read_run
from runlake.store.segment.folder import segments_of
from runlake.store.segment.meta import read_meta
from runlake.values import flatten
from stored import RUN, Writer, as_dicts, edit_config, part_names, segment_files
from whole_run import everything


@pytest.fixture
def layout(tmp_path):
    return FolderStore(tmp_path / "store")


def parts_of(layout, writer):
    files = sorted(layout.journal_dir(RUN).glob(f"{writer.id}-*.part"))
    return {PartName.parse(file.name).number: file for file in files}


def frames_of(data):
    """(start, end, kind) of each frame of a whole part."""
    frames, position = [], len(record.MAGIC)
    while position < len(data):
        length, kind, _, _ = record.HEAD.unpack_from(data, position)
        frames.append((position, position + record.HEAD.size + length, kind))
        position = frames[-1][1]
    return frames


def flip(file, *places, mask=0x10):
    data = bytearray(file.read_bytes())
    for place in places:
        data[place] ^= mask
    file.write_bytes(data)


def spoil(file, start, end):
    """More than one byte of it, so that no flipped byte can be put back."""
    flip(file, start, end, mask=0x15)


def rows(layout, stream="history"):
    return as_dicts(read_history(layout, RUN, stream=stream))


def values(layout):
    return [row["i"] for row in rows(layout)]


def values_of_segments(layout):
    """The rows that are sealed, whatever became of the others."""
    segments = segments_of(layout, RUN)
    stretches = [s for name in segments.list_names() for s in read_meta(segments, name).stretches]
    return [n for s in stretches for n in range(s.first_n, s.first_n + s.row_count)]


def told(repairs):
    return [(r.kind, r.place.partition(",")[0].rpartition("/")[2], r.lost, r.is_mended) for r in repairs]


@pytest.fixture
def crashed(layout):
    """25 rows in two closed parts and an open one."""
    start = {"set": flatten({"lr": 0.1}), "name": "n"}
    return Writer(layout, start=start, rows_per_part=10).log_many({"i": i, "x": i / 3} for i in range(25)).die()


@pytest.fixture
def sealed(layout):
    """40 rows of several types, events and an edit, in a segment."""
    many = [{"i": i, "x": i / 3, "s": f"t{i}", "l": [i]} if i % 2 else {"i": i, "n": None} for i in range(40)]
    writer = Writer(layout, start={"set": flatten({"lr": 0.1})}).log_many(many).log({"cpu": 1.5}, stream="events").end()
    seal_run(layout, RUN)
    return writer


# Journals


def test_what_is_whole_needs_no_repair(layout, sealed):
    before = everything(layout)
    edit_config(layout, {"lr": 1}, at_s=1000.0)
    Writer(layout, resume="allow", at_s=2000.0).log({"i": 40})
    assert repair_run(layout, RUN) == []
    assert rows(layout)[:40] == before.rows["history"]
    assert not layout.trash_dir.exists()


def test_the_open_part_of_a_crashed_run_is_sealed(layout, crashed):
    before = everything(layout)
    name = f"{crashed.id}-002.part"
    looked = repair_run(layout, RUN, is_dry_run=True)
    assert told(looked) == [("open", name, "nothing", True)]
    assert len(part_names(layout)) == 3
    assert repair_run(layout, RUN) == looked
    assert part_names(layout) == []
    assert everything(layout) == before
    assert (before.info.state, check_run(layout, RUN), repair_run(layout, RUN)) == ("crashed", [], [])


def test_a_torn_tail_is_left_out_and_kept_in_the_trash(layout, crashed):
    file = parts_of(layout, crashed)[2]
    torn = file.read_bytes()[:-7]
    file.write_bytes(torn)
    before = everything(layout)
    assert told(repair_run(layout, RUN)) == [("torn", file.name, "nothing", True)]
    assert everything(layout) == before
    assert [len(row) for row in [values(layout)]] == [24]
    (kept,) = layout.trash_dir.rglob(file.name)
    assert kept.read_bytes() == torn


def test_rows_behind_damage_are_found_again_and_the_lost_ones_named(layout, crashed):
    file = parts_of(layout, crashed)[1]
    places = [(start, end) for start, end, kind in frames_of(file.read_bytes()) if kind == record.ROW]
    damaged = file.read_bytes()[places[3][0] : places[4][1]]
    spoil(file, places[3][0] + 12, places[4][0] + 3)
    spoil(file, places[7][0] + 14, places[7][0] + 30)
    damaged = file.read_bytes()[places[3][0] : places[4][1]]
    assert [(r.kind, r.lost.partition(";")[0]) for r in repair_run(layout, RUN)] == [
        ("corrupt", "history rows 13 to 14, 17"),
        ("open", "nothing"),
    ]
    assert values(layout) == [i for i in range(25) if i not in (13, 14, 17)]
    assert read_run(layout, RUN).config == {"lr": 0.1}
    assert check_run(layout, RUN) == []
    assert repair_run(layout, RUN) == []
    assert (layout.run_dir(RUN) / "damaged" / f"{file.name}.byte-{places[3][0]}").read_bytes() == damaged


@pytest.mark.slow
@pytest.mark.parametrize("stride", [61, pytest.param(1, marks=pytest.mark.long)])
def test_every_flipped_byte_of_a_journal_costs_no_row_but_that_whose_frame_was_hit(layout, tmp_path, stride):
    writer = Writer(layout, start={"set": {"lr": 0.5}}, rows_per_part=4)
    writer.log_many({"i": i, "s": "text"} if i % 4 == 1 else {"i": i} for i in range(7)).die()
    whole = tmp_path / "whole"
    shutil.copytree(layout.root, whole)
    acknowledged = rows(layout)
    originals = {number: file.read_bytes() for number, file in parts_of(layout, writer).items()}
    for number, data in originals.items():
        for place in range(0, len(data), stride):
            shutil.rmtree(layout.root)
            shutil.copytree(whole, layout.root)
            flip(parts_of(layout, writer)[number], place, mask=0x10 if place % 2 else 0xFF)
            repairs = repair_run(layout, RUN)
            if place == 7:
                assert [r.kind for r in repairs if not r.is_mended] == ["newer"]
                continue
            start, _, kind = next(
                (f for f in frames_of(data) if f[0] <= place < f[1]), (0, len(record.MAGIC), record.PART)
            )
            hit = set()
            if kind in (record.ROW, record.MIXED):
                hit = {record.ROW_HEAD.unpack_from(data, start + record.HEAD.size)[2]}
            assert check_run(layout, RUN) == [], place
            found = {row["i"]: row for row in rows(layout) if "i" in row}
            assert {n: found.get(n) for n in range(7) if n not in hit} == {
                n: acknowledged[n] for n in range(7) if n not in hit
            }, (number, place)
            assert read_run(layout, RUN).state == "crashed"
            lost = hit - found.keys()
            text = " ".join(repair.lost for repair in repairs)
            assert all(str(n) in text or f"behind history row {n - 1}" in text for n in lost), (place, text)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_missing_part_costs_its_rows_only(layout, crashed, number):
    parts_of(layout, crashed)[number].unlink()
    repairs = repair_run(layout, RUN)
    gone = range(number * 10, number * 10 + 10) if number < 2 else range(20, 25)
    assert values(layout) == [i for i in range(25) if i not in gone]
    if number < 2:
        assert repairs[0].lost == f"history rows {gone[0]} to {gone[-1]}; all records of this part"
    assert check_run(layout, RUN) == []
    assert repair_run(layout, RUN) == []


def test_a_missing_part_that_only_an_empty_one_stands_behind_is_missed_once(layout, crashed):
    parts = parts_of(layout, crashed)
    parts[1].unlink()
    parts[2].write_bytes(b"")
    assert told(repair_run(layout, RUN)) == [("missing", parts[1].name, "all records of this part", True)]
    assert (values(layout), check_run(layout, RUN), repair_run(layout, RUN)) == (list(range(10)), [], [])


def test_missing_parts_behind_a_segment_are_missed_once(layout):
    writer = Writer(layout, rows_per_part=10).log_many({"i": i} for i in range(15))
    seal_run(layout, RUN)
    writer.log_many({"i": i} for i in range(15, 35)).die()
    parts = parts_of(layout, writer)
    newest = max(parts)
    for number in parts:
        if number < newest:
            parts[number].unlink()
    parts[newest].write_bytes(b"")
    before = values_of_segments(layout)
    assert {repair.kind for repair in repair_run(layout, RUN)} == {"missing"}
    assert (values(layout), check_run(layout, RUN), repair_run(layout, RUN)) == (before, [], [])


def segments_with_one_lost(layout):
    """Three segments of one writer and a part behind them; of the middle one everything is gone. Answers its rows."""
    writer = Writer(layout, rows_per_part=10)
    known = [set()]
    for end in (31, 45, 60):
        writer.log_many({"i": i} for i in range(writer.step, end))
        seal_run(layout, RUN)
        known.append(set(segment_files(layout)))
    writer.die()
    lost = []
    for name in known[2] - known[1]:
        file = layout.segments_dir(RUN) / name
        if name.endswith(".meta"):
            meta = read_meta(segments_of(layout, RUN), file.stem)
            lost = [n for s in meta.stretches for n in range(s.first_n, s.first_n + s.row_count)]
        file.unlink()
    return lost


def test_a_lost_segment_costs_its_rows_only(layout):
    lost = segments_with_one_lost(layout)
    repairs = repair_run(layout, RUN)
    assert [r.kind for r in repairs] == ["missing", "open"]
    assert repairs[0].lost.startswith(f"history rows {lost[0]} to {lost[-1]};")
    expected = [i for i in range(60) if i not in lost]
    assert (values(layout), check_run(layout, RUN)) == (expected, [])
    while seal_run(layout, RUN):
        pass
    assert (values(layout), check_run(layout, RUN), repair_run(layout, RUN)) == (expected, [], [])


def test_a_closed_part_that_was_cut_short_is_made_whole_with_what_it_has(layout, crashed):
    file = parts_of(layout, crashed)[0]
    data = file.read_bytes()
    places = [start for start, _, kind in frames_of(data) if kind == record.ROW]
    file.write_bytes(data[: places[6] + 3])
    repairs = repair_run(layout, RUN)
    assert repairs[0].lost.startswith("history rows 6 to 9")
    assert values(layout) == [i for i in range(25) if not 6 <= i <= 9]
    assert check_run(layout, RUN) == []


def test_a_damaged_end_is_told_from_a_crash(layout):
    writer = Writer(layout).log_many({"i": i} for i in range(5)).end()
    (file,) = parts_of(layout, writer).values()
    row = [f for f in frames_of(file.read_bytes()) if f[2] == record.ROW][-1]
    spoil(file, row[0] + 12, row[0] + 20)
    assert repair_run(layout, RUN)[0].lost.startswith("history row 4")
    assert (values(layout), read_run(layout, RUN).state) == ([0, 1, 2, 3], "finished")
    assert check_run(layout, RUN) == []


def test_a_run_with_a_hole_keeps_its_end_and_its_edits(layout):
    writer = Writer(layout, start={"set": {"lr": 1}}).log_many({"i": i} for i in range(9))
    writer.record(record.SUMMARY, {"set": {"best": 7}}).log({"i": 9}).end(exit_code=3)
    (file,) = parts_of(layout, writer).values()
    row = [f for f in frames_of(file.read_bytes()) if f[2] == record.ROW][4]
    spoil(file, row[0] + 12, row[0] + 20)
    repair_run(layout, RUN)
    info = read_run(layout, RUN)
    assert (info.state, info.exit_code, info.config, info.summary) == ("failed", 3, {"lr": 1}, {"i": 9, "best": 7})
    assert [row["i"] for row in rows(layout)] == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    edit_config(layout, {"lr": 2}, at_s=1000.0)
    seal_run(layout, RUN)
    assert [row["i"] for row in rows(layout)] == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert (read_run(layout, RUN).config, check_run(layout, RUN)) == ({"lr": 2}, [])


def test_foreign_and_newer_files_are_left_alone(layout, crashed):
    (layout.journal_dir(RUN) / "notes.txt").write_text("hello")
    text = layout.journal_dir(RUN) / "other-000.part"
    text.write_text("this is somebody's text, long enough for a frame")
    repairs = repair_run(layout, RUN)
    assert {(r.place.partition(",")[0], r.is_mended) for r in repairs if r.kind == "foreign"} == {
        ("journal/notes.txt", False),
        ("journal/other-000.part", False),
    }
    assert text.exists()
    text.unlink()
    newer = layout.journal_dir(RUN) / "x-000.part"
    newer.write_bytes(b"runlake\x07" + b"?" * 50)
    assert [(r.kind, r.is_mended) for r in repair_run(layout, RUN)] == [("newer", False)]


# Who may still be writing


def test_a_living_writer_is_not_touched(layout):
    writer = Writer(layout, rows_per_part=10).log_many({"i": i} for i in range(25))
    assert repair_run(layout, RUN) == []
    file = parts_of(layout, writer)[1]
    row = [f for f in frames_of(file.read_bytes()) if f[2] == record.ROW][4]
    spoil(file, row[0] + 12, row[0] + 20)
    before = {file: file.read_bytes() for file in parts_of(layout, writer).values()}
    with pytest.raises(ConflictError, match="may still be writing"):
        repair_run(layout, RUN)
    assert {file: file.read_bytes() for file in parts_of(layout, writer).values()} == before
    writer.die()
    repair_run(layout, RUN)
    assert values(layout) == [i for i in range(25) if i != 14]


def test_what_a_writer_appends_after_a_forced_repair_is_in_the_trash(layout):
    writer = Writer(layout).log({"i": 0})
    (file,) = parts_of(layout, writer).values()
    assert told(repair_run(layout, RUN, force=True)) == [("open", file.name, "nothing", True)]
    writer.log({"i": 1})
    (kept,) = layout.trash_dir.rglob(file.name)
    assert [f[2] for f in frames_of(kept.read_bytes())].count(record.ROW) == 2


def test_where_locks_tell_nothing_a_recent_write_is_a_sign_of_life(layout, crashed, monkeypatch):
    monkeypatch.setattr("runlake.store.disk.fcntl", None)
    assert repair_run(layout, RUN) == []
    for file in parts_of(layout, crashed).values():
        os.utime(file, (1e9, 1e9))
    assert [r.kind for r in repair_run(layout, RUN)] == ["open"]


def test_two_repairs_at_once_do_it_once(layout, crashed):
    file = parts_of(layout, crashed)[1]
    row = [f for f in frames_of(file.read_bytes()) if f[2] == record.ROW][4]
    spoil(file, row[0] + 12, row[0] + 20)
    found = []
    threads = [threading.Thread(target=lambda: found.append(repair_run(layout, RUN))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(len, found)) == [0, 2]
    assert values(layout) == [i for i in range(25) if i != 14]


def test_a_run_that_cannot_be_written_says_so(layout, crashed):
    def refuse(step, place):
        if step not in ("list", "read", "lock"):
            raise PermissionError(13, "no", str(place))

    before = everything(layout)
    with watched(refuse), pytest.raises(ReadOnlyError, match="cannot be repaired"):
        repair_run(layout, RUN)
    assert everything(layout) == before


def test_a_run_that_is_not_there_cannot_be_repaired(layout):
    with pytest.raises(NotFoundError, match="is not in"):
        repair_run(layout, RUN)
    layout.run_dir(RUN).mkdir(parents=True)
    with pytest.raises(NotFoundError, match="is not in"):
        repair_run(layout, RUN)
    assert list(layout.run_dir(RUN).iterdir()) == []


# Segments


@pytest.mark.slow
def test_every_file_of_a_sealed_run_may_be_flipped(layout, sealed):
    before = everything(layout)
    for name in segment_files(layout):
        file = layout.segments_dir(RUN) / name
        data = file.read_bytes()
        for place in range(0, len(data), max(1, len(data) // 4)):
            if name.endswith(".meta") and place == 7:
                continue
            flip(file, place)
            repairs = repair_run(layout, RUN)
            assert [(r.kind, r.lost, r.is_mended) for r in repairs] == [("corrupt", "nothing", True)], (name, place)
            assert file.read_bytes() == data
            assert everything(layout) == before
            assert check_run(layout, RUN) == []


def test_a_series_file_is_made_anew_from_the_values(layout, sealed):
    before = everything(layout)
    for name in [n for n in segment_files(layout) if n.endswith(".series.parquet")]:
        (layout.segments_dir(RUN) / name).unlink()
        assert told(repair_run(layout, RUN)) == [("missing", name, "nothing", True)]
        assert sorted(map(repr, rows(layout))) == sorted(map(repr, before.rows["history"]))
        assert read_run(layout, RUN) == before.info
        assert check_run(layout, RUN) == []
        sealed_again = [n for n in segment_files(layout) if n.endswith("history.series.parquet")]
        spoil(layout.segments_dir(RUN) / sealed_again[0], 50, 90)
        assert [(r.kind, r.is_mended) for r in repair_run(layout, RUN)] == [("corrupt", True)]
        assert read_run(layout, RUN) == before.info
        break


def test_a_meta_file_is_made_anew_from_the_parquet_files(layout, sealed):
    before = everything(layout)
    (meta,) = layout.segments_dir(RUN).glob("*.meta")
    for harm in (meta.unlink, lambda: spoil(meta, 100, 140)):
        harm()
        (repaired,) = repair_run(layout, RUN)
        assert (repaired.is_mended, repaired.lost.partition(",")[0]) == (True, "config")
        assert {s: rows(layout, s) for s in STREAMS} == before.rows
        assert (read_run(layout, RUN).state, read_run(layout, RUN).summary) == ("crashed", before.info.summary)
        assert check_run(layout, RUN) == []


def test_where_two_files_of_a_segment_are_gone_the_third_is_left_as_it_is(layout, sealed):
    (meta,) = layout.segments_dir(RUN).glob("*.meta")
    spoil(meta, 100, 140)
    (series,) = layout.segments_dir(RUN).glob("*-history.series.parquet")
    series.unlink()
    before = {file: file.read_bytes() for file in layout.segments_dir(RUN).iterdir()}
    assert [(r.kind, r.is_mended) for r in repair_run(layout, RUN)] == [("corrupt", False)]
    assert {file: file.read_bytes() for file in layout.segments_dir(RUN).iterdir()} == before


def test_values_that_are_nowhere_else_are_left_for_a_backup(layout, sealed):
    (name,) = [n for n in segment_files(layout) if n.endswith("-history.parquet")]
    file = layout.segments_dir(RUN) / name
    data = file.read_bytes()
    groups = pq.ParquetFile(file).metadata
    columns = [groups.row_group(g).column(i) for g in range(groups.num_row_groups) for i in range(groups.num_columns)]
    column = max((c for c in columns if c.path_in_schema == "f64"), key=lambda c: c.total_compressed_size)
    end = column.data_page_offset + column.total_compressed_size
    for harm in (lambda: spoil(file, end - 3, end - 9), file.unlink):
        harm()
        repairs = repair_run(layout, RUN)
        assert [(r.is_mended, "backup" in r.remedy) for r in repairs] == [(False, True)]
        file.write_bytes(data)
        assert check_run(layout, RUN) == []


def test_a_damaged_segment_whose_parts_are_still_there_is_dropped(layout, tmp_path):
    Writer(layout).log_many({"i": i} for i in range(30)).end()
    before = everything(layout)
    shutil.copytree(layout.journal_dir(RUN), tmp_path / "journal")
    seal_run(layout, RUN)
    shutil.copytree(tmp_path / "journal", layout.journal_dir(RUN), dirs_exist_ok=True)
    (name,) = [n for n in segment_files(layout) if n.endswith("-history.parquet")]
    spoil(layout.segments_dir(RUN) / name, 300, 400)
    assert told(repair_run(layout, RUN)) == [("corrupt", name, "nothing", True)]
    assert everything(layout) == before
    assert check_run(layout, RUN) == []
    seal_run(layout, RUN)
    assert everything(layout) == before


# Killed on the way


class Killed(BaseException):
    """As if the process had been killed."""


def dying_at(count):
    """A watcher that dies before the step of that number, of all that change something on the disk."""
    left = count

    def watcher(step, place):
        nonlocal left
        if step not in ("list", "read", "lock"):
            left -= 1
            if left == 0:
                raise Killed

    return watcher


def damage_a_part(layout):
    writer = Writer(layout, rows_per_part=10).log_many({"i": i} for i in range(25)).die()
    file = parts_of(layout, writer)[1]
    row = [f for f in frames_of(file.read_bytes()) if f[2] == record.ROW][4]
    spoil(file, row[0] + 12, row[0] + 20)


def lose_a_part(layout):
    writer = Writer(layout, rows_per_part=10).log_many({"i": i} for i in range(25)).die()
    parts_of(layout, writer)[1].unlink()


def lose_a_meta(layout):
    Writer(layout).log_many({"i": i} for i in range(25)).end()
    seal_run(layout, RUN)
    next(layout.segments_dir(RUN).glob("*.meta")).unlink()


def lose_a_series_file(layout):
    Writer(layout).log_many({"i": i} for i in range(25)).end()
    seal_run(layout, RUN)
    next(layout.segments_dir(RUN).glob("*.series.parquet")).unlink()


@pytest.mark.slow
@pytest.mark.parametrize(
    "harm",
    [
        damage_a_part,
        *(
            pytest.param(harm, marks=pytest.mark.long)
            for harm in (lose_a_part, segments_with_one_lost, lose_a_meta, lose_a_series_file)
        ),
    ],
)
@EACH_STEP
def test_a_repair_may_be_killed_at_any_step(layout, harm, tmp_path, stride):
    harm(layout)
    shutil.copytree(layout.root, tmp_path / "before")
    repair_run(layout, RUN)
    expected = everything(layout)
    for count in range(1, 100, stride):
        shutil.rmtree(layout.root)
        shutil.copytree(tmp_path / "before", layout.root)
        try:
            with watched(dying_at(count)):
                repair_run(layout, RUN)
            break
        except Killed:
            pass
        repair_run(layout, RUN)
        assert everything(layout) == expected, count
        assert check_run(layout, RUN) == [], count
        assert part_names(layout) == []
    assert 1 < count < 99
