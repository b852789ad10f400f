"""Runs that are sent to a server: once, whatever happens on the way."""

import io
import random
import shutil

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlake.errors import CommError, NotFoundError, RunlakeError, UnreachableError
from runlake.model import RunEdit, RunPath
from runlake.service.local.service import LocalService
from runlake.service.remote.service import RemoteService
from runlake.service.wire.documents import pack
from runlake.ship.process import ship
from runlake.ship.shipper import Shipper, cut_piece
from runlake.ship.store import Synced, find_waiting, sync
from runlake.store.compact.seal import seal_run
from runlake.store.folder_files import FolderFiles
from runlake.store.folder_store import FolderStore
from runlake.store.journal import record
from runlake.store.journal.folder import FolderJournal, journal_of
from runlake.store.journal.journal import PartName
from runlake.store.journal.limits import WriterLimits
from runlake.store.journal.shipped import Shipped, only_shipper, read_shipped, write_shipped
from runlake.store.opening.open import open_run
from runlake.values import flatten
from served import InProcessTransport, make_app
from trainer import RUN, send_to

URL = "http://server.example"


@pytest.fixture(scope="module")
def transport(holder):
    transport = InProcessTransport(make_app(holder))
    yield transport
    transport.stop()


@pytest.fixture
def here(tmp_path):
    """The store of the machine that trains."""
    return FolderStore(tmp_path / "here")


class Training:
    """A process that trains without asking a server, as far as the store sees it."""

    def __init__(self, layout, *, rows_per_part=65_536, config=None, **start):
        self.layout = layout
        said = {"name": "n", "set": flatten(config or {}), **start}
        self.opened = open_run(layout, RUN, said, limits=WriterLimits(rows_per_part=rows_per_part))
        self.writer = self.opened.writer
        self.step = 0
        send_to(layout, RUN, URL)

    def log(self, count=1):
        for _ in range(count):
            row = {"loss": 1.0 / (self.step + 1), "k": self.step}
            self.writer.log(row, step=self.step, timestamp=100.0 + self.step, runtime=float(self.step))
            self.step += 1
        return self

    def end(self, exit_code=0):
        self.writer.end({"exit_code": exit_code})
        return self


def remote(transport, **options):
    return RemoteService(URL, transport=transport, attempts=options.pop("attempts", 1), **options)


def shipper(transport, layout, **options):
    return Shipper(remote(transport), layout, RUN, **options)


def steps(service, path=RUN):
    return service.read_history(path, keys=["k"]).series[0].values.to_pylist()


# The plain way ------------------------------------------------------------------------------------------------


def test_a_run_arrives_while_it_is_written(server, transport, here):
    training = Training(here, config={"lr": 1}).log(3)
    shipping = shipper(transport, here)
    assert not shipping.send().is_over
    assert (server.read_run(RUN).state, steps(server)) == ("running", [0, 1, 2])
    training.log(2)
    shipping.send()
    assert steps(server) == [0, 1, 2, 3, 4]
    training.end()
    assert shipping.send().is_over
    info = server.read_run(RUN)
    assert (info.state, info.config, info.summary) == ("finished", {"lr": 1}, {"loss": 0.2, "k": 4})
    shipped = read_shipped(here.run_dir(RUN))
    assert (shipped.is_complete, shipped.path, shipped.ended) == (True, RUN, [training.writer.writer])


def test_a_long_run_of_many_parts_arrives_as_it_is(server, transport, here, tmp_path):
    Training(here, rows_per_part=100).log(1050).end()
    assert shipper(transport, here).send().is_over
    assert steps(server) == list(range(1050))
    theirs = FolderJournal(FolderStore(tmp_path / "server").journal_dir(RUN))
    ours = journal_of(here, RUN)
    assert [ours.read(name) for name, _ in ours.list_parts()] == [theirs.read(n) for n, _ in theirs.list_parts()]


def test_files_arrive_in_their_last_form(server, transport, here):
    files = FolderFiles(here)
    training = Training(here)
    files.put_file(RUN, "a/b.txt", io.BytesIO(b"first"))
    now = [0.0]
    shipping = shipper(transport, here, clock=lambda: now[0])
    shipping.send()
    files.put_file(RUN, "a/b.txt", io.BytesIO(b"second"))
    shipping.send()
    with server.open_file(RUN, "a/b.txt") as file:
        assert file.read() == b"first"  # a file that changes all the time is not sent all the time
    training.end()
    assert shipping.send().is_over
    with server.open_file(RUN, "a/b.txt") as file:
        assert file.read() == b"second"


def test_a_shipper_that_knows_nothing_any_more_sends_nothing_twice(server, transport, here):
    Training(here, rows_per_part=10).log(35).end()
    shipper(transport, here).send()
    run_dir = here.run_dir(RUN)
    write_shipped(run_dir, Shipped(base_url=URL, entity=None, project=RUN.project, run_id=RUN.run_id))
    assert shipper(transport, here).send().is_over
    assert steps(server) == list(range(35))


def test_a_process_that_was_killed_is_over_when_all_that_it_wrote_has_arrived(server, transport, here):
    training = Training(here).log(4)
    training.writer.close()
    part = here.journal_dir(RUN) / str(PartName(training.writer.writer, 0))
    part.write_bytes(part.read_bytes()[:-5])
    assert shipper(transport, here).send().is_over
    assert steps(server) == [0, 1, 2]


def test_a_forked_child_and_an_edit_here_arrive_too(server, transport, here):
    training = Training(here).log(1)
    LocalService(here.root, default_entity="ann").edit_run(RUN, RunEdit(config_set={"x": 2}, info={"tags": ["t"]}))
    training.end()
    assert shipper(transport, here).send().is_over
    info = server.read_run(RUN)
    assert (info.config, info.tags) == ({"x": 2}, ("t",))


def test_a_stop_request_is_brought_back_and_not_sent_on(server, transport, here):
    from runlake.store.journal.stop_requests import StopRequestWatcher

    training = Training(here).log(1)
    watch = StopRequestWatcher(journal_of(here, RUN), training.opened.generation, training.writer.writer)
    shipping = shipper(transport, here)
    shipping.send()
    server.stop_run(RUN)
    assert not watch.is_stop_requested()
    training.log(1)
    shipping.send()
    assert watch.is_stop_requested()
    training.log(1).end()
    assert shipping.send().is_over
    assert len(read_shipped(here.run_dir(RUN)).skipped) == 1
    assert steps(server) == [0, 1, 2]


def test_a_silent_process_gives_a_sign_of_life(server, transport, here, tmp_path):
    import os

    training = Training(here).log(1)
    now = [0.0]
    shipping = shipper(transport, here, clock=lambda: now[0])
    shipping.send()
    theirs = FolderStore(tmp_path / "server").journal_dir(RUN)
    for file in theirs.iterdir():
        os.utime(file, (1.0, 1.0))
    assert server.read_run(RUN).state == "crashed"
    now[0] += 60.0
    shipping.send()
    assert server.read_run(RUN).state == "running"
    training.writer.close()


def test_a_part_is_sealed_here_only_when_all_of_it_has_arrived(server, transport, here):
    training = Training(here, rows_per_part=10).log(35).end()
    assert seal_run(here, RUN) == 0
    shipping = shipper(transport, here)
    shipping.send()
    assert seal_run(here, RUN) == 35
    assert steps(LocalService(here.root, default_entity="ann")) == list(range(35))
    assert training.step == 35


def test_a_run_that_was_deleted_there_is_sent_no_more_and_stays_here(server, transport, here):
    training = Training(here).log(1)
    shipping = shipper(transport, here)
    shipping.send()
    server.delete_run(RUN)
    training.log(1).end()
    assert not ship(shipping, sleep=lambda s: None, is_written_to=lambda: False)
    assert "deleted" in read_shipped(here.run_dir(RUN)).problem
    assert steps(LocalService(here.root, default_entity="ann")) == [0, 1]
    assert server.list_runs("ann", "mnist").runs == ()


def test_a_run_whose_id_is_that_of_another_there_gets_an_id_of_its_own(server, transport, here, tmp_path):
    other = FolderStore(tmp_path / "other")
    Training(other).log(2).end()
    shipper(transport, other).send()
    training = Training(here).log(1).end()
    shipper(transport, here).send()
    there = RUN._replace(run_id=f"a-{training.opened.incarnation[:8]}")
    assert read_shipped(here.run_dir(RUN)).path == there
    assert (steps(server), steps(server, there)) == ([0, 1], [0])


def test_a_run_that_named_no_entity_is_that_of_the_keys_owner(server, transport, here):
    login = RunPath("root", "mnist", "a")
    writer = open_run(here, login, {"name": "n"}).writer
    write_shipped(here.run_dir(login), Shipped(base_url=URL, entity=None, project="mnist", run_id="a"))
    writer.log({"k": 0}, step=0, timestamp=1.0, runtime=0.0)
    writer.end({"exit_code": 0})
    assert Shipper(remote(transport), here, login).send().is_over
    assert steps(server, RUN) == [0]
    named = RunPath("team", "mnist", "b")
    writer = open_run(here, named, {"name": "n"}).writer
    write_shipped(here.run_dir(named), Shipped(base_url=URL, entity="team", project="mnist", run_id="b"))
    writer.end({"exit_code": 0})
    assert Shipper(remote(transport), here, named).send().is_over
    assert server.read_run(named).state == "finished"


# Faults -------------------------------------------------------------------------------------------------------


class FaultyTransport(httpx.BaseTransport):
    """Between a client and a server: each request meets the next fault of a script, and after it none."""

    def __init__(self, inner, faults):
        self._inner, self._faults, self._late = inner, list(faults), []

    def handle_request(self, request):
        request.read()
        fault = self._faults.pop(0) if self._faults else "none"
        if fault == "refused":
            raise httpx.ConnectError("nobody is there")
        if fault == "lost":
            raise httpx.ReadError("the request was lost")
        if fault == "late":
            self._late.append(request)
            raise httpx.ReadTimeout("no answer in time")
        if fault == "truncated" and request.method == "PUT":
            cut = request.content[: random.Random(len(request.content)).randrange(len(request.content) + 1)]
            headers = {k: v for k, v in request.headers.items() if k.lower() not in ("content-length",)}
            self._inner.handle_request(httpx.Request(request.method, request.url, headers=headers, content=cut))
            raise httpx.ReadError("the connection broke in the middle")
        if fault == "busy":
            return httpx.Response(503, json={"error": {"type": "OSError", "message": "the disk is full"}})
        response = self._inner.handle_request(request)
        if fault == "unanswered":
            raise httpx.ReadError("the answer was lost")
        if fault == "twice":
            response = self._inner.handle_request(request)
        for each in self._late:
            self._inner.handle_request(each)
        self._late = []
        return response


FAULTS = ["none", "refused", "lost", "late", "truncated", "busy", "unanswered", "twice"]


@pytest.mark.slow
@given(
    script=st.lists(st.sampled_from(FAULTS), max_size=30),
    pieces=st.lists(st.integers(0, 12), min_size=1, max_size=6),
    restarts=st.lists(st.booleans(), min_size=6, max_size=6),
)
def test_every_row_arrives_once_whatever_the_network_does(
    tmp_path_factory, holder, transport, script, pieces, restarts
):
    root = tmp_path_factory.mktemp("faults")
    holder.service = LocalService(root / "server", default_entity="ann")
    here = FolderStore(root / "here")
    faulty = FaultyTransport(transport, script)
    training = Training(here, rows_per_part=5)
    shipping = shipper(faulty, here)
    for count, restarted in zip(pieces, restarts, strict=False):
        training.log(count)
        try:
            shipping.send()
        except CommError:
            pass
        if restarted:  # the process that ships was killed and started again
            shipping = shipper(faulty, here)
    training.end()
    assert ship(shipping, sleep=lambda s: None)
    if training.step:
        assert steps(holder.service) == list(range(training.step))
    assert holder.service.read_run(RUN).state == "finished"
    assert holder.service.read_run(RUN).row_count == training.step
    assert len(holder.service.list_generations(RUN)) == 1
    shutil.rmtree(root)


def test_a_server_that_is_not_there_is_tried_less_and_less_often_and_given_up_in_the_end(here):
    class Nowhere(httpx.BaseTransport):
        def handle_request(self, request):
            raise httpx.ConnectError("nobody is there")

    Training(here).log(1).end()
    now, slept = [0.0], []

    def sleep(seconds):
        slept.append(seconds)
        now[0] += seconds

    shipping = shipper(Nowhere(), here)
    assert not ship(shipping, sleep=sleep, clock=lambda: now[0], give_up_after_s=600.0, is_written_to=lambda: False)
    assert slept[:4] == [0.4, 0.8, 1.6, 3.2]
    assert max(slept) == 60.0
    assert 600.0 <= now[0] < 700.0
    assert "nobody is there" in read_shipped(here.run_dir(RUN)).problem


def test_one_process_at_a_time_ships_a_run(here):
    Training(here)
    with only_shipper(here.run_dir(RUN)) as first, only_shipper(here.run_dir(RUN)) as second:
        assert (first, second) == (True, False)
    with only_shipper(here.run_dir(RUN)) as third:
        assert third


def test_a_piece_is_whole_frames_and_the_last_word_stays_with_its_proof(here):
    training = Training(here).log(20).end()
    data = journal_of(here, RUN).read(PartName(training.writer.writer, 0))
    whole, has_end = cut_piece(data, 0)
    assert (whole, has_end) == (data, True)
    for cut in range(len(data)):
        piece, has_end = cut_piece(data[:cut], 0)
        assert not has_end
        assert data.startswith(piece)
        assert cut_piece(data[: len(piece)], 0)[0] == piece
    taken = 0
    while taken < len(data):
        piece, has_end = cut_piece(data[taken:], taken, limit_bytes=50)
        taken += len(piece)
    assert has_end


# What was written offline -----------------------------------------------------------------------------------------


def open_server(transport):
    return lambda url: remote(transport)


def test_what_waits_is_sent_and_then_nothing_waits(server, transport, here):
    Training(here).log(3).end()
    assert find_waiting(here.root) == [RUN]
    (done,) = sync(here.root, [RUN], None, open_server=open_server(transport))
    assert (done.path, done.outcome, done.remote, done.problem) == (RUN, "sent", RUN, None)
    assert find_waiting(here.root) == []
    assert list(sync(here.root, [RUN], None, open_server=open_server(transport))) == [
        Synced(path=RUN, outcome="already there", base_url=URL, remote=RUN)
    ]
    assert steps(server) == [0, 1, 2]


def test_a_run_that_was_sealed_before_anybody_thought_of_a_server_is_sent_all_the_same(server, transport, here):
    training = Training(here, config={"lr": 0.5}, rows_per_part=10).log(25)
    training.writer.log(
        {"text": "a", "nan": float("nan"), "deep": {"a": [1, None]}}, step=90, timestamp=200.0, runtime=99.0
    )
    training.writer.log({"cpu": 0.5}, step=0, timestamp=1.0, runtime=0.0, stream="events")
    training.writer.record(record.SUMMARY, {"set": {"best": 9}, "unset": []})
    training.end(exit_code=3)
    (here.run_dir(RUN) / "shipped").unlink()
    assert seal_run(here, RUN) == 27
    local = LocalService(here.root, default_entity="ann")
    (done,) = sync(here.root, [RUN], URL, open_server=open_server(transport))
    assert done.outcome == "sent"
    assert pack(server.read_run(RUN)) == pack(local.read_run(RUN))
    for stream in ("history", "events"):
        ours, theirs = (service.read_history(RUN, stream=stream) for service in (local, server))
        assert ours.step.tolist() == theirs.step.tolist()
        told = [[(s.key, s.lane, repr(s.values.to_pylist())) for s in h.series] for h in (ours, theirs)]
        assert sorted(told[0]) == sorted(told[1])
    (again,) = sync(here.root, [RUN], URL, open_server=open_server(transport))
    assert again.outcome == "already there"


def test_a_run_that_was_sealed_and_goes_on_arrives_with_what_was_before(server, transport, here):
    Training(here, rows_per_part=10).log(25).end()
    run_dir = here.run_dir(RUN)
    (run_dir / "shipped").unlink()
    assert seal_run(here, RUN) == 25
    again = open_run(here, RUN, {}, resume="must")
    write_shipped(run_dir, Shipped(base_url=URL, entity=None, project=RUN.project, run_id=RUN.run_id))
    again.writer.log({"k": 25}, step=25, timestamp=200.0, runtime=1.0)
    shipping = shipper(transport, here)
    assert not shipping.send().is_over
    assert steps(server) == list(range(26))
    again.writer.end({"exit_code": 0})
    assert shipper(transport, here).send().is_over
    assert steps(server) == list(range(26))
    assert server.read_run(RUN).state == "finished"
    assert seal_run(here, RUN) == 26  # what was sealed before is brought together with it


def test_a_run_is_sent_to_one_server_only(server, transport, here):
    Training(here).log(1).end()
    with pytest.raises(RunlakeError, match=r"goes to http://server.example, and not to http://other.example"):
        list(sync(here.root, [RUN], "http://other.example", open_server=open_server(transport)))
    with pytest.raises(NotFoundError, match="there is no run ann/mnist/zz"):
        list(sync(here.root, [RunPath("ann", "mnist", "zz")], URL, open_server=open_server(transport)))


def test_a_server_that_is_not_there_ends_it_and_nothing_is_lost(server, transport, here):
    Training(here).log(2).end()
    faulty = FaultyTransport(transport, ["refused"] * 9)
    with pytest.raises(UnreachableError):
        list(sync(here.root, [RUN], URL, open_server=lambda url: remote(faulty), sleep=lambda s: None))
    (done,) = sync(here.root, [RUN], URL, open_server=open_server(transport))
    assert (done.outcome, steps(server)) == ("sent", [0, 1])
