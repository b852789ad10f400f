"""`check` and `repair` of a store that has artifacts: what is wrong, what is lost with it, what is done about it."""

import json

import pytest
from kept import MODEL, keep, put, sha256_of, start_of

from artifact_contents import contents_of
from runlake.artifact_model import CollectionEdit, CollectionPath
from runlake.errors import NotFoundError
from runlake.model import RunPath
from runlake.service.local.service import LocalService
from runlake.store.ledger import entry_name
from trainer import Trainer

MAKER, USER = RunPath("ann", "vision", "maker"), RunPath("ann", "text", "user")


@pytest.fixture
def root(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def service(root):
    service = LocalService(root, default_entity="ann", user="ann")
    for run in (MAKER, USER):
        Trainer(root, run.run_id, project=run.project).opened.writer.close()
    return service


@pytest.fixture
def made(service):
    made = keep(service, {"a": b"first", "b": b"shared"}, run=MAKER)
    keep(service, {"b": b"shared"})
    service.use_artifact(MODEL.at("v0"), USER, use_as="base")
    return made


@pytest.fixture
def folder(root, made):
    return root / "ann" / "vision" / "artifacts" / "model"


def found(service, project="vision"):
    return [
        (one.kind, one.place, one.lost)
        for path, findings in service.check("ann", project)
        for one in findings
        if path == RunPath("ann", project, "")
    ]


def repaired(service, project="vision", **options):
    return [
        (one.kind, one.place, one.remedy, one.is_mended)
        for path, repairs in service.repair("ann", project, **options)
        for one in repairs
        if path == RunPath("ann", project, "")
    ]


def content_place(content):
    digest = sha256_of(content)
    return f"../../artifacts/content/{digest[:2]}/{digest}"


def content_file(root, content):
    return root / "ann" / "vision" / content_place(content)


def test_where_all_is_well_nothing_is_found(service, made):
    begun = service.begin_artifact(MODEL, start_of({"c": b"3"}))
    put(service, MODEL.at(begun.artifact_id), {"c": b"3"})
    service.link_artifact(MODEL.at("v0"), MODEL._replace(name="shelf"))
    service.delete_artifact(MODEL.at("v1"))
    assert found(service) == found(service, "text") == []
    assert repaired(service) == []


def test_a_content_that_is_gone_is_named_by_the_versions_that_have_it(service, root, made):
    content_file(root, b"shared").unlink()
    lost = "'b' of ann/vision/model:v0 and 1 more file of versions"
    assert found(service) == [("missing", content_place(b"shared"), lost)]
    assert [one[3] for one in repaired(service)] == [False]
    keep(service, {"other": b"shared"})
    assert found(service) == []
    assert contents_of(service, MODEL.at("v1")) == {"b": b"shared"}


def test_a_content_that_is_cut_off_is_named_and_replaced_by_who_logs_it_again(service, root, made):
    content_file(root, b"first").write_bytes(b"fi")
    lost = "'a' of ann/vision/model:v0: it has 2 bytes and not 5"
    assert found(service) == [("corrupt", content_place(b"first"), lost)]
    keep(service, {"x": b"first"})
    assert found(service) == []


def test_a_content_that_was_altered_goes_to_the_trash_only_if_that_is_asked_for(service, root, made):
    content_file(root, b"first").write_bytes(b"worst")
    lost = "'a' of ann/vision/model:v0: its bytes have another SHA-256"
    assert found(service) == [("corrupt", content_place(b"first"), lost)]
    assert [one[3] for one in repaired(service)] == [False]
    assert content_file(root, b"first").read_bytes() == b"worst"
    assert repaired(service, force=True) == [("corrupt", content_place(b"first"), "moved to the trash", True)]
    assert [one[0] for one in found(service)] == ["missing"]
    (aside,) = (root / ".trash").glob("repair-*/artifacts/content/*/*")
    assert aside.read_bytes() == b"worst"
    keep(service, {"x": b"first"})
    assert found(service) == []


def test_a_manifest_that_is_gone_or_cannot_be_read_is_named(service, folder, made):
    file = folder / "manifests" / f"{made.artifact_id}.jsonl"
    place, lost = (
        f"artifacts/model/manifests/{file.name}",
        "what ann/vision/model:v0 is made of; its contents may be whole",
    )
    whole = file.read_bytes()
    for kind, content in (("corrupt", whole[:-1]), ("corrupt", b""), ("newer", b'{"format":2}\n')):
        file.write_bytes(content)
        assert found(service) == [(kind, place, lost if kind == "corrupt" else "nothing")]
    file.unlink()
    assert found(service) == [("missing", place, lost)]


def test_entries_that_cannot_be_read_make_no_sense_or_are_of_a_later_runlake_are_named(service, folder):
    ledger = folder / "ledger"
    at = {"at": 1.7e9, "artifact_id": "0123456789"}
    (ledger / entry_name(4)).write_text(json.dumps({"kind": "delete", **at, "at": "noon"}) + "\n")
    (ledger / entry_name(5)).write_text(json.dumps({"kind": "freeze", **at}) + "\n")
    (ledger / entry_name(7)).write_text("{no\n")
    (ledger / "notes.txt").write_text("x")
    places = [(kind, place.rpartition("/")[2]) for kind, place, _ in found(service)]
    assert places == [
        ("corrupt", entry_name(7)),
        ("foreign", "notes.txt"),
        ("missing", entry_name(6)),
        ("corrupt", entry_name(4)),
        ("newer", entry_name(5)),
    ]


def test_a_draft_that_cannot_be_read_is_named(service, folder):
    (folder / "drafts" / "0123456789.json").write_text("{}")
    expected = ("corrupt", "artifacts/model/drafts/0123456789.json", "an artifact that was begun and not committed")
    assert found(service) == [expected]


def test_what_is_no_collection_is_named(service, folder):
    (folder.parent / "notes.txt").write_text("x")
    (folder / "notes.txt").write_text("x")
    (folder / "manifests" / "notes.txt").write_text("x")
    assert sorted(place for _, place, _ in found(service)) == [
        "artifacts/model/manifests/notes.txt",
        "artifacts/model/notes.txt",
        "artifacts/notes.txt",
    ]


def notes(root, made):
    """The file of each note, and the project whose check names it."""
    (use,) = (root / "ann/vision/artifacts/model/uses").iterdir()
    return {
        use: "text",
        root / f"ann/text/runs/user/artifacts/used-{made.artifact_id}.json": "vision",
        root / f"ann/vision/runs/maker/artifacts/logged-{made.artifact_id}.json": "vision",
        root / f"artifacts/ids/{made.artifact_id}": "vision",
        next((root / "ann/vision/artifacts/model/links").iterdir()): "shelves",
    }


def without_time(note):
    """A run that logged a version says when it did, and the version when it was committed: a moment before."""
    said = json.loads(note)
    return {**said, "at": None} if isinstance(said, dict) else said


@pytest.mark.parametrize("content", [None, b"", b'{"at":'], ids=["gone", "empty", "no JSON"])
def test_notes_that_follow_from_others_are_made_anew_as_they_were(service, root, made, content):
    service.link_artifact(MODEL.at("v0"), CollectionPath("ann", "shelves", "shelf"))
    for file, project in notes(root, made).items():
        before = file.read_bytes()
        file.unlink() if content is None else file.write_bytes(content)
        kind = "missing" if content is None else "corrupt"
        assert [one[0] for one in found(service, project)] == [kind], file
        assert [one[2:] for one in repaired(service, project, is_dry_run=True)] == [("made anew", True)]
        assert [one[2:] for one in repaired(service, project)] == [("made anew", True)]
        assert found(service, project) == []
        assert without_time(file.read_bytes()) == without_time(before)


def test_a_project_that_was_given_another_name_by_hand_is_found_by_its_ids_after_a_repair(service, root, made):
    service.link_artifact(MODEL.at("v0"), CollectionPath("ann", "shelves", "shelf"))
    (root / "ann" / "vision").rename(root / "ann" / "seeing")
    fresh = LocalService(root, default_entity="ann")
    with pytest.raises(NotFoundError):
        fresh.find_artifact(made.artifact_id)
    moved = MODEL._replace(project="seeing")
    assert contents_of(fresh, moved.at("v0")) == {"a": b"first", "b": b"shared"}
    assert len(repaired(fresh, "seeing")) == 2
    assert fresh.find_artifact(made.artifact_id).project == "seeing"
    shelf = CollectionPath("ann", "shelves", "shelf")
    assert contents_of(fresh, shelf.at("v0")) == {"a": b"first", "b": b"shared"}
    assert found(fresh, "seeing") == []


def test_a_collection_whose_folder_does_not_say_its_name_gets_it_from_the_ledger(service, root, made):
    long = "a model with a long name, " * 4 + "ü" * 20
    service.edit_collection(MODEL, CollectionEdit(name=long))
    (folder,) = (root / "ann" / "vision" / "artifacts").iterdir()
    (folder / "id").write_text("model")  # who renamed it was killed
    assert LocalService(root, default_entity="ann").list_collections("ann", "vision") == []
    assert [one[:2] for one in found(service)] == [("missing", f"artifacts/{folder.name}/id")]
    assert [one[3] for one in repaired(service)] == [True]
    assert [info.name for info in LocalService(root, default_entity="ann").list_collections("ann", "vision")] == [long]
    assert found(service) == []


def test_an_artifact_of_a_deleted_run_is_whole_and_nothing_is_wrong_with_it(service, made):
    service.delete_run(MAKER)
    assert found(service) == []
    assert service.read_artifact(MODEL.at("v0")).created_by == MAKER
    assert service.restore_run(MAKER) == MAKER
    assert [info.version for info in service.list_run_artifacts(MAKER, "logged")] == ["v0"]
