"""Two stores into one: the union of both, wherever it is killed, however often it is done."""

import hashlib
import os
import shutil
import stat
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

import warm
from runlake.errors import BadValueError, ConflictError, CorruptError, NewerFormatError, NotFoundError, StoreError
from runlake.model import RunPath
from runlake.query.rows.scan import read_history
from runlake.service.local.service import LocalService
from runlake.store.care.check import check_run
from runlake.store.changes import changes_of
from runlake.store.compact.seal import seal_run
from runlake.store.folder_store import FolderStore
from runlake.store.journal import record
from runlake.store.journal.folder import journal_of
from runlake.store.merge.merge_stores import choose_projects, merge_projects
from runlake.store.noting import append_change
from runlake.store.opening import trash
from runlake.store.opening.open import create_pending
from runlake.store.opening.writers import open_child
from runlake.store.run.state import read_run
from runlake.store.segment import schema
from runlake.store.segment.folder import segments_of
from runlake.store.segment.meta import read_meta, write_meta
from stored import RUN, START_S, Clock, Writer, as_dicts, edit_config, part_names, segment_files

SHARED = f"{'01' * 12}-history"


@pytest.fixture
def ours(tmp_path):
    return FolderStore(tmp_path / "ours")


@pytest.fixture
def theirs(tmp_path):
    return FolderStore(tmp_path / "theirs")


def merge(ours, theirs, projects=None, **options):
    return list(merge_projects(ours, theirs, choose_projects(ours, theirs, projects), "merger", **options))


def outcomes(merged):
    return [(one.path.run_id, one.outcome) for one in merged]


def make_run(layout, path=RUN, *, rows=3, start=0, config=None, files=None, end=True, **limits):
    writer = Writer(layout, path=path, start={"set": config or {}}, **limits)
    writer.log_many({"i": i} for i in range(start, start + rows))
    for name, content in (files or {}).items():
        put(layout, path, name, content)
    if end:
        writer.end()
        append_change(layout, path, writer.id, "finish", writer.opened.incarnation)
    return writer


def go_on(layout, writer, value, *, at_s):
    """One more row, by a process of its own that writes into the same generation."""
    clock = Clock(START_S + at_s)
    parent = replace(writer.opened, journal=None)  # it may be a copy of the store that is gone on with
    journal = open_child(layout, parent, prepare=None, clock=clock).writer
    journal.log({"i": value}, step=value, timestamp=clock(), runtime=at_s)
    journal.end({})


def put(layout, path, name, content, at_s=None):
    file = layout.file_path(path, name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    if at_s is not None:
        os.utime(file, (at_s, at_s))


def copy_store(source, target):
    shutil.copytree(source.root, target.root, symlinks=True)


def rows(layout, path=RUN):
    return [row["i"] for row in as_dicts(read_history(layout, path))]


def files_of(layout, path=RUN):
    folder = layout.files_dir(path)
    return {f.relative_to(folder).as_posix(): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def listed(layout):
    """What a reader sees who knew nothing: (path, row count, config) of every run of every project."""
    service = LocalService(layout.root, default_entity="ann")
    found = {}
    for project in service.list_projects():
        for info in service.list_runs(project.entity, project.name).runs:
            assert info.row_count == len(rows(layout, info.path))
            found[str(info.path)] = (rows(layout, info.path), info.config, files_of(layout, info.path))
    return found


def all_bytes(layout):
    """Every file of a store with its bytes, mode and times."""
    found = {}
    for place in sorted(layout.root.rglob("*")):
        status = place.lstat()
        content = place.read_bytes() if place.is_file() else b""
        key = place.relative_to(layout.root).as_posix()
        found[key] = (hashlib.sha256(content).hexdigest(), stat.S_IMODE(status.st_mode), status.st_mtime_ns)
    return found


def contents(layout):
    """What merging once more must leave as it is."""
    return {name: digest for name, (digest, _, _) in all_bytes(layout).items() if not name.startswith(".catalog")}


# Runs that are only there ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_sealed", [False, True])
def test_a_run_that_is_only_there_comes_as_it_is(ours, theirs, is_sealed):
    make_run(theirs, config={"lr": 1}, files={"a/b.txt": b"b"}, rows_per_part=2)
    make_run(ours, RunPath("ann", "p", "mine"))
    if is_sealed:
        seal_run(theirs, RUN)
    assert outcomes(merge(ours, theirs)) == [("r", "new")]
    assert read_run(ours, RUN) == read_run(theirs, RUN)
    assert (rows(ours), files_of(ours), check_run(ours, RUN)) == ([0, 1, 2], {"a/b.txt": b"b"}, [])
    assert listed(ours).keys() == {"ann/p/r", "ann/p/mine"}


def test_merging_again_changes_nothing(ours, theirs):
    make_run(theirs, files={"a": b"a"})
    make_run(theirs, RunPath("bob", "q", "s"))
    seal_run(theirs, RUN)
    merge(ours, theirs)
    before = contents(ours)
    assert outcomes(merge(ours, theirs)) == [("r", "same"), ("s", "same")]
    assert contents(ours) == before


def test_a_reader_that_goes_on_looking_sees_what_came(ours, theirs):
    writer = make_run(theirs, rows=2, end=False)
    reader = LocalService(ours.root, default_entity="ann")
    reader.create_project("ann", "p")

    def seen():
        return [(run.run_id, run.row_count) for run in reader.list_runs("ann", "p").runs]

    assert seen() == []
    merge(ours, theirs)
    assert seen() == [("r", 2)]
    writer.log({"i": 2}).end()
    merge(ours, theirs)
    assert seen() == [("r", 3)]


def test_the_other_store_is_only_read(ours, theirs):
    make_run(theirs, files={"a": b"a"}, rows_per_part=2)
    make_run(theirs, RunPath("ann", "p", "s"))
    seal_run(theirs, RunPath("ann", "p", "s"))
    make_run(theirs, RunPath("ann", "p", "dead"))
    trash.move_run_to_trash(theirs, RunPath("ann", "p", "dead"), "w")
    folders = [theirs.root, *(place for place in theirs.root.rglob("*") if place.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    before = all_bytes(theirs)
    try:
        merge(ours, theirs)
        merge(ours, theirs)
    finally:
        after = all_bytes(theirs)
        for folder in folders:
            folder.chmod(0o755)
    assert after == before
    assert listed(ours).keys() == {"ann/p/r", "ann/p/s"}


def test_names_of_every_kind_and_empty_projects_come_too(ours, theirs):
    paths = [RunPath("Ann", "Üp", "X" * 250), RunPath("ann", "p", "run"), RunPath("ann", "p", "RUN"),
             RunPath("store.toml", "con", ".x"), RunPath("A" * 120, "b", "c")]  # fmt: skip
    for number, path in enumerate(paths):
        make_run(theirs, path, rows=number + 1)
    theirs.make_project_dir("ann", "empty")
    theirs.make_project_dir("ann", "Z" * 128)
    merge(ours, theirs)
    assert listed(ours) == listed(theirs)
    assert {name: ours.projects(name) for name in ours.entities()} == {
        name: theirs.projects(name) for name in theirs.entities()
    }
    assert "empty" in ours.projects("ann")


def test_only_the_projects_that_were_asked_for_come(ours, theirs):
    for project in ("p", "q", "r"):
        make_run(theirs, RunPath("ann", project, "a"))
    merge(ours, theirs, [("ann", "q"), ("ann", "p"), ("ann", "q")])
    assert ours.projects("ann") == ["p", "q"]
    with pytest.raises(NotFoundError, match="no project ann/none in"):
        merge(ours, theirs, [("ann", "none")])


def test_a_dry_run_says_the_same_and_touches_nothing(ours, theirs):
    make_run(theirs, files={"a": b"a"})
    make_run(theirs, RunPath("ann", "p", "taken"))
    make_run(ours, RunPath("ann", "p", "taken"))
    make_run(theirs, RunPath("ann", "p", "dead"))
    copy_run_over(theirs, ours, RunPath("ann", "p", "dead"))
    trash.move_run_to_trash(theirs, RunPath("ann", "p", "dead"), "w")
    before = all_bytes(ours)
    said = merge(ours, theirs, is_dry_run=True)
    assert all_bytes(ours) == before
    assert merge(ours, theirs) == said
    assert sorted(one.outcome for one in said) == ["deleted", "new", "new"]


def copy_run_over(source, target, path):
    target.make_project_dir(path.entity, path.project)
    shutil.copytree(source.run_dir(path), target.run_dir(path))


def test_stores_that_are_no_two_stores_are_refused(ours, theirs):
    make_run(ours)
    with pytest.raises(BadValueError, match="one store, or one lies in the other"):
        merge(ours, ours)
    with pytest.raises(BadValueError, match="one lies in the other"):
        merge(ours, FolderStore(ours.root / "ann"))
    with pytest.raises(NotFoundError, match="is no store"):
        merge(ours, theirs)
    assert not theirs.root.exists()


# Two copies of one run -------------------------------------------------------------------------------------------


def test_the_copy_that_is_ahead_wins_whichever_it_is(ours, theirs):
    writer = make_run(theirs, rows=3, rows_per_part=2, end=False)
    copy_store(theirs, ours)
    writer.log_many([{"i": 3}, {"i": 4}])
    assert outcomes(merge(ours, theirs)) == [("r", "joined")]
    assert rows(ours) == [0, 1, 2, 3, 4]
    writer.log({"i": 5}).end()
    assert outcomes(merge(theirs, ours)) == [("r", "same")]
    assert rows(theirs) == [0, 1, 2, 3, 4, 5]
    assert outcomes(merge(ours, theirs)) == [("r", "joined")]
    assert (rows(ours), read_run(ours, RUN).state, check_run(ours, RUN)) == ([*range(6)], "finished", [])


@pytest.mark.parametrize("later_is_sealed", [False, True])
@pytest.mark.parametrize("earlier_is_sealed", [False, True])
def test_what_one_copy_sealed_is_joined_with_what_the_other_did_not(ours, theirs, earlier_is_sealed, later_is_sealed):
    writer = make_run(theirs, rows=5, rows_per_part=2, end=False)
    copy_store(theirs, ours)
    if earlier_is_sealed:
        seal_run(ours, RUN)
    writer.log_many({"i": i} for i in range(5, 9)).end()
    if later_is_sealed:
        seal_run(theirs, RUN)
    merge(ours, theirs)
    assert (rows(ours), check_run(ours, RUN)) == ([*range(9)], [])
    assert read_run(ours, RUN) == read_run(theirs, RUN)
    assert outcomes(merge(ours, theirs)) == [("r", "same")]
    seal_run(ours, RUN)
    assert outcomes(merge(ours, theirs)) == [("r", "same")]
    assert (part_names(ours), rows(ours)) == ([], [*range(9)])
    assert read_run(ours, RUN) == read_run(theirs, RUN)


def test_of_two_edits_of_one_key_the_later_clock_wins_and_all_others_stay(ours, theirs):
    make_run(theirs, config={"a": 0, "b": 0, "c": 0})
    copy_store(theirs, ours)
    edit_config(theirs, {"a": "theirs", "b": "theirs"}, at_s=100)
    edit_config(ours, {"a": "ours", "c": "ours"}, at_s=200)
    for layout in (ours, theirs):
        seal_run(layout, RUN)
    merge(ours, theirs)
    merge(theirs, ours)
    expected = {"a": "ours", "b": "theirs", "c": "ours"}
    assert [read_run(layout, RUN).config for layout in (ours, theirs)] == [expected, expected]
    assert [read_run(layout, RUN).row_count for layout in (ours, theirs)] == [3, 3]


def test_a_run_that_went_on_in_both_copies_has_the_rows_of_both(ours, theirs):
    writer = make_run(theirs, rows=2)
    copy_store(theirs, ours)
    for layout, value in ((ours, 10), (theirs, 20)):
        go_on(layout, writer, value, at_s=value)
    merge(ours, theirs)
    assert rows(ours) == [0, 1, 10, 20]


def test_files_of_one_name_are_kept_twice_only_where_they_differ(ours, theirs):
    make_run(theirs, files={"same": b"s"})
    copy_store(theirs, ours)
    put(theirs, RUN, "same", b"s", at_s=5000)
    for name, our_time, their_time in (("a/x.bin", 1000, 2000), ("a/y.bin", 2000, 1000)):
        put(ours, RUN, name, b"ours", at_s=our_time)
        put(theirs, RUN, name, b"theirs", at_s=their_time)
    put(theirs, RUN, "only", b"o")
    (merged,) = merge(ours, theirs)
    mark = {text: hashlib.sha256(text.encode()).hexdigest()[:8] for text in ("ours", "theirs")}
    kept = (f"a/x.bin~{mark['ours']}", f"a/y.bin~{mark['theirs']}")
    assert files_of(ours) == {
        "same": b"s", "only": b"o", "a/x.bin": b"theirs", "a/y.bin": b"ours", kept[0]: b"ours", kept[1]: b"theirs",
    }  # fmt: skip
    assert merged.kept_beside == tuple(f"files/{name}" for name in kept)
    assert outcomes(merge(ours, theirs)) == [("r", "same")]
    merge(theirs, ours)
    assert files_of(theirs) == files_of(ours)


def test_a_file_and_a_folder_of_one_name_are_both_kept(ours, theirs):
    make_run(theirs)
    copy_store(theirs, ours)
    put(ours, RUN, "x", b"file"), put(ours, RUN, "y/z", b"in a folder")
    put(theirs, RUN, "x/deep/z", b"in a folder"), put(theirs, RUN, "y", b"file")
    merge(ours, theirs)
    folder, file = (hashlib.sha256(content).hexdigest()[:8] for content in (b"in a folder", b"file"))
    assert files_of(ours) == {
        "x": b"file", "y/z": b"in a folder", f"x~{folder}/deep/z": b"in a folder", f"y~{file}": b"file",
    }  # fmt: skip
    assert outcomes(merge(ours, theirs)) == [("r", "same")]


def test_a_link_that_leads_out_of_the_run_is_not_followed(ours, theirs, tmp_path):
    make_run(theirs)
    (tmp_path / "secret").write_text("secret")
    theirs.files_dir(RUN).mkdir(exist_ok=True)
    (theirs.files_dir(RUN) / "out").symlink_to(tmp_path / "secret")
    merge(ours, theirs)
    assert files_of(ours) == {}


# Runs whose id is taken ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("run_id", ["r", "Run", "X" * 250, "X" * 1024], ids=["plain", "case", "hashed", "longest"])
def test_another_run_whose_id_is_taken_gets_another_id_for_good(ours, theirs, run_id):
    path = RunPath("ann", "p", run_id)
    make_run(ours, path, rows=1)
    writer = make_run(theirs, path, rows=2, end=False)
    (merged,) = merge(ours, theirs)
    ending = f"-{writer.opened.incarnation[:8]}"
    assert merged.path == path._replace(run_id=run_id[: 1024 - len(ending)] + ending)
    assert (merged.outcome, merged.source, merged.is_renamed) == ("new", path, True)
    assert (rows(ours, path), rows(ours, merged.path)) == ([0], [0, 1])
    writer.log({"i": 2}).end()
    seal_run(theirs, path)
    assert [(one.path, one.outcome) for one in merge(ours, theirs)] == [(merged.path, "joined")]
    assert [(one.path, one.outcome) for one in merge(ours, theirs)] == [(merged.path, "same")]
    assert rows(ours, merged.path) == [0, 1, 2]
    assert read_run(ours, merged.path).run_id == merged.path.run_id
    assert listed(ours).keys() == {str(path), str(merged.path)}


def test_a_renamed_run_is_known_again_in_the_store_it_came_from(ours, theirs):
    make_run(ours, rows=1)
    make_run(theirs, rows=2)
    merge(ours, theirs)
    merged = merge(theirs, ours)
    assert sorted((one.outcome, one.source.run_id != "r") for one in merged) == [("new", False), ("same", True)]
    assert [one.outcome for one in merge(ours, theirs)] == ["same", "same"]
    assert sorted(len(found) for found, _, _ in listed(theirs).values()) == [1, 2]


def test_a_renamed_run_that_is_deleted_comes_back_under_its_new_id(ours, theirs):
    make_run(ours, rows=1)
    make_run(theirs, rows=2)
    (merged,) = merge(ours, theirs)
    for _ in range(2):
        trashed = trash.move_run_to_trash(ours, merged.path, "w")
        assert trash.restore_run(ours, trashed, "w") == merged.path


def test_two_runs_that_would_get_the_same_new_id_are_kept_apart(ours, theirs, tmp_path):
    third = FolderStore(tmp_path / "third")
    writers = [make_run(layout, rows=count) for layout, count in ((ours, 1), (theirs, 2), (third, 3))]
    (theirs_name,) = (one.path.run_id for one in merge(ours, theirs))
    (third_name,) = (one.path.run_id for one in merge(ours, third))
    assert writers[1].opened.incarnation[:7] == writers[2].opened.incarnation[:7]
    assert len({"r", theirs_name, third_name}) == 3
    assert sorted(len(found) for found, _, _ in listed(ours).values()) == [1, 2, 3]
    assert outcomes(merge(ours, third)) == [(third_name, "same")]


# Deleted runs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_packed", [False, True])
@pytest.mark.parametrize("deleter", ["ours", "theirs"])
def test_a_run_that_was_deleted_in_either_store_stays_deleted(ours, theirs, deleter, is_packed):
    make_run(theirs)
    copy_store(theirs, ours)
    layout = {"ours": ours, "theirs": theirs}[deleter]
    trashed = trash.move_run_to_trash(layout, RUN, "w")
    if is_packed:
        changes_of(layout, "ann", "p").pack()
    assert outcomes(merge(ours, theirs)) == [("r", "deleted")]
    assert listed(ours) == {}
    assert not ours.run_dir(RUN).exists()
    assert trashed.name in {place.name for place in ours.trash_dir.iterdir()}
    before = contents(ours)
    merge(ours, theirs)
    assert contents(ours) == before


def test_a_run_that_was_taken_back_later_is_there(ours, theirs):
    make_run(theirs)
    copy_store(theirs, ours)
    trash.restore_run(theirs, trash.move_run_to_trash(theirs, RUN, "w"), "w")
    trash.move_run_to_trash(ours, RUN, "w")
    assert outcomes(merge(ours, theirs)) == [("r", "deleted")]
    trash.restore_run(theirs, trash.move_run_to_trash(theirs, RUN, "w"), "w")
    assert outcomes(merge(ours, theirs)) == [("r", "new")]
    assert listed(ours) == listed(theirs)


def test_a_run_that_was_deleted_and_made_anew_is_not_the_one_before(ours, theirs):
    make_run(theirs, rows=2)
    copy_store(theirs, ours)
    trash.move_run_to_trash(theirs, RUN, "w")
    make_run(theirs, rows=3)
    assert outcomes(merge(ours, theirs)) == [("r", "deleted"), ("r", "new")]
    assert rows(ours) == [0, 1, 2]
    assert outcomes(merge(theirs, ours)) == [("r", "same")]


def test_a_renamed_run_that_was_deleted_where_it_came_from_goes_too(ours, theirs):
    make_run(ours, rows=1)
    make_run(theirs, rows=2)
    (merged,) = merge(ours, theirs)
    trash.move_run_to_trash(theirs, RUN, "w")
    assert [(one.path, one.outcome) for one in merge(ours, theirs)] == [(merged.path, "deleted")]
    assert listed(ours).keys() == {"ann/p/r"}


# Living, damaged and strange runs -----------------------------------------------------------------------------------


def test_a_living_run_comes_as_far_as_it_is_and_the_rest_later(ours, theirs):
    writer = make_run(theirs, rows=3, rows_per_part=2, end=False)
    (merged,) = merge(ours, theirs)
    assert (merged.outcome, merged.is_running, rows(ours)) == ("new", True, [0, 1, 2])
    writer.log({"i": 3})
    assert [(one.outcome, one.is_running) for one in merge(ours, theirs)] == [("joined", True)]
    assert [(one.outcome, one.is_running) for one in merge(ours, theirs)] == [("same", True)]
    writer.log({"i": 4}).end()
    assert [(one.outcome, one.is_running) for one in merge(ours, theirs)] == [("joined", False)]
    assert (rows(ours), read_run(ours, RUN)) == ([*range(5)], read_run(theirs, RUN))


def test_a_torn_tail_stays_behind(ours, theirs):
    writer = make_run(theirs, rows=2, end=False).die()
    (part,) = theirs.journal_dir(RUN).iterdir()
    whole = part.read_bytes()
    part.write_bytes(whole + record.frame(record.CONFIG, b"x" * 50)[:-7])
    merge(ours, theirs)
    assert (ours.journal_dir(RUN) / part.name).read_bytes() == whole
    assert outcomes(merge(ours, theirs)) == [("r", "same")]
    assert writer.id in part.name


def test_a_part_whose_writer_lives_here_is_not_touched(ours, theirs):
    writer = make_run(ours, rows=2, end=False)
    copy_store(ours, theirs)
    writer.log({"i": 2})
    (part,) = ours.journal_dir(RUN).iterdir()
    number = part.stat().st_ino
    assert outcomes(merge(ours, theirs)) == [("r", "same")]
    writer.log({"i": 3}).end()
    assert (part.stat().st_ino, rows(ours)) == (number, [0, 1, 2, 3])


def test_a_damaged_run_gives_way_to_a_sound_copy_and_never_the_other_way(ours, theirs):
    make_run(theirs, rows=5)
    copy_store(theirs, ours)
    (part,) = ours.journal_dir(RUN).iterdir()
    sound = part.read_bytes()
    part.write_bytes(sound[:-60] + bytes([sound[-60] ^ 1]) + sound[-59:])
    damaged = part.read_bytes()
    assert check_run(ours, RUN) != []
    assert outcomes(merge(theirs, ours)) == [("r", "same")]
    (merged,) = merge(ours, theirs)
    assert (part.read_bytes(), rows(ours)) == (sound, [*range(5)])
    assert merged.kept_beside == (f"journal/{part.name}~{hashlib.sha256(damaged).hexdigest()[:8]}",)
    assert outcomes(merge(ours, theirs)) == [("r", "same")]


def test_what_is_damaged_there_is_damaged_here_and_does_not_stop_the_others(ours, theirs):
    broken, unreadable = RunPath("ann", "p", "broken"), RunPath("ann", "p", "unreadable")
    for path in (broken, unreadable, RUN):
        make_run(theirs, path)
    (part,) = theirs.journal_dir(broken).iterdir()
    part.write_bytes(part.read_bytes()[:-40] + b"?" + part.read_bytes()[-39:])
    seal_run(theirs, unreadable)
    (meta,) = theirs.segments_dir(unreadable).glob("*.meta")
    meta.write_bytes(meta.read_bytes()[:-1] + b"?")
    for outcome in ("new", "same"):
        merging = merge_projects(ours, theirs, choose_projects(ours, theirs, None), "m")
        assert [(one.path.run_id, one.outcome) for one in (next(merging), next(merging))] == [
            ("broken", outcome),
            ("r", outcome),
        ]
        with pytest.raises(CorruptError, match="not as they were written"):
            next(merging)
    assert check_run(ours, broken) == check_run(theirs, broken) != []
    assert rows(ours) == [0, 1, 2]


def test_a_segment_without_its_files_is_said(ours, theirs):
    make_run(theirs)
    seal_run(theirs, RUN)
    next(theirs.segments_dir(RUN).glob("*-history.parquet")).unlink()
    with pytest.raises(StoreError, match=r"run ann/p/r of .* lacks a file that it names.*see: runlake --dir"):
        merge(ours, theirs)
    assert not ours.run_dir(RUN).exists()


def test_newer_formats_are_refused(ours, theirs):
    make_run(theirs)
    make_run(theirs, RunPath("ann", "p", "newer"))
    (part,) = theirs.journal_dir(RunPath("ann", "p", "newer")).iterdir()
    part.write_bytes(b"runlake\x09" + part.read_bytes()[8:])
    with pytest.raises(NewerFormatError, match="journal format 9"):
        merge(ours, theirs)
    assert ours.run_ids("ann", "p") == ["r"]
    (theirs.root / "store.toml").write_text("format_version = 2\n")
    with pytest.raises(NewerFormatError, match="store format 2"):
        merge(ours, theirs)
    (theirs.root / "store.toml").write_text("format_version = ")
    with pytest.raises(CorruptError, match=r"store\.toml cannot be read"):
        merge(ours, theirs)


def test_a_run_without_anything_in_it_is_left_out_and_a_pending_one_is_not(ours, theirs):
    create_pending(theirs, RunPath("ann", "p", "pending"), "pending", "ann")
    theirs.make_run_dir(RunPath("ann", "p", "nothing"))
    assert sorted(outcomes(merge(ours, theirs))) == [("nothing", "empty"), ("pending", "new")]
    assert read_run(ours, RunPath("ann", "p", "pending")).state == "pending"


def test_files_that_runs_share_come_along(ours, theirs):
    make_run(theirs)
    seal_run(theirs, RUN)
    share_values(theirs, RUN)
    merge(ours, theirs)
    assert (rows(ours), read_run(ours, RUN)) == ([0, 1, 2], read_run(theirs, RUN))
    shared = sorted(place.name for place in (ours.project_dir("ann", "p") / "merged").iterdir())
    assert shared == [f"{SHARED}.parquet", f"{SHARED}.series.parquet"]
    assert sorted(place.name for place in ours.run_dir(RUN).iterdir()) == ["files", "journal", "segments"]
    assert outcomes(merge(ours, theirs)) == [("r", "same")]


def share_values(layout, path, place=f"../../../merged/{SHARED}.parquet"):
    """As a segment whose values lie in a file that several runs share."""
    segments = segments_of(layout, path)
    (name,) = segments.list_names()
    meta = read_meta(segments, name)
    values = layout.segments_dir(path) / meta.files["history"]
    target = layout.segments_dir(path) / place
    target.parent.mkdir(parents=True, exist_ok=True)
    schema.series_file(values).rename(schema.series_file(target))
    values.rename(target)
    meta.files["history"] = place
    meta.footers.clear()
    write_meta(segments, meta)


def test_a_segment_that_names_a_file_outside_of_its_project_is_refused(ours, theirs, tmp_path):
    make_run(theirs)
    seal_run(theirs, RUN)
    share_values(theirs, RUN, "../../../../../secret.parquet")
    with pytest.raises(CorruptError, match=r"names '\.\./.*secret\.parquet', which no runlake has called so"):
        merge(ours, theirs)


def test_only_one_process_merges_into_a_store(ours, theirs):
    make_run(theirs)
    make_run(theirs, RunPath("ann", "p", "s"))
    first = merge_projects(ours, theirs, [("ann", "p")], "m")
    next(first)
    with pytest.raises(ConflictError, match="another process is merging into"):
        merge(ours, theirs)
    assert len(list(first)) == 1
    assert len(merge(ours, theirs)) == 2


# Killed in the middle ----------------------------------------------------------------------------------------------

KILLED = """
import os, sys
from pathlib import Path
from runlake.store.folder_store import FolderStore
from runlake.store.merge.merge_stores import merge_projects
left = int(sys.argv[3])
def count(event, arguments):
    global left
    if event in ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree") and \\
            str(arguments[0]).startswith(sys.argv[1]) and (event != "open" or arguments[2] & (os.O_WRONLY | os.O_RDWR)):
        left -= 1
        if left < 0:
            os._exit(9)
sys.addaudithook(count)
list(merge_projects(FolderStore(Path(sys.argv[1])), FolderStore(Path(sys.argv[2])), [("ann", "p")], "m"))
"""


def merge_and_die(ours, theirs, step):
    return warm.run([sys.executable, "-c", KILLED, str(ours.root), str(theirs.root), str(step)]).returncode


def make_two_stores(ours, theirs):
    """One run that is new, one to be joined, one whose id is taken, one that was deleted."""
    joined, taken, dead = (RunPath("ann", "p", name) for name in ("joined", "taken", "dead"))
    writer = make_run(theirs, joined, rows=5, rows_per_part=2, end=False)
    make_run(theirs, dead)
    copy_store(theirs, ours)
    seal_run(theirs, joined)
    writer.log_many({"i": i} for i in range(5, 9)).end()
    seal_run(theirs, joined)
    edit_config(theirs, {"edited": 1}, path=joined)
    put(theirs, joined, "m", b"new")
    make_run(theirs, RUN, files={"f": b"f"})
    make_run(ours, taken, rows=1)
    make_run(theirs, taken, rows=2)
    trash.move_run_to_trash(theirs, dead, "w")


def check_every_step(ours, theirs, tmp_path, steps):
    """Killed at each step, every run reads as it was or as it will be; merged again, all is as if nothing had been."""
    make_two_stores(ours, theirs)
    before = listed(ours)
    backup, whole = tmp_path / "backup", FolderStore(tmp_path / "whole")
    shutil.copytree(ours.root, backup)
    copy_store(ours, whole)
    merge(whole, theirs)
    after = listed(whole)
    assert len(after) == 4
    for step in steps:
        shutil.rmtree(ours.root)
        shutil.copytree(backup, ours.root)
        is_done = merge_and_die(ours, theirs, step) == 0
        for name, found in listed(ours).items():
            runs = (found[0], found[1])
            assert runs in [seen[name][:2] for seen in (before, after) if name in seen] or name == "ann/p/joined"
            assert set(before.get(name, ([],))[0]) <= set(found[0])
        reader = LocalService(ours.root, default_entity="ann")
        reader.list_runs("ann", "p")
        merge(ours, theirs)
        assert listed(ours) == after
        assert {run.run_id: run.row_count for run in reader.list_runs("ann", "p").runs} == {
            name.rpartition("/")[2]: len(found[0]) for name, found in after.items()
        }
        assert [name for name in contents(ours) if ".runlake-tmp" in name] == []
        if is_done:
            return step
    return None


@pytest.mark.slow
def test_killed_at_some_steps_it_goes_on(ours, theirs, tmp_path):
    check_every_step(ours, theirs, tmp_path, (7, 23, 34))


@pytest.mark.long
def test_killed_at_every_step_it_goes_on(ours, theirs, tmp_path):
    assert check_every_step(ours, theirs, tmp_path, range(500)) > 30


# Against a model ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
@settings(max_examples=12)
@given(st.data())
def test_any_two_copies_become_the_union(tmp_path_factory, data):
    """Two copies of one store go their own ways; the model is which rows, edits and deletions happened."""
    root = tmp_path_factory.mktemp("stores")
    one, two = layouts = FolderStore(root / "one"), FolderStore(root / "two")
    names = ["a", "B"]
    expected, dead = {name: [0, 1, 2] for name in names}, set()
    writers = {name: make_run(one, RunPath("ann", "p", name), rows_per_part=2) for name in names}
    copy_store(one, two)
    config = {name: {} for name in names}
    steps = st.lists(
        st.tuples(st.sampled_from([0, 1]), st.sampled_from(names), st.sampled_from(["log", "edit", "seal", "delete"])),
        max_size=10,
    )
    for number, (side, name, action) in enumerate(data.draw(steps)):
        layout, path = layouts[side], RunPath("ann", "p", name)
        if (side, name) in dead:
            continue
        if action == "log":
            go_on(layout, writers[name], number + 100, at_s=100 * number + 100)
            expected[name].append(number + 100)
        elif action == "edit":
            edit_config(layout, {"last": number, f"k{number}": side}, path=path, at_s=100 * number + 100)
            config[name] |= {"last": number, f"k{number}": side}
        elif action == "seal":
            seal_run(layout, path)
        else:
            trash.move_run_to_trash(layout, path, "w")
            dead.add((side, name))
    merge(one, two)
    merge(two, one)
    alive = [name for name in names if name not in {dead_name for _, dead_name in dead}]
    model = {f"ann/p/{name}": (expected[name], config[name], {}) for name in alive}
    assert [listed(layout) for layout in layouts] == [model, model]
    for layout in layouts:
        for name in alive:
            seal_run(layout, RunPath("ann", "p", name))
            assert part_names(layout, RunPath("ann", "p", name)) == []
            assert len([f for f in segment_files(layout, RunPath("ann", "p", name)) if f.endswith(".meta")]) == 1
            assert check_run(layout, RunPath("ann", "p", name)) == []
    assert [listed(layout) for layout in layouts] == [model, model]
    assert journal_of(one, RUN).list_parts() == []
