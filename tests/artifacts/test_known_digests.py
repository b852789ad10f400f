"""A file is taken for what it was only where no change can have passed unseen; else it is read."""

import hashlib
import mmap
import os
import pickle
import sys
import time
from pathlib import Path

import pytest

from runlake.artifacts.known_digests import COARSE_NS, KnownDigests, open_known_digests
from runlake.artifacts.staging import digest_file

CONTENT = b"as it was"
OTHER = b"as it is!"
LONG_AGO_S = 2 * COARSE_NS / 1e9


def can_know(folder):
    """Whether the disk of the tests is one of which it can be known, and says who writes."""
    probe = folder / "probe"
    probe.write_bytes(CONTENT)
    time.sleep(LONG_AGO_S)
    known = open_known_digests(folder / "digests", str(folder))
    digest_file(probe, known)
    return known.find(str(probe), probe.lstat()) is not None


@pytest.fixture
def folder(tmp_path):
    if sys.platform != "linux" or not can_know(tmp_path):
        pytest.skip("of this disk it cannot be known")
    (tmp_path / "files").mkdir()
    return tmp_path / "files"


@pytest.fixture
def opened(folder, tmp_path):
    """What is known of the files, as another process finds it."""
    return lambda: open_known_digests(tmp_path / "digests", str(folder))


@pytest.fixture
def file(folder):
    """One that nobody has changed for a while."""
    file = folder / "a.bin"
    file.write_bytes(CONTENT)
    time.sleep(LONG_AGO_S)
    return file


def read(file, opened):
    known = opened()
    info = digest_file(file, known)
    known.save()
    return info


def is_known(file, opened):
    return opened().find(str(file), file.lstat()) is not None


def sha256_of(file, opened):
    return digest_file(file, opened()).sha256


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def test_a_file_that_did_not_change_is_known_to_the_next_process(file, opened):
    info = read(file, opened)
    assert info.sha256 == sha256(CONTENT)
    assert opened().find(str(file), file.lstat()) == info


def test_one_that_is_written_in_place_with_its_time_set_back_is_read(file, opened):
    read(file, opened)
    before = file.stat()
    with file.open("r+b") as stream:
        stream.write(OTHER)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert not is_known(file, opened)
    assert sha256_of(file, opened) == sha256(OTHER)


def test_one_that_another_took_the_name_of_is_read(file, folder, opened):
    read(file, opened)
    other = folder / "other"
    other.write_bytes(OTHER)
    os.utime(other, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns))
    other.rename(file)
    assert sha256_of(file, opened) == sha256(OTHER)


def test_one_that_was_written_just_before_it_was_read_is_read_again(file, opened):
    file.write_bytes(CONTENT)
    read(file, opened)
    assert not is_known(file, opened)
    with file.open("r+b") as stream:  # maybe within the same tick of the clock
        stream.write(OTHER)
    assert sha256_of(file, opened) == sha256(OTHER)


def test_one_whose_time_of_change_is_to_come_is_read_again(file, opened, monkeypatch):
    set_back_ns = file.stat().st_ctime_ns - 1
    monkeypatch.setattr(time, "time_ns", lambda: set_back_ns)
    read(file, opened)
    assert not is_known(file, opened)


def test_one_that_somebody_has_open_for_writing_is_read_again(file, opened):
    with file.open("r+b"):
        read(file, opened)
    assert not is_known(file, opened)
    with file.open("rb"):
        read(file, opened)
    assert is_known(file, opened)


def test_what_a_mapping_stores_without_a_time_is_read(file, opened):
    with file.open("r+b") as stream:
        mapping = mmap.mmap(stream.fileno(), 0)
    mapping[0:1] = b"a"
    time.sleep(LONG_AGO_S)
    read(file, opened)
    mapping[:] = OTHER  # the page was written to before: its time is not set again
    assert sha256_of(file, opened) == sha256(OTHER)
    mapping.close()


def test_what_a_mapping_that_is_made_later_stores_is_read(file, opened):
    read(file, opened)
    with file.open("r+b") as stream, mmap.mmap(stream.fileno(), 0) as mapping:
        mapping[:] = OTHER
    assert sha256_of(file, opened) == sha256(OTHER)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:-3],
        lambda content: content.replace(sha256(CONTENT).encode(), sha256(OTHER).encode()),
        lambda content: b"\xff" + content,
        lambda content: content.replace(b'"format":1', b'"format":2'),
        lambda content: b"[" * 100_000 + content,
    ],
)
def test_notes_that_were_damaged_say_nothing_and_are_made_anew(file, opened, tmp_path, damage):
    read(file, opened)
    notes = next((tmp_path / "digests").iterdir())
    notes.write_bytes(damage(notes.read_bytes()))
    assert not is_known(file, opened)
    read(file, opened)
    assert is_known(file, opened)


def test_notes_that_others_can_write_say_nothing(file, opened, tmp_path):
    read(file, opened)
    next((tmp_path / "digests").iterdir()).chmod(0o666)
    assert not is_known(file, opened)


def test_notes_of_another_start_of_the_machine_say_nothing(file, folder, opened, tmp_path):
    read(file, opened)
    (tmp_path / "boot_id").write_text("another\n")
    known = open_known_digests(tmp_path / "digests", str(folder), boot_id=tmp_path / "boot_id")
    assert known.find(str(file), file.lstat()) is None
    notes = next((tmp_path / "digests").iterdir())
    notes.rename(known._file)
    assert known.find(str(file), file.lstat()) is None


def test_a_disk_without_such_times_is_not_trusted(file, folder, tmp_path):
    (tmp_path / "mounts").write_text("27 1 0:40 / / rw,relatime - tmpfs none rw\n28 1 8:1 / /x rw - vfat /dev/sda rw\n")
    known = open_known_digests(tmp_path / "digests", str(folder), mounts=tmp_path / "mounts")
    digest_file(file, known)
    known.save()
    assert known.find(str(file), file.lstat()) is None
    assert list((tmp_path / "digests").glob("*")) == []


@pytest.mark.parametrize("missing", ["boot_id", "mounts"])
def test_a_system_that_does_not_tell_is_not_trusted(file, folder, tmp_path, missing):
    known = open_known_digests(tmp_path / "digests", str(folder), **{missing: tmp_path / "nothing"})
    assert digest_file(file, known).sha256 == sha256(CONTENT)
    assert known.find(str(file), file.lstat()) is None


def test_a_link_is_read(file, folder, opened):
    link = folder / "link"
    link.symlink_to(file)
    read(link, opened)
    assert not is_known(link, opened)
    assert not is_known(file, opened)


def test_notes_are_kept_of_a_number_of_folders(file, folder, tmp_path):
    notes = tmp_path / "digests"
    notes.mkdir(exist_ok=True)
    for number in range(600):
        (notes / f"{number:03}.jsonl").touch()
        os.utime(notes / f"{number:03}.jsonl", (number, number))
    known = open_known_digests(notes, str(folder))
    digest_file(file, known)
    known.save()
    assert (len(list(notes.iterdir())), known._file.exists(), (notes / "599.jsonl").exists()) == (500, True, True)


def test_a_disk_that_refuses_notes_costs_a_reading(file, folder, tmp_path):
    (tmp_path / "full").write_text("no folder")
    known = open_known_digests(tmp_path / "full", str(folder))
    assert digest_file(file, known).sha256 == sha256(CONTENT)
    known.save()
    assert known.find(str(file), file.lstat()) is not None


def test_a_copy_of_what_is_known_knows_nothing(file, opened):
    known = opened()
    digest_file(file, known)
    assert pickle.loads(pickle.dumps(known)).find(str(file), file.lstat()) is None
    assert KnownDigests().find(str(file), file.lstat()) is None
    assert Path(file).read_bytes() == CONTENT
