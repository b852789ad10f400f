"""The saved views of two stores into one: what was put last is kept."""

import pytest

from runlake.errors import CorruptError, StoreError
from runlake.service.local.service import LocalService
from runlake.store.folder_store import FolderStore
from runlake.store.merge.merge_stores import choose_projects, merge_projects
from runlake.view_model import ViewPath, ViewPut

REPORT = ViewPath("ann", "p", "report1")


@pytest.fixture
def ours(tmp_path):
    return LocalService(tmp_path / "ours", default_entity="ann")


@pytest.fixture
def theirs(tmp_path):
    return LocalService(tmp_path / "theirs", default_entity="ann")


@pytest.fixture
def merge(tmp_path):
    layout, other = FolderStore(tmp_path / "ours"), FolderStore(tmp_path / "theirs")
    return lambda **options: list(
        merge_projects(layout, other, choose_projects(layout, other, None), "merger", **options)
    )


def put(service, name, view_id=REPORT.view_id):
    return service.put_view(REPORT._replace(view_id=view_id), ViewPut(type="runs", name=name))


def names(service):
    return [view.name for view in service.list_views("ann", "p")]


def test_views_come_over_as_they_are(ours, theirs, merge):
    there = [put(theirs, "one"), put(theirs, "two", "report2")]
    assert merge() == []
    assert ours.list_views("ann", "p") == there
    assert merge() == []
    assert ours.list_views("ann", "p") == there


def test_of_two_of_one_id_the_one_that_was_put_last_is_kept(ours, theirs, merge):
    put(theirs, "old"), put(ours, "new")
    merge()
    assert names(ours) == ["new"]
    put(theirs, "newest")
    merge()
    assert names(ours) == ["newest"]


def test_a_dry_run_brings_nothing(tmp_path, theirs, merge):
    put(theirs, "one")
    merge(is_dry_run=True)
    assert not (tmp_path / "ours").exists()


def test_one_that_cannot_be_read_keeps_no_other_from_coming(ours, theirs, merge, tmp_path):
    put(theirs, "one"), put(theirs, "two", "report2")
    folder = tmp_path / "theirs" / "ann" / "p" / "views"
    (folder / "report1.json").write_text('{"type": 7}')
    (folder / "notes.txt").write_text("x")
    with pytest.raises(CorruptError, match="report1"):
        merge()
    assert names(ours) == ["two"]


def test_no_link_is_followed_and_nothing_too_large_is_brought(ours, theirs, merge, tmp_path):
    put(theirs, "one"), put(theirs, "two", "report2")
    folder = tmp_path / "theirs" / "ann" / "p" / "views"
    (folder / "report1.json").rename(tmp_path / "elsewhere.json")
    (folder / "report1.json").symlink_to(tmp_path / "elsewhere.json")
    file = folder / "report2.json"
    file.write_text(file.read_text().replace('"two"', f'"{"x" * 2_000}"'))
    with pytest.raises(StoreError, match="report1"):
        merge()
    assert names(ours) == []
