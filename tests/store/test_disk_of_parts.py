"""The steps of `store.disk` that journals are made of."""

import pytest

from runlake.store import disk


def test_a_file_that_grows_is_made_once_and_is_locked_until_it_is_closed(tmp_path):
    file = tmp_path / "w-000.part"
    part = disk.AppendedFile(file)
    with pytest.raises(FileExistsError):
        disk.AppendedFile(file)
    assert (part.write(b"abc"), part.size_bytes(), disk.is_locked(file)) == (3, 3, True)
    part.truncate(1)
    assert (part.write(b"X"), file.read_bytes()) == (1, b"aX")
    part.close()
    assert disk.is_locked(file) is False


def test_a_file_is_read_from_any_byte_on(tmp_path):
    file = tmp_path / "f"
    file.write_bytes(b"abcdef")
    assert [disk.read_from(file, 0), disk.read_from(file, 4), disk.read_from(file, 9)] == [b"abcdef", b"ef", b""]
    assert [disk.read_from(file, 1, 2), disk.read_from(file, 5, 9), disk.read_from(file, 0, 0)] == [b"bc", b"f", b""]
    with pytest.raises(FileNotFoundError):
        disk.read_from(tmp_path / "gone", 0)


def test_files_are_listed_with_their_sizes(tmp_path):
    for name, size_bytes in (("a.part", 3), ("b.part", 0), ("c.other", 5)):
        (tmp_path / name).write_bytes(bytes(size_bytes))
    assert dict(disk.sizes_in(tmp_path, ".part")) == {"a.part": 3, "b.part": 0}
    assert dict(disk.sizes_in(tmp_path / "gone", ".part")) == {}


def test_each_step_is_told_before_it_is_taken(tmp_path):
    told = []

    def note(step, place):
        told.append((step, place.name))

    with disk.watched(note):
        part = disk.AppendedFile(tmp_path / "f.part")
        part.write(b"abc")
        part.truncate(0)
        part.close()
        disk.read_from(tmp_path / "f.part", 0)
        disk.sizes_in(tmp_path, ".part")
    assert told == [
        ("create", "f.part"),
        ("write", "f.part"),
        ("write", "f.part"),
        ("read", "f.part"),
        ("list", tmp_path.name),
    ]
