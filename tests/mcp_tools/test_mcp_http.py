"""``/mcp`` of a server over a socket, spoken to by the official client, for whoever's key is sent."""

import sys
import threading
from contextlib import ExitStack, asynccontextmanager

import httpx
import pytest
import uvicorn
from asked_tools import Refused
from in_process import InProcess

from runlake.model import RunPath
from runlake.server.app import build_app
from runlake.server.config import ServerConfig
from waiting import DEADLINE_S, wait_until
from written_run import write_run

MESSAGE = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
HEADERS = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


class Served:
    """A server with the people ann, bob and eve, to whom a key each was given."""

    def __init__(self, root):
        self.built = build_app(ServerConfig(root=str(root), default_entity="ann"))
        people = self.built.context.people
        self.keys = {name: people.add_user(name).key for name in ("ann", "bob", "eve")}
        self._server = uvicorn.Server(uvicorn.Config(self.built.app, port=0, log_level="warning", lifespan="on"))
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()
        wait_until(lambda: self._server.started, "the server answers")
        self.url = f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}"

    def stop(self):
        self._server.should_exit = True
        self._thread.join()

    @asynccontextmanager
    async def transport(self, who, query=""):
        """What the SDK's client speaks through, with the key of somebody."""
        import httpx2
        from mcp.client.streamable_http import streamable_http_client

        headers = {"Authorization": f"Bearer {self.keys[who]}"}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=DEADLINE_S) as client,
            streamable_http_client(f"{self.url}/mcp{query}", http_client=client) as streams,
        ):
            yield streams


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    root = tmp_path_factory.mktemp("served") / "store"
    write_run(root, "ann/secret/a1", config={"lr": 0.1}, rows=[{"loss": 0.5}, {"loss": 0.25}])
    write_run(root, "bob/own/b1", rows=[{"loss": 3.0}], tags=["old"])
    served = Served(root)
    yield served
    served.stop()


@pytest.fixture(scope="module")
def ask_as(server, connect):
    """`Asking` as somebody; each way in is opened once."""
    with ExitStack() as stack:
        opened = {}

        def ask(who, query="", mode="auto"):
            if (who, query, mode) not in opened:
                opened[who, query, mode] = stack.enter_context(connect(server.transport(who, query), mode=mode))
            return opened[who, query, mode]

        yield ask


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_everyone_sees_what_is_theirs(ask_as, mode):
    ann, bob = ask_as("ann", mode=mode), ask_as("bob", mode=mode)
    assert [one["project"] for one in ann("list_projects")["projects"]] == ["ann/secret"]
    assert [one["project"] for one in bob("list_projects")["projects"]] == ["bob/own"]
    assert ann("read_metric", runs=["secret/a1"], key="loss")["runs"][0]["values"] == [0.5, 0.25]
    everything = "select entity, run_id, value from history where key = 'loss' order by value"
    assert ann("sql", query=everything)["rows"] == [["ann", "a1", 0.25], ["ann", "a1", 0.5]]
    assert bob("sql", query=everything)["rows"] == [["bob", "b1", 3.0]]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("describe_project", {"project": "ann/secret"}),
        ("list_runs", {"project": "ann/secret"}),
        ("read_run", {"run": "ann/secret/a1"}),
        ("read_metric", {"runs": ["ann/secret/a1"], "key": "loss"}),
        ("read_console", {"run": "ann/secret/a1"}),
        ("read_file", {"run": "ann/secret/a1", "name": "x"}),
        ("compare_runs", {"runs": ["bob/own/b1", "ann/secret/a1"]}),
        ("list_sweeps", {"project": "ann/secret"}),
        ("read_sweep", {"sweep": "ann/secret/s"}),
        ("list_artifacts", {"project": "ann/secret"}),
        ("read_artifact", {"artifact": "ann/secret/model:latest"}),
    ],
)
def test_what_is_not_theirs_is_not_there(ask_as, name, arguments):
    with pytest.raises(Refused, match="NotFoundError: no project ann/secret, or none that you may read"):
        ask_as("bob")(name, **arguments)
    text = ask_as("bob").text(name, **arguments)
    assert "bob/own" not in text.partition("did you mean")[0]


def test_who_has_no_key_is_told_so_and_reads_nothing(server):
    for headers in ({}, {"Authorization": "Bearer " + "x" * 40}):
        answer = httpx.post(f"{server.url}/mcp", json=MESSAGE, headers={**HEADERS, **headers}, timeout=DEADLINE_S)
        assert (answer.status_code, answer.json()["error"]["type"]) == (401, "AuthenticationError")


def test_nothing_is_sent_that_was_not_asked_for(server):
    with httpx.Client(base_url=server.url, auth=("api", server.keys["ann"]), timeout=DEADLINE_S) as client:
        for method in ("GET", "DELETE"):
            answer = client.request(method, "/mcp", headers={"Accept": "text/event-stream"})
            assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
        assert client.post("/mcp", content=b"{", headers=HEADERS).status_code == 400
        large = {**MESSAGE, "params": {"name": "x" * 2**20}}
        assert client.post("/mcp", json=large, headers=HEADERS).status_code == 413


def test_edits_are_asked_for_in_the_address_and_stay_with_who_may(server, ask_as):
    assert "edit_run" not in ask_as("bob").tools()
    with pytest.raises(Refused, match="ForbiddenError: edit_run changes runs"):
        ask_as("bob")("edit_run", run="own/b1", notes="x")
    bob = ask_as("bob", "?allow_edits=true")
    assert bob("edit_run", run="own/b1", notes="looked at", add_tags=["seen"], remove_tags=["old"])["tags"] == ["seen"]
    info = server.built.context.service.read_run(RunPath("bob", "own", "b1"))
    assert (info.notes, info.tags) == ("looked at", ("seen",))
    with pytest.raises(Refused, match="NotFoundError: no project ann/secret"):
        bob("edit_run", run="ann/secret/a1", notes="x")
    server.built.context.people.share_project("ann", "secret", "read")
    with pytest.raises(Refused, match="ForbiddenError: you may read ann/secret and not write to it"):
        bob("stop_run", run="ann/secret/a1")
    server.built.context.people.share_project("ann", "secret", "private")


@pytest.mark.slow
def test_the_command_speaks_for_a_server_with_the_key_that_is_kept(server, connect):
    """`runlake mcp URL`: for programs that start a command and know nothing of keys."""
    from mcp.client.stdio import StdioServerParameters

    environment = {"RUNLAKE_API_KEY": server.keys["bob"], "LOGNAME": "bob"}
    command = StdioServerParameters(
        command=sys.executable, args=["-m", "runlake", "mcp", server.url], env=environment
    )  # fmt: skip
    with connect(command) as ask:
        assert [one["project"] for one in ask("list_projects")["projects"]] == ["bob/own"]
        assert ask("describe_project", project="bob/own")["keys"]["rows"] == [["loss", "number", 1]]
        assert ask("sql", query="select run_id, value from history")["rows"] == [["b1", 3.0]]
        assert ask("read_metric", runs=["bob/own/b1"], key="loss")["runs"][0]["values"] == [3.0]
        with pytest.raises(Refused, match="NotFoundError: no project ann/secret"):
            ask("list_runs", project="ann/secret")


def test_a_key_that_is_revoked_is_good_for_nothing(server, ask_as):
    from mcp.shared.exceptions import MCPError

    ask = ask_as("eve")
    assert ask("list_projects")["projects"] == []
    people = server.built.context.people
    (key,) = people.list_keys("eve")
    people.revoke_key(key.key_id)
    with pytest.raises(MCPError, match="Server returned an error response"):
        ask("list_projects")


@pytest.mark.slow
def test_a_server_without_the_package_says_so_and_does_all_else(tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "runlake.mcp.protocol", raising=False)
    monkeypatch.setitem(sys.modules, "mcp_types", None)
    server = InProcess(tmp_path / "store")
    answer = server.ask("POST", "/mcp", who="ann", json=MESSAGE, headers=HEADERS)
    assert (answer.status_code, answer.json()["error"]["type"]) == (501, "NotSupportedError")
    assert "pip install 'runlake[mcp]'" in answer.json()["error"]["message"]
    assert server.ask("GET", "/api/v1/projects", who="ann").status_code == 200
    server.close()
