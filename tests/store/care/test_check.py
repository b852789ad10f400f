"""`check` reads every byte, goes on after damage, and says where, what is lost and what to do."""

import random
import shutil

import msgspec
import pyarrow.parquet as pq
import pytest

from runlake.model import Finding
from runlake.store.care.check import check_run
from runlake.store.compact.seal import seal_run
from runlake.store.folder_store import FolderStore
from runlake.store.journal import record
from runlake.store.journal.journal import PartName
from runlake.store.segment.folder import segments_of
from runlake.store.segment.meta import read_meta, write_meta
from stored import RUN, Writer, edit_config, segment_files

FROM_BACKUP = "restore the file from a backup"


@pytest.fixture
def layout(tmp_path):
    return FolderStore(tmp_path)


def parts_of(layout, writer):
    """Part number → its file."""
    files = sorted(layout.journal_dir(RUN).glob(f"{writer.id}-*.part"))
    return {PartName.parse(file.name).number: file for file in files}


def frames_of(data):
    places, position = [], len(record.MAGIC)
    while position < len(data):
        places.append(position)
        position += record.HEAD.size + record.HEAD.unpack_from(data, position)[0]
    return places


def flip(file, place, mask=0x10):
    data = bytearray(file.read_bytes())
    data[place] ^= mask
    file.write_bytes(data)


@pytest.fixture
def crashed(layout):
    """25 rows in two closed parts and an open one."""
    return Writer(layout, rows_per_part=10).log_many({"a": i, "b": i / 2} for i in range(25)).die()


@pytest.fixture
def sealed(layout):
    """40 rows of several types and an edit, in segments."""
    rows = [{"a": i, "b": i / 3, "s": f"t{i}"} if i % 2 else {"a": i} for i in range(40)]
    writer = Writer(layout).log_many(rows).log({"cpu": 1.5}, stream="events").end()
    seal_run(layout, RUN)
    return writer


# All is well


def test_nothing_is_wrong_with_whole_runs(layout, crashed):
    assert check_run(layout, RUN) == []
    edit_config(layout, {"x": 1})
    assert check_run(layout, RUN) == []
    seal_run(layout, RUN)
    assert check_run(layout, RUN) == []
    Writer(layout, resume="allow", rows_per_part=7).log_many({"a": i} for i in range(30)).end()
    assert check_run(layout, RUN) == []
    seal_run(layout, RUN)
    Writer(layout, rows_per_part=7).log_many({"a": i} for i in range(30)).end()
    assert check_run(layout, RUN) == []
    seal_run(layout, RUN)
    assert check_run(layout, RUN) == []


def test_a_living_run_may_be_in_the_midst_of_a_write(layout):
    writer = Writer(layout).log_many({"a": i} for i in range(5))
    (file,) = parts_of(layout, writer).values()
    data = file.read_bytes()
    with file.open("r+b") as opened:
        opened.truncate(len(data) - 3)
    assert check_run(layout, RUN) == []
    writer.die()
    assert [finding.kind for finding in check_run(layout, RUN)] == ["torn"]


def test_what_a_killed_sealer_left_is_no_damage(layout, sealed, tmp_path):
    folder = layout.segments_dir(RUN)
    before = tmp_path / "before"
    shutil.copytree(folder, before)
    Writer(layout, resume="allow").log_many({"a": i} for i in range(9)).end()
    seal_run(layout, RUN)
    for file in before.iterdir():
        shutil.copy(file, folder)  # killed before it dropped what the new segment replaces
    assert check_run(layout, RUN) == []
    for file in before.glob("*.meta"):
        (folder / file.name).unlink()
    assert check_run(layout, RUN) == []


# The journal


def test_a_torn_tail_is_told_and_costs_nothing(layout, crashed):
    file = parts_of(layout, crashed)[2]
    data = file.read_bytes()
    file.write_bytes(data[:-5])
    last = frames_of(data)[-1]
    assert check_run(layout, RUN) == [
        Finding(
            kind="torn",
            place=f"journal/{file.name}, byte {last}",
            lost=f"nothing that was acknowledged: {len(data) - last - 5} bytes of a call that never returned",
            advice="none needed; readers leave them out",
        )
    ]
    file.write_bytes(data[:4])
    assert [(f.kind, f.place) for f in check_run(layout, RUN)] == [("torn", f"journal/{file.name}, byte 0")]


def test_a_damaged_row_is_told_with_its_number(layout, crashed):
    file = parts_of(layout, crashed)[1]
    rows = [p for p in frames_of(file.read_bytes()) if file.read_bytes()[p + 4] == record.ROW]
    flip(file, rows[3] + 30)
    flip(file, rows[4] + 2)
    flip(file, rows[7] + 5)
    frame_bytes = rows[1] - rows[0]
    assert check_run(layout, RUN) == [
        Finding(
            kind="corrupt",
            place=f"journal/{file.name}, byte {rows[3]}",
            lost=f"{2 * frame_bytes} bytes: history rows 13 to 14; readers stop there, before 4 whole rows",
            advice=FROM_BACKUP,
        ),
        Finding(
            kind="corrupt",
            place=f"journal/{file.name}, byte {rows[7]}",
            lost=f"{frame_bytes} bytes: history rows 17 to 17; readers stop there, before 2 whole rows",
            advice=FROM_BACKUP,
        ),
    ]


@pytest.mark.slow
def test_a_flipped_byte_anywhere_in_the_journal_is_found_and_its_frame_named(layout, crashed):
    for file in parts_of(layout, crashed).values():
        data = file.read_bytes()
        starts = [0, *frames_of(data)]
        for place in range(0, len(data), 7):
            flip(file, place)
            findings = check_run(layout, RUN)
            file.write_bytes(data)
            frame = max(start for start in starts if start <= place)
            assert [(f.kind, f.place) for f in findings] == (
                [("newer", f"journal/{file.name}")]
                if place == 7
                else [("corrupt", f"journal/{file.name}, byte {0 if place < 8 else frame}")]
            )


def test_a_closed_part_that_was_cut_short_is_told(layout, crashed):
    file = parts_of(layout, crashed)[0]
    data = file.read_bytes()
    for size in (len(data) - 1, len(data) - 60, frames_of(data)[9], 20):
        file.write_bytes(data[:size])
        (finding,) = check_run(layout, RUN)
        whole = max([8, *(p for p in [*frames_of(data), len(data)] if p <= size)]) if size > 20 else 8
        assert (finding.kind, finding.place) == ("corrupt", f"journal/{file.name}, byte {whole}")
    file.write_bytes(b"")
    (finding,) = check_run(layout, RUN)
    assert (finding.kind, finding.place) == ("corrupt", f"journal/{file.name}, byte 0")


def test_missing_parts_are_told_with_their_rows(layout, crashed):
    first, second, _ = parts_of(layout, crashed).values()
    second.unlink()
    all_of_it = "all rows and records of this part: it is in no segment either"
    expected = {"kind": "missing", "advice": FROM_BACKUP}
    assert check_run(layout, RUN) == [
        Finding(place=f"journal/{second.name}", lost=f"{all_of_it}; these are history rows 10 to 19", **expected)
    ]
    first.unlink()
    assert check_run(layout, RUN) == [
        Finding(place=f"journal/{first.name}", lost=f"{all_of_it}; these are history rows 0 to 19", **expected),
        Finding(place=f"journal/{second.name}", lost=all_of_it, **expected),
    ]


def test_files_that_are_not_ours_are_told(layout, crashed):
    journal = layout.journal_dir(RUN)
    (journal / "notes.txt").write_text("hello")
    (journal / ".DS_Store").write_text("hello")
    (journal / "other-000.part").write_text("this is somebody's text, long enough for a frame")
    shutil.copy(parts_of(layout, crashed)[2], journal / "copy-000.part")
    found = {f.place.removeprefix("journal/"): (f.kind, f.lost, f.advice) for f in check_run(layout, RUN)}
    assert found == {
        "notes.txt": ("foreign", "nothing", "move it elsewhere; readers ignore it"),
        "other-000.part, byte 0": (
            "foreign",
            "everything that it held, if it was a part: there is no frame in it",
            f"{FROM_BACKUP}, or move it elsewhere",
        ),
        "copy-000.part": (
            "foreign",
            f"nothing: it is {crashed.id}-002.part under another name",
            "give it its own name again, or move it elsewhere",
        ),
    }


def test_a_newer_format_is_told(layout, crashed):
    file = parts_of(layout, crashed)[2]
    file.write_bytes(b"runlake\x07" + file.read_bytes()[8:])
    assert check_run(layout, RUN) == [
        Finding(kind="newer", place=f"journal/{file.name}", lost="nothing", advice="upgrade runlake to read it")
    ]


# Segments


@pytest.mark.slow
def test_a_flipped_byte_anywhere_in_a_segment_is_found_and_its_file_named(layout, sealed):
    folder = layout.segments_dir(RUN)
    random_places = random.Random(7)
    for name in segment_files(layout):
        file = folder / name
        data = file.read_bytes()
        size = len(data)
        for place in {0, 3, 4, 5, 20, size - 1, size - 5, size - 9, *random_places.sample(range(size), 12)}:
            flip(file, place)
            findings = check_run(layout, RUN)
            file.write_bytes(data)
            assert findings, (name, place)
            assert {f.place.partition(",")[0] for f in findings} == {f"segments/{name}"}, (name, place)
            assert {f.kind for f in findings} <= {"corrupt", "newer"}


def test_a_damaged_page_is_told_with_its_column(layout, sealed):
    (file,) = (layout.segments_dir(RUN) / n for n in segment_files(layout) if n.endswith("-history.parquet"))
    group = pq.ParquetFile(file).metadata.row_group(1)
    column = next(group.column(i) for i in range(group.num_columns) if group.column(i).path_in_schema == "f64")
    flip(file, column.data_page_offset + column.total_compressed_size - 3)
    assert check_run(layout, RUN) == [
        Finding(
            kind="corrupt",
            place=f"segments/{file.name}, byte {column.data_page_offset}",
            lost=f"column f64 of row group 1, {group.num_rows} rows of it",
            advice=FROM_BACKUP,
        )
    ]


def test_files_missing_from_a_segment_are_told(layout, sealed):
    folder = layout.segments_dir(RUN)
    names = [n for n in segment_files(layout) if n.endswith(".parquet")]
    for name in names:
        (folder / name).rename(folder / f".{name}")
    found = [(f.kind, f.place, f.lost) for f in check_run(layout, RUN)]
    assert sorted(found) == sorted(
        ("missing", f"segments/{name}", "1 events rows" if "events" in name else "40 history rows") for name in names
    )


def test_a_missing_meta_file_is_told_by_the_rows_that_nobody_sees(layout, sealed):
    (meta,) = layout.segments_dir(RUN).glob("*.meta")
    meta.unlink()
    found = [(f.kind, f.place, f.lost) for f in check_run(layout, RUN)]
    unseen = "rows and all records: the rows are in"
    assert found == [
        ("missing", f"segments/{meta.name}", f"1 events {unseen} {meta.stem}-events.parquet, unseen"),
        ("missing", f"segments/{meta.name}", f"40 history {unseen} {meta.stem}-history.parquet, unseen"),
    ]


def test_a_damaged_meta_file_is_not_blamed_on_the_journal(layout, sealed):
    Writer(layout, resume="allow").log({"a": 1}).die()
    (meta,) = layout.segments_dir(RUN).glob("*.meta")
    flip(meta, 100)
    assert [(f.kind, f.place) for f in check_run(layout, RUN)] == [("corrupt", f"segments/{meta.name}, byte 8")]
    meta.write_bytes(b"runmeta\x09" + meta.read_bytes()[8:])
    assert [(f.kind, f.place) for f in check_run(layout, RUN)] == [("newer", f"segments/{meta.name}")]


def test_a_segment_that_is_gone_altogether_is_told_by_the_parts_it_held(layout):
    writer = Writer(layout, rows_per_part=10).log_many({"a": i} for i in range(25))
    seal_run(layout, RUN)
    first = set(segment_files(layout))
    writer.log_many({"a": i} for i in range(20))
    seal_run(layout, RUN)
    for name in set(segment_files(layout)) - first:
        (layout.segments_dir(RUN) / name).unlink()
    all_of_it = "all rows and records of this part: it is in no segment either"
    assert [(f.kind, f.place, f.lost) for f in check_run(layout, RUN)] == [
        ("missing", f"journal/{writer.id}-002.part", f"{all_of_it}; these are history rows 20 to 39"),
        ("missing", f"journal/{writer.id}-003.part", all_of_it),
    ]


def test_rows_that_were_written_once_and_are_nowhere_are_told(layout, sealed):
    segments = segments_of(layout, RUN)
    (name,) = segments.list_names()
    meta = read_meta(segments, name)
    meta.stretches = [msgspec.structs.replace(s, row_count=s.row_count - 5) for s in meta.stretches if s.row_count > 5]
    write_meta(segments, meta)
    assert [(f.kind, f.place, f.lost) for f in check_run(layout, RUN)] == [
        (
            "missing",
            f"journal/{sealed.id}-000.part",
            "history rows 35 to 39 and events rows 0 to 0 of this writer, in whichever part",
        )
    ]


def test_foreign_files_among_the_segments_are_told(layout, sealed):
    (layout.segments_dir(RUN) / "export.csv").write_text("a\n")
    assert [(f.kind, f.place) for f in check_run(layout, RUN)] == [("foreign", "segments/export.csv")]


def test_everything_is_told_at_once(layout, crashed):
    first, second, third = parts_of(layout, crashed).values()
    flip(first, 300)
    second.unlink()
    third.write_bytes(third.read_bytes()[:-3])
    (layout.journal_dir(RUN) / "x").touch()
    assert [f.kind for f in check_run(layout, RUN)] == ["corrupt", "missing", "torn", "foreign"]
