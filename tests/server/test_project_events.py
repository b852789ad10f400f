"""Many who listen to what moves in a project: one look for all, told as it happens, and only to who may hear it."""

import json
from collections import Counter

import pytest
from conversation import Conversation
from in_process import InProcess

from runlake.model import LoggedRow, RunEdit, RunPath, WriterBatch, WriterStart
from waiting import wait_until

EVENTS = "/api/v1/projects/ann/plans/events"


@pytest.fixture
def server(tmp_path):
    server = InProcess(tmp_path / "store", tails_per_person=20)
    server.add_user("bob")
    server.people.share_project("ann", "plans", "read")
    server.path = RunPath("ann", "plans", "a")
    server.writer = server.service.begin_writer(server.path, WriterStart()).writer
    server.count = 0
    yield server
    server.close()


def log(server):
    row = LoggedRow(step=server.count, timestamp=1.7e9, runtime=0.0, values={"loss": 1.0})
    batch = WriterBatch(rows={"history": [row]}, first_n={"history": server.count})
    server.service.write_batch(server.path, server.writer, batch)
    server.count += 1


def listen(server, *, who="ann", query="", headers=()):
    return Conversation(server, "GET", EVENTS, who=who, query=query, headers=headers).wait_for(b"event: runs")


def told(conversation):
    """The data of all events so far."""
    lines = conversation.body.decode().splitlines()
    return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]


def test_all_who_listen_are_told_what_moves(server):
    listening = [listen(server, who=who) for who in ("ann", "bob") for _ in range(15)]
    assert {str(told(one)[0]["changed"]) for one in listening} == {"None"}
    log(server)
    for one in listening:
        one.wait_for(b'"changed":["a"]')
    assert server.ask("GET", f"/api/v1/runs/{server.path}", who="ann").json()["row_count"] == 1
    for one in listening:
        one.leave()


def test_one_look_is_for_all_who_listen_and_nothing_is_told_while_nothing_moves(server, monkeypatch):
    asked = Counter()
    read = server.service.read_news

    def count(*place):
        asked[place[:2]] += 1
        return read(*place)

    listening = [listen(server) for _ in range(10)]
    monkeypatch.setattr(server.service, "read_news", count)
    wait_until(lambda: asked["ann", "plans"] >= 3, "three looks")
    assert asked["ann", "plans"] <= 4
    assert {len(told(one)) for one in listening} == {1}
    for one in listening:
        one.leave()


def test_who_comes_back_is_told_what_moved_meanwhile(server):
    first = listen(server)
    version = told(first)[0]["version"]
    first.leave()
    log(server)
    for how in ({"query": f"since={version}"}, {"headers": [(b"last-event-id", version.encode())]}):
        again = listen(server, **how)
        again.wait_for(b'"changed":["a"]').leave()


def test_who_listens_too_often_is_told_so_and_others_are_not(server):
    listening = [listen(server) for _ in range(20)]
    refused = Conversation(server, "GET", EVENTS, who="ann").wait_for_end()
    assert (refused.status, refused.headers["retry-after"]) == (429, "30")
    assert "20 projects are followed already" in json.loads(refused.body)["error"]["message"]
    listening.append(listen(server, who="bob"))
    for one in listening:
        one.leave()


def test_what_may_not_be_read_is_not_told_and_takes_no_seat(server):
    server.add_user("eve")
    server.people.share_project("ann", "plans", "private")
    for who, status in (("eve", 404), ("bob", 404), (None, 401)):
        for _ in range(21):
            refused = Conversation(server, "GET", EVENTS, who=who).wait_for_end()
            assert refused.status == status


def test_who_may_not_read_any_more_is_told_so_at_the_end_and_others_listen_on(server):
    bob, ann = listen(server, who="bob"), listen(server)
    server.people.share_project("ann", "plans", "private")
    bob.wait_for_end()
    assert b"event: problem" in bob.body
    server.service.edit_run(server.path, RunEdit(info={"notes": "n"}))
    ann.wait_for(b'"changed":["a"]').leave()
