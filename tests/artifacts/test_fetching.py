"""Versions of a store become files in a folder: whole, as they were logged, and no more than need be."""

import os
import stat
from pathlib import Path

import pytest

from runlake.api.artifacts import artifact_in_hand
from runlake.artifacts.cache import ContentCache
from runlake.errors import BadValueError, CorruptError, NotFoundError, UnsafeNameError, UsageError
from runlake.settings import Settings

FILES = {"a.txt": b"hello", "b/weights.bin": bytes(range(256)) * 5000, "b/empty": b""}


@pytest.fixture
def counted(monkeypatch):
    """The names of the files whose bytes are asked for, of any service."""

    def count(service):
        opened = []
        real = service.open_content

        def open_content(path, name):
            opened.append(name)
            return real(path, name)

        service.open_content = open_content
        return opened

    return count


def content_files(root):
    return [file for file in (root / "artifacts" / "content").rglob("*") if file.is_file()]


def test_all_files_come_into_a_folder_that_is_named_after_the_version(service, keep, artifact_of, contents):
    artifact = keep(service, artifact_of(FILES))
    assert artifact.download() == "artifacts/model:v0"
    assert contents("artifacts/model:v0") == FILES
    assert contents(artifact.download("elsewhere")) == FILES
    assert contents(artifact.download("part", path_prefix="b/")) == {k: v for k, v in FILES.items() if k[0] == "b"}
    assert Path(artifact.get_entry("a.txt").download("single")).read_bytes() == b"hello"
    assert artifact.get_entry("a.txt").read() == b"hello"


def test_what_is_there_already_does_not_come_again(service, keep, artifact_of, counted):
    artifact = keep(service, artifact_of(FILES))
    artifact.download(skip_cache=True)
    Path("artifacts/model:v0/a.txt").write_bytes(b"other")
    opened = counted(service)
    artifact.download(skip_cache=True)
    assert opened == ["a.txt"]
    artifact.verify()


def test_a_folder_is_made_to_hold_the_files_of_the_artifact_and_no_others(service, keep, artifact_of, contents):
    artifact = keep(service, artifact_of(FILES))
    root = Path(artifact.download())
    (root / "b" / "more").write_text("more")
    with pytest.raises(BadValueError, match="is no file of artifact model:v0"):
        artifact.verify()
    artifact.checkout()
    assert contents(root) == FILES
    (root / "a.txt").write_text("other")
    with pytest.raises(BadValueError, match=r"is not the file 'a\.txt' of artifact model:v0"):
        artifact.verify()


def test_a_file_that_was_altered_in_the_store_is_found(service, root, keep, artifact_of):
    artifact = keep(service, artifact_of(FILES))
    largest = max(content_files(root), key=lambda file: file.stat().st_size)
    largest.write_bytes(b"x" * largest.stat().st_size)
    with pytest.raises(
        CorruptError, match=r"the file 'b/weights\.bin' of artifact ann/vision/model:v0 is not what was logged.*backup"
    ):
        artifact.download()
    assert not Path("artifacts/model:v0/b/weights.bin").exists()
    assert list(Path("artifacts").rglob("*.part")) == []


@pytest.mark.parametrize("name", [".git/config", "deep/.envrc"])
def test_names_that_programs_obey_are_refused_before_anything_is_written(service, keep, artifact_of, name):
    artifact = keep(service, artifact_of({"a.txt": b"a", name: b"evil"}))
    with pytest.raises(UnsafeNameError, match=rf"artifact ann/vision/model:v0: the file '{name}' is not written"):
        artifact.download()
    assert not Path("artifacts").exists()
    assert artifact.get_entry(name).read() == b"evil"


def test_names_that_differ_only_in_case_come_where_the_disk_tells_case(service, keep, artifact_of, contents):
    files = {"Readme": b"1", "README": b"2"}
    artifact = keep(service, artifact_of(files))
    if os.name == "posix" and os.uname().sysname == "Linux":
        assert contents(artifact.download()) == files


def test_files_may_be_links_into_the_store_and_are_read_only_then(local, root, keep, artifact_of, contents):
    artifact = keep(local, artifact_of(FILES))
    folder = Path(artifact.download(hard_links=True))
    assert contents(folder) == FILES
    inodes = {file.stat().st_ino for file in content_files(root)}
    found = [file.stat() for file in folder.rglob("*") if file.is_file()]
    assert {status.st_ino for status in found} == inodes
    assert {stat.S_IMODE(status.st_mode) for status in found} == {0o444}
    artifact.download(hard_links=True)
    artifact.delete(delete_aliases=True)
    assert contents(folder) == FILES


def test_a_link_to_a_file_that_was_altered_is_not_made(local, root, keep, artifact_of):
    artifact = keep(local, artifact_of({"a.txt": b"hello"}))
    content_files(root)[0].write_bytes(b"hellO")
    with pytest.raises(CorruptError, match="has another content"):
        artifact.download(hard_links=True)


# Over HTTP, through the cache --------------------------------------------------------------------------------------


def test_bytes_come_once_over_the_network(remote, keep, artifact_of, counted, contents):
    artifact = keep(remote, artifact_of(FILES))
    opened = counted(remote)
    artifact.download("one")
    artifact.download("two")
    assert (sorted(opened), contents("two")) == (sorted(FILES), FILES)
    artifact.download("three", skip_cache=True)
    assert len(opened) == 6


def test_a_folder_store_needs_no_cache(local, tmp_path, keep, artifact_of):
    keep(local, artifact_of(FILES)).download()
    assert not (tmp_path / "cache").exists()


def test_what_was_altered_in_the_cache_comes_again(remote, tmp_path, keep, artifact_of, contents):
    artifact = keep(remote, artifact_of(FILES))
    artifact.download("one")
    for file in (tmp_path / "cache" / "content").rglob("*"):
        if file.is_file():
            file.write_bytes(b"x" * file.stat().st_size)
    assert contents(artifact.download("two")) == FILES


def test_the_cache_holds_no_more_than_it_may(remote, tmp_path, keep, artifact_of, contents):
    cache = tmp_path / "cache"
    sizes = lambda: sorted(file.stat().st_size for file in (cache / "content").rglob("*") if file.is_file())  # noqa: E731
    small = ContentCache(cache, limit_bytes=1200)
    artifact = keep(remote, artifact_of({"old": b"o" * 400, "used": b"u" * 500, "new": b"n" * 600}), cache=small)
    artifact.get_entry("old").download("one")
    artifact.get_entry("used").download("one")
    for file in (cache / "content").rglob("*"):
        if file.is_file() and file.stat().st_size == 400:
            os.utime(file, (1, 1))
    artifact.get_entry("new").download("one")
    assert sizes() == [500, 600]
    larger = keep(remote, artifact_of({"large": b"l" * 1300}, name="large"), cache=small)
    assert contents(larger.download("two")) == {"large": b"l" * 1300}
    assert sizes() == [500, 600]


def test_a_download_that_was_cut_off_goes_on(remote, tmp_path, keep, artifact_of, contents):
    content = os.urandom(3_000_000)
    artifact = keep(remote, artifact_of({"large": content}))
    entry = artifact.get_entry("large")
    partial = tmp_path / "cache" / "partial" / entry.sha256
    partial.parent.mkdir(parents=True)
    partial.write_bytes(content[:2_000_000])
    read_bytes = []
    real = remote.open_content

    def open_content(path, name):
        file = real(path, name)
        read = file.read

        class Counting:
            seek = file.seek
            __enter__ = lambda self: self  # noqa: E731
            __exit__ = lambda self, *_: file.close()  # noqa: E731

            def read(self, size):
                piece = read(size)
                read_bytes.append(len(piece))
                return piece

        return Counting()

    remote.open_content = open_content
    assert contents(artifact.download()) == {"large": content}
    assert sum(read_bytes) == 1_000_000


def test_what_was_cut_off_and_is_of_something_else_is_not_gone_on_with(remote, tmp_path, keep, artifact_of, contents):
    artifact = keep(remote, artifact_of({"a.txt": b"hello"}))
    partial = tmp_path / "cache" / "partial" / artifact.get_entry("a.txt").sha256
    partial.parent.mkdir(parents=True)
    partial.write_bytes(b"HE")
    with pytest.raises(CorruptError, match="not what was logged"):
        artifact.download()
    assert contents(artifact.download()) == {"a.txt": b"hello"}


def test_a_cache_that_cannot_be_written_is_done_without(remote, tmp_path, keep, artifact_of, contents):
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert contents(keep(remote, artifact_of(FILES)).download()) == FILES


def test_settings_say_how_large_the_cache_is(remote, local, tmp_path, monkeypatch, keep, artifact_of):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    info = keep(remote, artifact_of(FILES)).info
    artifact_in_hand(remote, info, Settings(artifact_cache_bytes=0), remote.read_run).download("one")
    assert not (tmp_path / "xdg").exists()
    artifact_in_hand(remote, info, Settings(artifact_cache_bytes="20GB"), remote.read_run).download("two")
    cached = [file for file in (tmp_path / "xdg" / "runlake" / "artifacts" / "content").rglob("*") if file.is_file()]
    assert len(cached) == 3


def test_settings_say_into_which_folder_files_go(service, keep, artifact_of, contents):
    info = keep(service, artifact_of(FILES)).info
    settings = Settings(artifact_dir="fetched", artifact_cache_bytes=0)
    assert artifact_in_hand(service, info, settings, service.read_run).download() == "fetched/model:v0"
    assert contents("fetched/model:v0") == FILES


def test_an_artifact_that_is_kept_nowhere_cannot_be_fetched(artifact_of):
    artifact = artifact_of(FILES)
    for call in (artifact.download, artifact.delete, artifact.logged_by, artifact.unlink):
        with pytest.raises(UsageError, match="is kept nowhere yet; log it first"):
            call()
    with pytest.raises(NotFoundError, match="is not kept yet"):
        artifact.get_entry("a.txt").download()
