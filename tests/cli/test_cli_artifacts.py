"""Artifacts at the command line: `artifact put`, `get` and `ls`, `ls --artifacts`, `show`."""

import json

import pytest


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A folder of two files, seen from the current one."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "data"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_text("hello\n")
    (folder / "sub" / "b.bin").write_bytes(b"\0\1\2" * 1000)
    return folder


@pytest.fixture
def kept(runlake, data):
    """Two versions of it, the second with a file more."""
    words = ("artifact", "put", "data", "--name", "ann/vision/train", "--alias", "good", "-d", "the first")
    assert runlake(*words) == (0, "ann/vision/train:v0\n", "2 files, 2.9 KiB: good, latest\n")
    (data / "c.txt").write_text("more\n")
    assert runlake("artifact", "put", "data", "-n", "ann/vision/train").out == "ann/vision/train:v1\n"


def test_the_same_files_again_are_the_same_version(runlake, kept):
    assert runlake("artifact", "put", "data", "-n", "ann/vision/train").out == "ann/vision/train:v1\n"


def test_a_version_is_copied_into_a_folder_and_not_again(runlake, kept, tmp_path):
    got = runlake("artifact", "get", "ann/vision/train:good")
    assert got == (0, "artifacts/train:v0\n", "ann/vision/train:v0: 2 files, 2.9 KiB\n")
    folder = tmp_path / "artifacts" / "train:v0"
    found = {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    assert found == {"a.txt": b"hello\n", "sub/b.bin": b"\0\1\2" * 1000}
    before = (folder / "a.txt").stat()
    assert runlake("artifact", "get", "ann/vision/train:v0").code == 0
    assert (folder / "a.txt").stat().st_ino == before.st_ino


def test_a_version_may_be_linked_to_in_place_of_copied(runlake, kept, tmp_path):
    assert runlake("artifact", "get", "ann/vision/train:v1", "--root", "here", "--hard-links").out == "here\n"
    status = (tmp_path / "here" / "sub" / "b.bin").stat()
    assert (status.st_nlink, status.st_mode & 0o222) == (2, 0)


def test_artifacts_and_versions_are_listed(runlake, kept):
    listed = runlake("ls", "--artifacts").out.splitlines()
    assert listed[0].split() == ["ARTIFACT", "TYPE", "VERSIONS", "ALIASES", "SIZE", "UPDATED"]
    assert listed[1].split()[:-2] == ["train", "dataset", "2", "good=v0,", "latest=v1", "5.9", "KiB"]
    assert runlake("artifact", "ls", "ann/vision").out.splitlines()[1].split()[0] == "train"
    versions = [line.split()[:3] for line in runlake("artifact", "ls", "ann/vision/train").out.splitlines()[1:]]
    assert versions == [["v1", "latest", "3"], ["v0", "good", "2"]]
    assert runlake("artifact", "ls", "ann/vision/train", "--limit", "1").err.startswith("1 of 2 versions")
    assert (
        runlake("artifact", "ls", "ann/vision", "--type", "model").err == "no artifacts of type model in ann/vision\n"
    )


def test_the_listings_as_json(runlake, kept):
    listing = json.loads(runlake("artifact", "ls", "--json").out)
    assert listing == json.loads(runlake("ls", "--artifacts", "--json").out)
    (collection,) = listing["collections"]
    told = {key: collection[key] for key in ("name", "type", "kind", "aliases", "version_count", "size_bytes")}
    assert told == {
        "name": "train", "type": "dataset", "kind": "sequence", "aliases": {"good": "v0", "latest": "v1"},
        "version_count": 2, "size_bytes": 6017,
    }  # fmt: skip
    versions = json.loads(runlake("artifact", "ls", "ann/vision/train", "--json").out)
    assert [(one["version"], one["description"]) for one in versions["versions"]] == [("v1", None), ("v0", "the first")]


def test_one_artifact_is_shown(runlake, kept):
    shown = runlake("show", "ann/vision/train:good").out
    assert shown.startswith("ann/vision/train:v0  dataset\n")
    for fact in (
        "aliases      good",
        "description  the first",
        "size         2.9 KiB in 2 files",
        "sub/b.bin  2.9 KiB",
    ):
        assert fact in shown
    document = json.loads(runlake("show", "ann/vision/train:good", "--json").out)
    assert (document["version"], document["used_by"], document["aliases"]) == ("v0", [], ["good"])
    assert [(file["path"], file["size_bytes"]) for file in document["files"]] == [("a.txt", 6), ("sub/b.bin", 3000)]


def test_what_is_not_there_is_told_with_what_is_near(runlake, kept):
    refused = runlake("show", "ann/vision/train:bets")
    assert (refused.code, refused.err.startswith("runlake: no version 'bets' of artifact ann/vision/train")) == (
        3,
        True,
    )
    refused = runlake("artifact", "get", "ann/vision/tarin:v0")
    assert (refused.code, "did you mean train?" in refused.err) == (3, True)
    refused = runlake("artifact", "put", "nothing", "-n", "ann/vision/x")
    assert (refused.code, "'nothing' is no file and no folder" in refused.err) == (2, True)
    assert runlake("artifact", "ls", "ann/vision/train", "--type", "x").code == 2
    assert runlake("ls", "--artifacts", "--sweeps").code == 2
