"""A folder's store with some of everything, its way into another store, and all that is told of it."""

import base64
import hashlib
import io

from artifact_contents import contents_of
from runlake.artifact_model import ArtifactStart, CollectionPath, ManifestEntry, digest_of
from runlake.model import RunEdit, RunPath
from runlake.service.local.service import LocalService
from runlake.store.artifacts.content import ContentStore
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
        "contents": contents_of(service, MODEL.at("v0")),
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


def into(folder, store, **options):
    source = FolderStore(folder)
    return StoreMove(source, store, (ContentStore(source), store.contents), **options)


def back_into(folder, store):
    target = FolderStore(folder)
    return StoreMove(store, target, (store.contents, ContentStore(target)))
