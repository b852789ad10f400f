"""What `check` says of a store beside its runs, and what `repair` makes of it."""

import pytest

from runlake.errors import ReadOnlyError
from runlake.store import disk
from runlake.store.care.check_project import check_project, check_store
from runlake.store.care.repair_project import repair_project, repair_store
from runlake.store.changes import SeenChanges, changes_of
from runlake.store.folder_store import FolderStore
from runlake.store.noting import append_change
from runlake.store.opening import trash
from stored import RUN, Writer

OTHER = RUN._replace(run_id="b")


@pytest.fixture
def layout(tmp_path):
    return FolderStore(tmp_path / "store")


@pytest.fixture
def two_runs(layout):
    return [Writer(layout, path=path).log({"i": 1}).end() for path in (RUN, OTHER)]


def check(layout):
    return [(finding.kind, finding.place) for finding in check_project(layout, "ann", "p")]


def mend(layout, **options):
    repairs = repair_project(layout, "ann", "p", "w", **options)
    return [(repair.kind, repair.place.partition("/")[0], repair.is_mended) for repair in repairs]


def test_nothing_is_wrong_with_a_whole_store(layout, two_runs, tmp_path):
    changes_of(layout, "ann", "p").pack()
    layout.run_dir(RUN._replace(run_id="being-made")).mkdir()
    assert (check_store(layout), check(layout), mend(layout)) == ([], [], [])
    assert check_store(FolderStore(tmp_path / "nowhere")) == []


def test_a_garbled_pack_is_made_anew_and_every_run_told_as_moved(layout, two_runs):
    changes_dir = layout.changes_dir("ann", "p")
    changes_of(layout, "ann", "p").pack()
    (pack,) = (changes_dir / "packed").iterdir()
    content = pack.read_bytes()
    pack.write_bytes(content.replace(b"#init#", b"#in\x00t#", 1))
    assert check(layout) == [("corrupt", f"changes/packed/{pack.name}")]
    assert mend(layout, is_dry_run=True) == [("corrupt", "changes", True)]
    assert pack.exists()
    assert mend(layout) == [("corrupt", "changes", True)]
    scan = changes_of(layout, "ann", "p").read_since(SeenChanges())
    assert not scan.is_garbled
    assert sorted((c.action, c.folder) for c in scan.changes) == [("edit", "b"), ("edit", "r"), ("init", "b")]
    assert check(layout) == []
    (kept,) = layout.trash_dir.rglob("*.changes")
    assert kept.name == pack.name


def test_what_is_no_run_is_named_and_left_alone(layout, two_runs):
    strange = layout.runs_dir("ann", "p") / "strange"
    strange.mkdir()
    (strange / "notes.txt").write_text("hello")
    (layout.runs_dir("ann", "p") / "list.csv").write_text("a")
    (layout.changes_dir("ann", "p") / "notes.txt").write_text("hello")
    expected = [("foreign", "changes/notes.txt"), ("foreign", "runs/list.csv"), ("foreign", "runs/strange")]
    assert check(layout) == expected
    assert [is_mended for *_, is_mended in mend(layout)] == [False] * 3
    assert check(layout) == expected


def test_a_delete_that_was_killed_in_the_middle_is_finished(layout, two_runs):
    append_change(layout, RUN, "w", "delete", two_runs[0].opened.incarnation)
    assert check(layout) == [("deleted", "runs/r")]
    assert mend(layout) == [("deleted", "runs", True)]
    assert check(layout) == []
    assert [item.path for item in trash.list_trash(layout)] == [RUN]
    assert trash.restore_run(layout, trash.find_trashed(layout, RUN), "w") == RUN
    assert check(layout) == []


def test_a_deleted_run_that_is_still_being_written_is_left_alone(layout):
    writer = Writer(layout).log({"i": 1})
    append_change(layout, RUN, "w", "delete", writer.opened.incarnation)
    assert mend(layout) == [("deleted", "runs", False)]
    writer.end()
    assert mend(layout) == [("deleted", "runs", True)]


def test_the_mark_of_a_store_is_made_anew(layout, two_runs):
    mark = layout.root / "store.toml"
    for harm, kind in ((mark.unlink, "missing"), (lambda: mark.write_text("?"), "corrupt")):
        harm()
        assert [(finding.kind, finding.place) for finding in check_store(layout)] == [(kind, "store.toml")]
        assert [repair.is_mended for repair in repair_store(layout)] == [True]
        assert check_store(layout) == []
    mark.write_text("format_version = 9\n")
    assert [finding.kind for finding in check_store(layout)] == ["newer"]
    assert [repair.is_mended for repair in repair_store(layout)] == [False]
    assert mark.read_text() == "format_version = 9\n"


def test_a_project_that_cannot_be_written_says_so(layout, two_runs):
    append_change(layout, RUN, "w", "delete", two_runs[0].opened.incarnation)

    def refused(step, place):
        if step == "create":
            raise PermissionError(13, "Permission denied")

    with disk.watched(refused), pytest.raises(ReadOnlyError):
        mend(layout)
