"""Artifacts in hand, over a folder and over HTTP."""

from pathlib import Path

import pytest

from quiet import make_quiet
from runlake.artifact_model import ArtifactStart, CollectionPath
from runlake.artifacts.artifact import Artifact
from runlake.artifacts.cache import ContentCache
from runlake.artifacts.kept import KeptVersion
from runlake.artifacts.make import make_version
from runlake.server.http.open_files import CloseFiles
from runlake.service.local.service import LocalService
from runlake.service.remote.service import RemoteService
from served import Holder, SocketServer, make_app


@pytest.fixture(scope="session")
def holder():
    return Holder()


@pytest.fixture(scope="session")
def socket_server(holder):
    server = SocketServer(CloseFiles(make_app(holder)))
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    """No settings but these, and an empty folder to work in."""
    make_quiet(monkeypatch, tmp_path)
    return tmp_path


@pytest.fixture
def root(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def local(root, holder):
    """The folder itself, which the server serves."""
    holder.service = LocalService(root, default_entity="ann", user="ann")
    return holder.service


@pytest.fixture
def remote(local, socket_server):
    service = RemoteService(socket_server.url)
    yield service
    service.close()


@pytest.fixture(params=["local", "remote"])
def service(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def cache(tmp_path):
    return ContentCache(tmp_path / "cache", limit_bytes=10**9)


@pytest.fixture
def keep(cache):
    """Keeps an artifact in a store, as a run does."""

    def keep(service, artifact, project="vision", cache=cache, **start):
        path = CollectionPath("ann", project, artifact.base_name)
        begun = ArtifactStart(
            type=artifact.type, artifact_id=artifact.contents.artifact_id, aliases=("latest",), **start
        )
        entries = list(artifact.contents.entries.values())
        info = make_version(service, path, begun, entries, shows_progress=False, staging=artifact.contents.staging)
        artifact.settle(KeptVersion(service, info, find_run=service.read_run, cache=lambda: cache))
        return artifact

    return keep


@pytest.fixture
def artifact_of(tmp_path):
    """An artifact of these files."""

    def artifact_of(files, name="model"):
        artifact = Artifact(name, "weights")
        for path, content in files.items():
            with artifact.new_file(path, "xb") as file:
                file.write(content)
        return artifact

    return artifact_of


@pytest.fixture
def contents():
    """What lies below a folder, by path."""

    def contents(folder):
        files = (path for path in Path(folder).rglob("*") if path.is_file())
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}

    return contents
