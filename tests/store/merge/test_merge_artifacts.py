"""The artifacts of two stores into one: each version once, under its id, wherever it is killed."""

import base64
import hashlib
import io
import json
import shutil

import pytest
from stepping import EACH_STEP, killed_at_each_step

from artifact_contents import contents_of
from runlake.artifact_model import (
    ArtifactEdit,
    ArtifactStart,
    CollectionEdit,
    CollectionPath,
    ManifestEntry,
    digest_of,
)
from runlake.errors import ConflictError, CorruptError, NotFoundError, RunlakeError, StoreError
from runlake.model import RunPath
from runlake.service.local.service import LocalService
from runlake.store.folder_store import FolderStore
from runlake.store.merge.merge_stores import choose_projects, merge_projects
from trainer import Trainer

MODEL = CollectionPath("ann", "p", "Model")
SHELF = CollectionPath("ann", "shelf", "good models")
MAKER, USER = RunPath("ann", "p", "maker"), RunPath("ann", "p", "user")


class Store:
    """One store, and what is logged in it."""

    def __init__(self, root):
        self.root, self.layout = root, FolderStore(root)
        self.service = LocalService(root, default_entity="ann")

    def keep(self, files, *, path=MODEL, type="model", **fields):
        entries = [
            ManifestEntry(path=name, digest=base64.b64encode(hashlib.md5(content).digest()).decode())
            for name, content in files.items()
        ]
        begun = self.service.begin_artifact(path, ArtifactStart(type=type, digest=digest_of(entries), **fields))
        for content in files.values():
            self.service.put_content(path.at(begun.artifact_id), io.BytesIO(content))
        return self.service.commit_artifact(path.at(begun.artifact_id), entries)

    def train(self, path):
        Trainer(self.root, path.run_id, project=path.project).log(k=1).finish()

    def merge(self, other, projects=None, **options):
        chosen = choose_projects(self.layout, other.layout, projects)
        return [one for one in merge_projects(self.layout, other.layout, chosen, "m", **options) if one.is_artifact]

    def versions(self, path=MODEL):
        return self.service.list_artifacts(path)

    def numbers(self, path=MODEL):
        return [(one.version, one.artifact_id) for one in self.versions(path)]

    def read(self, path):
        return contents_of(self.service, path)

    def copy(self, root):
        shutil.copytree(self.root, root)
        return Store(root)

    def files(self):
        """All that a reader may see, but for when a project last changed."""
        return {
            file.relative_to(self.root).as_posix(): file.read_bytes()
            for file in self.root.rglob("*")
            if file.is_file() and "changes" not in file.parts
        }


@pytest.fixture
def ours(tmp_path):
    return Store(tmp_path / "ours")


@pytest.fixture
def theirs(tmp_path):
    return Store(tmp_path / "theirs")


def outcomes(merged):
    return [(one.path.run_id, one.outcome, one.version_count) for one in merged]


def test_a_collection_that_is_only_there_comes_as_it_is(ours, theirs):
    for run in (MAKER, USER):
        theirs.train(run)
    files = {"a/b": b"1" * 1000, "empty": b""}
    theirs.keep(files, aliases=("latest", "best"), tags=("t",), run=MAKER, user="eve", ttl_s=9.0, metadata={"f": 1})
    made = theirs.keep({"a/b": b"2"}, aliases=("latest",), description="d", history_step=3)
    theirs.service.use_artifact(MODEL.at("v1"), USER, use_as="base")
    theirs.service.edit_artifact(MODEL.at("v0"), ArtifactEdit(description="edited", add_tags=("new",)))
    theirs.service.edit_collection(MODEL, CollectionEdit(description="all", add_tags=("c",)))
    (merged,) = ours.merge(theirs)
    assert (outcomes([merged]), merged.copied_bytes) == ([("Model", "new", 2)], 1001)
    assert ours.versions() == theirs.versions()
    assert ours.service.read_collection(MODEL) == theirs.service.read_collection(MODEL)
    assert [ours.read(MODEL.at(version)) for version in ("v0", "v1")] == [files, {"a/b": b"2"}]
    assert ours.service.list_artifact_users(MODEL.at("v1")) == [USER]
    for run in (MAKER, USER):
        for relation in ("logged", "used"):
            told = [store.service.list_run_artifacts(run, relation) for store in (ours, theirs)]
            assert told[0] == told[1]
    assert ours.service.find_artifact(made.artifact_id) == ours.service.read_artifact(MODEL.at("v1"))


def test_twice_is_once(ours, theirs):
    theirs.train(USER)
    theirs.keep({"a": b"1"}, aliases=("latest",))
    theirs.service.use_artifact(MODEL.at("v0"), USER)
    theirs.service.link_artifact(MODEL.at("v0"), SHELF, ["prod"])
    assert outcomes(ours.merge(theirs)) == [("Model", "new", 1), ("good models", "new", 1)]
    before = ours.files()
    assert outcomes(ours.merge(theirs)) == [("Model", "same", 0), ("good models", "same", 0)]
    assert ours.files() == before
    assert outcomes(theirs.merge(ours)) == [("Model", "same", 0), ("good models", "same", 0)]


def test_two_stores_that_logged_one_name_keep_the_versions_of_both(ours, theirs):
    mine = [ours.keep({"a": b"o%d" % number}, aliases=("latest",)) for number in range(2)]
    come = [theirs.keep({"a": b"t%d" % number}, aliases=("latest", "best")) for number in range(2)]
    same = theirs.keep({"a": b"o0"}, aliases=("prod",))
    assert outcomes(ours.merge(theirs)) == [("Model", "joined", 3)]
    ids = [one.artifact_id for one in (*mine, *come, same)]
    assert ours.numbers() == [(f"v{number}", ids[number]) for number in (4, 3, 2, 1, 0)]
    assert ours.service.read_collection(MODEL).aliases == {"latest": "v1", "best": "v3", "prod": "v4"}
    assert outcomes(theirs.merge(ours)) == [("Model", "joined", 2)]
    assert sorted(one.artifact_id for one in theirs.versions()) == sorted(ids)


def test_what_was_changed_last_counts_in_both_stores(ours, theirs):
    theirs.keep({"a": b"1"}, tags=("old",))
    ours.merge(theirs)
    edit = ArtifactEdit(
        description="theirs", metadata={"x": 1}, add_aliases=("best",), add_tags=("n",), remove_tags=("old",)
    )
    theirs.service.edit_artifact(MODEL.at("v0"), edit)
    assert outcomes(ours.merge(theirs)) == [("Model", "joined", 0)]
    assert ours.versions() == theirs.versions()
    ours.service.edit_artifact(MODEL.at("v0"), ArtifactEdit(description="ours"))
    assert outcomes(ours.merge(theirs)) == [("Model", "same", 0)]
    assert outcomes(theirs.merge(ours)) == [("Model", "joined", 0)]
    assert theirs.versions()[0].description == ours.versions()[0].description == "ours"


def test_what_was_deleted_in_either_store_does_not_come(ours, theirs):
    for number in range(3):
        theirs.keep({"a": b"%d" % number})
    theirs.service.delete_artifact(MODEL.at("v1"))
    assert outcomes(ours.merge(theirs)) == [("Model", "new", 2)]
    ours.service.delete_artifact(MODEL.at("v0"))
    assert outcomes(ours.merge(theirs)) == [("Model", "same", 0)]
    assert [one.version for one in ours.versions()] == ["v1"]
    ours.service.delete_collection(MODEL)
    assert outcomes(ours.merge(theirs)) == [("Model", "deleted", 0)]
    assert ours.service.list_collections("ann", "p") == []
    ours.keep({"a": b"new"})
    assert outcomes(ours.merge(theirs)) == [("Model", "deleted", 0)]
    theirs.keep({"a": b"later"})
    assert outcomes(ours.merge(theirs)) == [("Model", "joined", 1)]


def state_of(*stores):
    return [[(one.artifact_id, one.aliases) for one in store.versions()] for store in stores]


def test_a_version_that_was_deleted_in_one_store_is_deleted_in_the_other(ours, theirs):
    theirs.keep({"a": b"1"}, aliases=("latest", "best"))
    theirs.service.link_artifact(MODEL.at("v0"), SHELF)
    ours.merge(theirs)
    theirs.service.delete_artifact(SHELF.at("v0"))
    theirs.service.delete_artifact(MODEL.at("v0"), delete_aliases=True)
    said = ours.merge(theirs, is_dry_run=True)
    assert [one.version for one in ours.versions()] == ["v0"]
    merged = ours.merge(theirs)
    assert said == merged
    assert [(one.path.run_id, one.outcome, one.version_count, one.deleted_count) for one in merged] == [
        ("Model", "joined", 0, 1),
        ("good models", "joined", 0, 1),
    ]
    assert (ours.versions(), ours.versions(SHELF)) == ([], [])
    assert outcomes(ours.merge(theirs)) == [("Model", "same", 0), ("good models", "same", 0)]
    assert outcomes(theirs.merge(ours)) == [("Model", "same", 0), ("good models", "same", 0)]


def test_a_version_that_was_deleted_here_is_deleted_there_when_it_is_merged_back(ours, theirs):
    theirs.keep({"a": b"1"}, aliases=("latest",))
    ours.merge(theirs)
    ours.service.delete_artifact(MODEL.at("v0"))
    theirs.service.edit_artifact(MODEL.at("v0"), ArtifactEdit(description="who edits it does not keep it"))
    assert outcomes(ours.merge(theirs)) == [("Model", "same", 0)]
    assert ours.versions() == []
    assert outcomes(theirs.merge(ours)) == [("Model", "joined", 0)]
    assert theirs.versions() == []


def test_the_last_word_counts_when_a_version_was_deleted_and_restored(ours, theirs):
    made = theirs.keep({"a": b"1"}, aliases=("latest",))
    ours.merge(theirs)
    theirs.service.delete_artifact(MODEL.at("v0"))
    ours.merge(theirs)
    theirs.service.restore_artifact(MODEL.at("v0"))
    assert outcomes(ours.merge(theirs)) == [("Model", "joined", 0)]
    assert state_of(ours, theirs) == [[(made.artifact_id, ())], [(made.artifact_id, ())]]
    assert ours.read(MODEL.at("v0")) == {"a": b"1"}
    ours.service.delete_artifact(MODEL.at("v0"))
    assert outcomes(ours.merge(theirs)) == [("Model", "same", 0)]
    assert state_of(ours) == [[]]
    theirs.service.delete_artifact(MODEL.at("v0"))
    ours.service.restore_artifact(MODEL.at("v0"))
    assert outcomes(ours.merge(theirs)) == [("Model", "same", 0)]
    assert outcomes(theirs.merge(ours)) == [("Model", "joined", 0)]
    assert state_of(ours, theirs) == [[(made.artifact_id, ())], [(made.artifact_id, ())]]


def test_a_restore_counts_though_the_clock_went_back_since_the_deletion(ours, theirs):
    made = theirs.keep({"a": b"1"})
    theirs.service.delete_artifact(MODEL.at("v0"))
    ledger = theirs.layout.collection_dir(MODEL) / "ledger"
    (deleted,) = (file for file in ledger.iterdir() if '"delete"' in file.read_text())
    deleted.write_text(json.dumps({**json.loads(deleted.read_text()), "at": 2e9}) + "\n")
    theirs.copy(ours.root)
    theirs.service.restore_artifact(MODEL.at("v0"))
    assert outcomes(ours.merge(theirs)) == [("Model", "joined", 0)]
    assert state_of(ours) == [[(made.artifact_id, ())]]


def test_what_is_gone_for_good_here_is_not_taken_back(ours, theirs):
    theirs.keep({"a": b"1"})
    ours.merge(theirs)
    ours.service.delete_artifact(MODEL.at("v0"))
    list(ours.service.empty_trash(older_than_s=0.0))
    theirs.service.delete_artifact(MODEL.at("v0"))
    theirs.service.restore_artifact(MODEL.at("v0"))
    assert outcomes(ours.merge(theirs)) == [("Model", "same", 0)]
    assert state_of(ours) == [[]]


def test_a_version_is_found_by_the_other_ids_that_it_has_there(ours, theirs):
    made = theirs.keep({"a": b"1"})
    entries = theirs.service.read_manifest(MODEL.at("v0"))
    theirs.service.begin_artifact(
        MODEL, ArtifactStart(type="model", digest=digest_of(entries), artifact_id="0123456789")
    )
    taken = ours.keep({"a": b"mine"}, path=MODEL._replace(name="mine"), artifact_id="taken12345")
    theirs.service.begin_artifact(
        MODEL, ArtifactStart(type="model", digest=digest_of(entries), artifact_id="taken12345")
    )
    (theirs.layout.artifact_ids_dir / ".runlake-tmp-1-ab").write_text("{")
    ours.merge(theirs)
    for artifact_id in (made.artifact_id, "0123456789"):
        assert ours.service.find_artifact(artifact_id) == ours.service.read_artifact(MODEL.at("v0"))
    assert ours.service.find_artifact("taken12345") == taken
    before = ours.files()
    assert outcomes(ours.merge(theirs)) == [("Model", "same", 0)]
    assert ours.files() == before


@pytest.mark.parametrize("content", ["{", '["ann","p","../../x","a"]', '["ann","p","Model","../../../outside"]'])
def test_another_id_that_makes_no_sense_is_told_and_the_rest_comes(ours, theirs, content):
    made = theirs.keep({"a": b"1"})
    (theirs.layout.artifact_ids_dir / "0123456789").write_text(content)
    with pytest.raises(CorruptError, match="says of no artifact where it is"):
        ours.merge(theirs)
    assert state_of(ours) == [[(made.artifact_id, ())]]
    with pytest.raises(NotFoundError):
        ours.service.find_artifact("0123456789")


def test_a_draft_is_left_out(ours, theirs):
    theirs.service.begin_artifact(MODEL, ArtifactStart(type="model"))
    assert outcomes(ours.merge(theirs)) == [("Model", "empty", 0)]
    assert not ours.layout.collections_dir("ann", "p").exists()


def test_a_collection_of_another_type_or_kind_here_stays_alone(ours, theirs):
    theirs.keep({"a": b"1"})
    theirs.keep({"a": b"1"}, path=MODEL._replace(name="other"))
    ours.keep({"a": b"2"}, type="dataset")
    made = ours.keep({"a": b"2"}, path=MODEL._replace(name="x"))
    ours.service.link_artifact(made.path, MODEL._replace(name="other"))
    before = ours.files()
    assert outcomes(ours.merge(theirs)) == [("Model", "differs", 0), ("other", "differs", 0)]
    (ours.root / ".runlake-merging").unlink()
    assert ours.files() == before


def test_a_collection_that_is_called_otherwise_here_is_found_by_its_versions(ours, theirs):
    theirs.train(USER)
    theirs.keep({"a": b"1"})
    theirs.service.link_artifact(MODEL.at("v0"), SHELF)
    ours.merge(theirs)
    encoder = MODEL._replace(name="encoder")
    ours.service.edit_collection(MODEL, CollectionEdit(name="encoder"))
    made = theirs.keep({"a": b"2"})
    theirs.service.use_artifact(MODEL.at("v1"), USER)
    theirs.service.link_artifact(MODEL.at("v1"), SHELF)
    merged = ours.merge(theirs)
    assert outcomes(merged) == [("encoder", "joined", 1), ("good models", "joined", 1)]
    assert merged[0].source == RunPath(*MODEL)
    assert [one.name for one in ours.service.list_collections("ann", "p")] == ["encoder"]
    assert ours.service.list_artifact_users(encoder.at(made.artifact_id)) == [USER]
    assert [one.source for one in ours.versions(SHELF)] == [encoder.at("v1"), encoder.at("v0")]


def test_lineage_follows_a_run_that_has_another_id_here(ours, theirs):
    for store in (ours, theirs):
        store.train(MAKER)
        store.keep({"a": str(store.root).encode()}, run=MAKER)
        store.service.use_artifact(MODEL.at("v0"), MAKER)
    come = theirs.versions()[0]
    ours.merge(theirs)
    there = ours.service.find_artifact(come.artifact_id)
    moved = there.created_by
    assert moved.run_id.startswith("maker-")
    assert [one.artifact_id for one in ours.service.list_run_artifacts(moved, "logged")] == [come.artifact_id]
    assert [one.artifact_id for one in ours.service.list_run_artifacts(moved, "used")] == [come.artifact_id]
    assert ours.service.list_artifact_users(there.path) == [moved]
    assert len(ours.service.list_run_artifacts(MAKER, "logged")) == 1


def test_projects_that_are_merged_one_after_the_other_know_each_other_in_the_end(ours, theirs):
    elsewhere = RunPath("ann", "q", "user")
    theirs.train(elsewhere)
    theirs.keep({"a": b"1"})
    theirs.service.use_artifact(MODEL.at("v0"), elsewhere)
    theirs.service.link_artifact(MODEL.at("v0"), CollectionPath("ann", "q", "shelf"))
    for first, second in (("q", "p"), ("p", "q")):
        store = Store(ours.root.with_name(f"ours-{first}"))
        store.merge(theirs, [("ann", first)])
        store.merge(theirs, [("ann", second)])
        assert store.service.list_artifact_users(MODEL.at("v0")) == [elsewhere]
        assert [one.version for one in store.service.list_run_artifacts(elsewhere, "used")] == ["v0"]
        assert [one.source for one in store.versions(CollectionPath("ann", "q", "shelf"))] == [MODEL.at("v0")]


def test_a_dry_run_writes_nothing_and_says_the_same(ours, theirs):
    theirs.keep({"a": b"1"})
    theirs.service.link_artifact(MODEL.at("v0"), SHELF)
    said = ours.merge(theirs, is_dry_run=True)
    assert not ours.root.exists()
    assert said == ours.merge(theirs)
    theirs.keep({"a": b"2"})
    theirs.service.edit_artifact(MODEL.at("v0"), ArtifactEdit(description="d"))
    before = ours.files()
    said = ours.merge(theirs, is_dry_run=True)
    assert ours.files() == before
    assert said == ours.merge(theirs)


def test_contents_are_shared_with_a_store_of_the_same_owner_and_copied_from_another(ours, theirs, tmp_path):
    theirs.keep({"a": b"1" * 100})
    ours.merge(theirs)
    (mine,) = (file for file in ours.layout.content_dir.rglob("*") if file.is_file())
    (come,) = (file for file in theirs.layout.content_dir.rglob("*") if file.is_file())
    assert mine.samefile(come)
    come.chmod(0o666)
    other = Store(tmp_path / "other")
    other.merge(theirs)
    (copied,) = (file for file in other.layout.content_dir.rglob("*") if file.is_file())
    assert not copied.samefile(come)
    assert copied.read_bytes() == come.read_bytes()


@pytest.mark.slow
@EACH_STEP
def test_whoever_is_killed_at_any_step_goes_on_the_next_time(ours, theirs, tmp_path, stride):
    theirs.train(USER)
    theirs.keep({"a": b"1", "b": b"2"}, aliases=("latest",))
    theirs.service.use_artifact(MODEL.at("v0"), USER)
    theirs.service.link_artifact(MODEL.at("v0"), SHELF)
    ours.keep({"a": b"ours"}, aliases=("latest",))
    ours.merge(theirs, [("ann", "shelf")])
    ours.merge(theirs, [("ann", "p")])
    # The run is there; what is killed is the merge of artifacts.
    before = Store(tmp_path / "before")
    shutil.copytree(ours.root, before.root)
    shutil.rmtree(before.layout.collections_dir("ann", "p"))
    shutil.rmtree(before.layout.content_dir)
    before.keep({"a": b"before"}, aliases=("latest",))

    def work(layout):
        Store(layout.root).merge(theirs)

    count = 0
    for layout in killed_at_each_step(before.layout, tmp_path, work, stride):
        count += 1
        store = Store(layout.root)
        for one in store.versions():
            store.read(one.path)  # whatever is there is whole
        store.merge(theirs)
        assert [one.artifact_id for one in store.versions()][:1] == [theirs.versions()[0].artifact_id]
        assert [one.aliases for one in store.versions()] == [(), ("latest",)]
        assert store.read(MODEL.at("v1")) == {"a": b"1", "b": b"2"}
        assert store.service.list_artifact_users(MODEL.at("v1")) == [USER]
        assert outcomes(store.merge(theirs)) == [("Model", "same", 0), ("good models", "same", 0)]
    assert count * stride > 10


# Stores of anybody --------------------------------------------------------------------------------------------


def test_bytes_that_are_not_what_their_names_say_are_not_taken(ours, theirs):
    theirs.keep({"a": b"1"})
    theirs.keep({"a": b"fine"}, path=MODEL._replace(name="other"))
    (entry,) = theirs.service.read_manifest(MODEL.at("v0"))
    (file,) = theirs.layout.content_dir.rglob(entry.sha256)
    file.write_bytes(b"2")
    for how in (0o644, 0o666):
        file.chmod(how)
        with pytest.raises(CorruptError, match="is not what the manifest with 'a' says of it"):
            ours.merge(theirs)
        assert not list(ours.layout.content_dir.rglob(entry.sha256))
    assert [one.name for one in ours.service.list_collections("ann", "p")] == ["other"]
    file.unlink()
    with pytest.raises(StoreError, match="is gone; see: runlake --dir"):
        ours.merge(theirs)


def test_a_digest_that_is_not_that_of_the_bytes_is_not_taken_even_where_we_have_them(ours, theirs):
    """Else whoever logs the file of that digest later would be told that it is here."""
    ours.keep({"a": b"1"}, path=MODEL._replace(name="mine"))
    made = theirs.keep({"a": b"1"})
    manifest = theirs.layout.collection_dir(MODEL) / "manifests" / f"{made.artifact_id}.jsonl"
    (entry,) = theirs.service.read_manifest(MODEL.at("v0"))
    wanted = base64.b64encode(hashlib.md5(b"wanted").digest()).decode()
    manifest.write_text(manifest.read_text().replace(entry.digest, wanted))
    with pytest.raises(CorruptError, match="is not what the manifest with 'a' says of it"):
        ours.merge(theirs)


def change_ledger(store, old, new, path=MODEL):
    for file in (store.layout.collection_dir(path) / "ledger").iterdir():
        file.write_text(file.read_text().replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("ID", "../../../../../outside"),
        ("ID", "x" * 500),
        ('"aliases":["latest"]', '"aliases":["v7"]'),
        ('"aliases":["latest"]', '"aliases":["a/b"]'),
        ('"tags":[]', '"tags":["\\u0000"]'),
        ('"type":"model"', '"type":"a/b"'),
        ('"run":null', '"run":["..","..","x"]'),
        ('"created_at":1600000000.0', '"created_at":1e300'),
    ],
)
def test_names_that_no_runlake_gives_are_not_taken(ours, theirs, old, new):
    made = theirs.keep({"a": b"1"}, aliases=("latest",), created_at=1.6e9)
    theirs.keep({"a": b"2"}, path=MODEL._replace(name="other"))
    old = old.replace("ID", made.artifact_id)
    (first, second) = sorted((theirs.layout.collection_dir(MODEL) / "ledger").iterdir())
    assert old in (first.read_text() + second.read_text()), second.read_text()
    change_ledger(theirs, old, new)
    with pytest.raises(RunlakeError):
        ours.merge(theirs)
    assert [one.name for one in ours.service.list_collections("ann", "p")] == ["other"]
    assert not list(ours.root.parent.glob("outside*"))


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a\\b", "C:x"])
def test_files_that_leave_the_artifact_are_not_taken(ours, theirs, path):
    made = theirs.keep({"abc": b"1"})
    manifest = theirs.layout.collection_dir(MODEL) / "manifests" / f"{made.artifact_id}.jsonl"
    manifest.write_text(manifest.read_text().replace('"abc"', json.dumps(path)))
    with pytest.raises(StoreError):
        ours.merge(theirs)
    assert ours.service.list_collections("ann", "p") == []


@pytest.mark.parametrize("place", ["ledger/00000002.json", "manifests/ID.jsonl", "uses", "content"])
def test_no_link_of_theirs_is_followed(ours, theirs, tmp_path, place):
    made = theirs.keep({"a": b"1"})
    if place == "content":
        target = theirs.layout.content_dir
    else:
        target = theirs.layout.collection_dir(MODEL) / place.replace("ID", made.artifact_id)
    real = tmp_path / "real"
    target.rename(real)
    target.symlink_to(real)
    with pytest.raises(StoreError, match="is a link, or neither a file nor a folder"):
        ours.merge(theirs)
    assert ours.service.list_collections("ann", "p") == []


def test_a_record_that_speaks_of_something_else_is_told_and_the_rest_comes(ours, theirs):
    for run in (MAKER, USER):
        theirs.train(run)
    made = theirs.keep({"a": b"1"}, run=USER)
    folder = theirs.layout.run_dir(MAKER) / "artifacts"
    folder.mkdir()
    (folder / "logged-0123456789.json").write_text(
        '{"at":1.0,"artifact":["ann","p","Model","../../../x"],"use_as":null}\n'
    )
    (folder / "sent-logged-0123456789.json").write_text("{}")
    with pytest.raises(RunlakeError, match=r"is no id of an artifact"):
        ours.merge(theirs)
    assert [one.artifact_id for one in ours.service.list_run_artifacts(USER, "logged")] == [made.artifact_id]
    assert ours.service.list_run_artifacts(MAKER, "logged") == []


def test_an_id_of_ours_is_not_taken_over(ours, theirs):
    mine = ours.keep({"a": b"mine"}, path=CollectionPath("ann", "q", "other"), artifact_id="0123456789")
    theirs.keep({"a": b"theirs"}, artifact_id="0123456789")
    with pytest.raises(ConflictError, match="which is that of another one here, in ann/q/other"):
        ours.merge(theirs)
    assert ours.service.find_artifact("0123456789") == mine
