"""Who began a run or made a sweep is who was signed in, on every way by which one comes here."""

import getpass

import msgspec
import pytest
from in_process import InProcess
from training import begin, chunk, row

from runlake.errors import BadValueError
from runlake.model import OpenRequest, RunPath
from runlake.service.remote.service import RemoteService
from runlake.ship.shipper import Shipper
from runlake.store.compact.seal import seal_run
from runlake.store.folder_store import FolderStore
from runlake.store.journal import record
from runlake.store.journal.fold import WriterState
from runlake.store.journal.folder import journal_of
from runlake.store.journal.shipped import Shipped, write_shipped
from runlake.store.opening.open import open_run
from runlake.store.opening.writers import open_granted
from runlake.sweep_model import SweepPath, SweepStart
from served import InProcessTransport

RUN = RunPath("lab", "plans", "r1")
SWEEP = {"method": "random", "parameters": {"lr": {"min": 0.0, "max": 1.0}}}
SAID = {"user": "alice", "host": "alices-laptop"}


class Lab(InProcess):
    """A server where bob and alice are of one team, and ann is the admin."""

    def __init__(self, root):
        super().__init__(root)
        for name in ("bob", "alice"):
            self.add_user(name)
        self.people.add_team("lab", {"bob": "member", "alice": "member"})
        self._transport = InProcessTransport(self.app)
        self.layout = FolderStore(root)

    def far(self, who):
        """The store as somebody's own programs see it."""
        return RemoteService("http://lake", api_key=self.keys[who], transport=self._transport, attempts=1)

    def began(self, path=RUN):
        """What all who read a run are told: its user, and its host."""
        (listed,) = [run for run in self.service.list_runs(path.entity, path.project).runs if run.path == path]
        assert listed == self.service.read_run(path)
        return listed.user, listed.host

    def close(self):
        self._transport.stop()
        super().close()


@pytest.fixture
def server(tmp_path):
    server = Lab(tmp_path / "server")
    yield server
    server.close()


@pytest.fixture
def here(tmp_path):
    """The store of a machine that trains."""
    return FolderStore(tmp_path / "here")


def opening(token="t", **start):
    return OpenRequest(token=token, start=record.encode_body({**SAID, **start}))


def send(server, who, layout, path=RUN):
    """What `runlake sync` does with a run that is there."""
    write_shipped(
        layout.run_dir(path), Shipped(base_url="http://lake", entity="lab", project="plans", run_id=path.run_id)
    )
    shipper = Shipper(server.far(who), layout, path)
    assert shipper.send().is_over
    return shipper.shipped.path


def trained(layout, path=RUN, *, user=SAID["user"], rows=3):
    """A run that was logged on a machine without a server, and has ended."""
    writer = open_run(layout, path, {**SAID, "user": user}).writer
    for step in range(rows):
        writer.log({"loss": 0.5}, step=step, timestamp=1.7e9 + step, runtime=float(step))
    writer.end({"exit_code": 0})


# Runs and sweeps that are begun here


@pytest.mark.parametrize("who", ["bob", "ann"])
def test_a_run_that_is_opened_here_is_of_who_is_signed_in(server, here, who):
    grant = server.far(who).open_writer(RUN, opening())
    assert server.began() == (who, "alices-laptop")
    opened = open_granted(here, grant)
    opened.writer.log({"loss": 0.5}, step=0, timestamp=1.7e9, runtime=0.0)
    opened.writer.end({"exit_code": 0})
    assert send(server, who, here) == RUN
    assert server.began() == (who, "alices-laptop")
    assert journals(server.layout, RUN) == journals(here, RUN)


def test_a_run_that_the_official_client_begins_is_of_who_is_signed_in(server):
    client = AsClient(server, "bob")
    begin(client, "r1", project="plans", entity="lab", host="alices-laptop", config={"user": "alice"})
    assert server.began() == ("bob", "alices-laptop")
    server.ask("POST", "/files/lab/plans/r1/file_stream", who="alice", json=chunk(0, [row(0)]))
    assert server.began() == ("bob", "alices-laptop")


@pytest.mark.slow
def test_a_run_that_somebody_makes_is_theirs_on_both_wires(server):
    server.far("bob").create_run(RUN, user="alice")
    made = 'mutation { upsertBucket(input: {name: "r2", modelName: "plans", entityName: "lab"}) { inserted } }'
    assert server.ask("POST", "/graphql", who="bob", json={"query": made}).json()["data"]["upsertBucket"]["inserted"]
    assert [server.service.read_run(RUN._replace(run_id=name)).user for name in ("r1", "r2")] == ["bob", "bob"]


def test_a_sweep_is_of_who_is_signed_in_on_both_wires(server):
    server.far("bob").create_project("lab", "plans")
    made = server.far("bob").create_sweep("lab", "plans", SweepStart(config=SWEEP, sweep_id="s1", user="alice"))
    given = {"entityName": "lab", "projectName": "plans", "config": msgspec.json.encode(SWEEP).decode()}
    document = "mutation($input: UpsertSweepInput!) { upsertSweep(input: $input) { sweep { name } } }"
    told = server.ask("POST", "/graphql", who="bob", json={"query": document, "variables": {"input": given}}).json()
    other = server.service.read_sweep(SweepPath("lab", "plans", told["data"]["upsertSweep"]["sweep"]["name"]))
    assert (made.user, other.user) == ("bob", "bob")


# Journals that were begun elsewhere


@pytest.mark.parametrize("is_sealed", [False, True])
def test_a_run_of_a_machine_is_of_who_sends_it_and_its_bytes_stay(server, here, is_sealed):
    trained(here, user=getpass.getuser())
    kept = journals(here, RUN)
    if is_sealed:
        seal_run(here, RUN)
    assert send(server, "bob", here) == RUN
    assert server.began() == ("bob", "alices-laptop")
    theirs = journals(server.layout, RUN)
    assert {name: theirs[name] for name in kept} == kept
    assert send(server, "bob", here) == RUN
    assert journals(server.layout, RUN) == theirs
    seal_run(server.layout, RUN)
    assert server.began() == ("bob", "alices-laptop")


def test_a_run_that_says_the_name_of_who_sends_it_is_kept_as_it_is(server, here):
    trained(here, user="bob")
    send(server, "bob", here)
    assert (server.began()[0], journals(server.layout, RUN)) == ("bob", journals(here, RUN))


def test_what_an_admin_sends_keeps_the_names_it_says(server, here):
    trained(here)
    send(server, "ann", here)
    assert (server.began()[0], journals(server.layout, RUN)) == ("alice", journals(here, RUN))


# Journals that are made to say something else


@pytest.mark.slow
def test_no_later_word_of_a_journal_names_another(server, here):
    far = server.far("bob")
    grant = far.open_writer(RUN, opening())
    writer, sent = open_granted(here, grant).writer, grant.offset
    for kind, name in [(record.INFO, "alice"), (record.INFO, "bob"), (record.INFO, None), (record.START, "alice")]:
        writer.record(kind, {"user": name, "name": "n"})
        (data,) = journals(here, RUN).values()
        sent = far.append_frames(RUN, grant.writer, 0, sent, data[sent:]).next_offset
        assert (server.service.read_run(RUN).user, server.service.read_run(RUN).name) == ("bob", "n")


def test_a_name_from_the_future_or_of_a_run_that_was_taken_over_does_not_last(server, here):
    future = int(4e15)
    opened = open_run(here, RUN, {**SAID, "user": "bob"}, clock=lambda: future / 1e6)
    header = {name: opened.writer.header.body[name] for name in ("incarnation", "generation", "role")}
    said = [(record.START, {"user": "alice", "clock": future + 10, "n": 0})]
    taken_over = msgspec.to_builtins(WriterState("0" * 20, header, said, {}))
    opened.writer.record(record.CUT, {"taken": [], "writers": [taken_over]})
    opened.writer.end({"exit_code": 0})
    send(server, "bob", here)
    assert server.service.read_run(RUN).user == "bob"


def test_a_clock_that_none_can_come_after_is_refused(server, here):
    opened = open_run(here, RUN, SAID, clock=lambda: (2**57 + 2**40) / 1e6)
    opened.writer.end({"exit_code": 0})
    with pytest.raises(BadValueError, match="has a clock that none can come after"):
        send(server, "bob", here)


def journals(layout, path):
    """The bytes of all parts by name."""
    journal = journal_of(layout, path)
    return {str(name): journal.read(name) for name, _ in journal.list_parts()}


class AsClient:
    """`training.begin` as somebody, without a socket."""

    def __init__(self, server, who):
        self._server, self._who = server, who

    def post(self, path, **options):
        return self._server.ask("POST", path, who=self._who, **options)
