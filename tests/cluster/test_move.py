"""A folder's store into a cluster and back: all of it, as it was, and what is there already is not copied again."""

import base64
import hashlib
import io
from importlib import resources

import pytest

from runlake.artifact_model import ArtifactStart, CollectionPath, ManifestEntry, digest_of
from runlake.errors import ConflictError
from runlake.model import RunEdit, RunPath
from runlake.service.cluster.service import ClusterService
from runlake.service.local.service import LocalService
from runlake.store.artifacts.content import ContentStore
from runlake.store.cluster.garbage import collect
from runlake.store.compact.packed_file import list_names
from runlake.store.folder_store import FolderStore
from runlake.store.move.move import StoreMove
from runlake.sweep_model import SweepStart
from runlake.view_model import ViewPath, ViewPut
from trainer import Trainer

RUN = RunPath("ann", "mnist", "sealed")
MODEL = CollectionPath("ann", "mnist", "model")


def make_store(root):
    """Runs that are sealed, share files or are neither, with a file, an artifact, a sweep, a view; one is deleted."""
    service = LocalService(root, default_entity="ann", user="ann")
    for run_id in ("sealed", "small1", "small2", "deleted"):
        trainer = Trainer(root, run_id, config={"lr": 0.1})
        for n in range(10):
            trainer.log(loss=n / 4, text=f"row {n}")
        trainer.print(0, "hello").finish()
    list(service.seal("ann", "mnist"))
    service.put_file(RUN, "notes/a.txt", io.BytesIO(b"a file"))
    service.edit_run(RUN, RunEdit(info={"tags": ["kept"]}))
    list(service.pack_runs("ann", "mnist", at_once=True))
    Trainer(root, "journal").log(loss=1.5).finish()
    service.delete_run(RUN._replace(run_id="deleted"))
    keep(service, {"w.bin": b"weights"}, path=MODEL, run=RUN)
    service.use_artifact(MODEL.at("v0"), RUN._replace(run_id="journal"))
    service.put_view(ViewPath("ann", "mnist", "abcd1234"), ViewPut(type="runs", name="best", spec="{}"))
    service.create_sweep(
        "ann", "mnist", SweepStart(config={"method": "grid", "parameters": {"lr": {"values": [1, 2]}}})
    )
    return service


def told(service):
    """All that the verbs tell of a store."""
    runs = service.list_runs("ann", "mnist", order=("+run_id",)).runs
    return {
        "runs": runs,
        "rows": [rows_of(service.read_history(run.path)) for run in runs],
        "console": [rows_of(service.read_history(run.path, stream="console")) for run in runs],
        "files": [[(file.name, file.md5) for file in service.list_files(run.path)] for run in runs],
        "bytes": bytes_of(service.open_file(RUN, "notes/a.txt")),
        "artifact": service.read_artifact(MODEL.at("v0")),
        "contents": read_all(service, MODEL.at("v0")),
        "users": service.list_artifact_users(MODEL.at("v0")),
        "views": service.list_views("ann", "mnist"),
        "sweeps": [sweep.sweep_id for sweep in service.list_sweeps("ann", "mnist")],
    }


def bytes_of(opened):
    with opened:
        return opened.read()


def rows_of(history):
    return history.step.tolist(), [(series.key, series.values.to_pylist()) for series in history.series]


def keep(service, files, *, path, run):
    """Log an artifact as any program does."""
    entries = [
        ManifestEntry(path=name, digest=base64.b64encode(hashlib.md5(content).digest()).decode())
        for name, content in files.items()
    ]
    begun = service.begin_artifact(path, ArtifactStart(type="model", digest=digest_of(entries), run=run))
    draft = path.at(begun.artifact_id)
    for content in files.values():
        service.put_content(draft, io.BytesIO(content))
    return service.commit_artifact(draft, entries)


def read_all(service, path):
    found = {}
    for entry in service.read_manifest(path):
        found[entry.path] = bytes_of(service.open_content(path, entry.path))
    return found


def trees(root):
    """The bytes of all files of a store but what is derived, by their places; those of the trash stay behind."""
    left_out = {".catalog", ".trash", ".exports", "changes", "store.toml"}
    files = (file for file in root.rglob("*") if file.is_file() and not left_out & set(file.relative_to(root).parts))
    return {str(file.relative_to(root)): file.read_bytes() for file in files if not file.name.startswith(".runlake-")}


@pytest.fixture
def there(tmp_path):
    return make_store(tmp_path / "folder")


def into(folder, store, **options):
    source = FolderStore(folder)
    return StoreMove(source, store, (ContentStore(source), store.contents), **options)


def test_all_that_is_told_of_a_folder_is_told_of_the_cluster(there, store, tmp_path):
    moved = list(into(tmp_path / "folder", store).move())

    assert told(ClusterService(store, default_entity="ann", user="ann")) == told(there)
    assert sorted(one.path.run_id for one in moved) == ["", "journal", "sealed", "small1", "small2"]
    assert all(one.is_new for one in moved)


def test_doing_it_again_copies_nothing(there, store, tmp_path):
    list(into(tmp_path / "folder", store).move())

    assert [one.copied_bytes for one in into(tmp_path / "folder", store).move()] == [0] * 5


def test_what_was_broken_off_goes_on_where_it_was(there, store, tmp_path):
    begun = into(tmp_path / "folder", store).move()
    next(begun)
    next(begun)
    begun.close()

    again = list(into(tmp_path / "folder", store).move())

    assert [one.is_new for one in again] == [False, False, True, True, True]
    assert told(ClusterService(store, default_entity="ann", user="ann")) == told(there)


def test_back_in_a_folder_every_byte_is_as_it_was(there, store, tmp_path):
    list(into(tmp_path / "folder", store).move())
    back = FolderStore(tmp_path / "back")

    list(StoreMove(store, back, (store.contents, ContentStore(back))).move())

    assert trees(tmp_path / "back") == trees(tmp_path / "folder")
    assert told(LocalService(tmp_path / "back", default_entity="ann", user="ann")) == told(there)


def test_runs_that_a_cluster_has_packed_are_the_same_in_a_folder(there, store, tmp_path):
    for run_id in ("late1", "late2"):
        Trainer(tmp_path / "folder", run_id).log(loss=0.5).finish()
    list(there.seal("ann", "mnist"))
    list(into(tmp_path / "folder", store).move())
    service = ClusterService(store, default_entity="ann", user="ann")
    assert {"late1", "late2"} <= {path.run_id for path in service.pack_runs("ann", "mnist", at_once=True)}
    assert told(service) == told(there)
    back = FolderStore(tmp_path / "back")

    list(StoreMove(store, back, (store.contents, ContentStore(back))).move())

    service = LocalService(tmp_path / "back", default_entity="ann", user="ann")
    assert (told(service), list(service.pack_runs("ann", "mnist", at_once=True))) == (told(there), [])
    assert [found for _, found in service.check() if found] == []


def test_what_shares_files_when_it_comes_keeps_them(there, store, tmp_path):
    list(into(tmp_path / "folder", store).move())
    packed_in = store.database.read("select distinct packed_in from segments where packed_in is not null")
    assert [name for (name,) in packed_in] == list_names(store.packed("ann", "mnist"))
    collect(store.database, store.bucket, staged_s=0.0, dead_s=0.0)
    assert told(ClusterService(store, default_entity="ann", user="ann")) == told(there)

    # Rows of a version that did not say it.
    store.database.write("update segments set packed_in = null")
    folder = resources.files("runlake.store.cluster") / "migrations"
    *_, says_it, _ = (folder / "0005_packed.sql").read_text("utf-8").split(";")
    store.database.write(says_it)
    assert store.database.read("select distinct packed_in from segments where packed_in is not null") == packed_in


def test_a_run_that_is_being_written_is_refused_and_the_others_are_moved(there, store, tmp_path):
    writing = Trainer(tmp_path / "folder", "alive").log(loss=1.0)

    with pytest.raises(ConflictError, match="alive is being written"):
        list(into(tmp_path / "folder", store).move())
    writing.opened.writer.close()

    assert sorted(store.run_ids("ann", "mnist")) == ["journal", "sealed", "small1", "small2"]


def test_another_run_of_that_id_is_not_replaced(there, store, tmp_path):
    Trainer(store, "sealed").log(loss=7.0).finish()

    with pytest.raises(ConflictError, match="has another run ann/mnist/sealed"):
        list(into(tmp_path / "folder", store).move())

    service = ClusterService(store, default_entity="ann", user="ann")
    assert service.read_run(RUN).summary["loss"] == 7.0
