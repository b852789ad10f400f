"""What somebody may do ends while they do it, whoever changed it: the command line beside the server does it here."""

import contextlib
import json
import threading
import time
from pathlib import Path

import pytest
from conversation import Conversation
from in_process import InProcess

from runlake.errors import AuthenticationError, NotFoundError
from runlake.model import LoggedRow, RunPath, WriterBatch, WriterStart
from runlake.server.http.standing_watch import YOUNG_S
from runlake.server.people.directory import Directory, Person
from runlake.server.people.people import open_people
from runlake.server.people.standing import FRESH_S, Standing
from waiting import DEADLINE_S, wait_until

RUN = RunPath("lab", "plans", "r1")
TAIL = "/api/v1/runs/lab/plans/r1/tail"
FILES = "/api/v1/runs/lab/plans/r1/files"
STATUSES = {"AuthenticationError": 401, "NotFoundError": 404, "ForbiddenError": 403}


@pytest.fixture
def server(tmp_path):
    """A run that goes on, of the team of bob, a member, and vic, a viewer; eve may write because it was shared."""
    server = InProcess(tmp_path / "store")
    for name in ("bob", "vic", "eve"):
        server.add_user(name)
    server.people.add_team("lab", {"bob": "member", "vic": "viewer"})
    server.writer = server.service.begin_writer(RUN, WriterStart()).writer
    server.row_count = 0
    log(server)
    yield server
    server.close()


@pytest.fixture
def beside(server):
    """The people of the store as `runlake user` and its like open them beside a server that runs."""
    people = open_people(Path(server.config.root))
    yield people
    people.close()


def log(server):
    """One more row of the run."""
    n = server.row_count
    row = LoggedRow(step=n, timestamp=1.7e9 + n, runtime=float(n), values={"loss": float(n)})
    server.service.write_batch(RUN, server.writer, WriterBatch(rows={"history": [row]}, first_n={"history": n}))
    server.row_count += 1


def events_of(conversation):
    """The kinds and data of all events so far."""
    texts = conversation.body.decode().split("\n\n")
    fields = [dict(line.split(": ", 1) for line in text.splitlines() if line[0] != ":") for text in texts]
    return [(found["event"], json.loads(found["data"])) for found in fields if found]


def opened_here(name):
    """What this process has open of that name."""
    found = []
    for number in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            found.append(number.readlink())
    return [path for path in found if path.name == name]


def problem_in(conversation):
    return conversation.status, json.loads(conversation.body)["error"]["type"]


CHANGES = {
    "a key is revoked": ("bob", lambda people: people.revoke_key(people.list_keys("bob")[0].key_id), "Authentication"),
    "a user is removed": ("bob", lambda people: people.remove_user("bob"), "Authentication"),
    "somebody leaves a team": ("bob", lambda people: people.remove_member("lab", "bob"), "NotFound"),
    "a team is removed": ("bob", lambda people: people.remove_team("lab"), "NotFound"),
    "a project is not shared": ("eve", lambda people: people.share_project("lab", "plans", "private"), "NotFound"),
}


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES)
def test_every_way_to_lose_a_right_ends_what_goes_on_by_it_and_nothing_else(server, beside, change):
    who, lose, kind = CHANGES[change]
    if who == "eve":
        server.people.share_project("lab", "plans", "write")
    tail = Conversation(server, "GET", TAIL, who=who).wait_for(b"event: rows")
    upload = Conversation(server, "PUT", f"{FILES}/a.bin", who=who, body=[b"x"], waits=True).wait_until_it_waits()
    other = Conversation(server, "GET", TAIL, who="ann").wait_for(b"event: rows")
    lose(beside)
    tail.wait_for_end()
    upload.wait_for_end()
    log(server)
    other.wait_for(b'"loss":1.0').leave()
    assert (tail.status, tail.is_whole, [name for name, _ in events_of(tail)]) == (200, True, ["rows", "problem"])
    assert events_of(tail)[-1][1]["error"]["type"] == f"{kind}Error"
    assert problem_in(upload) == (STATUSES[f"{kind}Error"], f"{kind}Error")
    assert [name for name, _ in events_of(other)] == ["rows", "rows"]
    wait_until(lambda: server.service.list_files(RUN) == [], "nothing of the upload is left")


def test_who_may_only_read_from_now_on_goes_on_reading_and_writes_no_more(server, beside):
    tail = Conversation(server, "GET", TAIL, who="bob").wait_for(b"event: rows")
    upload = Conversation(server, "PUT", f"{FILES}/a.bin", who="bob", body=[b"x"], waits=True).wait_until_it_waits()
    beside.set_member("lab", "bob", "viewer")
    assert problem_in(upload.wait_for_end()) == (403, "ForbiddenError")
    log(server)
    tail.wait_for(b'"loss":1.0').leave()
    assert [name for name, _ in events_of(tail)] == ["rows", "rows"]


def test_an_answer_that_is_on_its_way_breaks_off_and_cannot_be_taken_for_whole(server, beside):
    server.people.create_key("bob", description="another")
    content = bytes(range(256)) * (3 << 12)
    assert server.ask("PUT", f"{FILES}/a.bin", who="bob", content=content).status_code == 200
    slow = Conversation(server, "GET", f"{FILES}/a.bin", who="bob", reads=False).wait_until_it_waits()
    beside.revoke_key(beside.list_keys("bob")[0].key_id)
    slow.wait_for_end()
    assert (slow.status, slow.is_whole, 0 < len(slow.body) < len(content)) == (200, False, True)
    wait_until(lambda: opened_here("a.bin") == [], "the file is closed")


def test_a_file_is_closed_when_its_client_leaves(server):
    content = bytes(range(256)) * (3 << 12)
    assert server.ask("PUT", f"{FILES}/a.bin", who="bob", content=content).status_code == 200
    slow = Conversation(server, "GET", f"{FILES}/a.bin", who="bob", reads=False).wait_until_it_waits()
    assert len(opened_here("a.bin")) == 1
    slow.leave()
    wait_until(lambda: opened_here("a.bin") == [], "the file is closed")


def test_long_work_is_answered_with_what_became_of_its_key(server, beside, monkeypatch):
    begun, go_on = threading.Event(), threading.Event()
    read = server.service.list_projects

    def slow(entity=None):
        begun.set()
        assert go_on.wait(DEADLINE_S)
        return read(entity)

    monkeypatch.setattr(server.service, "list_projects", slow)
    body = json.dumps({"query": '{ models(entityName: "lab") { edges { node { name } } } }'}).encode()
    asked = Conversation(
        server, "POST", "/graphql", who="bob", body=[body], headers=[(b"content-type", b"application/json")]
    )
    assert begun.wait(DEADLINE_S)
    beside.remove_user("bob")
    try:
        assert problem_in(asked.wait_for_end()) == (401, "AuthenticationError")
    finally:
        go_on.set()


def test_what_was_refused_at_once_ends_nothing_later():
    bob = Person(id="1", username="bob", created_at=0.0)
    directory = Directory(people={"bob": bob}, by_key_id={"k": bob})
    standing = Standing(bob, "k")
    standing.require("write", "bob", "mine", lambda: directory)
    with pytest.raises(NotFoundError):
        standing.require("read", "ann", "secret", lambda: directory)
    standing.check(directory)
    with pytest.raises(AuthenticationError):
        standing.check(Directory())


def test_what_let_a_request_in_serves_its_first_verb_for_a_moment_and_no_other():
    bob = Person(id="1", username="bob", created_at=0.0)
    before = Directory(people={"bob": bob}, by_key_id={"k": bob})
    standing = Standing(bob, "k", seen=before)
    standing.require("write", "bob", "mine", Directory)
    with pytest.raises(AuthenticationError):
        standing.require("write", "bob", "mine", Directory)
    late = Standing(bob, "k", seen=before)
    time.sleep(FRESH_S)
    with pytest.raises(AuthenticationError):
        late.require("write", "bob", "mine", Directory)
    assert FRESH_S < YOUNG_S


def test_two_keys_of_one_person_end_apart(server, beside):
    second = beside.create_key("bob")
    server.keys["bob's other"] = second.key
    first_id = beside.list_keys("bob")[0].key_id
    tails = [Conversation(server, "GET", TAIL, who=who).wait_for(b"event: rows") for who in ("bob", "bob's other")]
    beside.revoke_key(first_id)
    tails[0].wait_for_end()
    log(server)
    tails[1].wait_for(b'"loss":1.0').leave()
    assert [[name for name, _ in events_of(tail)] for tail in tails] == [["rows", "problem"], ["rows", "rows"]]
