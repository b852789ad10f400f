"""URLs that W&B's client is given for files and exports: whose they are, for how long, and what ends them."""

import json
import time

import pytest
from in_process import InProcess

from runlake.model import LoggedRow, RunPath, WriterBatch, WriterStart
from runlake.server.people.standing import Standing

RUN = RunPath("lab", "plans", "r1")
ASK = """{ project(name: "plans", entityName: "lab") { run(name: "r1") {
  files(names: ["a.txt"]) { edges { node { directUrl uploadUrl } } }
  parquetHistory(liveKeys: []) { parquetUrls } } } }"""
CREATE = """mutation { createRunFiles(input: {
  entityName: "lab", projectName: "plans", runName: "r1", files: ["new.txt"]}) { files { uploadUrl } } }"""
ROWS = 20_000


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A run of a team with a file, and rows enough for an export."""
    server = InProcess(tmp_path_factory.mktemp("signed") / "store")
    service = server.service
    writer = service.begin_writer(RUN, WriterStart()).writer
    rows = [LoggedRow(step=n, timestamp=1.7e9 + n, runtime=float(n), values={"loss": 0.5}) for n in range(ROWS)]
    service.write_batch(RUN, writer, WriterBatch(rows={"history": rows}, exit_code=0))
    yield server
    server.close()


@pytest.fixture
def server(store):
    """The people of this test: bob, a member of the team."""
    store.add_user("bob")
    store.people.add_team("lab", {"bob": "member"})
    assert store.ask("PUT", f"/api/v1/runs/{RUN}/files/a.txt", who="bob", content=b"old").status_code == 200
    yield store
    store.people.remove_team("lab")
    for person in store.people.list_users():
        if person.username != "ann":
            store.people.remove_user(person.username)


def urls(server, who="bob"):
    """What the client of that person was given: to get a file, to put two, to get an export."""
    told = server.ask("POST", "/graphql", who=who, json={"query": ASK}).json()["data"]["project"]["run"]
    made = server.ask("POST", "/graphql", who=who, json={"query": CREATE}).json()["data"]["createRunFiles"]
    node = told["files"]["edges"][0]["node"]
    (export,) = told["parquetHistory"]["parquetUrls"]
    return [
        ("GET", node["directUrl"]),
        ("PUT", node["uploadUrl"]),
        ("PUT", made["files"][0]["uploadUrl"]),
        ("GET", export),
    ]


def use(server, given):
    """What each is answered: the status, and for a refusal its kind."""
    answers = [server.ask(method, url, content=b"new" if method == "PUT" else None) for method, url in given]
    return [
        (answer.status_code, "" if answer.status_code == 200 else json.loads(answer.content)["error"]["type"])
        for answer in answers
    ]


def kept(server):
    with server.service.open_file(RUN, "a.txt") as file:
        return file.read()


def test_urls_are_good_for_who_asked_for_them_without_a_key(server):
    assert use(server, urls(server)) == [(200, "")] * 4
    assert kept(server) == b"new"


def test_who_may_only_read_is_given_no_url_to_put_a_file(server):
    server.people.set_member("lab", "bob", "viewer")
    document = ASK.replace("directUrl uploadUrl", "directUrl uploadUrl url(upload: true)")
    told = server.ask("POST", "/graphql", who="bob", json={"query": document}).json()
    (edge,) = told["data"]["project"]["run"]["files"]["edges"]
    read_url = edge["node"].pop("directUrl")
    assert (edge["node"], use(server, [("GET", read_url)])) == ({"uploadUrl": None, "url": None}, [(200, "")])


def test_urls_end_with_the_key_they_were_asked_with(server):
    other = server.people.create_key("bob")
    server.keys["bob's other"] = other.key
    given, of_other = urls(server), urls(server, "bob's other")
    server.people.revoke_key(server.people.list_keys("bob")[0].key_id)
    assert use(server, given) == [(401, "AuthenticationError")] * 4
    assert kept(server) == b"old"
    assert use(server, of_other) == [(200, "")] * 4


def test_urls_are_not_those_of_who_gets_the_name_next(server):
    given = urls(server)
    server.people.remove_user("bob")
    server.add_user("bob")
    server.people.set_member("lab", "bob", "member")
    assert use(server, given) == [(401, "AuthenticationError")] * 4
    assert kept(server) == b"old"
    assert use(server, urls(server)) == [(200, "")] * 4


def test_urls_say_what_their_person_may_do_now(server):
    given = urls(server)
    server.people.set_member("lab", "bob", "viewer")
    assert [status for status, _ in use(server, given)] == [200, 403, 403, 200]
    server.people.remove_member("lab", "bob")
    assert [status for status, _ in use(server, given)] == [404] * 4
    assert kept(server) == b"old"


def test_a_key_in_the_header_lends_nothing_to_a_url_of_another(server):
    given = urls(server)
    server.people.remove_member("lab", "bob")
    answers = [server.ask(method, url, who="ann", content=b"x" if method == "PUT" else None) for method, url in given]
    assert [answer.status_code for answer in answers] == [404] * 4


def test_urls_end_after_as_long_as_is_configured(server):
    assert server.config.url_life_s == 3600.0
    key_id, signer = server.people.list_keys("bob")[0].key_id, server.context.signer
    token = server.context.sign(server.context.service_for(Standing(None, key_id)), "GET", f"/files/{RUN}/a.txt")
    assert abs(int(token.partition(".")[0]) - time.time() - 3600.0) < 600
    subject = signer.check("GET", f"/files/{RUN}/a.txt", token, time.time())
    old = signer.sign("GET", f"/files/{RUN}/a.txt", time.time() - 1, subject=subject)
    answer = server.ask("GET", f"/files/{RUN}/a.txt", params={"token": old})
    assert (answer.status_code, answer.json()["error"]["type"]) == (403, "ExpiredError")


@pytest.mark.parametrize("subject", ["bob", "", ".", "{key}.", "{key}.{other}", "{other}.{user}"])
def test_a_subject_that_is_not_a_key_and_its_user_is_nobody(server, subject):
    person, key = server.people.find_user("bob"), server.people.list_keys("bob")[0].key_id
    said = subject.format(key=key, user=person.id, other="0" * 16)
    token = server.context.signer.sign("GET", f"/files/{RUN}/a.txt", time.time() + 60, subject=said)
    answer = server.ask("GET", f"/files/{RUN}/a.txt", params={"token": token})
    assert (answer.status_code, answer.json()["error"]["type"]) == (401, "AuthenticationError")
