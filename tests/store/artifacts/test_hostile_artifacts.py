"""Files of artifacts with anything in them: a typed error or passed over, and never a version that is another."""

import io
import json
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kept import MODEL, keep, start_of

from artifact_contents import contents_of
from runlake.artifact_model import ArtifactEdit, CollectionEdit
from runlake.errors import RunlakeError, RunlakeWarning
from runlake.model import RunPath
from runlake.service.local.service import LocalService
from runlake.store.ledger import entry_name
from trainer import Trainer

RUN = RunPath("ann", "vision", "maker")
DEEP = b"[" * 50_000 + b"]" * 50_000
ID = "0123456789abcdef"
SHELF = MODEL._replace(name="shelf")


@pytest.fixture
def service(tmp_path):
    return LocalService(tmp_path / "store", default_entity="ann", user="ann")


def entry(kind, **fields):
    return json.dumps({"kind": kind, "at": 1.7e9, **fields}).encode() + b"\n"


def committed(**fields):
    sizes = {"size_bytes": 1, "file_count": 1, "created_at": 1.7e9}
    return entry("commit", **{"artifact_id": ID, "digest": "d", **sizes, **fields})


ANY_FILE = {
    "empty": b"",
    "no text": b"\xff\xfe\x00\n",
    "deep": DEEP + b"\n",
    "a list": b"[1]\n",
    "a number": b"7\n",
    "a mark of a mark": b'{"$dict":7}\n',
    "half a character": b'{"kind":"create","at":1.0,"type":"\\ud800"}\n',
}
ENTRIES = {
    **{name: content for name, content in ANY_FILE.items() if name not in ("no text", "deep", "a mark of a mark")},
    "unknown kind": entry("fly", artifact_id=ID),
    "no time": entry("delete", artifact_id=ID, at="noon"),
    "a time of no calendar": entry("delete", artifact_id=ID, at=1e300),
    "id that leaves": committed(artifact_id="../../../../etc/passwd"),
    "alias that leaves": committed(aliases=["../x"]),
    "alias like a version": committed(aliases=["v0"]),
    "negative size": committed(size_bytes=-1),
    "huge size": committed(size_bytes=2**80),
    "made by no run": committed(run=["..", "/", ""]),
    "never too old": committed(ttl_s={"$float": "NaN"}),
    "metadata of half characters": committed(metadata={"a": "\ud800"}),
    "begun at no time": committed(created_at={"$float": "Infinity"}),
    "link in a sequence": entry("link", artifact_id=ID, source=list(MODEL)),
    "created twice": entry("create", type="other", collection_kind="portfolio"),
    "another type of nothing": entry("describe", type=""),
    "edit of what is not there": entry("edit", artifact_id=ID, edit={"description": "x"}),
    "delete of what is not there": entry("delete", artifact_id=ID),
    "collect of what is not deleted": entry("collect", artifact_id=ID),
}


def every_answer(service):
    """What each verb that reads says: a value or one of our errors."""
    (version,) = (MODEL.at("v0"),)
    asked = [
        lambda: service.list_artifacts(MODEL),
        lambda: service.list_collections("ann", "vision"),
        lambda: service.read_collection(MODEL),
        lambda: service.read_artifact(version),
        lambda: service.read_artifact(MODEL.at(ID)),
        lambda: service.find_artifact(ID),
        lambda: service.read_manifest(version),
        lambda: contents_of(service, version),
        lambda: service.list_artifact_users(version),
        lambda: service.list_run_artifacts(RUN, "logged"),
        lambda: service.list_run_artifacts(RUN, "used"),
        lambda: service.list_artifacts(SHELF),
        lambda: service.read_artifact(SHELF.at("v0")),
        lambda: service.read_manifest(SHELF.at("v0")),
    ]
    answers = []
    for ask in asked:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RunlakeWarning)
            try:
                answers.append(ask())
            except RunlakeError as error:
                answers.append(type(error))
    return answers


@pytest.fixture
def folder(service, tmp_path):
    Trainer(tmp_path / "store", RUN.run_id, project=RUN.project).opened.writer.close()
    made = keep(service, {"a": b"1"}, run=RUN)
    service.use_artifact(MODEL.at("v0"), RUN)
    service.link_artifact(MODEL.at("v0"), SHELF)
    assert made.version == "v0"
    return tmp_path / "store" / "ann" / "vision" / "artifacts" / "model"


@pytest.mark.parametrize("content", ENTRIES.values(), ids=ENTRIES)
def test_an_entry_that_makes_no_sense_is_passed_over(service, folder, content):
    before = service.list_artifacts(MODEL)
    (folder / "ledger" / entry_name(3)).write_bytes(content)
    assert service.list_artifacts(MODEL) == before
    other = LocalService(folder.parents[3], default_entity="ann")
    every_answer(other)
    assert contents_of(other, MODEL.at("v0")) == {"a": b"1"}
    assert keep(other, {"a": b"2"}).version == "v1"


@pytest.mark.parametrize("place", ["ledger", "manifests", "drafts", "received", "uses", "links", "ids"])
@pytest.mark.parametrize("content", ANY_FILE.values(), ids=ANY_FILE)
def test_a_file_with_anything_in_it_stops_nobody_else(service, folder, place, content):
    begun = service.begin_artifact(MODEL, start_of({"b": b"2"}, artifact_id=ID))
    places = {
        "ledger": folder / "ledger" / entry_name(2),
        "manifests": next((folder / "manifests").iterdir()),
        "drafts": folder / "drafts" / f"{ID}.json",
        "received": folder / "drafts" / f"{ID}.received",
        "uses": next((folder / "uses").iterdir()),
        "links": next((folder.parents[1] / "runs" / "maker" / "artifacts").glob("used-*")),
        "ids": folder.parents[3] / "artifacts" / "ids" / ID,
    }
    places[place].write_bytes(content)
    fresh = LocalService(folder.parents[3], default_entity="ann")
    every_answer(fresh)
    for change in (
        lambda: fresh.put_content(MODEL.at(begun.artifact_id), io.BytesIO(b"2")),
        lambda: fresh.edit_artifact(MODEL.at("v0"), ArtifactEdit(description="x")),
        lambda: fresh.edit_collection(MODEL, CollectionEdit(description="x")),
    ):
        try:
            change()
        except RunlakeError:
            assert place in ("ledger", "drafts")
    other = MODEL._replace(name="other")
    assert keep(fresh, {"a": b"1"}, path=other).version == "v0"
    if place != "ledger":
        assert keep(fresh, {"a": b"3"}).version == "v1"
        assert contents_of(fresh, MODEL.at("v1")) == {"a": b"3"}


def test_portfolios_that_lead_to_each_other_lead_nowhere(service, folder):
    other = MODEL._replace(name="other shelf")
    service.link_artifact(MODEL.at("v0"), other)
    for one, leads_to in ((SHELF, other), (other, SHELF)):
        ledger = folder.parent / one.name / "ledger"
        (ledger / entry_name(3)).write_bytes(entry("link", artifact_id=ID, source=list(leads_to)))
        (folder.parents[3] / "artifacts" / "ids" / ID).write_text(json.dumps(list(leads_to)))
    fresh = LocalService(folder.parents[3], default_entity="ann")
    assert [info.version for info in fresh.list_artifacts(SHELF)] == ["v0"]
    with pytest.raises(RunlakeError):
        fresh.read_manifest(SHELF.at("v1"))
    every_answer(fresh)


MANIFESTS = {
    "of another format": b'{"format":99}\n',
    "cut off": b'{"format":1}\n{"path":"a","digest":"d"',
    "that leaves": b'{"format":1}\n{"path":"../a","digest":"d","sha256":"%s"}\n' % (b"0" * 64),
    "with a content elsewhere": b'{"format":1}\n{"path":"a","digest":"d","sha256":"../../store.toml"}\n',
    "with files of nothing": b'{"format":1}\n{"path":"a","digest":"d"}\n',
    "of a negative size": b'{"format":1}\n{"path":"a","digest":"d","sha256":"%s","size_bytes":-1}\n' % (b"0" * 64),
    "with a file twice": b'{"format":1}\n' + b'{"path":"a","digest":"d","sha256":"%s"}\n' % (b"0" * 64) * 2,
    "that is deep": b'{"format":1}\n{"path":"a","digest":"d","extra":' + DEEP + b"}\n",
}


@pytest.mark.parametrize("content", MANIFESTS.values(), ids=MANIFESTS)
def test_a_manifest_that_makes_no_sense_is_named_and_stops_no_other_version(service, folder, content):
    file = next((folder / "manifests").iterdir())
    file.write_bytes(content)
    with pytest.raises(RunlakeError, match=file.name):
        service.read_manifest(MODEL.at("v0"))
    assert keep(service, {"a": b"1", "b": b"2"}).version == "v1"
    assert contents_of(service, MODEL.at("v1")) == {"a": b"1", "b": b"2"}


@given(places=st.lists(st.tuples(st.integers(0, 10_000), st.integers(1, 255)), min_size=1, max_size=4))
def test_flipped_bytes_of_a_ledger_are_a_typed_error_or_another_entry(tmp_path_factory, places):
    root = tmp_path_factory.mktemp("flipped") / "store"
    service = LocalService(root, default_entity="ann")
    keep(service, {"a": b"1"}, aliases=("best",), metadata={"a": [1, {"b": None}]})
    for number in (1, 2):
        file = root / "ann" / "vision" / "artifacts" / "model" / "ledger" / entry_name(number)
        body = bytearray(file.read_bytes())
        for place, flip in places:
            if place % (len(body) - 1) < len(body) - 1:  # what has no line end is waited for
                body[place % (len(body) - 1)] ^= flip
        file.write_bytes(bytes(body))
    every_answer(LocalService(root, default_entity="ann"))
