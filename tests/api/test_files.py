"""Files of a stored run."""

import base64
import gc
import hashlib
from pathlib import Path

import pytest

from runlake.api.files import File
from runlake.errors import CommError, FileExistsLocallyError, NotFoundError, PathError

MODEL = bytes(range(256)) * 40
FILES = {"model-best.h5": MODEL, "out/log.txt": "zeile ä\n".encode(), "out/b_c.png": b"\x89PNG", "empty": b""}


@pytest.fixture
def run(make_run, api):
    return api.run(make_run(files=FILES))


def names(files):
    return [file.name for file in files]


def test_files_are_listed_by_name(run):
    files = run.files()
    assert names(files) == sorted(FILES)
    assert names(files) == names(files[:]) == [file.name for file in files]
    assert len(files) == 4
    assert files[0].name == "empty"
    assert names(run.files([])) == sorted(FILES)


def test_files_are_chosen_by_name_or_pattern(run):
    assert names(run.files(["empty", "gone"])) == ["empty"]
    assert names(run.files(pattern="%.png")) == names(run.files(pattern="*.png")) == ["out/b_c.png"]
    assert names(run.files(pattern="out/%")) == ["out/b_c.png", "out/log.txt"]
    assert names(run.files(pattern="out/b_c____")) == ["out/b_c.png"]
    assert names(run.files(pattern="out")) == []


def test_a_file_says_what_it_is(run):
    file = run.file("out/log.txt")
    assert (file.name, file.size, file.mimetype, file.md5, file.id) == (
        "out/log.txt",
        9,
        "text/plain",
        base64.b64encode(hashlib.md5(FILES["out/log.txt"]).digest()).decode(),
        "ann/digits/r1/out/log.txt",
    )
    assert file.updated_at.endswith("Z")
    assert file.url.startswith("file:///")
    assert file.read() == "zeile ä\n".encode()
    assert repr(file) == "<File out/log.txt (text/plain) 9 bytes>"


def test_a_name_that_is_not_there_fails_at_once_and_names_what_is_like_it(run):
    with pytest.raises(CommError, match=r"no file 'model-best\.h6' in ann/digits/r1 .*did you mean 'model-best\.h5'"):
        run.file("model-best.h6")
    with pytest.raises(NotFoundError, match=r"'log\.txt'.*did you mean 'out/log\.txt'"):
        run.file("log.txt")


def test_a_download_is_an_open_text_file_of_that_name(run, tmp_path):
    with run.file("out/log.txt").download() as handle:
        assert handle.read() == "zeile ä\n"
        assert handle.name == str(Path("out", "log.txt"))
    with run.file("out/log.txt").download(tmp_path / "elsewhere") as handle:
        assert handle.name == str(tmp_path / "elsewhere" / "out" / "log.txt")


def test_a_binary_file_can_be_opened_too(run):
    with run.file("model-best.h5").download() as handle:
        assert handle.read(4) == "\x00\x01\x02\x03"
        assert Path("model-best.h5").read_bytes() == MODEL
        handle.read()


def test_a_handle_that_is_dropped_closes_in_silence(run):
    run.file("model-best.h5").download()
    gc.collect()


def test_an_existing_file_is_not_overwritten_unasked(run):
    Path("empty").write_text("mine")
    for kind in (FileExistsLocallyError, CommError, ValueError, FileExistsError):
        with pytest.raises(kind, match=r"empty is there already; download\(replace=True\)"):
            run.file("empty").download()
    with run.file("empty").download(exist_ok=True) as handle:
        assert handle.read() == "mine"
    with run.file("empty").download(replace=True) as handle:
        assert handle.read() == ""
    assert [path.name for path in Path().iterdir()] == ["empty"]


def test_a_file_that_was_replaced_since_it_was_listed_is_the_new_one(run, tmp_path):
    file = run.file("model-best.h5")
    (tmp_path / "model-best.h5").write_bytes(b"newer")
    run.upload_file(tmp_path / "model-best.h5", root=tmp_path)
    file.download().close()
    assert Path("model-best.h5").read_bytes() == b"newer"
    assert file.size == 5


def test_a_damaged_copy_is_refused(run):
    file = run.file("model-best.h5")
    with pytest.raises(CommError, match=r"has 5 bytes with md5 .* the store says 10240 bytes"):
        file._check_copy(5, "")


def test_a_name_that_leaves_the_folder_is_not_written(run, tmp_path):
    import msgspec

    file = run.file("empty")
    evil = File(file._service, file._path, msgspec.structs.replace(file._info, name="../../evil"))
    with pytest.raises(PathError, match="it leads out of the folder"):
        evil.download(tmp_path / "work")


def test_files_are_uploaded_under_their_path_from_a_root(run, tmp_path):
    (tmp_path / "work" / "sub").mkdir()
    (tmp_path / "work" / "sub" / "w.bin").write_bytes(b"12")
    assert run.upload_file("sub/w.bin").name == "sub/w.bin"
    assert run.upload_file(tmp_path / "work/sub/w.bin", root="sub").name == "w.bin"
    assert run.file("w.bin").read() == b"12"
    with pytest.raises(PathError, match="is not below root"):
        run.upload_file("sub/w.bin", root=tmp_path / "store")


def test_a_deleted_file_is_gone(run):
    run.file("empty").delete()
    assert names(run.files()) == ["model-best.h5", "out/b_c.png", "out/log.txt"]
