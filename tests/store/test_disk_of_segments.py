"""The steps by which a store changes a disk, each whole or not at all."""

import errno
import os

import pytest

from runlake.store import disk


def write(file, content):
    with disk.creating(file) as temporary:
        temporary.write_bytes(content)


def test_a_file_that_is_created_stays_as_the_first_one_made_it(tmp_path):
    file = tmp_path / "a"
    write(file, b"first")
    write(file, b"other")
    assert (file.read_bytes(), os.listdir(tmp_path)) == (b"first", ["a"])  # noqa: PTH208


def test_a_file_is_created_on_a_disk_without_hard_links(tmp_path, monkeypatch):
    def refused(*_):
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refused)
    write(tmp_path / "a", b"content")
    assert (tmp_path / "a").read_bytes() == b"content"


@pytest.mark.parametrize("step", ["write", "sync", "create"])
def test_a_file_whose_disk_refuses_is_not_created(tmp_path, step):
    def refuse(taken, place):
        if taken == step:
            raise OSError(errno.EIO, "broken", str(place))

    with disk.watched(refuse), pytest.raises(OSError, match="broken"):
        write(tmp_path / "a", b"content")
    assert os.listdir(tmp_path) == []  # noqa: PTH208


def test_a_folder_is_made_only_in_one_that_is_there(tmp_path):
    disk.make_subfolder(tmp_path / "a")
    disk.make_subfolder(tmp_path / "a")
    with pytest.raises(FileNotFoundError):
        disk.make_subfolder(tmp_path / "gone" / "b")
    assert os.listdir(tmp_path) == ["a"]  # noqa: PTH208
