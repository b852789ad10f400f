"""`gc` removes of artifacts what nobody needs, at whatever moment others log, delete and restore."""

import io
import os
import time
import warnings

import pytest
from kept import MODEL, entries_of, keep, put, sha256_of, start_of
from stepping import AtStep, Killed, die

from artifact_contents import contents_of
from runlake.artifact_model import ArtifactEdit
from runlake.errors import NotFoundError, RunlakeWarning
from runlake.service.local.service import LocalService
from runlake.store import disk
from runlake.store.artifacts.garbage import Age, collect_artifacts
from runlake.store.folder_store import FolderStore
from runlake.store.opening.trash import list_trash

DAY_S = 86_400.0
SHELF = MODEL._replace(name="shelf")


@pytest.fixture
def root(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def service(root):
    return LocalService(root, default_entity="ann", user="ann")


def collect(root, *, later_s=0.0, older_than_s=0.0, is_dry_run=False):
    """What goes when the clock is so much later, as places, with their sizes."""
    age = Age(time.time() + later_s, older_than_s)
    found = list(collect_artifacts(FolderStore(root), age, is_dry_run=is_dry_run))
    return {one.place: one.size_bytes for one in found}


def contents(root):
    folder = FolderStore(root).content_dir
    return {file.name for file in folder.rglob("*") if file.is_file()} if folder.is_dir() else set()


def content_place(content):
    digest = sha256_of(content)
    return f"artifacts/content/{digest[:2]}/{digest}"


def grow_old(root):
    """Everything was written two hours ago."""
    for file in root.rglob("*"):
        if file.is_file():
            os.utime(file, (time.time() - 7200, time.time() - 7200))


def test_a_store_without_artifacts_has_no_garbage_of_them(root, service):
    assert collect(root, later_s=100 * DAY_S) == {}
    assert not root.exists()


def test_what_is_needed_stays_whatever_the_clock_says(root, service):
    keep(service, {"a": b"1", "b": b"2"})
    begun = service.begin_artifact(MODEL, start_of({"c": b"3"}))
    put(service, MODEL.at(begun.artifact_id), {"c": b"3"})
    assert collect(root, later_s=DAY_S / 2) == {}
    assert service.commit_artifact(MODEL.at(begun.artifact_id), entries_of({"c": b"3"})).version == "v1"
    assert collect(root, later_s=1000 * DAY_S) == {}
    assert contents_of(service, MODEL.at("v0")) == {"a": b"1", "b": b"2"}


def test_a_deleted_version_goes_with_its_contents_and_what_others_share_stays(root, service):
    made = keep(service, {"a": b"only here", "b": b"shared"})
    keep(service, {"b": b"shared"})
    service.delete_artifact(MODEL.at("v0"))
    assert collect(root, later_s=DAY_S, older_than_s=2 * DAY_S) == {}
    manifest = f"ann/vision/artifacts/model/manifests/{made.artifact_id}.jsonl"
    size_bytes = (root / manifest).stat().st_size
    expected = {manifest: size_bytes, content_place(b"only here"): 9}
    expected |= {f"artifacts/ids/{made.artifact_id}": (root / "artifacts" / "ids" / made.artifact_id).stat().st_size}
    assert collect(root, later_s=3 * DAY_S, older_than_s=2 * DAY_S, is_dry_run=True) == expected
    assert (root / manifest).exists()
    assert collect(root, later_s=3 * DAY_S, older_than_s=2 * DAY_S) == expected
    assert contents(root) == {sha256_of(b"shared")}
    assert contents_of(service, MODEL.at("v1")) == {"b": b"shared"}
    with pytest.raises(NotFoundError, match="removed for good by gc"):
        service.restore_artifact(MODEL.at("v0"))
    assert collect(root, later_s=3 * DAY_S) == {}
    assert keep(service, {"a": b"only here", "b": b"shared"}).version == "v2"


def test_a_version_past_its_time_is_deleted_first_and_can_be_restored(root, service):
    keep(service, {"a": b"1"}, ttl_s=60.0, aliases=("best",))
    keep(service, {"a": b"2"})
    assert collect(root, later_s=30.0, older_than_s=DAY_S) == {}
    gone = {"ann/vision/artifacts/model:v0": 0}
    assert collect(root, later_s=90.0, older_than_s=DAY_S, is_dry_run=True) == gone
    assert service.read_artifact(MODEL.at("best")).version == "v0"
    assert collect(root, later_s=90.0, older_than_s=DAY_S) == gone
    assert [info.version for info in service.list_artifacts(MODEL)] == ["v1"]
    service.restore_artifact(MODEL.at("v0"))
    service.edit_artifact(MODEL.at("v0"), ArtifactEdit(ttl_s=0.0))
    assert collect(root, later_s=90.0, older_than_s=DAY_S) == {}
    assert contents_of(service, MODEL.at("v0")) == {"a": b"1"}


def test_a_dry_run_says_what_a_run_does(root, service):
    keep(service, {"a": b"1"}, ttl_s=60.0)
    keep(service, {"a": b"2"})
    service.link_artifact(MODEL.at("v0"), SHELF)
    service.begin_artifact(MODEL, start_of({"c": b"3"}))
    service.delete_artifact(MODEL.at("v1"))
    said = collect(root, later_s=2 * DAY_S, is_dry_run=True)
    assert collect(root, later_s=2 * DAY_S) == said
    assert len(said) == 10
    assert contents(root) == set()


def test_a_draft_with_which_nobody_went_on_goes_after_a_day(root, service):
    keep(service, {"a": b"1"})
    begun = service.begin_artifact(MODEL, start_of({"c": b"3"}))
    put(service, MODEL.at(begun.artifact_id), {"c": b"3"})
    draft = f"ann/vision/artifacts/model/drafts/{begun.artifact_id}"
    assert collect(root, later_s=DAY_S - 60) == {}
    found = collect(root, later_s=DAY_S + 60)
    assert set(found) == {f"{draft}.json", content_place(b"3"), f"artifacts/ids/{begun.artifact_id}"}
    assert contents(root) == {sha256_of(b"1")}
    with pytest.raises(NotFoundError, match="is being made; begin it first"):
        service.commit_artifact(MODEL.at(begun.artifact_id), entries_of({"c": b"3"}))


def test_a_commit_that_was_refused_leaves_nothing_in_the_end(root, service):
    begun = service.begin_artifact(MODEL, start_of({"a": b"1"}))
    put(service, MODEL.at(begun.artifact_id), {"a": b"1"})
    place = root / content_place(b"1")
    place.rename(place.with_name("gone"))
    with pytest.raises(NotFoundError, match="are not in the store"):
        service.commit_artifact(MODEL.at(begun.artifact_id), entries_of({"a": b"1"}))
    assert len(list((root / "ann/vision/artifacts/model/manifests").iterdir())) == 1
    collect(root, later_s=2 * DAY_S)
    assert list((root / "ann/vision/artifacts/model/manifests").iterdir()) == []


def test_what_a_deleted_collection_had_stays_until_the_trash_is_emptied(root, service):
    made = keep(service, {"a": b"1"})
    service.link_artifact(MODEL.at("v0"), SHELF)
    service.delete_collection(MODEL)
    assert collect(root, later_s=DAY_S) == {}
    (item,) = list_trash(FolderStore(root))
    assert (item.artifact, item.is_run) == ("ann/vision/model", False)
    assert service.restore_artifact(MODEL.at("v0")).artifact_id == made.artifact_id
    assert contents_of(service, SHELF.at("v0")) == {"a": b"1"}
    service.delete_collection(MODEL)
    grow_old(root)
    found = {one.place for one in service.empty_trash(older_than_s=0.0)}
    (item,) = (place for place in found if place.startswith(".trash/"))
    shelf, named = "ann/vision/artifacts/shelf:v0", f"artifacts/ids/{made.artifact_id}"
    assert found == {item, shelf, named, content_place(b"1")}
    assert service.list_artifacts(SHELF) == []
    with pytest.raises(NotFoundError):
        service.restore_artifact(MODEL.at("v0"))


def test_a_manifest_that_cannot_be_read_keeps_every_content(root, service):
    keep(service, {"a": b"1"})
    keep(service, {"a": b"2"})
    service.delete_artifact(MODEL.at("v1"))
    manifest = root / f"ann/vision/artifacts/model/manifests/{service.read_artifact(MODEL.at('v0')).artifact_id}.jsonl"
    whole = manifest.read_bytes()
    manifest.write_bytes(whole[:-1])
    with pytest.warns(RunlakeWarning, match="no content of an artifact is collected"):
        assert not any(place.startswith("artifacts/content") for place in collect(root, later_s=DAY_S))
    manifest.write_bytes(whole)
    assert collect(root, later_s=DAY_S) == {content_place(b"2"): 1}


def test_a_ledger_that_cannot_be_read_keeps_the_links_to_it(root, service):
    keep(service, {"a": b"1"})
    service.link_artifact(MODEL.at("v0"), SHELF)
    entry = root / "ann/vision/artifacts/model/ledger/00000002.json"
    whole = entry.read_bytes()
    entry.write_bytes(b"no JSON\n")
    with pytest.warns(RunlakeWarning, match="nothing of artifact ann/vision/model is collected"):
        assert collect(root, later_s=DAY_S) == {}
    entry.write_bytes(whole)
    assert contents_of(service, SHELF.at("v0")) == {"a": b"1"}


def test_an_id_that_turned_out_to_be_another_version_stays_as_long_as_that(root, service):
    made = keep(service, {"a": b"1"})
    assert service.begin_artifact(MODEL, start_of({"a": b"1"}, artifact_id="0123456789abcdef")) == made
    assert collect(root, later_s=DAY_S) == {}
    assert service.find_artifact("0123456789abcdef") == made
    service.delete_artifact(MODEL.at("v0"))
    ids = {place for place in collect(root, later_s=DAY_S) if place.startswith("artifacts/ids/")}
    assert ids == {f"artifacts/ids/{each}" for each in (made.artifact_id, "0123456789abcdef")}


# Races ------------------------------------------------------------------------------------------------------------


def share_a_content(root):
    """A store in which one version is gone, and a draft has found a content of it before."""
    service = LocalService(root, default_entity="ann")
    keep(service, {"a": b"shared", "b": b"unshared"})
    begun = service.begin_artifact(MODEL, start_of({"a": b"shared"}))
    draft = MODEL.at(begun.artifact_id)
    assert len(service.find_content(draft, [entries_of({"a": b"shared"})[0].digest])) == 1
    service.put_content(draft, io.BytesIO(b"shared"))
    service.delete_artifact(MODEL.at("v0"))
    (root / "ann/vision/artifacts/model/drafts" / f"{begun.artifact_id}.received").rename(root / "received")
    grow_old(root)
    (root / "received").rename(root / "ann/vision/artifacts/model/drafts" / f"{begun.artifact_id}.received")
    return draft


def commit(root, draft):
    """True when it was committed; the bytes that are missing are put again, as who is told so does."""
    service = LocalService(root, default_entity="ann")
    for _ in range(3):
        try:
            service.commit_artifact(draft, entries_of({"a": b"shared"}))
        except NotFoundError:
            service.put_content(draft, io.BytesIO(b"shared"))
            continue
        break
    assert contents_of(LocalService(root, default_entity="ann"), MODEL.at("v1")) == {"a": b"shared"}


def steps_of(work, root, prepare):
    draft = prepare(root)
    watcher = AtStep()
    with disk.watched(watcher):
        work(root, draft)
    return watcher.count + 1


@pytest.mark.parametrize("is_gc_inside", [True, False], ids=["gc inside a commit", "a commit inside gc"])
def test_gc_and_a_commit_that_shares_contents_at_every_step(tmp_path, is_gc_inside):
    outer = commit if is_gc_inside else (lambda root, draft: collect(root))
    inner = (lambda root, draft: collect(root)) if is_gc_inside else commit
    count = steps_of(outer, tmp_path / "counted", share_a_content)
    assert count > 8
    for number in range(count):
        root = tmp_path / f"at-{number}"
        draft = share_a_content(root)
        with disk.watched(AtStep(number, lambda root=root, draft=draft: inner(root, draft))):
            outer(root, draft)
        fresh = LocalService(root, default_entity="ann")
        assert contents_of(fresh, MODEL.at("v1")) == {"a": b"shared"}, number
        collect(root)
        assert contents(root) == {sha256_of(b"shared")}, number
        assert not list((root / "artifacts" / "aside").iterdir())


def test_gc_that_is_killed_at_every_step_loses_nothing_and_is_finished_by_the_next(tmp_path):
    def prepare(root):
        service = LocalService(root, default_entity="ann")
        keep(service, {"a": b"1", "b": b"shared"})
        keep(service, {"b": b"shared"}, ttl_s=None)
        service.delete_artifact(MODEL.at("v0"))
        grow_old(root)

    count = steps_of(lambda root, _: collect(root), tmp_path / "counted", prepare)
    for number in range(count):
        root = tmp_path / f"at-{number}"
        prepare(root)
        with disk.watched(AtStep(number, die)), pytest.raises(Killed):
            collect(root)
        assert contents_of(LocalService(root, default_entity="ann"), MODEL.at("v1")) == {"b": b"shared"}
        collect(root)
        assert contents(root) == {sha256_of(b"shared")}


def test_gc_and_restore_at_every_step_agree_on_who_was_first(tmp_path):
    def prepare(root):
        service = LocalService(root, default_entity="ann")
        keep(service, {"a": b"1"})
        service.delete_artifact(MODEL.at("v0"))
        grow_old(root)

    def restore(root):
        try:
            return LocalService(root, default_entity="ann").restore_artifact(MODEL.at("v0")).state
        except NotFoundError:
            return "gone"

    count = steps_of(lambda root, _: collect(root), tmp_path / "counted", prepare)
    seen = set()
    for number in range(count):
        root = tmp_path / f"at-{number}"
        prepare(root)
        said = []
        with disk.watched(AtStep(number, lambda root=root, said=said: said.append(restore(root)))):
            collect(root)
        seen |= set(said)
        if said == ["COMMITTED"]:
            assert contents_of(LocalService(root, default_entity="ann"), MODEL.at("v0")) == {"a": b"1"}
        else:
            assert restore(root) == "gone"
            assert contents(root) == set()
    assert seen == {"COMMITTED", "gone"}


def test_a_content_that_lies_aside_since_gc_was_killed_is_found_by_readers(root, service):
    keep(service, {"a": b"1"})
    aside = root / "artifacts" / "aside"
    aside.mkdir()
    (root / content_place(b"1")).rename(aside / sha256_of(b"1"))
    assert contents_of(service, MODEL.at("v0")) == {"a": b"1"}
    assert list(aside.iterdir()) == []


def test_gc_warns_of_nothing_where_all_is_well(root, service):
    keep(service, {"a": b"1"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert list(service.empty_trash(older_than_s=0.0)) == []
