"""Run files, in folders and in memory: whole, under the names users gave, and never outside the run."""

import base64
import hashlib
import io
import os
import threading

import pytest

from runlake.errors import NotFoundError, PathError, ReadOnlyError
from runlake.model import FileInfo, RunPath
from runlake.store.disk import TEMPORARY_PREFIX, watched
from runlake.store.folder_files import FolderFiles
from runlake.store.folder_store import FolderStore
from runlake.store.memory_files import MemoryFiles

RUN = RunPath("ann", "p", "a")


@pytest.fixture
def layout(tmp_path):
    layout = FolderStore(tmp_path / "store")
    layout.make_run_dir(RUN)
    return layout


@pytest.fixture
def in_folders(layout):
    return FolderFiles(layout)


@pytest.fixture(params=["folders", "memory", "cluster"])
def files(request, layout):
    if request.param == "cluster":
        cluster = request.getfixturevalue("cluster")
        cluster.make_anew(RUN)
        return cluster.files()
    return FolderFiles(layout) if request.param == "folders" else MemoryFiles(lambda path: path == RUN)


def put(files, name, content=b"x"):
    return files.put_file(RUN, name, io.BytesIO(content))


def read(files, name):
    with files.open_file(RUN, name) as file:
        return file.read()


def names(files):
    return [info.name for info in files.list_files(RUN)]


def md5_of(content):
    return base64.b64encode(hashlib.md5(content).digest()).decode()


# Wherever they are kept -------------------------------------------------------------------------------------------


def test_a_run_without_files_has_none(files):
    assert names(files) == []
    assert files.list_files(RunPath("ann", "p", "never")) == []


def test_a_file_is_described_as_it_is(files):
    content = b"0123456789" * 300_000
    info = put(files, "./media//images/a.png", content)
    assert info == FileInfo(
        name="media/images/a.png",
        size_bytes=3_000_000,
        mimetype="image/png",
        updated_at=info.updated_at,
        md5=md5_of(content),
        url=info.url,
    )
    assert files.list_files(RUN) == [info]
    assert read(files, "media/./images/a.png") == content


@pytest.mark.parametrize(
    "name",
    ["a b.txt", "ü/😀.bin", "100%.txt", "a:b?.txt", "CON/x", ".hidden", "UPPER.txt", ".runlake-tmp-1", "end. /x."],
)
def test_names_come_back_as_they_were_given(files, name):
    put(files, name, b"content")
    assert names(files) == [name]
    assert read(files, name) == b"content"
    files.delete_file(RUN, name)
    assert names(files) == []


def test_files_are_listed_by_name(files):
    for name in ("b", "a/c", "a.b", "a/b"):
        put(files, name)
    assert names(files) == ["a.b", "a/b", "a/c", "b"]


def test_a_page_of_them_is_what_comes_behind_a_name(files):
    long = "x" * 199
    every = ["a.b", "a/c", "a0", "b\\c", "b]", f"{long}/a", f"{long}/b", f"{long}y", "ü", "😀"]
    for name in reversed(every):
        put(files, name)
    assert names(files) == every
    assert files.count_files(RUN) == len(every)
    for size in (1, 3, len(every)):
        found, after = [], ""
        while page := files.list_files(RUN, after=after, limit=size):
            assert len(page) <= size
            found += [info.name for info in page]
            after = page[-1].name
        assert found == every
    assert files.list_files(RUN, limit=0) == []
    assert [info.name for info in files.list_files(RUN, after="a1", limit=2)] == ["b\\c", "b]"]


def test_those_that_are_named_are_listed_where_they_are_there(files):
    for name in ("b", "a/c", "a.b"):
        put(files, name)
    found = files.list_files(RUN, names=["b", "./a//c", "a", "never", "../b", "", "b"])
    assert [info.name for info in found] == ["a/c", "b"]
    assert files.list_files(RUN, names=[]) == []


def test_a_list_that_was_read_before_has_what_came_and_went_since(files):
    for name in ("a", "d/b"):
        put(files, name)
    assert names(files) == ["a", "d/b"]
    put(files, "d/c")
    assert (names(files), files.count_files(RUN)) == (["a", "d/b", "d/c"], 3)
    files.delete_file(RUN, "d/b")
    files.delete_file(RUN, "d/c")
    assert (names(files), files.count_files(RUN)) == (["a"], 1)


def test_who_reads_a_file_that_is_replaced_has_the_old_one_to_its_end(files):
    put(files, "m.bin", b"old")
    with files.open_file(RUN, "m.bin") as reader:
        info = put(files, "m.bin", b"newer")
        assert reader.read() == b"old"
    assert (info.size_bytes, info.md5) == (5, md5_of(b"newer"))
    assert files.list_files(RUN) == [info]
    assert read(files, "m.bin") == b"newer"


def test_who_reads_a_file_that_is_deleted_has_it_to_its_end(files):
    put(files, "m.bin", b"old")
    with files.open_file(RUN, "m.bin") as reader:
        files.delete_file(RUN, "m.bin")
        assert reader.read() == b"old"
    assert names(files) == []


def test_a_file_that_comes_in_pieces_is_seen_when_it_is_kept(files):
    told = []
    incoming = files.receive_file(RUN, "d/m.bin", lambda: told.append(names(files)))
    incoming.write(b"one ")
    incoming.write(b"two")
    assert (incoming.md5, names(files), told) == (md5_of(b"one two"), [], [])
    info = incoming.keep()
    assert (files.list_files(RUN), told) == ([info], [["d/m.bin"]])
    assert read(files, "d/m.bin") == b"one two"


def test_a_file_that_is_discarded_was_never_there(files):
    told = []
    put(files, "d/m.bin", b"old")
    incoming = files.receive_file(RUN, "d/m.bin", lambda: told.append("kept"))
    incoming.write(b"new")
    incoming.discard()
    assert (read(files, "d/m.bin"), names(files), told) == (b"old", ["d/m.bin"], [])


def test_a_source_that_fails_leaves_the_old_file_and_nothing_else(files, layout):
    class Failing(io.BytesIO):
        def read(self, size=-1):
            if self.tell():
                raise OSError("the cable was cut")
            return super().read(2)

    put(files, "d/m.bin", b"old")
    with pytest.raises(OSError, match="the cable"):
        files.put_file(RUN, "d/m.bin", Failing(b"new content"))
    assert read(files, "d/m.bin") == b"old"
    assert [file.name for file in layout.files_dir(RUN).glob("*/*")] in ([], ["m.bin"])


@pytest.mark.parametrize("call", ["open_file", "delete_file"])
def test_what_is_not_there_is_named_with_its_near_matches(files, call):
    put(files, "model-best.h5")
    with pytest.raises(NotFoundError, match=r"no file 'model-bst.h5' \(1 files\); did you mean 'model-best.h5'"):
        getattr(files, call)(RUN, "model-bst.h5")
    with pytest.raises(NotFoundError, match="see: runlake show ann/p/a"):
        getattr(files, call)(RUN, "zzz")


@pytest.mark.parametrize("call", ["open_file", "delete_file"])
def test_a_folder_is_not_a_file_and_a_file_not_a_folder(files, call):
    put(files, "d/x.txt")
    for name in ("d", "d/x.txt/y"):
        with pytest.raises(NotFoundError):
            getattr(files, call)(RUN, name)
    assert names(files) == ["d/x.txt"]


@pytest.mark.parametrize(
    ("name", "why"), [("d", "there is a folder of that name"), ("d/x.txt/y", "one of its folders")]
)
def test_a_file_cannot_stand_where_a_folder_does(files, name, why):
    put(files, "d/x.txt")
    with pytest.raises(PathError, match=f"{why}.*choose another name"):
        put(files, name)
    assert names(files) == ["d/x.txt"]


def test_a_file_may_take_the_name_of_a_folder_whose_files_are_gone(files):
    put(files, "d/x.txt")
    files.delete_file(RUN, "d/x.txt")
    put(files, "d")
    assert names(files) == ["d"]


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/../../x", "/etc/passwd", "a\0b", "x" * 300])
def test_names_that_leave_the_run_are_refused(files, name):
    for call in (files.open_file, files.receive_file, files.delete_file):
        with pytest.raises(PathError):
            call(RUN, name)
    with pytest.raises(PathError):
        put(files, name)


def test_files_of_a_run_that_is_not_there_are_refused(files):
    gone = RunPath("ann", "p", "gone")
    with pytest.raises(NotFoundError, match="there is no run ann/p/gone; was it deleted just now"):
        files.put_file(gone, "d/m.txt", io.BytesIO(b"m"))
    assert files.list_files(gone) == []


def test_threads_that_put_one_name_leave_one_whole_file(files):
    contents = [bytes([65 + number]) * 200_000 for number in range(8)]
    threads = [threading.Thread(target=put, args=(files, "m.bin", content)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read(files, "m.bin") in contents
    assert names(files) == ["m.bin"]


# In folders -------------------------------------------------------------------------------------------------------


def test_a_file_has_the_time_and_the_address_of_that_on_the_disk(in_folders, layout):
    info = put(in_folders, "media/images/a.png", b"content")
    file = layout.file_path(RUN, "media/images/a.png")
    assert (info.updated_at, info.url) == (file.stat().st_mtime, file.as_uri())
    assert FolderFiles(layout).list_files(RUN) == [info]


def test_the_digest_follows_a_file_that_was_changed_from_outside(in_folders, layout):
    put(in_folders, "log.txt", b"one")
    layout.file_path(RUN, "log.txt").write_bytes(b"longer")
    (info,) = in_folders.list_files(RUN)
    assert info.md5 == md5_of(b"longer")


def test_folders_that_did_not_change_are_not_read_again(in_folders, layout):
    put(in_folders, "d/a")
    folders = [layout.files_dir(RUN), layout.files_dir(RUN) / "d"]
    for folder in folders:
        os.utime(folder, (1e9, 1e9))
    assert names(in_folders) == ["d/a"]
    (folders[1] / "b").write_bytes(b"")
    os.utime(folders[1], (1e9, 1e9))  # as no disk does it
    assert names(in_folders) == ["d/a"]
    put(in_folders, "d/c")
    assert (names(in_folders), in_folders.count_files(RUN)) == (["d/a", "d/b", "d/c"], 3)


def test_files_being_written_are_not_listed(in_folders, layout):
    put(in_folders, "a.txt")
    (layout.files_dir(RUN) / f"{TEMPORARY_PREFIX}1-2").write_bytes(b"half")
    assert names(in_folders) == ["a.txt"]


@pytest.mark.parametrize("refused", ["make_folder", "create", "write", "replace"])
def test_a_disk_that_refuses_a_file_is_named_and_keeps_the_old_one(in_folders, layout, refused):
    def refuse(step, place):
        if step == refused:
            raise PermissionError(13, "no", str(place))

    put(in_folders, "d/m.bin", b"old")
    with watched(refuse), pytest.raises(ReadOnlyError, match=r"cannot store 'd/m.bin' of run ann/p/a, because"):
        put(in_folders, "d/m.bin", b"new")
    assert read(in_folders, "d/m.bin") == b"old"
    assert [file.name for file in (layout.files_dir(RUN) / "d").iterdir()] == ["m.bin"]


def test_a_disk_that_refuses_to_remove_a_file_is_named(in_folders):
    def refuse(step, place):
        if step == "remove":
            raise PermissionError(13, "no", str(place))

    put(in_folders, "m.bin")
    with watched(refuse), pytest.raises(ReadOnlyError, match=r"cannot remove 'm.bin' of run ann/p/a, because"):
        in_folders.delete_file(RUN, "m.bin")
    assert names(in_folders) == ["m.bin"]


def test_deleting_takes_the_empty_folders_with_it(in_folders, layout):
    put(in_folders, "a/b/c.txt")
    put(in_folders, "a/d.txt")
    in_folders.delete_file(RUN, "a/b/c.txt")
    assert names(in_folders) == ["a/d.txt"]
    assert not (layout.files_dir(RUN) / "a" / "b").exists()
    in_folders.delete_file(RUN, "a/d.txt")
    assert list(layout.files_dir(RUN).iterdir()) == []


def test_links_that_leave_the_run_are_refused_and_not_listed(in_folders, layout, tmp_path):
    outside = tmp_path / "secret"
    outside.mkdir()
    (outside / "key").write_text("secret")
    root = layout.files_dir(RUN)
    (root / "file").symlink_to(outside / "key")
    (root / "folder").symlink_to(outside)
    put(in_folders, "own.txt", b"own")
    (root / "alias").symlink_to(root / "own.txt")
    assert names(in_folders) == ["alias", "own.txt"]
    for name in ("file", "folder/key"):
        with pytest.raises(PathError, match="leads out"):
            in_folders.open_file(RUN, name)
    for name in ("folder/new", "folder/key", "folder/sub/new"):
        with pytest.raises(PathError, match="leads out"):
            put(in_folders, name)
        with pytest.raises(PathError, match="leads out"):
            in_folders.delete_file(RUN, "folder/key")
    assert (outside / "key").read_text() == "secret"
    assert [file.name for file in outside.iterdir()] == ["key"]
    assert read(in_folders, "alias") == b"own"
