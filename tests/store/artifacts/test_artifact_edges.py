"""Artifacts where the disk, the clock or other processes make it hard."""

import errno
import io
import multiprocessing
import os
import time

import pytest
from kept import MODEL, entries_of, keep, md5_of, put, sha256_of, start_of
from stepping import AtStep, Killed, die, first

from artifact_contents import contents_of
from runlake.artifact_model import ArtifactEdit, ArtifactStart, CollectionEdit, ManifestEntry
from runlake.errors import BadValueError, ConflictError, CorruptError, NotFoundError, ReadOnlyError, RunlakeError
from runlake.model import RunPath
from runlake.service.local.service import LocalService
from runlake.store import disk
from runlake.store.artifacts.content import OwnedFile, digest_stream
from runlake.store.folder_store import FolderStore
from trainer import Trainer

FORK = multiprocessing.get_context("fork")
RUN = RunPath("ann", "vision", "maker")
SHELF = MODEL._replace(name="shelf")


@pytest.fixture
def root(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def service(root):
    return opened(root)


def opened(root):
    return LocalService(root, default_entity="ann", user="ann")


def content_file(root, content):
    digest = sha256_of(content)
    return root / "artifacts" / "content" / digest[:2] / digest


def temporary_files(root):
    return [file for file in root.rglob("*") if file.name.startswith(disk.TEMPORARY_PREFIX)]


# Many processes ---------------------------------------------------------------------------------------------------


def _log_one(root, number, barrier):
    barrier.wait()
    keep(opened(root), {"mine": b"%d" % number, "shared": b"of all"}, aliases=("latest",))


@pytest.mark.slow
@pytest.mark.parametrize("count", [pytest.param(64, marks=pytest.mark.long), 16])
def test_processes_that_log_to_one_name_make_versions_without_a_hole(root, count):
    barrier = FORK.Barrier(count)
    processes = [FORK.Process(target=_log_one, args=(root, number, barrier)) for number in range(count)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * count
    service = opened(root)
    listed = service.list_artifacts(MODEL)
    assert [info.version for info in listed] == [f"v{number}" for number in reversed(range(count))]
    found = [contents_of(service, info.path) for info in listed]
    assert all(files["shared"] == b"of all" for files in found)
    assert sorted(int(files["mine"]) for files in found) == list(range(count))
    assert [info.version for info in listed if "latest" in info.aliases] == [f"v{count - 1}"]
    assert temporary_files(root) == []


@pytest.mark.parametrize("step", range(12))
def test_of_two_that_begin_a_collection_of_different_types_one_is_told(root, step):
    def begin(type):
        try:
            seen.append(opened(root).begin_artifact(MODEL, ArtifactStart(type=type)).type)
        except ConflictError as error:
            told.append(str(error))

    seen, told = [], []
    opened(root).begin_artifact(SHELF, ArtifactStart(type="any"))
    with disk.watched(AtStep(step, lambda: begin("dataset"))):
        begin("model")
    (winner,), (error,) = seen, told
    other = {"dataset": "model", "model": "dataset"}[winner]
    assert f"is of type {winner!r}, and not {other!r}" in error
    with pytest.raises(ConflictError, match=f"is of type {winner!r}, and not {other!r}"):
        opened(root).begin_artifact(MODEL, ArtifactStart(type=other))


def test_of_two_that_commit_one_draft_both_are_told_the_version(root):
    for step in range(40):
        service = opened(root / f"{step}")
        draft = MODEL.at(service.begin_artifact(MODEL, start_of({"a": b"1"})).artifact_id)
        put(service, draft, {"a": b"1"})
        made = []

        def commit(service, draft=draft, made=made):
            made.append(service.commit_artifact(draft, entries_of({"a": b"1"})))

        watcher = AtStep(step, lambda step=step: commit(opened(root / f"{step}")))
        with disk.watched(watcher):
            commit(service)
        if not watcher.has_acted:
            return
        assert made == [service.read_artifact(MODEL.at("v0"))] * 2
    raise AssertionError("the commit took more steps than were tried")


def test_a_collection_that_is_deleted_and_made_anew_while_one_commits_gets_no_version_of_the_old(root):
    for step in range(40):
        store = root / f"{step}"
        service = opened(store)
        begun = service.begin_artifact(MODEL, start_of({"a": b"1"}))
        put(service, MODEL.at(begun.artifact_id), {"a": b"1"})

        def replace(store=store):
            opened(store).delete_collection(MODEL)
            keep(opened(store), {"b": b"new"})
            keep(opened(store), {"b": b"newer"})

        watcher = AtStep(step, replace)
        with disk.watched(watcher):
            try:
                service.commit_artifact(MODEL.at(begun.artifact_id), entries_of({"a": b"1"}))
            except NotFoundError:
                pass
        if not watcher.has_acted:
            return
        fresh = opened(store)
        assert [contents_of(fresh, info.path) for info in fresh.list_artifacts(MODEL)] == [
            {"b": b"newer"},
            {"b": b"new"},
        ]
        assert [f for path, fs in fresh.check("ann", "vision") for f in fs] == []
    raise AssertionError("the commit took more steps than were tried")


def test_an_id_belongs_to_one_artifact(service):
    made, other = keep(service, {"a": b"1"}), MODEL._replace(project="text")
    with pytest.raises(ConflictError, match="is that of another artifact"):
        service.begin_artifact(other, ArtifactStart(type="model", artifact_id=made.artifact_id))
    keep(service, {"a": b"2"}, path=other)
    with pytest.raises(ConflictError, match="is that of another artifact"):
        service.begin_artifact(other, start_of({"a": b"2"}, artifact_id=made.artifact_id))
    assert service.find_artifact(made.artifact_id) == made


def test_naming_a_sha256_is_no_proof_that_it_may_be_read(service):
    keep(service, {"secret": b"of others"}, path=MODEL._replace(project="other"))
    draft = MODEL.at(service.begin_artifact(MODEL, ArtifactStart(type="model")).artifact_id)
    stolen = ManifestEntry(path="a", digest="x", sha256=sha256_of(b"of others"), size_bytes=9)
    with pytest.raises(NotFoundError, match="are not in the store"):
        service.commit_artifact(draft, [stolen])
    made = service.commit_artifact(
        draft, [ManifestEntry(path="a", digest="x", ref="s3://b/a", sha256=sha256_of(b"of others"), size_bytes=9)]
    )
    with pytest.raises(BadValueError, match="is a reference"):
        service.open_content(made.path, "a")


def test_a_file_of_a_version_of_any_age_is_taken_over_by_its_sha256(service):
    keep(service, {"old": b"old"})
    (old,) = service.read_manifest(MODEL.at("v0"))
    for number in range(25):
        keep(service, {"a": b"%d" % number})
    draft = MODEL.at(service.begin_artifact(MODEL, ArtifactStart(type="model")).artifact_id)
    made = service.commit_artifact(draft, [old])
    assert contents_of(service, made.path) == {"old": b"old"}


# Disks ------------------------------------------------------------------------------------------------------------


def log_and_edit(service):
    keep(service, {"a": b"first", "b": b"second"}, aliases=("latest",))
    service.edit_artifact(MODEL.at("v0"), ArtifactEdit(description="edited"))
    service.link_artifact(MODEL.at("v0"), SHELF)


class FullDisk:
    """A disk that takes only so many bytes of one write, by its number."""

    def __init__(self, number, taken):
        self._number, self._taken, self.count = number, taken, 0

    def __call__(self, step, place):
        self.count += step == "write"
        return self._taken if step == "write" and self.count == self._number else None


@pytest.mark.parametrize("taken", [0, 1])
def test_a_full_disk_at_every_write_leaves_what_was_and_goes_on_when_there_is_room(root, taken):
    for number in range(1, 60):
        store = root / f"{number}"
        watcher = FullDisk(number, taken)
        said = ""
        with disk.watched(watcher):
            try:
                log_and_edit(opened(store))
            except (OSError, ReadOnlyError) as error:
                said = str(error)
        was_full = os.strerror(errno.ENOSPC) in said
        assert was_full == bool(said) == (watcher.count >= number)
        assert temporary_files(store) == []
        log_and_edit(opened(store))
        fresh = opened(store)
        assert [info.version for info in fresh.list_artifacts(MODEL)] == ["v0"]
        assert contents_of(fresh, SHELF.at("v0")) == {"a": b"first", "b": b"second"}
        if not was_full:
            assert number > 8
            return
    raise AssertionError("there were more writes than were tried")


def test_a_disk_without_hard_links_has_all_of_it(root, monkeypatch):
    def refuse(*paths):
        raise OSError(errno.EPERM, "no hard links here")

    monkeypatch.setattr(os, "link", refuse)
    service = opened(root)
    log_and_edit(service)
    service.delete_artifact(SHELF.at("v0"))
    service.edit_collection(MODEL, CollectionEdit(name="other"))
    assert contents_of(opened(root), MODEL._replace(name="other").at("latest")) == {"a": b"first", "b": b"second"}
    assert [f for path, fs in service.check("ann", "vision") for f in fs] == []


def test_a_store_that_cannot_be_written_is_read_and_says_so_to_who_writes(root, service):
    Trainer(root, RUN.run_id, project=RUN.project).opened.writer.close()
    log_and_edit(service)
    begun = service.begin_artifact(MODEL, ArtifactStart(type="model"))
    draft = MODEL.at(begun.artifact_id)

    def read_only(step, place):
        if step not in ("read", "list", "lock"):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(place))

    fresh = opened(root)
    with disk.watched(read_only):
        assert contents_of(fresh, MODEL.at("latest")) == {"a": b"first", "b": b"second"}
        assert len(fresh.list_collections("ann", "vision")) == 2
        for change in (
            lambda: fresh.begin_artifact(MODEL, start_of({"d": b"4"})),
            lambda: fresh.put_content(draft, io.BytesIO(b"3")),
            lambda: fresh.commit_artifact(draft, []),
            lambda: fresh.edit_artifact(MODEL.at("v0"), ArtifactEdit(description="x")),
            lambda: fresh.delete_artifact(MODEL.at("v0"), delete_aliases=True),
            lambda: fresh.link_artifact(MODEL.at("v0"), MODEL._replace(name="new shelf")),
            lambda: fresh.use_artifact(MODEL.at("v0"), RUN),
            lambda: fresh.edit_collection(MODEL, CollectionEdit(name="x")),
            lambda: fresh.delete_collection(MODEL),
        ):
            with pytest.raises(ReadOnlyError):
                change()


def test_a_content_that_was_cut_off_is_not_taken_for_whole(root, service):
    keep(service, {"a": b"whole"})
    content_file(root, b"whole").write_bytes(b"who")
    with pytest.raises(CorruptError, match="has 3 bytes and not 5"):
        contents_of(service, MODEL.at("v0"))
    begun = service.begin_artifact(MODEL, start_of({"b": b"whole"}))
    draft = MODEL.at(begun.artifact_id)
    assert service.find_content(draft, [md5_of(b"whole")]) == []
    with pytest.raises(NotFoundError, match="put them, and commit again"):
        service.commit_artifact(draft, entries_of({"b": b"whole"}))
    service.put_content(draft, io.BytesIO(b"whole"))
    service.commit_artifact(draft, entries_of({"b": b"whole"}))
    assert contents_of(service, MODEL.at("v0")) == {"a": b"whole"}


def test_a_stream_that_fails_leaves_nothing(root, service):
    draft = MODEL.at(service.begin_artifact(MODEL, ArtifactStart(type="model")).artifact_id)

    class Broken(io.BytesIO):
        def read(self, size=-1):
            if self.tell():
                raise ConnectionResetError
            return super().read(size // 2)

    with pytest.raises(ConnectionResetError):
        service.put_content(draft, Broken(b"x" * (3 << 20)))
    assert temporary_files(root) == []
    assert not any(file.is_file() for file in (root / "artifacts" / "content").rglob("*"))


def test_a_file_of_ones_own_is_taken_and_counts_as_young(root, service, tmp_path):
    staged = tmp_path / "staged"
    staged.write_bytes(b"staged")
    os.utime(staged, (1e9, 1e9))
    draft = MODEL.at(service.begin_artifact(MODEL, ArtifactStart(type="model")).artifact_id)
    with staged.open("rb") as stream:
        info = digest_stream(stream)
    with OwnedFile(staged, info) as owned:
        assert service.put_content(draft, owned) == info
    assert not staged.exists()
    assert time.time() - content_file(root, b"staged").stat().st_mtime < 600


# Names, clocks, sizes ---------------------------------------------------------------------------------------------


def test_names_that_differ_only_in_case_are_kept_apart_on_any_disk(root, service):
    keep(service, {"a": b"1"}, path=MODEL._replace(name="Model"))
    keep(service, {"a": b"2"}, path=MODEL._replace(name="mODEL"))
    keep(service, {"a": b"3"})
    folders = [folder.name.lower() for folder in (root / "ann" / "vision" / "artifacts").iterdir()]
    assert len(set(folders)) == 3
    assert [contents_of(service, MODEL._replace(name=name).at("v0"))["a"] for name in ("Model", "mODEL", "model")] == [
        b"1",
        b"2",
        b"3",
    ]
    with pytest.raises(NotFoundError):
        service.read_artifact(MODEL._replace(name="MODEL").at("v0"))


def test_a_clock_that_goes_back_changes_no_order(root, service, monkeypatch):
    real = time.time
    for number, ahead_s in enumerate((1e6, 5e5, 0.0)):
        monkeypatch.setattr(time, "time", lambda ahead_s=ahead_s: real() + ahead_s)
        keep(service, {"a": b"%d" % number}, aliases=("latest",))
    service.delete_artifact(MODEL.at("v1"))
    listed = opened(root).list_artifacts(MODEL)
    assert [(info.version, info.aliases) for info in listed] == [("v2", ("latest",)), ("v0", ())]
    assert list(service.empty_trash(older_than_s=3600.0)) == []
    assert service.restore_artifact(MODEL.at("v1")).version == "v1"
    assert contents_of(service, MODEL.at("v1")) == {"a": b"1"}


@pytest.mark.parametrize("count", [pytest.param(100_000, marks=pytest.mark.long), 10_000])
def test_an_artifact_of_very_many_entries(root, service, count):
    draft = MODEL.at(service.begin_artifact(MODEL, ArtifactStart(type="model")).artifact_id)
    digest = service.put_content(draft, io.BytesIO(b"the same")).digest
    entries = [ManifestEntry(path=f"f{number}/x", digest=digest) for number in reversed(range(count))]
    made = service.commit_artifact(draft, entries)
    assert (made.file_count, made.size_bytes) == (count, 8 * count)
    manifest = opened(root).read_manifest(MODEL.at("v0"))
    assert [entry.path for entry in manifest] == sorted(entry.path for entry in entries)
    assert {entry.sha256 for entry in manifest} == {sha256_of(b"the same")}
    with service.open_content(MODEL.at("v0"), f"f{count - 1}/x") as content:
        assert content.read() == b"the same"
    assert [f for path, fs in service.check("ann", "vision") for f in fs] == []


def test_numbers_in_metadata_that_json_has_not_are_kept(root, service):
    metadata = {"nan": float("inf"), "big": 2**70, "nested": [{"a": None}]}
    keep(service, {"a": b"1"}, metadata=metadata)
    assert opened(root).read_artifact(MODEL.at("v0")).metadata == metadata


@pytest.mark.parametrize(
    "start",
    [
        {"metadata": {"a": object()}},
        {"metadata": {"a": "\ud800"}},
        {"description": "\ud800"},
        {"ttl_s": float("nan")},
        {"run": RunPath("ann", "..", "x")},
    ],
)
def test_what_no_artifact_can_begin_with_is_refused_before_anything_is_made(root, service, start):
    with pytest.raises(BadValueError):
        service.begin_artifact(MODEL, ArtifactStart(type="model", **start))
    assert not root.exists()
    keep(service, {"a": b"1"})
    for edit in (ArtifactEdit(metadata={"a": object()}), ArtifactEdit(description="\ud800")):
        with pytest.raises(BadValueError):
            service.edit_artifact(MODEL.at("v0"), edit)
    with pytest.raises(RunlakeError):
        service.read_artifact(MODEL.at("v" + "9" * 5000))


@pytest.mark.long
def test_an_entry_that_a_power_failure_left_empty_stops_nobody(root, service):
    keep(service, {"a": b"1"})
    (root / "ann/vision/artifacts/model/ledger/00000003.json").write_bytes(b"")
    assert keep(opened(root), {"a": b"2"}).version == "v1"
    assert [info.version for info in opened(root).list_artifacts(MODEL)] == ["v1", "v0"]


def test_folders_that_a_copy_left_out_are_made_again(root, service):
    keep(service, {"a": b"1"})
    folder = FolderStore(root).collection_dir(MODEL)
    for name in ("drafts", "uses"):
        (folder / name).rmdir()
    assert keep(opened(root), {"a": b"2"}).version == "v1"


def test_two_that_give_collections_one_name_end_with_both(root, service):
    keep(service, {"a": b"1"})
    keep(service, {"a": b"2"}, path=SHELF)
    target = CollectionEdit(name="target")
    other = AtStep(first("model", "move"), lambda: opened(root).edit_collection(SHELF, target))
    with disk.watched(other), pytest.raises(ConflictError, match="there is one of that name"):
        service.edit_collection(MODEL, target)
    assert contents_of(opened(root), MODEL.at("v0")) == {"a": b"1"}
    assert contents_of(opened(root), MODEL._replace(name="target").at("v0")) == {"a": b"2"}


def test_a_death_while_bytes_come_leaves_a_temporary_file_that_gc_knows(root, service):
    draft = MODEL.at(service.begin_artifact(MODEL, ArtifactStart(type="model")).artifact_id)
    with disk.watched(AtStep(first("", "write"), die)), pytest.raises(Killed):
        service.put_content(draft, io.BytesIO(b"1"))
    for file in root.rglob("*"):
        os.utime(file, (time.time() - 7200, time.time() - 7200))
    list(service.empty_trash(older_than_s=0.0))
    assert temporary_files(root) == []


def test_who_checks_a_store_is_told_how_many_contents_were_read(service):
    keep(service, {"a": b"1", "b": b"2"})
    keep(service, {"a": b"1", "c": b"3"})
    told = []
    assert list(service.check(report=lambda *said: told.append(said))) == []
    assert told == [(0, 3), (1, 3), (2, 3)]
