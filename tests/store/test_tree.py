"""Small files in folders: what holds wherever they are kept."""

import errno
import threading
from pathlib import Path

import pytest

from runlake.store.tree import TAKEN_ERRNOS, DiskTree


@pytest.fixture(params=["disk", "postgres"])
def tree(request):
    if request.param == "disk":
        return DiskTree()
    from runlake.store.cluster.tree import PostgresTree

    return PostgresTree(request.getfixturevalue("shared_database"))


@pytest.fixture
def root(request, tree, tmp_path):
    """A folder of the test's own that is there."""
    folder = tmp_path if isinstance(tree, DiskTree) else Path("/") / tmp_path.name
    tree.make_folder(folder)
    return folder


def test_a_file_is_read_as_it_was_written_and_replaced_whole(tree, root):
    tree.replace(root / "a.json", b"one\0\xff")
    first = tree.version_of(root / "a.json")
    tree.replace(root / "a.json", b"another")

    assert tree.read(root / "a.json") == b"another"
    assert tree.size_bytes(root / "a.json") == 7
    assert tree.version_of(root / "a.json") not in (first, None)


def test_what_is_not_there_says_so(tree, root):
    with pytest.raises(FileNotFoundError):
        tree.read(root / "a")
    with pytest.raises(FileNotFoundError):
        tree.identity(root / "a")
    with pytest.raises(FileNotFoundError):
        tree.written_at(root / "a")
    with pytest.raises(FileNotFoundError):
        tree.make_subfolder(root / "a" / "b")
    assert (tree.size_bytes(root / "a"), tree.version_of(root / "a")) == (None, None)
    assert (tree.list_names(root / "a"), tree.list_folders(root / "a"), tree.has_folder(root / "a")) == ([], [], False)
    tree.remove(root / "a")


@pytest.mark.parametrize("write", ["replace", "create_once", "append_line"])
def test_nothing_is_written_into_a_folder_that_is_gone(tree, root, write):
    with pytest.raises(FileNotFoundError):
        getattr(tree, write)(root / "gone" / "a", "x" if write == "create_once" else b"x")


def test_of_many_who_make_a_file_one_is_told_that_it_did(tree, root):
    told = []
    makers = [
        threading.Thread(target=lambda n=n: told.append((tree.create_once(root / "a", str(n)), n))) for n in range(8)
    ]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()

    (winner,) = [n for is_first, n in told if is_first]
    assert tree.read(root / "a") == str(winner).encode()


def test_lines_that_are_added_at_once_are_all_there(tree, root):
    writers = [threading.Thread(target=tree.append_line, args=(root / "log", b"line %d" % n)) for n in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    lines = [line for line in tree.read(root / "log").splitlines() if line]
    assert sorted(lines) == [b"line %d" % n for n in range(8)]


def test_folders_and_files_are_listed_by_what_is_directly_in_them(tree, root):
    tree.make_folder(root / "a" / "b" / "c")
    tree.make_subfolder(root / ".hidden")
    tree.make_subfolder(root / "a0")
    tree.replace(root / "a" / "file.json", b"")

    assert sorted(tree.list_names(root)) == [".hidden", "a", "a0"]
    assert sorted(tree.list_folders(root)) == ["a", "a0"]
    assert sorted(tree.list_names(root / "a")) == ["b", "file.json"]
    tree.remove(root / "a" / "file.json")
    assert tree.list_names(root / "a") == ["b"]


def test_a_folder_that_is_moved_keeps_what_it_holds_and_who_it_is(tree, root):
    tree.make_folder(root / "a" / "b")
    tree.make_folder(root / "a0")
    tree.replace(root / "a" / "b" / "file", b"x")
    identity = tree.identity(root / "a")

    tree.move(root / "a", root / "z")

    assert tree.identity(root / "z") == identity
    assert tree.read(root / "z" / "b" / "file") == b"x"
    assert sorted(tree.list_folders(root)) == ["a0", "z"]
    tree.make_folder(root / "a")
    assert tree.identity(root / "a") != identity


def test_a_folder_is_not_moved_onto_another_nor_from_nowhere(tree, root):
    tree.make_folder(root / "a")
    tree.make_folder(root / "b" / "c")

    with pytest.raises(OSError, match=r"not empty|exists|irectory") as error:
        tree.move(root / "a", root / "b")
    assert error.value.errno in TAKEN_ERRNOS
    with pytest.raises(OSError, match=r"[Nn]o such") as error:
        tree.move(root / "gone", root / "d")
    assert error.value.errno == errno.ENOENT
    assert sorted(tree.list_folders(root)) == ["a", "b"]
