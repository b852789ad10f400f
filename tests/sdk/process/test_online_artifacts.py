"""Artifacts of runs that go to a server, in whole processes: a server with keys that is killed, a run that waits."""

import io
import os
import re
from pathlib import Path

import pytest
from running import KEY, ServerProcess

from runlake.artifact_model import ArtifactStart, CollectionPath, ManifestEntry
from runlake.artifacts.artifact import Artifact
from runlake.errors import RunlakeWarning
from runlake.sdk.process.session import Session
from runlake.service.local.service import LocalService
from runlake.store.artifacts.lineage import RunLink, note_link
from runlake.store.artifacts.sent import wait_for_sent
from runlake.store.folder_store import FolderStore
from waiting import DEADLINE_S, wait_until


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One that goes on; tests have projects of their own there."""
    server = ServerProcess(tmp_path_factory.mktemp("shared")).start()
    yield server
    server.kill()


@pytest.fixture
def model(request):
    """Where the artifacts of the test are."""
    return CollectionPath("ann", re.sub(r"\W", "-", request.node.name), "model")


@pytest.fixture
def server(home):
    server = ServerProcess(home / "server").start()
    yield server
    if server.process.poll() is None:
        server.kill()


@pytest.fixture
def session(monkeypatch, home):
    monkeypatch.setenv("RUNLAKE_API_KEY", KEY)
    monkeypatch.setenv("RUNLAKE_FINISH_TIMEOUT_S", str(DEADLINE_S))
    session = Session(tick_s=0.1, idle_s=DEADLINE_S)
    yield session
    session.end_all(0)


def keep(run, contents, path, *, type="model"):
    """Log an artifact into the folder of the run, as an embedded one."""
    service = LocalService(Path(run.settings.store), default_entity="ann", user="login")
    start = ArtifactStart(type=type, run=run.run_path, user="login", aliases=("latest",))
    draft = path.at(service.begin_artifact(path, start).artifact_id)
    kept = [service.put_content(draft, io.BytesIO(content)) for content in contents]
    entries = [ManifestEntry(path=f"f{number}", digest=each.digest) for number, each in enumerate(kept)]
    return service.commit_artifact(draft, entries)


def there(server, path):
    return LocalService(server.root, default_entity="ann").list_artifacts(path)


def test_a_run_that_ends_waits_for_its_artifacts(shared, session, model):
    run = session.init(project=model.project, base_url=shared.url, id="r")
    made = keep(run, [b"1" * 1000], model)
    sent = wait_for_sent(FolderStore(Path(run.settings.store)), run.run_path, made.artifact_id, DEADLINE_S)
    assert (sent.artifact_id, sent.version, sent.user) == (made.artifact_id, "v0", "ann")
    last = keep(run, [os.urandom(3_000_000), b"2"], model)
    run.finish()
    found = there(shared, model)
    assert [(one.artifact_id, one.version, one.aliases) for one in found] == [
        (last.artifact_id, "v1", ("latest",)),
        (made.artifact_id, "v0", ()),
    ]
    assert [one.created_at for one in found] == [last.created_at, made.created_at]


@pytest.mark.slow
def test_a_server_that_is_killed_while_an_artifact_comes_has_it_whole_in_the_end(server, session, model):
    run = session.init(project=model.project, base_url=server.url, id="r")
    contents = [os.urandom(300_000) for _ in range(100)]
    made = keep(run, contents, model)
    content_dir = FolderStore(server.root).content_dir
    wait_until(lambda: sum(file.is_file() for file in content_dir.rglob("*")) > 5)
    server.kill()
    there_is = LocalService(server.root, default_entity="ann").list_collections("ann", model.project)
    assert [one.version_count for one in there_is] in ([], [1])
    run.log({"k": 1})
    server.start()
    run.finish()
    (found,) = there(server, model)
    assert (found.artifact_id, found.size_bytes, found.file_count) == (made.artifact_id, 30_000_000, 100)
    service = LocalService(server.root, default_entity="ann")
    for number, content in enumerate(contents):
        with service.open_content(model.at("v0"), f"f{number}") as stream:
            assert stream.read() == content


def test_what_the_server_does_not_take_is_told_when_the_run_ends(shared, session, model):
    service = LocalService(shared.root, default_entity="ann")
    service.begin_artifact(model, ArtifactStart(type="dataset"))
    run = session.init(project=model.project, base_url=shared.url, id="r")
    keep(run, [b"1"], model)
    keep(run, [b"2"], model._replace(name="other"))
    with pytest.warns(
        RunlakeWarning, match="does not take artifact model:v0, which it logged: .* is of type 'dataset'"
    ):
        run.finish()
    assert [one.version for one in there(shared, model._replace(name="other"))] == ["v0"]


@pytest.mark.slow
def test_who_logs_waits_until_the_server_has_it_and_who_uses_is_known_there(shared, session, home, monkeypatch, model):
    run = session.init(project=model.project, base_url=shared.url, id="maker")
    for number in range(2):
        artifact = Artifact("model", "model", metadata={"n": number})
        with artifact.new_file("a/weights.bin", "wb") as file:
            file.write(b"%d" % number * 1000)
        logged = run.log_artifact(artifact, aliases=["best"])
        assert logged.wait(DEADLINE_S) is logged
        assert (logged.version, there(shared, model)[0].aliases) == (f"v{number}", ("latest", "best"))
    shelf = run.link_artifact(logged, "ann/shelf/good", aliases=["prod"])
    assert shelf.version == "v0"
    run.finish()
    monkeypatch.setenv("RUNLAKE_DIR", str(home / "another machine"))
    user = session.init(project=model.project, base_url=shared.url, id="user")
    used = user.use_artifact("model:best", use_as="base")
    assert (used.version, used.metadata) == ("v1", {"n": 1})
    assert Path(used.download(home / "got"), "a/weights.bin").read_bytes() == b"1" * 1000
    user.finish()
    service = LocalService(shared.root, default_entity="ann")
    assert service.list_artifact_users(model.at("v1")) == [user.run_path]
    assert service.read_artifact(CollectionPath("ann", "shelf", "good").at("prod")).source == model.at("v1")


@pytest.mark.slow
def test_what_a_run_used_before_the_server_knew_it_is_known_there_in_the_end(shared, session, home, model):
    run = session.init(project=model.project, base_url=shared.url, id="maker")
    made = keep(run, [b"1"], model)
    run.finish()
    user = session.init(project=model.project, base_url=shared.url, id="user")
    link = RunLink(at=1.0, artifact=model.at(made.artifact_id), use_as="base")
    note_link(FolderStore(Path(user.settings.store)), user.run_path, "used", link)
    user.finish()
    service = LocalService(shared.root, default_entity="ann")
    assert service.list_artifact_users(model.at("v0")) == [user.run_path]
    assert [one.version for one in service.list_run_artifacts(user.run_path, "used")] == ["v0"]


@pytest.mark.slow
def test_files_that_the_server_has_already_are_its_version_and_are_still_read_here(
    shared, session, home, monkeypatch, model
):
    waited = []
    for machine in ("one", "two"):
        monkeypatch.setenv("RUNLAKE_DIR", str(home / machine))
        run = session.init(project=model.project, base_url=shared.url, id=machine)
        if machine == "two":  # the numbers here are others than at the server
            other = Artifact("model", "model")
            with other.new_file("other") as file:
                file.write("other")
            run.log_artifact(other)
        artifact = Artifact("model", "model")
        with artifact.new_file("weights") as file:
            file.write("same")
        logged = run.log_artifact(artifact)
        for _ in range(2):
            logged.wait(DEADLINE_S)
        waited.append((logged.id, logged.version))
        assert Path(logged.download(home / machine / "got"), "weights").read_text() == "same"
        logged.description = f"by {machine}"
        logged.save()
        assert (logged.id, logged.version) == waited[-1]
        run.finish()
    assert waited[0] == waited[1]
    assert [(one.version, one.description) for one in there(shared, model)] == [("v1", None), ("v0", "by two")]
