"""A run with a server uses what is there, notes it there, and keeps what it logs in its folder until that is sent."""

from pathlib import Path

import pytest

import runlake
from runlake.artifact_model import ArtifactStart, CollectionPath
from runlake.artifacts.artifact import Artifact
from runlake.artifacts.make import make_version
from runlake.errors import NotFoundError, UnreachableError
from runlake.model import RunPath
from runlake.server.http.open_files import CloseFiles
from runlake.service.local.service import LocalService
from runlake.service.remote.service import RemoteService
from served import Holder, SocketServer, make_app

RUN = RunPath("ann", "p", "r")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """What is fetched without a root lies in the current folder."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def away(tmp_path):
    """The store of the server, where the run is known."""
    service = LocalService(tmp_path / "away", default_entity="ann")
    service.create_run(RUN)
    return service


@pytest.fixture
def url(away):
    holder = Holder()
    holder.service = away
    server = SocketServer(CloseFiles(make_app(holder)))
    yield server.url
    server.stop()


@pytest.fixture
def run(begin, url, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with begin(base_url=url) as run:
        yield run


def artifact_of(text, name="model"):
    artifact = Artifact(name, "model")
    with artifact.new_file("weights.txt") as file:
        file.write(text)
    return artifact


def keep_away(service, text, name="model"):
    artifact = artifact_of(text, name)
    entries = list(artifact.contents.entries.values())
    start = ArtifactStart(type="model", aliases=("latest",))
    return make_version(service, CollectionPath("ann", "p", name), start, entries, shows_progress=False)


def test_what_the_server_has_is_used_and_noted_there(run, away):
    info = keep_away(away, "from the server")
    used = run.use_artifact("model:latest")
    assert Path(used.file()).read_text() == "from the server"
    assert away.list_artifact_users(info.path) == [RUN]
    assert Path(run.use_model("model")).read_text() == "from the server"
    assert used.url.startswith("http://")


def test_what_is_not_there_yet_is_used_and_noted_here(run, away):
    run.log_artifact(artifact_of("from here"))
    used = run.use_artifact("model:latest")
    assert Path(used.file()).read_text() == "from here"
    assert [user.id for user in used.used_by()] == ["r"]
    assert used.url.startswith("file://")
    with pytest.raises(NotFoundError, match="no artifact 'other'"):
        run.use_artifact("other")


def test_what_nobody_has_yet_is_used_and_was_made_by_no_run(run, away):
    drafted = artifact_of("from here")
    used = run.use_artifact(drafted)
    assert (used.name, used.logged_by(), [user.id for user in used.used_by()]) == ("model:v0", None, ["r"])
    assert Path(drafted.file()).read_text() == "from here"


def test_an_incremental_artifact_begins_with_the_latest_of_the_server(run, away, tmp_path):
    run.log_artifact(artifact_of("older, from here"))
    keep_away(away, "from the server")
    more = Artifact("model", "model", incremental=True)
    with more.new_file("more.txt") as file:
        file.write("more")
    run.log_artifact(more)
    folder = Path(more.download(tmp_path / "download"))
    assert {file.name: file.read_text() for file in folder.iterdir()} == {
        "more.txt": "more",
        "weights.txt": "from the server",
    }


def test_an_artifact_waits_for_who_sends_it(run, away):
    class Sender:
        def wait(self, artifact_id, timeout):
            waited.append((artifact_id, timeout))
            return keep_away(away, "from here")

    waited = []
    keep_away(away, "before")
    run.artifact_sender = Sender()
    artifact = run.log_artifact(artifact_of("from here"))
    logged_as = artifact.id
    assert (artifact.version, artifact.wait(timeout=5) is artifact, artifact.version) == ("v0", True, "v1")
    assert waited == [(logged_as, 5)]


@pytest.mark.long
def test_a_server_that_is_away_is_told_unless_the_artifact_is_here(begin):
    with begin(base_url="http://127.0.0.1:9") as run:
        run.log_artifact(artifact_of("from here"))
        assert Path(run.use_artifact("model").file()).read_text() == "from here"
        with pytest.raises(UnreachableError):
            run.use_artifact("other")


def test_the_api_reads_and_changes_artifacts_of_a_server(away, url):
    keep_away(away, "one")
    keep_away(away, "two")
    api = runlake.Api(service=RemoteService(url), overrides={"entity": "ann", "project": "p"})
    newest, oldest = api.artifacts("model", "model")
    assert (newest.version, oldest.version, newest.aliases) == ("v1", "v0", ["latest"])
    oldest.aliases = ["best"]
    oldest.save()
    assert api.artifact("model:best").version == "v0"
    link = oldest.link("registry/models")
    assert (link.source_artifact.name, link.collection.is_sequence()) == ("model:v0", False)
    stored = api.run("r")
    logged = stored.log_artifact(artifact_of("three"), aliases=["by-hand"])
    assert (logged.version, logged.logged_by().id) == ("v2", "r")
    assert [one.name for one in stored.logged_artifacts()] == ["model:v2"]
    stored.use_artifact(oldest)
    assert [one.name for one in stored.used_artifacts()] == ["model:v0"]
    assert Path(logged.file()).read_text() == "three"
    api.close()
