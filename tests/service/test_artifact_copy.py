"""Artifacts from one service to another, through the verbs: all of them, once, whatever happens on the way."""

import base64
import hashlib
import io
import threading

import pytest

from artifact_contents import contents_of
from runlake.artifact_model import (
    ArtifactEdit,
    ArtifactStart,
    CollectionEdit,
    CollectionPath,
    ManifestEntry,
    digest_of,
)
from runlake.errors import CorruptError, NotFoundError
from runlake.model import RunPath
from runlake.service.artifact_copy import CopyRules, copy_artifact, copy_collection
from runlake.service.local.service import LocalService
from runlake.service.remote.service import RemoteService
from served import Holder, SocketServer, make_app

MODEL = CollectionPath("ann", "vision", "model")
SHELF = CollectionPath("ann", "shelf", "good models")
MAKER, USER = RunPath("ann", "vision", "maker"), RunPath("ann", "vision", "user")


def entries_of(files):
    found = []
    for path, content in files.items():
        digest = base64.b64encode(hashlib.md5(content).digest()).decode()
        found.append(ManifestEntry(path=path, digest=digest))
    return found


def keep(service, files, *, path=MODEL, **fields):
    entries = entries_of(files)
    start = ArtifactStart(type="model", digest=digest_of(entries), **fields)
    begun = service.begin_artifact(path, start)
    if begun.state == "COMMITTED":
        return begun
    for content in files.values():
        service.put_content(path.at(begun.artifact_id), io.BytesIO(content))
    return service.commit_artifact(path.at(begun.artifact_id), entries)


def facts(info):
    """What does not change when a version is copied."""
    return (
        info.artifact_id, info.digest, info.type, info.description, info.metadata, info.tags, info.created_at,
        info.created_by, info.user, info.ttl_s, info.history_step, info.size_bytes, info.file_count,
    )  # fmt: skip


@pytest.fixture(scope="module")
def holder():
    return Holder()


@pytest.fixture(scope="module")
def socket_server(holder):
    server = SocketServer(make_app(holder))
    yield server
    server.stop()


@pytest.fixture
def here(tmp_path):
    return LocalService(tmp_path / "here", default_entity="ann")


@pytest.fixture
def there(tmp_path):
    return LocalService(tmp_path / "there", default_entity="ann")


@pytest.fixture
def far(there, holder, socket_server):
    """The store `there`, behind a server."""
    holder.service = there
    service = RemoteService(socket_server.url, attempts=1)
    yield service
    service.close()


def copy(source, target, path=MODEL, to=MODEL, **rules):
    return list(copy_collection(source, path, target, to, CopyRules(**rules)))


def test_all_versions_come_over_as_they_are(here, there, far):
    for run in (MAKER, USER):
        here.create_run(run)
        there.create_run(run)
    fields = {
        "description": "d", "metadata": {"f1": 0.5}, "tags": ("t",), "run": MAKER, "user": "eve",
        "created_at": 1.6e9, "ttl_s": 60.0, "history_step": 7,
    }  # fmt: skip
    keep(here, {"a/b": b"1" * 3000, "same": b"s", "empty": b""}, aliases=("best",), **fields)
    keep(here, {"a/b": b"2", "same": b"s"}, aliases=("latest",))
    here.use_artifact(MODEL.at("v0"), USER)
    here.edit_collection(MODEL, CollectionEdit(description="all models", add_tags=("vision",)))
    copied = copy(here, far)
    assert [one.is_new for one in copied] == [True, True]
    assert [one.put_bytes for one in copied] == [3001, 1]
    ours, theirs = here.list_artifacts(MODEL), there.list_artifacts(MODEL)
    assert [facts(one) for one in theirs] == [facts(one) for one in ours]
    assert [(one.version, one.aliases) for one in theirs] == [("v1", ("latest",)), ("v0", ("best",))]
    for version in ("v0", "v1"):
        assert contents_of(there, MODEL.at(version)) == contents_of(here, MODEL.at(version))
        assert there.read_manifest(MODEL.at(version)) == here.read_manifest(MODEL.at(version))
    assert there.list_artifact_users(MODEL.at("v0")) == [USER]
    assert [one.artifact_id for one in there.list_run_artifacts(MAKER, "logged")] == [theirs[1].artifact_id]
    described = there.read_collection(MODEL)
    assert (described.description, described.tags) == ("all models", ("vision",))


def test_twice_is_once(here, there, far):
    keep(here, {"a": b"1"}, aliases=("latest",))
    copy(here, far)
    there.edit_artifact(MODEL.at("v0"), ArtifactEdit(remove_aliases=("latest",), description="good"))
    before = there.list_artifacts(MODEL)
    assert [one.is_new for one in copy(here, far, moves_aliases=True)] == [False]
    assert there.list_artifacts(MODEL) == before


def test_an_alias_stays_with_the_version_that_has_it_or_moves_where_that_is_meant(here, there):
    keep(there, {"a": b"theirs"}, aliases=("latest", "best"))
    keep(here, {"a": b"1"}, aliases=("latest", "prod"))
    copy(here, there)
    assert there.read_collection(MODEL).aliases == {"latest": "v0", "best": "v0", "prod": "v1"}
    keep(here, {"a": b"2"}, aliases=("latest", "best"))
    copy(here, there, moves_aliases=True)
    assert there.read_collection(MODEL).aliases == {"latest": "v2", "best": "v2", "prod": "v1"}


def test_the_same_files_under_another_id_are_the_version_that_is_there(here, there):
    known = keep(there, {"a": b"1"})
    mine = keep(here, {"a": b"1"}, aliases=("best",))
    (copied,) = copy(here, there)
    assert (copied.source.artifact_id, copied.target.artifact_id) == (mine.artifact_id, known.artifact_id)
    assert [one.aliases for one in there.list_artifacts(MODEL)] == [("best",)]


def test_a_version_that_was_deleted_there_does_not_come_back(here, there):
    keep(here, {"a": b"1"})
    copy(here, there)
    there.delete_artifact(MODEL.at("v0"))
    (copied,) = copy(here, there)
    assert (copied.target.state, copied.is_new) == ("DELETED", False)
    assert there.list_artifacts(MODEL) == []


def test_what_was_called_otherwise_there_is_found_by_its_id(here, there):
    keep(here, {"a": b"1"})
    copy(here, there)
    there.edit_collection(MODEL, CollectionEdit(name="encoder"))
    (copied,) = copy(here, there)
    assert (copied.target.name, copied.is_new) == ("encoder", False)
    assert [one.name for one in there.list_collections("ann", "vision")] == ["encoder"]


def test_links_come_over_when_their_versions_are_there(here, there):
    made = keep(here, {"a": b"1"}, aliases=("latest",))
    here.link_artifact(MODEL.at("v0"), SHELF, ["prod"])
    with pytest.raises(NotFoundError, match="is not at the target; copy ann/vision/model first"):
        copy(here, there, SHELF, SHELF)
    copy(here, there)
    for _ in range(2):
        (copied,) = copy(here, there, SHELF, SHELF)
        assert (copied.target.artifact_id, copied.target.aliases) == (made.artifact_id, ("prod",))
    assert len(there.list_artifacts(SHELF)) == 1


def test_a_user_that_is_not_there_is_named(here, there):
    here.create_run(USER)
    keep(here, {"a": b"1"})
    here.use_artifact(MODEL.at("v0"), USER)
    (copied,) = copy(here, there)
    assert copied.users_left_out == (USER,)


def test_runs_and_makers_are_those_of_the_target(here, there):
    moved = MAKER._replace(run_id="maker-2")
    there.create_run(moved)
    keep(here, {"a": b"1"}, run=MAKER, user="eve")
    (copied,) = copy(here, there, run_at=lambda run: moved, keeps_user=False)
    assert (copied.target.created_by, copied.target.user) == (moved, None)


def test_references_come_over_and_have_no_bytes(here, there):
    reference = ManifestEntry(path="x", digest="etag", ref="s3://bucket/x", size_bytes=7, extra={"etag": "e"})
    begun = here.begin_artifact(MODEL, ArtifactStart(type="model"))
    here.commit_artifact(MODEL.at(begun.artifact_id), [reference])
    (copied,) = copy(here, there)
    assert (copied.put_bytes, there.read_manifest(MODEL.at("v0"))) == (0, [reference])


def test_bytes_that_are_not_those_of_the_manifest_are_not_taken(here, there):
    keep(here, {"a": b"1"})
    (entry,) = here.read_manifest(MODEL.at("v0"))
    (file,) = (here.exports_dir.parent / "artifacts" / "content").rglob(entry.sha256)
    file.write_bytes(b"2")
    with pytest.raises(CorruptError, match=r"the bytes of 'a' in artifact ann/vision/model:\w+ have the MD5"):
        copy(here, there)
    assert there.list_collections("ann", "vision") == []


class Dying:
    """A source whose process is gone after it gave some of the contents."""

    def __init__(self, service, left_count):
        self._service, self._left_count, self._lock = service, left_count, threading.Lock()

    def __getattr__(self, name):
        return getattr(self._service, name)

    def open_content(self, path, name):
        with self._lock:
            self._left_count -= 1
            if self._left_count < 0:
                raise ConnectionError("gone")
        return self._service.open_content(path, name)


def test_who_was_cut_off_goes_on_with_what_is_missing(here, there, far):
    files = {f"f{n}": b"%d" % n * 100 for n in range(20)}
    made = keep(here, files, aliases=("latest",))
    for given in (0, 1, 7):
        with pytest.raises(ConnectionError):
            copy_artifact(Dying(here, given), made, far, MODEL, CopyRules())
        assert there.list_collections("ann", "vision") == []
    copied = copy_artifact(here, made, far, MODEL, CopyRules())
    assert copied.put_bytes < sum(map(len, files.values()))
    assert (copied.target.version, copied.target.aliases) == ("v0", ("latest",))
    assert contents_of(there, MODEL.at("v0")) == files


def test_two_that_copy_into_one_name_at_once_leave_versions_without_a_hole(here, there, far, tmp_path):
    other = LocalService(tmp_path / "other", default_entity="ann")
    for number in range(8):
        keep(here, {"a": b"h%d" % number}, aliases=("latest",))
        keep(other, {"a": b"o%d" % number}, aliases=("latest",))
    threads = [threading.Thread(target=copy, args=(source, far)) for source in (here, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    listed = there.list_artifacts(MODEL)
    assert [one.version_number for one in listed] == list(range(15, -1, -1))
    for source in (here, other):
        ids = [one.artifact_id for one in source.list_artifacts(MODEL)]
        assert [one.artifact_id for one in listed if one.artifact_id in ids] == ids
