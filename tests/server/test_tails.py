"""Many who follow runs at once: one look for all who stand at the same place, no threads held, and a fair number."""

import json
from collections import Counter

import pytest
from conversation import Conversation
from in_process import InProcess

from runlake.model import LoggedRow, RunPath, WriterBatch, WriterStart
from waiting import wait_until

PATHS = [RunPath("ann", "plans", f"r{number}") for number in range(2)]


@pytest.fixture
def server(tmp_path):
    server = InProcess(tmp_path / "store", tails_per_person=60)
    server.add_user("bob")
    server.people.share_project("ann", "plans", "read")
    server.writers = {path: server.service.begin_writer(path, WriterStart()).writer for path in PATHS}
    server.counts = Counter()
    for path in PATHS:
        log(server, path)
    yield server
    server.close()


def log(server, path, **more):
    n = server.counts[path]
    row = LoggedRow(step=n, timestamp=1.7e9 + n, runtime=float(n), values={"loss": float(n)})
    batch = WriterBatch(rows={"history": [row]}, first_n={"history": n}, **more)
    server.service.write_batch(path, server.writers[path], batch)
    server.counts[path] += 1


def follow(server, path=PATHS[0], *, who="ann", query=""):
    return Conversation(server, "GET", f"/api/v1/runs/{path}/tail", who=who, query=query)


def losses(conversation):
    """The values in all events so far."""
    lines = conversation.body.decode().splitlines()
    data = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: [")]
    return [row.get("loss") for rows in data for row in rows]


@pytest.mark.slow
def test_more_tails_than_threads_leave_room_for_other_requests_and_are_told_all_that_comes(server):
    tails = [follow(server, path, who=who).wait_for(b"event: rows") for who in ("ann", "bob") for path in PATHS * 15]
    for path in PATHS:
        log(server, path)
    assert server.ask("GET", f"/api/v1/runs/{PATHS[0]}", who="ann").status_code == 200
    for tail in tails:
        tail.wait_for(b'"loss":1.0')
    for path in PATHS:
        log(server, path, exit_code=0)
    assert [losses(tail.wait_for_end()) for tail in tails] == [[0.0, 1.0, 2.0]] * 60
    assert {tail.body.count(b"event: end") for tail in tails} == {1}


@pytest.mark.slow
def test_who_stand_at_one_place_are_looked_for_once(server, monkeypatch):
    asked = Counter()
    read = server.service.read_tail

    def count(path, cursor, **options):
        asked[path, tuple(options["keys"] or ())] += 1
        return read(path, cursor, **options)

    tails = [follow(server, query=query).wait_for(b"event: rows") for query in ["", "key=loss"] * 10]
    idle = follow(server, PATHS[1]).wait_for(b"event: rows")
    monkeypatch.setattr(server.service, "read_tail", count)
    wait_until(lambda: asked[PATHS[1], ()] >= 3, "three looks")
    counts = dict(asked)
    assert max(counts.values()) - min(counts.values()) <= 1
    assert sorted(counts) == [(PATHS[0], ()), (PATHS[0], ("loss",)), (PATHS[1], ())]
    for tail in [*tails, idle]:
        tail.leave()


def test_one_who_stands_elsewhere_is_told_from_there(server):
    first = follow(server).wait_for(b"event: rows")
    cursor = next(line for line in first.body.decode().splitlines() if line.startswith("id: ")).removeprefix("id: ")
    log(server, PATHS[0])
    first.wait_for(b'"loss":1.0')
    late = follow(server, query=f"cursor={cursor}").wait_for(b'"loss":1.0')
    log(server, PATHS[0])
    for tail in (first, late):
        tail.wait_for(b'"loss":2.0').leave()
    assert (losses(first), losses(late)) == ([0.0, 1.0, 2.0], [1.0, 2.0])


@pytest.mark.slow
def test_who_follows_too_many_runs_is_told_when_to_come_back_and_others_are_not(server):
    tails = [follow(server).wait_for(b"event: rows") for _ in range(60)]
    refused = follow(server).wait_for_end()
    assert (refused.status, refused.headers["retry-after"]) == (429, "30")
    assert json.loads(refused.body)["error"]["type"] == "BusyError"
    other = follow(server, who="bob").wait_for(b"event: rows")
    tails.pop().leave()
    tails.append(follow(server).wait_for(b"event: rows"))
    for tail in [*tails, other]:
        tail.leave()


@pytest.mark.slow
def test_what_is_refused_takes_no_seat(server):
    for _ in range(61):
        assert server.ask("GET", "/api/v1/runs/ann/plans/nothing/tail", who="ann").status_code == 404
    follow(server).wait_for(b"event: rows").leave()
