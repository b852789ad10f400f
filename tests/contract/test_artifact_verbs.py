"""Artifacts through every way to a store."""

import base64
import hashlib
import io
import time
from urllib.request import urlopen

import pytest

from artifact_contents import contents_of
from runlake.artifact_model import (
    ArtifactEdit,
    ArtifactPath,
    ArtifactStart,
    CollectionEdit,
    CollectionPath,
    ManifestEntry,
    WantedUpload,
    digest_of,
)
from runlake.errors import BadValueError, ConflictError, NotFoundError, PathError
from runlake.model import RunPath

MODEL = CollectionPath("ann", "vision", "model")


def md5_of(content):
    return base64.b64encode(hashlib.md5(content).digest()).decode()


def entries_of(files):
    return [ManifestEntry(path=path, digest=md5_of(content)) for path, content in files.items()]


def start_of(files, **fields):
    return ArtifactStart(type="model", digest=digest_of(entries_of(files)), **fields)


def keep(service, files, *, path=MODEL, **fields):
    """Log an artifact as any program does: begin it, put what is missing, commit it."""
    begun = service.begin_artifact(path, start_of(files, **fields))
    if begun.state == "COMMITTED":
        return begun
    draft = path.at(begun.artifact_id)
    known = {content.digest for content in service.find_content(draft, [md5_of(each) for each in files.values()])}
    for content in files.values():
        if md5_of(content) not in known:
            service.put_content(draft, io.BytesIO(content))
    return service.commit_artifact(draft, entries_of(files))


def test_the_links_of_a_version_are_told_wherever_they_are(service):
    first, second = keep(service, {"a": b"1"}), keep(service, {"a": b"2"})
    portfolios = [CollectionPath("ann", project, name) for project, name in (("vision", "x"), ("shelf", "y"))]
    links = [service.link_artifact(first.path, portfolio, ("prod",)) for portfolio in portfolios]
    service.link_artifact(second.path, portfolios[0])
    assert service.list_artifact_links(first.path) == [links[1], links[0]]
    assert service.list_artifact_links(links[0].path) == [links[1], links[0]]
    renamed = service.edit_collection(portfolios[0], CollectionEdit(name="z")).path
    assert service.list_artifact_links(first.path) == [links[1], service.read_artifact(renamed.at("prod"))]
    service.delete_artifact(links[1].path, delete_aliases=True)
    assert [link.collection for link in service.list_artifact_links(first.path)] == [renamed]
    service.delete_collection(renamed)
    assert service.list_artifact_links(first.path) == service.list_artifact_links(second.path) == []
    with pytest.raises(NotFoundError):
        service.list_artifact_links(MODEL.at("v7"))


def test_what_was_committed_is_read_back(service):
    files = {"b/weights.bin": b"\0\1\2" * 1000, "a.txt": b"hello", "empty": b""}
    made = keep(service, files, description="the first", metadata={"f1": 0.5}, aliases=("latest", "best"), tags=("t",))
    assert made.version == "v0"
    assert made.state == "COMMITTED"
    assert made.size_bytes == 3005
    assert made.file_count == 3
    found = service.read_artifact(MODEL.at("best"))
    assert found == made
    assert (found.description, found.metadata, found.aliases, found.tags) == (
        "the first",
        {"f1": 0.5},
        ("latest", "best"),
        ("t",),
    )
    assert [entry.path for entry in service.read_manifest(MODEL.at("v0"))] == ["a.txt", "b/weights.bin", "empty"]
    assert contents_of(service, MODEL.at("latest")) == files
    assert found.digest == digest_of(service.read_manifest(MODEL.at("v0")))


def test_a_draft_is_found_by_its_id_and_by_nothing_else(service):
    begun = service.begin_artifact(MODEL, start_of({"a": b"1"}, aliases=("latest",)))
    assert begun.state == "PENDING"
    assert begun.version is None
    assert service.read_artifact(MODEL.at(begun.artifact_id)) == begun
    assert service.list_collections("ann", "vision") == []
    with pytest.raises(NotFoundError, match="no version was committed"):
        service.read_artifact(MODEL.at("latest"))


def test_versions_count_from_zero_and_have_no_holes(service):
    dropped = service.begin_artifact(MODEL, start_of({"x": b"never committed"}))
    for number in range(3):
        assert keep(service, {"a": b"%d" % number}, aliases=("latest",)).version == f"v{number}"
    listed = service.list_artifacts(MODEL)
    assert [(info.version, info.aliases) for info in listed] == [("v2", ("latest",)), ("v1", ()), ("v0", ())]
    assert dropped.version is None


def test_the_same_content_again_is_the_same_version_with_the_new_aliases(service):
    first = keep(service, {"a": b"1"}, aliases=("latest",))
    keep(service, {"a": b"2"}, aliases=("latest",))
    again = service.begin_artifact(MODEL, start_of({"a": b"1"}, aliases=("latest", "best")))
    assert again.state == "COMMITTED"
    assert again.artifact_id == first.artifact_id
    assert again.aliases == ("latest", "best")
    assert service.read_artifact(MODEL.at("v1")).aliases == ()
    assert len(service.list_artifacts(MODEL)) == 2


def test_what_cannot_be_put_past_the_store_is_offered_no_address(service):
    draft = MODEL.at(service.begin_artifact(MODEL, ArtifactStart(type="model")).artifact_id)
    wanted = [WantedUpload(digest=md5_of(b"1")), WantedUpload(digest=md5_of(b"2"), sha256="0" * 64)]
    assert service.offer_uploads(draft, wanted, 60.0) == [None, None]
    assert service.complete_upload(draft, md5_of(b"1"), ['"tag"']) is False
    with pytest.raises(NotFoundError):
        service.offer_uploads(MODEL.at("neverbegun"), wanted, 60.0)


def test_what_a_version_of_the_collection_has_need_not_be_put_again(service):
    keep(service, {"a": b"old", "b": b"same"})
    begun = service.begin_artifact(MODEL, start_of({"a": b"new", "b": b"same"}))
    draft = MODEL.at(begun.artifact_id)
    known = service.find_content(draft, [md5_of(b"new"), md5_of(b"same")])
    assert [(content.digest, content.size_bytes) for content in known] == [(md5_of(b"same"), 4)]
    service.put_content(draft, io.BytesIO(b"new"))
    service.commit_artifact(draft, entries_of({"a": b"new", "b": b"same"}))
    assert contents_of(service, MODEL.at("v1")) == {"a": b"new", "b": b"same"}


def test_what_another_collection_has_is_not_found_by_its_digest(service):
    """A digest is no proof that somebody may read the bytes."""
    keep(service, {"secret": b"of others"}, path=CollectionPath("ann", "other", "data"))
    begun = service.begin_artifact(MODEL, start_of({"secret": b"of others"}))
    draft = MODEL.at(begun.artifact_id)
    assert service.find_content(draft, [md5_of(b"of others")]) == []
    with pytest.raises(NotFoundError, match="the bytes of 'secret' are not in the store"):
        service.commit_artifact(draft, entries_of({"secret": b"of others"}))


def test_who_is_cut_off_begins_again_with_the_same_id(service):
    start = start_of({"a": b"1", "b": b"2"}, artifact_id="0123456789abcdef")
    draft = MODEL.at(service.begin_artifact(MODEL, start).artifact_id)
    service.put_content(draft, io.BytesIO(b"1"))
    assert service.begin_artifact(MODEL, start).artifact_id == "0123456789abcdef"
    assert [content.digest for content in service.find_content(draft, [md5_of(b"1"), md5_of(b"2")])] == [md5_of(b"1")]
    service.put_content(draft, io.BytesIO(b"2"))
    made = service.commit_artifact(draft, entries_of({"a": b"1", "b": b"2"}))
    assert service.commit_artifact(draft, entries_of({"a": b"1", "b": b"2"})) == made
    assert service.begin_artifact(MODEL, start) == made


def test_what_was_put_with_a_name_is_read_until_the_draft_is_committed(service):
    draft = MODEL.at(service.begin_artifact(MODEL, start_of({"a": b"1"})).artifact_id)
    service.put_content(draft, io.BytesIO(b"1"))
    service.put_content(draft, io.BytesIO(b"old"), "parts/2")
    service.put_content(draft, io.BytesIO(b"new"), "parts/2")
    service.put_content(draft, io.BytesIO(b"first"), "parts/1 é")
    service.put_content(draft, io.BytesIO(b"first"), "parts/3")
    found = service.read_manifest(draft)
    assert [(entry.path, entry.digest, entry.size_bytes) for entry in found] == [
        ("parts/1 é", md5_of(b"first"), 5),
        ("parts/2", md5_of(b"new"), 3),
        ("parts/3", md5_of(b"first"), 5),
    ]
    assert contents_of(service, draft) == {"parts/1 é": b"first", "parts/2": b"new", "parts/3": b"first"}
    service.commit_artifact(draft, entries_of({"a": b"1"}))
    assert contents_of(service, draft) == {"a": b"1"}


def test_an_id_that_turned_out_to_be_another_version_leads_to_that_one(service):
    files = {"a": b"1"}
    first, second = (service.begin_artifact(MODEL, start_of(files)).artifact_id for _ in range(2))
    for artifact_id in (first, second):
        service.put_content(MODEL.at(artifact_id), io.BytesIO(b"1"))
    made = service.commit_artifact(MODEL.at(first), entries_of(files))
    assert service.commit_artifact(MODEL.at(second), entries_of(files)) == made
    assert service.begin_artifact(MODEL, start_of(files, artifact_id="chosen0no1")) == made
    assert service.find_artifact(second) == made
    assert service.find_artifact("chosen0no1") == made


@pytest.mark.parametrize(
    "name", ["../x", "/etc/passwd", "C:\\x", "a/../b", "a//b", "", ".", "a\0b", "a\\b", "x" * 2000]
)
def test_names_that_leave_the_artifact_are_refused(service, name):
    draft = MODEL.at(service.begin_artifact(MODEL, ArtifactStart(type="model")).artifact_id)
    kept = service.put_content(draft, io.BytesIO(b"1"))
    with pytest.raises(PathError):
        service.commit_artifact(draft, [ManifestEntry(path=name, digest=kept.digest)])
    assert service.list_collections("ann", "vision") == []


def test_two_files_of_one_name_and_a_file_where_a_folder_is_are_refused(service):
    draft = MODEL.at(service.begin_artifact(MODEL, ArtifactStart(type="model")).artifact_id)
    digest = service.put_content(draft, io.BytesIO(b"1")).digest
    for names, said in ((("a", "a"), "two files"), (("a", "a/b"), "a folder of that name")):
        with pytest.raises(BadValueError, match=said):
            service.commit_artifact(draft, [ManifestEntry(path=name, digest=digest) for name in names])


def test_names_that_differ_only_in_case_are_two_files(service):
    keep(service, {"A": b"upper", "a": b"lower"})
    assert contents_of(service, MODEL.at("v0")) == {"A": b"upper", "a": b"lower"}


def test_references_are_kept_as_they_are(service):
    reference = ManifestEntry(
        path="data.bin", digest="etag-1", ref="s3://bucket/data.bin", size_bytes=7, extra={"etag": "etag-1"}
    )
    draft = MODEL.at(service.begin_artifact(MODEL, ArtifactStart(type="model")).artifact_id)
    made = service.commit_artifact(draft, [reference])
    assert (made.size_bytes, made.file_count) == (7, 1)
    assert service.read_manifest(MODEL.at("v0")) == [reference]
    with pytest.raises(BadValueError, match=r"is a reference to s3://bucket/data\.bin"):
        service.open_content(MODEL.at("v0"), "data.bin")


def test_a_file_in_a_bucket_has_an_address_that_needs_no_key_and_other_files_have_none(service, way):
    keep(service, {"weights.bin": b"1"})
    url = service.content_url(MODEL.at("latest"), "weights.bin", 60)
    if way != "cluster":
        assert url is None
        return
    with urlopen(url) as content:
        assert content.read() == b"1"
    with pytest.raises(NotFoundError, match=r"did you mean 'weights.bin'"):
        service.content_url(MODEL.at("v0"), "weight.bin", 60)


def test_a_file_that_is_not_there_is_told_with_one_that_is_near(service):
    keep(service, {"weights.bin": b"1"})
    with pytest.raises(NotFoundError, match=r"no file 'weight.bin' \(1 files\); did you mean 'weights.bin'"):
        service.open_content(MODEL.at("v0"), "weight.bin")


def test_an_alias_moves_from_one_version_to_another(service):
    keep(service, {"a": b"1"}, aliases=("best",))
    keep(service, {"a": b"2"})
    assert service.edit_artifact(MODEL.at("v1"), ArtifactEdit(add_aliases=("best", "prod"))).aliases == ("best", "prod")
    assert service.read_artifact(MODEL.at("v0")).aliases == ()
    assert service.edit_artifact(MODEL.at("v1"), ArtifactEdit(remove_aliases=("prod",))).aliases == ("best",)
    assert service.read_collection(MODEL).aliases == {"best": "v1"}


def test_where_nobody_has_the_alias_latest_the_newest_version_is_meant(service):
    keep(service, {"a": b"1"})
    keep(service, {"a": b"2"})
    assert service.read_artifact(MODEL.at("latest")).version == "v1"
    service.delete_artifact(MODEL.at("v1"))
    assert service.read_artifact(MODEL.at("latest")).version == "v0"


def test_what_is_known_of_a_version_can_be_edited(service):
    keep(service, {"a": b"1"}, tags=("old",), metadata={"a": 1})
    edit = ArtifactEdit(description="better", metadata={"b": 2}, ttl_s=60.0, add_tags=("new",), remove_tags=("old",))
    edited = service.edit_artifact(MODEL.at("v0"), edit)
    assert (edited.description, edited.metadata, edited.ttl_s, edited.tags) == ("better", {"b": 2}, 60.0, ("new",))
    assert service.edit_artifact(MODEL.at("v0"), ArtifactEdit(ttl_s=0.0)).ttl_s is None
    assert service.read_artifact(MODEL.at("v0")).description == "better"


@pytest.mark.parametrize("alias", ["v3", "a/b", "a:b", "", " ", "x" * 129])
def test_an_alias_that_cannot_be_is_refused(service, alias):
    keep(service, {"a": b"1"})
    with pytest.raises(PathError):
        service.edit_artifact(MODEL.at("v0"), ArtifactEdit(add_aliases=(alias,)))


def test_a_collection_has_one_type(service):
    keep(service, {"a": b"1"})
    with pytest.raises(ConflictError, match="is of type 'model', and not 'dataset'"):
        service.begin_artifact(MODEL, ArtifactStart(type="dataset"))


def test_a_deleted_version_is_gone_and_its_number_is_not_given_again(service):
    keep(service, {"a": b"1"}, aliases=("best",))
    with pytest.raises(ConflictError, match="has the alias best; pass delete_aliases=True"):
        service.delete_artifact(MODEL.at("v0"))
    service.delete_artifact(MODEL.at("v0"), delete_aliases=True)
    with pytest.raises(NotFoundError):
        service.read_artifact(MODEL.at("v0"))
    assert keep(service, {"a": b"1"}).version == "v1"
    assert service.restore_artifact(MODEL.at("v0")).state == "COMMITTED"
    assert contents_of(service, MODEL.at("v0")) == {"a": b"1"}


def test_a_portfolio_has_links_to_versions_of_other_collections(service):
    made = keep(service, {"a": b"1"}, aliases=("latest",))
    other = keep(service, {"a": b"other"}, path=MODEL._replace(project="text"))
    shelf = CollectionPath("ann", "shelf", "good models")
    linked = service.link_artifact(MODEL.at("latest"), shelf, ["prod"])
    assert (linked.entity, linked.project, linked.name) == shelf
    assert (linked.version, linked.aliases) == ("v0", ("prod",))
    assert linked.artifact_id == made.artifact_id
    assert linked.source == ArtifactPath(*MODEL, "v0")
    assert service.link_artifact(MODEL.at("v0"), shelf).version == "v0"
    assert service.link_artifact(other.path, shelf).version == "v1"
    assert contents_of(service, shelf.at("prod")) == {"a": b"1"}
    assert [(info.version, info.source) for info in service.list_artifacts(shelf)] == [
        ("v1", other.path),
        ("v0", made.path),
    ]
    assert service.read_collection(shelf).kind == "portfolio"
    with pytest.raises(ConflictError, match="portfolio"):
        keep(service, {"a": b"2"}, path=shelf)
    service.delete_artifact(shelf.at("v0"))
    assert [info.version for info in service.list_artifacts(shelf)] == ["v1"]
    assert service.read_artifact(MODEL.at("v0")) == made


def test_what_is_known_of_a_linked_version_is_that_of_the_version_itself(service):
    keep(service, {"a": b"1"}, aliases=("latest",))
    shelf = MODEL._replace(name="shelf")
    service.link_artifact(MODEL.at("v0"), shelf)
    edited = service.edit_artifact(shelf.at("v0"), ArtifactEdit(description="good", add_aliases=("prod",)))
    assert (edited.description, edited.aliases) == ("good", ("prod",))
    assert service.read_artifact(MODEL.at("v0")).description == "good"
    assert service.read_artifact(MODEL.at("v0")).aliases == ("latest",)


def test_runs_and_versions_know_each_other(service, train):
    maker, user = RunPath("ann", "vision", "maker"), RunPath("ann", "vision", "user")
    for path in (maker, user):
        train(path.run_id, project=path.project)
    made = keep(service, {"a": b"1"}, run=maker)
    keep(service, {"a": b"2"}, run=maker)
    assert made.created_by == maker
    assert service.use_artifact(MODEL.at("v0"), user).version == "v0"
    service.use_artifact(MODEL.at("v0"), user, use_as="base")
    assert service.list_artifact_users(MODEL.at("v0")) == [user]
    assert service.list_artifact_users(MODEL.at("v1")) == []
    assert [info.version for info in service.list_run_artifacts(maker, "logged")] == ["v0", "v1"]
    assert [info.version for info in service.list_run_artifacts(user, "used")] == ["v0"]
    assert service.list_run_artifacts(user, "logged") == []
    with pytest.raises(NotFoundError, match='run "gone" not in project'):
        service.use_artifact(MODEL.at("v0"), maker._replace(run_id="gone"))


def test_collections_are_listed_by_name_and_by_type(service):
    keep(service, {"a": b"1"}, aliases=("latest",))
    begun = service.begin_artifact(MODEL._replace(name="data"), ArtifactStart(type="dataset"))
    service.commit_artifact(MODEL._replace(name="data").at(begun.artifact_id), [])
    listed = service.list_collections("ann", "vision")
    assert [(info.name, info.type, info.version_count) for info in listed] == [
        ("data", "dataset", 1),
        ("model", "model", 1),
    ]
    assert service.list_collections("ann", "vision", type="model") == [service.read_collection(MODEL)]


def test_a_collection_can_be_described_and_called_otherwise(service):
    made = keep(service, {"a": b"1"}, aliases=("latest",))
    shelf = MODEL._replace(name="shelf")
    service.link_artifact(MODEL.at("v0"), shelf)
    edit = CollectionEdit(name="encoder", description="all encoders", add_tags=("t",), type="encoder")
    edited = service.edit_collection(MODEL, edit)
    encoder = MODEL._replace(name="encoder")
    assert (edited.name, edited.description, edited.tags, edited.type) == ("encoder", "all encoders", ("t",), "encoder")
    assert service.read_artifact(encoder.at("latest")).artifact_id == made.artifact_id
    assert service.find_artifact(made.artifact_id).name == "encoder"
    assert service.read_artifact(shelf.at("v0")).source == encoder.at("v0")
    with pytest.raises(NotFoundError):
        service.read_collection(MODEL)
    with pytest.raises(ConflictError, match="there is one of that name"):
        service.edit_collection(encoder, CollectionEdit(name="shelf"))


def test_a_deleted_collection_is_gone_with_its_versions(service):
    keep(service, {"a": b"1"})
    service.delete_collection(MODEL)
    assert service.list_collections("ann", "vision") == []
    with pytest.raises(NotFoundError, match="no artifact 'model' in ann/vision"):
        service.read_artifact(MODEL.at("v0"))
    assert keep(service, {"a": b"1"}).version == "v0"


def test_what_is_not_there_is_told_with_what_is_near(service):
    keep(service, {"a": b"1"}, aliases=("best",))
    with pytest.raises(
        NotFoundError, match="no version 'bets' of artifact ann/vision/model; there are 2 names, such as best"
    ):
        service.read_artifact(MODEL.at("bets"))
    with pytest.raises(NotFoundError, match=r"did you mean model\?"):
        service.read_artifact(MODEL._replace(name="modle").at("v0"))
    with pytest.raises(NotFoundError, match="no project"):
        service.read_artifact(MODEL._replace(project="visoin").at("v0"))
    with pytest.raises(NotFoundError, match="no artifact has the id"):
        service.find_artifact("0123456789")


def test_times_are_those_of_the_store(service):
    before = time.time()
    made = keep(service, {"a": b"1"})
    assert before - 1 < made.created_at <= made.updated_at < time.time() + 1


def test_what_was_made_elsewhere_before_keeps_its_time(service):
    made = keep(service, {"a": b"1"}, created_at=1_600_000_000.5)
    assert made.created_at == 1_600_000_000.5
    assert service.read_artifact(MODEL.at("v0")) == made
    with pytest.raises(BadValueError, match=r"created_at is 1e\+300, and no time"):
        service.begin_artifact(MODEL, start_of({"a": b"2"}, created_at=1e300))


def test_an_id_is_that_of_one_artifact_in_the_whole_store(service):
    made = keep(service, {"a": b"1"}, artifact_id="0123456789abcdef")
    begun = service.begin_artifact(MODEL._replace(name="begun"), start_of({"a": b"2"}))
    other = MODEL._replace(name="other")
    for taken in (made.artifact_id, begun.artifact_id):
        with pytest.raises(ConflictError, match=f"the id '{taken}' is that of"):
            service.begin_artifact(other, start_of({"a": b"3"}, artifact_id=taken))
    assert service.find_artifact(made.artifact_id) == made
