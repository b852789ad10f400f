"""The steps that a store takes on a disk: whole or not at all, and told before they are taken."""

import pytest

from runlake.store import disk


def announced(action):
    """The steps that an action takes, and the names of what they change."""
    found = []
    with disk.watched(lambda step, place: found.append((step, place.name))):
        action()
    return found


# Second names, whole trees ----------------------------------------------------------------------------------------


def test_a_new_file_is_nobody_elses(tmp_path):
    file = tmp_path / "a"
    with disk.create_stream(file) as stream:
        stream.write(b"one")
    with pytest.raises(FileExistsError):
        disk.create_stream(file)
    assert file.read_bytes() == b"one"


def test_a_second_name_has_what_is_appended_to_the_first(tmp_path):
    file, target = tmp_path / "a", tmp_path / "b"
    file.write_bytes(b"one")
    assert announced(lambda: disk.keep_under(file, target)) == [("link", "b")]
    with file.open("ab") as stream:
        stream.write(b" two")
    assert target.read_bytes() == b"one two"


def test_a_second_name_that_is_there_stays_and_one_of_nothing_is_refused(tmp_path):
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "b").write_bytes(b"b")
    disk.keep_under(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"b"
    with pytest.raises(FileNotFoundError):
        disk.keep_under(tmp_path / "gone", tmp_path / "c")


def test_where_there_are_no_links_a_second_name_is_a_copy(tmp_path, monkeypatch):
    def refused(source, target):
        raise PermissionError(1, "no links here")

    monkeypatch.setattr("os.link", refused)
    (tmp_path / "a").write_bytes(b"one")
    disk.keep_under(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"one"


def test_one_folder_is_made_only_where_it_is_to_lie(tmp_path):
    for _ in range(2):
        assert announced(lambda: disk.make_subfolder(tmp_path / "a")) == [("make_folder", "a")]
    with pytest.raises(FileNotFoundError):
        disk.make_subfolder(tmp_path / "gone" / "b")
    assert [place.name for place in tmp_path.iterdir()] == ["a"]


def test_what_is_removed_is_gone_or_says_so(tmp_path):
    (tmp_path / "folder" / "below").mkdir(parents=True)
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="folder"):
        disk.remove_empty_folder(tmp_path / "folder")
    assert announced(lambda: disk.remove_empty_folder(tmp_path / "folder" / "below")) == [("remove", "below")]
    assert announced(lambda: disk.remove_tree(tmp_path / "folder")) == [("remove", "folder")]
    assert announced(lambda: disk.remove_present(tmp_path / "file")) == [("remove", "file")]
    for remove in (disk.remove_empty_folder, disk.remove_tree, disk.remove_present):
        with pytest.raises(FileNotFoundError):
            remove(tmp_path / "gone")
    disk.discard_tree(tmp_path / "gone")
    assert list(tmp_path.iterdir()) == []


def test_a_file_has_the_time_that_it_is_given(tmp_path):
    (tmp_path / "a").touch()
    disk.set_modified_at(tmp_path / "a", 1_000_000_000_123_456_789)
    assert (tmp_path / "a").stat().st_mtime_ns == 1_000_000_000_123_456_789
