"""A project of all sorts of runs, reached in its folder and over a socket."""

import io

import pytest

from runlake.artifact_model import ArtifactStart, CollectionPath, ManifestEntry
from runlake.bulk.export import export_folder
from runlake.bulk.options import options_of
from runlake.service.local.service import LocalService
from runlake.service.remote.service import RemoteService
from served import Holder, SocketServer, make_app
from written_run import write_run

STRANGE = '_step.x/y"z'


@pytest.fixture
def root(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def make_run(root):
    """Writes a run of the project ann/digits, see `write_run`; answers its writer."""

    def make(run_id, **said):
        return write_run(root, f"ann/digits/{run_id}", **said)

    return make


@pytest.fixture
def project(make_run):
    """Runs that differ in every way an export must bear."""
    make_run(
        "a1",
        rows=[{"loss": 1.5, STRANGE: 1}, {"loss": float("nan"), "Loss": 2, "mixed": "text"}, {"mixed": 3}],
        events=[{"system.cpu": 1.5}],
        console=[{"line": 0, "text": "hello", "level": None}],
        config={"lr": 0.1},
        files={"notes/a.txt": b"of a", "model.bin": bytes(1000)},
        name="one",
    )
    make_run("A1", rows=[{"acc": n, "on": n % 2 == 0, "list": [n, None]} for n in range(50)], at_s=5, tags=["best"])
    make_run("empty", at_s=9)


@pytest.fixture
def make_artifact(local):
    """Commits the next version of an artifact of ann/digits: files by their path, addresses of references by theirs."""

    def make(name, files=(), references=()):
        start = ArtifactStart(type="dataset", metadata={"n": 1})
        draft = local.begin_artifact(CollectionPath("ann", "digits", name), start).path
        entries = []
        for path, data in dict(files).items():
            kept = local.put_content(draft, io.BytesIO(data))
            entries.append(ManifestEntry(path=path, digest=kept.digest, size_bytes=len(data), sha256=kept.sha256))
        entries += [ManifestEntry(path=path, digest=ref, ref=ref) for path, ref in dict(references).items()]
        return local.commit_artifact(draft, entries)

    return make


@pytest.fixture(scope="session")
def holder():
    return Holder()


@pytest.fixture(scope="session")
def server(holder):
    server = SocketServer(make_app(holder))
    yield server
    server.stop()


@pytest.fixture
def local(root, holder):
    holder.service = LocalService(root, default_entity="ann", user="ann")
    yield holder.service
    holder.service.close()


@pytest.fixture(params=["folder", "server"])
def service(request, local):
    if request.param == "folder":
        yield local
        return
    service = RemoteService(request.getfixturevalue("server").url)
    yield service
    service.close()


@pytest.fixture
def export(local):
    """Exports ann/digits from the folder, or from another service; answers what was done."""

    def do(folder, *, service=None, since=None, report=lambda done, total: None, **options):
        how = {name: options.pop(name) for name in ("worker_count", "whole_cells") if name in options}
        asked = options_of(**{"format": "csv", **options})
        how = {"worker_count": 2, "since": since, "report": report, **how}
        return export_folder(service or local, "ann", "digits", folder, asked, **how)

    return do


@pytest.fixture
def content():
    """Every file of an exported folder by its path, that of the manifest without what proofs leave out."""

    def read(folder):
        found = {
            place.relative_to(folder).as_posix(): place.read_bytes()
            for place in folder.rglob("*")
            if place.is_file() and ".runlake-export" not in place.parts
        }
        before, _, after = found["manifest.json"].partition(b'"made": {')
        return {**found, "manifest.json": before + after.partition(b"}")[2]}

    return read
