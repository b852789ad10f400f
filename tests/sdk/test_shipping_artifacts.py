"""Artifacts that a run logged and used, sent to a server: once, in their order, whatever happens on the way."""

import base64
import hashlib
import io
import os
import signal
import sys
import threading

import pytest

import warm
from artifact_contents import contents_of
from runlake.artifact_model import ArtifactEdit, ArtifactStart, CollectionEdit, CollectionPath, ManifestEntry, digest_of
from runlake.errors import ConflictError, ForbiddenError, NotFoundError, UnreachableError, UsageError
from runlake.service.local.service import LocalService
from runlake.service.remote.service import RemoteService
from runlake.ship.process import ship
from runlake.ship.shipper import Shipper
from runlake.ship.store import find_waiting, sync
from runlake.store.artifacts.sent import read_sent, refusals, unsent_records, wait_for_sent
from runlake.store.folder_store import FolderStore
from runlake.store.journal.shipped import read_shipped, write_shipped
from runlake.store.opening.open import open_run
from served import SocketServer, make_app
from trainer import RUN, send_to
from waiting import DEADLINE_S, wait_until

MODEL = CollectionPath("ann", "mnist", "model")


@pytest.fixture(scope="module")
def socket_server(holder):
    server = SocketServer(make_app(holder))
    yield server
    server.stop()


@pytest.fixture
def remote(server, socket_server):
    service = RemoteService(socket_server.url, attempts=1)
    yield service
    service.close()


class Machine:
    """A machine that trains without asking a server, as far as its store shows it."""

    def __init__(self, root, url, *, entity="ann"):
        self.layout, self.url, self.entity = FolderStore(root), url, entity
        self.service = LocalService(root, default_entity=entity)
        self.writers = {}

    def begin(self, run_id="a"):
        path = RUN._replace(entity=self.entity, run_id=run_id)
        self.writers[path] = open_run(self.layout, path, {"name": "n"}).writer
        send_to(self.layout, path, self.url)
        return path

    def log(self, run, files, *, path=MODEL, type="model", **fields):
        path = path._replace(entity=self.entity)
        entries = [
            ManifestEntry(path=name, digest=base64.b64encode(hashlib.md5(content).digest()).decode())
            for name, content in files.items()
        ]
        start = ArtifactStart(type=type, digest=digest_of(entries), run=run, **{"aliases": ("latest",), **fields})
        begun = self.service.begin_artifact(path, start)
        if begun.state == "COMMITTED":
            return begun
        for content in files.values():
            self.service.put_content(path.at(begun.artifact_id), io.BytesIO(content))
        return self.service.commit_artifact(path.at(begun.artifact_id), entries)

    def end(self, run):
        self.writers[run].end({"exit_code": 0})


@pytest.fixture
def here(tmp_path, socket_server):
    return Machine(tmp_path / "here", socket_server.url)


def sent_all(machine, run, service):
    return ship(Shipper(service, machine.layout, run, sends_beside=True), is_written_to=lambda: False)


def versions(service, path=MODEL):
    return [(one.version, one.artifact_id, one.aliases) for one in service.list_artifacts(path)]


# The plain way ------------------------------------------------------------------------------------------------


def test_what_a_run_logged_and_used_arrives_with_it(here, server, remote):
    run = here.begin()
    files = [{"a": b"%d" % number, "b/same": b"s" * 1000} for number in range(3)]
    made = [here.log(run, each, metadata={"n": n}, user="login") for n, each in enumerate(files)]
    here.service.use_artifact(MODEL.at("v0"), run)
    here.end(run)
    assert sent_all(here, run, remote)
    assert versions(server) == versions(here.service)
    for number, one in enumerate(made):
        there = server.read_artifact(MODEL.at(f"v{number}"))
        assert (there.created_at, there.created_by, there.metadata) == (one.created_at, run, {"n": number})
        assert there.user is None
        assert contents_of(server, there.path) == files[number]
        assert (
            wait_for_sent(here.layout, run, one.artifact_id, 0.0)
            == read_sent(here.layout, run, "logged", one.artifact_id).there
        )
    assert [one.version for one in server.list_run_artifacts(run, "logged")] == ["v0", "v1", "v2"]
    assert [one.version for one in server.list_run_artifacts(run, "used")] == ["v0"]
    assert server.list_artifact_users(MODEL.at("v0")) == [run]
    assert unsent_records(here.layout, run) == set()


def test_an_artifact_arrives_while_its_run_goes_on(here, server, remote):
    run = here.begin()
    shipping = Shipper(remote, here.layout, run, sends_beside=True)
    shipping.send()
    made = here.log(run, {"a": b"1"})
    waiting = threading.Thread(target=wait_for_sent, args=(here.layout, run, made.artifact_id, DEADLINE_S))
    waiting.start()
    assert not shipping.send().is_over
    waiting.join()
    assert versions(server) == [("v0", made.artifact_id, ("latest",))]
    here.end(run)
    assert shipping.send().is_over


def test_rows_do_not_wait_for_a_large_artifact(here, server, remote, holder):
    class Slow:
        """A server on which no content arrives before it is let through."""

        def __init__(self, service):
            self._service, self.may_pass = service, threading.Event()

        def __getattr__(self, name):
            return getattr(self._service, name)

        def receive_content(self, *arguments):
            assert self.may_pass.wait(DEADLINE_S)
            return self._service.receive_content(*arguments)

    holder.service = slow = Slow(server)
    run = here.begin()
    here.log(run, {"a": b"1"})
    shipping = Shipper(remote, here.layout, run, sends_beside=True)
    for step in range(3):
        here.writers[run].log({"k": step}, step=step, timestamp=1.0, runtime=0.0)
        shipping.send()
    assert server.read_run(run).row_count == 3
    assert server.list_collections("ann", "mnist") == []
    slow.may_pass.set()
    here.end(run)
    assert shipping.send().is_over
    assert len(versions(server)) == 1


def test_what_is_changed_of_an_artifact_that_was_sent_is_changed_there(here, server, remote):
    run, now = here.begin(), [0.0]
    here.log(run, {"a": b"1"}, tags=("old",), description="d")
    shipping = Shipper(remote, here.layout, run, clock=lambda: now[0])
    shipping.send()
    server.edit_artifact(MODEL.at("v0"), ArtifactEdit(add_aliases=("there",)))
    edit = ArtifactEdit(metadata={"b": 2}, add_aliases=("best",), remove_tags=("old",), add_tags=("new",), ttl_s=9.0)
    here.service.edit_artifact(MODEL.at("v0"), edit)
    shipping.send()
    assert server.read_artifact(MODEL.at("v0")).metadata == {}
    now[0] += 60.0
    shipping.send()
    there = server.read_artifact(MODEL.at("v0"))
    assert (there.metadata, there.tags, there.description, there.ttl_s) == ({"b": 2}, ("new",), "d", 9.0)
    assert there.aliases == ("latest", "there", "best")
    here.service.edit_artifact(MODEL.at("v0"), ArtifactEdit(ttl_s=0.0, remove_aliases=("best",)))
    assert shipping.send().sent_bytes == 0
    now[0] += 60.0
    shipping.send()
    there = server.read_artifact(MODEL.at("v0"))
    assert (there.ttl_s, there.aliases) == (None, ("latest", "there"))
    server.delete_artifact(MODEL.at("v0"), delete_aliases=True)
    here.service.edit_artifact(MODEL.at("v0"), ArtifactEdit(description="too late"))
    here.end(run)
    assert shipping.send().is_over
    (said,) = refusals(here.layout, run)
    assert said.startswith("what was changed of artifact model:v0: no version")
    assert read_sent(here.layout, run, "logged", there.artifact_id).there.artifact_id == there.artifact_id


def test_links_of_what_was_logged_are_there_too(here, server, remote):
    run, now = here.begin(), [0.0]
    shelf, later, taken = (CollectionPath("ann", "shelf", name) for name in ("good", "later", "taken"))
    here.log(run, {"a": b"1"})
    here.service.link_artifact(MODEL.at("v0"), shelf, ["prod"])
    gone = MODEL._replace(name="gone")
    here.service.link_artifact(MODEL.at("v0"), gone)
    here.service.delete_artifact(gone.at("v0"))
    shipping = Shipper(remote, here.layout, run, clock=lambda: now[0])
    shipping.send()
    linked = server.read_artifact(shelf.at("prod"))
    assert (linked.version, linked.source) == ("v0", MODEL.at("v0"))
    assert [one.name for one in server.list_collections("ann", "mnist")] == ["model"]
    server.begin_artifact(taken, ArtifactStart(type="model"))
    here.service.link_artifact(MODEL.at("v0"), later)
    here.service.link_artifact(MODEL.at("v0"), taken)
    here.service.edit_artifact(shelf.at("v0"), ArtifactEdit(add_aliases=("best",)))
    here.end(run)
    assert shipping.send().is_over
    assert [one.version for one in server.list_artifacts(later)] == ["v0"]
    assert server.read_artifact(shelf.at("v0")).aliases == ("prod", "best")
    (said,) = refusals(here.layout, run)
    assert said.startswith("the link in ann/shelf/taken of artifact model:v0: artifact ann/shelf/taken has versions of")
    server.delete_artifact(shelf.at("v0"))
    assert Shipper(remote, here.layout, run).send().is_over
    assert server.list_artifacts(shelf) == []


def test_a_run_without_an_entity_has_its_artifacts_with_the_keys_owner(tmp_path, socket_server, server, remote):
    machine = Machine(tmp_path / "login", socket_server.url, entity="login")
    run = machine.begin()
    made = machine.log(run, {"a": b"1"})
    machine.service.use_artifact(made.path, run)
    machine.end(run)
    assert sent_all(machine, run, remote)
    there = server.read_artifact(MODEL.at("v0"))
    assert (there.artifact_id, there.created_by) == (made.artifact_id, RUN)
    assert server.list_artifact_users(MODEL.at("v0")) == [RUN]


def test_what_another_run_logged_here_is_sent_with_the_run_that_uses_it(here, server, remote):
    maker, user = here.begin("maker"), here.begin("user")
    made = here.log(maker, {"a": b"1"})
    here.service.use_artifact(MODEL.at("v0"), user, use_as="base")
    for run in (user, maker):
        here.end(run)
        assert sent_all(here, run, remote)
    assert versions(server) == [("v0", made.artifact_id, ("latest",))]
    assert server.read_artifact(MODEL.at("v0")).created_by == maker
    assert server.list_artifact_users(MODEL.at("v0")) == [user]
    assert [one.artifact_id for one in server.list_run_artifacts(maker, "logged")] == [made.artifact_id]


def test_what_no_run_logged_is_sent_with_the_run_that_uses_it(here, server, remote):
    user = here.begin("user")
    made = here.log(None, {"a": b"1"})
    here.service.use_artifact(MODEL.at("v0"), user)
    here.end(user)
    assert sent_all(here, user, remote)
    assert wait_for_sent(here.layout, user, made.artifact_id, 0.0).artifact_id == made.artifact_id
    assert server.read_artifact(MODEL.at("v0")).created_by is None
    assert server.list_artifact_users(MODEL.at("v0")) == [user]


def test_the_same_files_are_one_version_and_are_used_as_that(tmp_path, socket_server, here, server, remote):
    other = Machine(tmp_path / "other", socket_server.url)
    made = []
    for machine, run_id in ((here, "a"), (other, "b")):
        run = machine.begin(run_id)
        made.append(machine.log(run, {"a": b"1"}, aliases=("latest", run_id)))
        machine.service.use_artifact(MODEL.at("v0"), run)
        machine.end(run)
        assert sent_all(machine, run, remote)
    assert versions(server) == [("v0", made[0].artifact_id, ("latest", "a", "b"))]
    assert wait_for_sent(other.layout, run, made[1].artifact_id, 0.0).artifact_id == made[0].artifact_id
    assert server.list_artifact_users(MODEL.at("v0")) == [RUN, RUN._replace(run_id="b")]


def test_two_machines_that_send_versions_of_one_name_leave_no_hole(tmp_path, socket_server, here, server):
    other = Machine(tmp_path / "other", socket_server.url)
    made = {}
    for machine, run_id in ((here, "a"), (other, "b")):
        run = machine.begin(run_id)
        made[run] = [machine.log(run, {"a": b"%s%d" % (run_id.encode(), n)}).artifact_id for n in range(6)]
        machine.end(run)
    services = [RemoteService(socket_server.url) for _ in made]
    threads = [threading.Thread(target=sent_all, args=one) for one in zip((here, other), made, services, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = versions(server)
    assert [version for version, *_ in found] == [f"v{number}" for number in range(11, -1, -1)]
    assert [aliases for *_, aliases in found].count(("latest",)) == 1
    for run, ids in made.items():
        assert [artifact_id for _, artifact_id, _ in reversed(found) if artifact_id in ids] == ids
        assert [one.artifact_id for one in server.list_run_artifacts(run, "logged")] == ids
    for service in services:
        service.close()


# Faults -------------------------------------------------------------------------------------------------------


def test_what_is_sent_twice_is_there_once(here, server, remote):
    run = here.begin()
    made = here.log(run, {"a": b"1"}, aliases=("latest", "best"))
    here.service.use_artifact(MODEL.at("v0"), run)
    here.end(run)
    assert sent_all(here, run, remote)
    before = server.list_artifacts(MODEL)
    for file in (here.layout.run_dir(run) / "artifacts").glob("sent-*"):
        file.unlink()
    assert find_waiting(here.layout.root) == [run]
    assert sent_all(here, run, remote)
    assert server.list_artifacts(MODEL) == before
    assert server.list_artifact_users(MODEL.at("v0")) == [run]
    assert read_sent(here.layout, run, "logged", made.artifact_id).there == before[0]
    assert find_waiting(here.layout.root) == []


@pytest.mark.slow
def test_a_process_that_is_killed_in_the_middle_leaves_no_half_version_and_then_a_whole_one(here, server, tmp_path):
    run = here.begin()
    files = {f"f{number:03}": os.urandom(200_000) for number in range(150)}
    made = here.log(run, files)
    here.end(run)
    contents = tmp_path / "server" / "artifacts" / "content"

    def arrived():
        return sum(1 for file in contents.rglob("[0-9a-f]*") if file.is_file())

    kill_count = 0
    for wanted in (5, 60, 110):
        process = warm.Popen([sys.executable, "-m", "runlake.ship.process", str(here.layout.run_dir(run))])
        wait_until(lambda wanted=wanted, process=process: arrived() >= wanted or process.poll() is not None)
        process.send_signal(signal.SIGKILL)
        kill_count += process.wait() == -signal.SIGKILL
        listed = server.list_collections("ann", "mnist")
        assert [one.version_count for one in listed] in ([], [1])
    assert kill_count
    process = warm.Popen([sys.executable, "-m", "runlake.ship.process", str(here.layout.run_dir(run))])
    assert process.wait(DEADLINE_S) == 0
    assert versions(server) == [("v0", made.artifact_id, ("latest",))]
    assert contents_of(server, MODEL.at("v0")) == files
    assert read_shipped(here.layout.run_dir(run)).is_complete


class Failing:
    """A server that fails at some of the calls of one verb, before or after it did what it was asked."""

    def __init__(self, service, verb, error, *, is_after=False, count=1):
        self._service, self._verb, self._error, self._is_after = service, verb, error, is_after
        self.left_count = count

    def __getattr__(self, name):
        real = getattr(self._service, name)
        if name != self._verb:
            return real

        def called(*args, **kwargs):
            answer = real(*args, **kwargs) if self._is_after else None
            if self.left_count > 0:
                self.left_count -= 1
                if hasattr(answer, "discard"):
                    answer.discard()
                raise self._error
            return answer if self._is_after else real(*args, **kwargs)

        return called


@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    "verb", ["find_artifact", "begin_artifact", "find_content", "receive_content", "commit_artifact", "use_artifact"]
)
def test_a_server_that_goes_away_at_any_moment_has_all_of_it_once_in_the_end(
    here, server, remote, holder, verb, is_after
):
    holder.service = Failing(server, verb, UnreachableError("restarting"), is_after=is_after, count=2)
    run = here.begin()
    files = {"a": b"1", "b": b"2"}
    made = here.log(run, files)
    here.service.use_artifact(MODEL.at("v0"), run)
    here.end(run)
    shipping = Shipper(remote, here.layout, run, sends_beside=True)
    assert ship(shipping, sleep=lambda s: None, is_written_to=lambda: False)
    assert holder.service.left_count < 2
    assert versions(server) == [("v0", made.artifact_id, ("latest",))]
    assert contents_of(server, MODEL.at("v0")) == files
    assert server.list_artifact_users(MODEL.at("v0")) == [run]


def test_what_the_server_refuses_is_told_and_the_rest_arrives(here, server, remote):
    server.begin_artifact(MODEL, ArtifactStart(type="dataset"))
    run = here.begin()
    refused = here.log(run, {"a": b"1"})
    here.log(run, {"a": b"2"}, path=MODEL._replace(name="other"))
    here.end(run)
    assert sent_all(here, run, remote)
    assert [one.name for one in server.list_run_artifacts(run, "logged")] == ["other"]
    (said,) = refusals(here.layout, run)
    assert said.startswith("artifact model:v0, which it logged: artifact ann/mnist/model is of type 'dataset'")
    with pytest.raises(ConflictError, match="is of type 'dataset', and not 'model'"):
        wait_for_sent(here.layout, run, refused.artifact_id, None)
    assert read_shipped(here.layout.run_dir(run)).is_complete
    # Whoever has put it right asks again.
    server.edit_collection(MODEL, CollectionEdit(type="model"))
    (done,) = sync(here.layout.root, [run], None, open_server=RemoteService)
    assert (done.outcome, done.artifact_count, done.refused) == ("sent", 1, ())
    assert server.read_artifact(MODEL.at("v0")).artifact_id == refused.artifact_id


def test_who_may_not_is_told_so(here, server, remote, holder):
    holder.service = Failing(server, "begin_artifact", ForbiddenError("not yours"), count=99)
    run = here.begin()
    made = here.log(run, {"a": b"1"})
    here.end(run)
    assert sent_all(here, run, remote)
    with pytest.raises(ForbiddenError, match="not yours"):
        wait_for_sent(here.layout, run, made.artifact_id, 1.0)


def test_what_is_gone_here_is_told_and_the_rest_arrives(here, server, remote):
    run = here.begin()
    gone, lost = here.log(run, {"a": b"1"}), here.log(run, {"a": b"22"})
    kept = here.log(run, {"a": b"3"})
    here.service.delete_artifact(MODEL.at("v0"))
    (entry,) = here.service.read_manifest(MODEL.at("v1"))
    (file,) = here.layout.content_dir.rglob(entry.sha256)
    file.unlink()
    here.end(run)
    assert sent_all(here, run, remote)
    assert versions(server) == [("v0", kept.artifact_id, ("latest",))]
    assert len(list(refusals(here.layout, run))) == 2
    for one, why in ((gone, "was deleted before it was sent"), (lost, "restore it from a backup")):
        with pytest.raises(NotFoundError, match=why):
            wait_for_sent(here.layout, run, one.artifact_id, None)


def test_a_hostile_id_or_record_sends_nothing_and_stops_nothing(here, server, remote):
    run = here.begin()
    made = here.log(run, {"a": b"1"})
    folder = here.layout.run_dir(run) / "artifacts"
    (record,) = folder.glob("logged-*")
    hostile = record.read_text().replace(made.artifact_id, "../../../../etc/passwd")
    (folder / "logged-..%2f..%2fpasswd.json").write_text(hostile)
    (folder / "logged-broken.json").write_text("{")
    (folder / "used-x.json").write_text(record.read_text().replace('"model"', '"../x"'))
    here.end(run)
    assert sent_all(here, run, remote)
    assert versions(server) == [("v0", made.artifact_id, ("latest",))]


# Waiting, syncing ---------------------------------------------------------------------------------------------


def test_who_waits_too_long_is_told_what_to_do(here, server):
    run = here.begin()
    made = here.log(run, {"a": b"1"})
    shipped = read_shipped(here.layout.run_dir(run))
    shipped.problem = "nobody is there"
    write_shipped(here.layout.run_dir(run), shipped)
    with pytest.raises(UnreachableError) as told:
        wait_for_sent(here.layout, run, made.artifact_id, 0.1)
    root = here.layout.root
    assert str(told.value) == (
        f"artifact {made.artifact_id} of run {run} is not at {here.url} after 0.1 s (nobody is there); it is kept in "
        f"{root}, and sent in the background while this machine is up; else: runlake --dir {root} sync {run}"
    )
    (here.layout.run_dir(run) / "shipped").unlink()
    with pytest.raises(UsageError, match="is not sent to a server"):
        wait_for_sent(here.layout, run, made.artifact_id, None)


def test_sync_says_how_many_artifacts_went(here, server):
    run = here.begin()
    for number in range(3):
        here.log(run, {"a": b"%d" % number * 1000})
    here.end(run)
    told = []
    (done,) = sync(
        here.layout.root,
        [run],
        None,
        open_server=RemoteService,
        report=lambda path: lambda *said: told.append(said),
    )
    assert (done.outcome, done.artifact_count) == ("sent", 3)
    assert done.sent_bytes > 3000
    assert told[-1] == (done.sent_bytes, done.sent_bytes)
    # Logged when all was sent already.
    late = here.log(run, {"a": b"late"})
    (again,) = sync(here.layout.root, find_waiting(here.layout.root), None, open_server=RemoteService)
    assert (again.outcome, again.artifact_count, again.sent_bytes) == ("sent", 1, 4)
    assert versions(server)[0][1] == late.artifact_id
