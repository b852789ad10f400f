"""From files to a version: copied once, digested once, put where they are missing, gone on with after a fault."""

import os
from pathlib import Path

import pytest

from runlake.artifact_model import ArtifactStart, CollectionPath
from runlake.artifacts.artifact import Artifact
from runlake.artifacts.make import make_version
from runlake.errors import CorruptError
from runlake.store.disk import watched

FILES = {f"{number:03}.bin": bytes([number]) * (number * 1000) for number in range(40)}
MODEL = CollectionPath("ann", "vision", "model")


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    return folder


def artifact_in(folder, policy="mutable"):
    artifact = Artifact("model", "weights")
    artifact.add_dir(folder, policy=policy)
    return artifact


@pytest.mark.parametrize("policy", ["mutable", "immutable"])
def test_many_files_are_kept(service, keep, folder, contents, policy):
    artifact = keep(service, artifact_in(folder, policy))
    assert contents(artifact.download()) == FILES
    assert contents(folder) == FILES
    assert (artifact.file_count, artifact.size) == (40, sum(map(len, FILES.values())))


def test_the_same_files_are_the_same_version_in_a_folder_and_on_a_server(local, remote, keep, folder):
    first, second = keep(local, artifact_in(folder)), keep(remote, artifact_in(folder, "immutable"))
    assert (first.id, first.version) == (second.id, second.version)


def test_only_what_is_new_is_put(service, keep, folder):
    keep(service, artifact_in(folder))
    (folder / "000.bin").write_bytes(b"new")
    put = []
    real = service.put_content

    def put_content(draft, content, name=None):
        info = real(draft, content, name)
        put.append(info.size_bytes)
        return info

    service.put_content = put_content
    assert keep(service, artifact_in(folder)).version == "v1"
    assert put == [3]


def test_files_of_one_content_are_put_once(local, root, keep):
    artifact = Artifact("model", "weights")
    for number in range(5):
        with artifact.new_file(f"{number}.txt") as file:
            file.write("same")
    keep(local, artifact)
    assert len([file for file in (root / "artifacts" / "content").rglob("*") if file.is_file()]) == 1


def test_a_disk_that_was_full_is_gone_on_with(local, folder, contents):
    artifact = artifact_in(folder, "immutable")
    puts = []

    def full(step, place):
        if step == "replace" and "content" in place.parts:
            puts.append(place)
            if len(puts) > 10:
                raise OSError(28, "No space left on device")

    start = ArtifactStart(type="weights", artifact_id=artifact.contents.artifact_id)
    entries = list(artifact.contents.entries.values())
    with pytest.raises(OSError, match="No space left"), watched(full):
        make_version(local, MODEL, start, entries, shows_progress=False)
    puts.clear()

    def count(step, place):
        if step == "replace" and "content" in place.parts:
            puts.append(place)

    with watched(count):
        info = make_version(local, MODEL, start, entries, shows_progress=False)
    assert (info.version, len(puts)) == ("v0", 30)


def test_a_large_file_that_stays_where_it_is_is_copied_by_the_kernel(local, root, keep, tmp_path, contents):
    large = os.urandom(3_000_000)
    (tmp_path / "large.bin").write_bytes(large)
    artifact = Artifact("model", "weights")
    artifact.add_file(tmp_path / "large.bin", policy="immutable")
    assert contents(keep(local, artifact).download()) == {"large.bin": large}
    assert (tmp_path / "large.bin").read_bytes() == large
    again = Artifact("model", "weights")
    again.add_file(tmp_path / "large.bin", policy="immutable")
    again.get_entry("large.bin").content()
    (tmp_path / "large.bin").write_bytes(large[:-1] + b"x")
    with pytest.raises(CorruptError, match="was changed while it was kept"):
        keep(local, again, project="other")


def test_a_file_that_changes_while_it_is_kept_is_told(service, keep, folder):
    artifact = artifact_in(folder, "immutable")
    entry = artifact.get_entry("010.bin")
    entry.content()
    (folder / "010.bin").write_bytes(b"other")
    with pytest.raises(CorruptError, match=r"'010\.bin' was changed while it was kept"):
        keep(service, artifact)


def test_a_version_is_made_of_those_of_another_store(local, remote, keep, folder, contents, tmp_path):
    from runlake.service.local.service import LocalService

    artifact = keep(remote, artifact_in(folder))
    elsewhere = LocalService(tmp_path / "elsewhere", default_entity="bob")
    copy = keep(elsewhere, artifact.new_draft())
    assert copy.digest == artifact.digest
    assert contents(copy.download()) == FILES


def test_a_forked_child_leaves_the_copies_to_its_parent(local, keep, folder, contents):
    artifact = artifact_in(folder)
    child = os.fork() if hasattr(os, "fork") else -1
    if child == 0:
        del artifact
        os._exit(0)
    if child > 0:
        assert os.waitpid(child, 0)[1] == 0
    assert contents(keep(local, artifact).download()) == FILES


def test_what_was_added_can_be_asked_for(folder):
    artifact = artifact_in(folder, "immutable")
    assert artifact.get_added_local_path_name(str(folder / "007.bin")) == "007.bin"
    assert artifact.get_added_local_path_name(str(folder / "nothing")) is None
    assert Path(artifact.get_entry("007.bin").local_path) == folder / "007.bin"
    assert len(artifact.manifest) == 40
    assert artifact.manifest.get_entry_by_path("007.bin").size == 7000
    assert artifact.manifest.get_entries_in_directory("nowhere") == []
