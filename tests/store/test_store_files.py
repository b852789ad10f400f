"""Run files: whole, under the names users gave, and never outside the run."""

import base64
import hashlib
import io
import threading

import pytest

from runlake.errors import NotFoundError, PathError
from runlake.model import FileInfo, RunPath
from runlake.store.disk import TEMPORARY_PREFIX
from runlake.store.files import FolderBlobs
from runlake.store.layout import Layout

RUN = RunPath("ann", "p", "a")


@pytest.fixture
def layout(tmp_path):
    layout = Layout(tmp_path / "store")
    layout.make_run_dir(RUN)
    return layout


@pytest.fixture
def blobs(layout):
    return FolderBlobs(layout)


def put(blobs, name, content=b"x"):
    return blobs.put_file(RUN, name, io.BytesIO(content))


def read(blobs, name):
    with blobs.open_file(RUN, name) as file:
        return file.read()


def names(blobs):
    return [info.name for info in blobs.list_files(RUN)]


def test_a_run_without_files_has_none(blobs):
    assert names(blobs) == []
    assert blobs.list_files(RunPath("ann", "p", "never")) == []


def test_a_file_is_described_as_it_is(blobs, layout):
    content = b"0123456789" * 300_000
    info = put(blobs, "media/images/a.png", content)
    file = layout.file_path(RUN, "media/images/a.png")
    assert info == FileInfo(
        name="media/images/a.png",
        size_bytes=3_000_000,
        mimetype="image/png",
        updated_at=file.stat().st_mtime,
        md5=base64.b64encode(hashlib.md5(content).digest()).decode(),
        url=file.as_uri(),
    )
    assert blobs.list_files(RUN) == [info]
    assert FolderBlobs(layout).list_files(RUN) == [info]
    assert blobs.read_info(RUN, "./media//images/a.png") == info
    assert read(blobs, "media/images/a.png") == content


@pytest.mark.parametrize(
    "name",
    ["a b.txt", "ü/😀.bin", "100%.txt", "a:b?.txt", "CON/x", ".hidden", "UPPER.txt", ".runlake-tmp-1", "end. /x."],
)
def test_names_come_back_as_they_were_given(blobs, name):
    put(blobs, name, b"content")
    assert names(blobs) == [name]
    assert read(blobs, name) == b"content"
    blobs.delete_file(RUN, name)
    assert names(blobs) == []


def test_a_file_is_replaced_in_one_step(blobs):
    put(blobs, "m.bin", b"old")
    with blobs.open_file(RUN, "m.bin") as reader:
        info = put(blobs, "m.bin", b"newer")
        assert reader.read() == b"old"
    assert info.size_bytes == 5
    assert blobs.read_info(RUN, "m.bin") == info
    assert read(blobs, "m.bin") == b"newer"


def test_the_digest_follows_a_file_that_was_changed_from_outside(blobs, layout):
    put(blobs, "log.txt", b"one")
    layout.file_path(RUN, "log.txt").write_bytes(b"longer")
    (info,) = blobs.list_files(RUN)
    assert info.md5 == base64.b64encode(hashlib.md5(b"longer").digest()).decode()


def test_a_source_that_fails_leaves_the_old_file_and_nothing_else(blobs, layout):
    class Failing(io.BytesIO):
        def read(self, size=-1):
            if self.tell():
                raise OSError("the cable was cut")
            return super().read(2)

    put(blobs, "d/m.bin", b"old")
    with pytest.raises(OSError, match="the cable"):
        blobs.put_file(RUN, "d/m.bin", Failing(b"new content"))
    assert read(blobs, "d/m.bin") == b"old"
    assert [file.name for file in layout.file_path(RUN, "d/m.bin").parent.iterdir()] == ["m.bin"]


def test_files_being_written_are_not_listed(blobs, layout):
    put(blobs, "a.txt")
    (layout.files_dir(RUN) / f"{TEMPORARY_PREFIX}1-2").write_bytes(b"half")
    assert names(blobs) == ["a.txt"]


def test_deleting_takes_the_empty_folders_with_it(blobs, layout):
    put(blobs, "a/b/c.txt")
    put(blobs, "a/d.txt")
    blobs.delete_file(RUN, "a/b/c.txt")
    assert names(blobs) == ["a/d.txt"]
    assert not (layout.files_dir(RUN) / "a" / "b").exists()
    blobs.delete_file(RUN, "a/d.txt")
    assert list(layout.files_dir(RUN).iterdir()) == []


@pytest.mark.parametrize("call", ["open_file", "read_info", "delete_file"])
def test_what_is_not_there_is_named_with_its_near_matches(blobs, call):
    put(blobs, "model-best.h5")
    with pytest.raises(NotFoundError, match=r"no file 'model-bst.h5' \(1 files\); did you mean 'model-best.h5'"):
        getattr(blobs, call)(RUN, "model-bst.h5")
    with pytest.raises(NotFoundError, match="see: runlake show ann/p/a"):
        getattr(blobs, call)(RUN, "zzz")


@pytest.mark.parametrize("call", ["open_file", "read_info", "delete_file"])
def test_a_folder_is_not_a_file_and_a_file_not_a_folder(blobs, call):
    put(blobs, "d/x.txt")
    for name in ("d", "d/x.txt/y"):
        with pytest.raises(NotFoundError):
            getattr(blobs, call)(RUN, name)
    assert names(blobs) == ["d/x.txt"]


@pytest.mark.parametrize("name", ["d", "d/x.txt/y"])
def test_a_file_cannot_stand_where_a_folder_does(blobs, name):
    put(blobs, "d/x.txt")
    with pytest.raises(PathError, match="choose another name"):
        put(blobs, name)
    assert names(blobs) == ["d/x.txt"]


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/../../x", "/etc/passwd", "a\0b", "x" * 300])
def test_names_that_leave_the_run_are_refused(blobs, name):
    for call in (blobs.open_file, blobs.read_info, blobs.delete_file):
        with pytest.raises(PathError):
            call(RUN, name)
    with pytest.raises(PathError):
        put(blobs, name)


def test_links_that_leave_the_run_are_refused_and_not_listed(blobs, layout, tmp_path):
    outside = tmp_path / "secret"
    outside.mkdir()
    (outside / "key").write_text("secret")
    root = layout.files_dir(RUN)
    (root / "file").symlink_to(outside / "key")
    (root / "folder").symlink_to(outside)
    put(blobs, "own.txt", b"own")
    (root / "alias").symlink_to(root / "own.txt")
    assert names(blobs) == ["alias", "own.txt"]
    for call in (blobs.open_file, blobs.read_info):
        for name in ("file", "folder/key"):
            with pytest.raises(PathError, match="leads out"):
                call(RUN, name)
    for name in ("folder/new", "folder/key", "folder/sub/new"):
        with pytest.raises(PathError, match="leads out"):
            put(blobs, name)
        with pytest.raises(PathError, match="leads out"):
            blobs.delete_file(RUN, "folder/key")
    assert (outside / "key").read_text() == "secret"
    assert [file.name for file in outside.iterdir()] == ["key"]
    assert read(blobs, "alias") == b"own"


def test_threads_that_put_one_name_leave_one_whole_file(blobs):
    contents = [bytes([65 + number]) * 200_000 for number in range(8)]
    threads = [threading.Thread(target=put, args=(blobs, "m.bin", content)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read(blobs, "m.bin") in contents
    assert names(blobs) == ["m.bin"]
