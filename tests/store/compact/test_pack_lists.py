"""Lists of packed files that are kept: as those on the disk, whatever becomes of these."""

import pytest

from runlake.errors import CorruptError
from runlake.store.compact.packed_file import SUFFIX, PackedRun, PackList, PackLists, publish_list, read_list
from runlake.store.folder_store import FolderStore


def pack_list(run_id):
    runs = [PackedRun(run_id, "i", "g", "0" * 24, [], {"history": {"w": 1}})]
    return PackList(1, "a" * 24, {}, {}, {}, runs)


@pytest.fixture
def shared(tmp_path):
    (tmp_path / "ann" / "mnist").mkdir(parents=True)
    packed = FolderStore(tmp_path).packed("ann", "mnist")
    packed.prepare()
    return packed


def test_a_list_is_read_anew_when_its_bytes_are_others(shared):
    lists = PackLists()
    for run_id in ("one", "two"):
        publish_list(shared, pack_list(run_id))
        assert lists.read(shared, "a" * 24) == read_list(shared, "a" * 24) == pack_list(run_id)
    assert lists.read(shared, "a" * 24) is lists.read(shared, "a" * 24)


def test_a_list_that_was_removed_or_spoiled_is_not_known_any_more(shared, tmp_path):
    lists = PackLists()
    publish_list(shared, pack_list("one"))
    lists.read(shared, "a" * 24)
    (file,) = tmp_path.rglob(f"*{SUFFIX}")
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + b"x")
    with pytest.raises(CorruptError):
        lists.read(shared, "a" * 24)
    file.unlink()
    with pytest.raises(FileNotFoundError):
        lists.read(shared, "a" * 24)
