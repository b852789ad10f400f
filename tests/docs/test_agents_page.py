"""The page for agents: its blocks of settings start a server that answers, and its program prints what it says."""

import json
import re
import sys
import tomllib

from anyio.from_thread import start_blocking_portal
from pages import ROOT, blocks, environment, make_desk, run_python, texts

from runlake.mcp.answers import MAX_ANSWER_BYTES
from runlake.mcp.tools import TOOLS
from runlake.server.mcp import EDITS, PATH

PAGE = "docs/guide/agents.md"
TEXT = (ROOT / PAGE).read_text("utf-8")
STORE = "/data/.runlake"


def settings():
    """What stands under the name of the server in each block of settings."""
    for text in texts(PAGE, "json"):
        (servers,) = json.loads(text).values()
        yield servers["runlake"]
    for text in texts(PAGE, "toml"):
        yield tomllib.loads(text)["mcp_servers"]["runlake"]


LOCAL = [each for each in settings() if "command" in each]
REMOTE = [each for each in settings() if "url" in each]


def test_what_is_written_into_programs_is_the_same_and_starts_a_server_that_answers(tmp_path):
    from mcp import Client  # it takes half a second, and every process of the tests collects this file
    from mcp.client.stdio import StdioServerParameters

    each = {"command": "runlake", "args": ["mcp", STORE]}
    assert [each, {"type": "stdio", **each}, each] == LOCAL
    desk = make_desk(tmp_path)
    arguments = [str(desk / ".runlake") if word == STORE else word for word in each["args"]]
    server = StdioServerParameters(command=sys.executable, args=["-m", "runlake", *arguments], env=environment(desk))
    with start_blocking_portal() as portal:
        client = Client(server)
        with portal.wrap_async_context_manager(client):
            answer = portal.call(client.call_tool, "list_projects", {})
    assert json.loads(answer.content[0].text) == {
        "complete": True, "default_entity": "ann", "total_count": 0, "projects": [],
    }  # fmt: skip


def test_what_is_written_for_a_server_is_its_address_and_a_key():
    assert [each["url"] for each in REMOTE] == ["https://lake.example" + PATH] * 2
    assert REMOTE[0]["headers"] == {"Authorization": "Bearer local-…"}
    assert REMOTE[1]["bearer_token_env_var"] == "RUNLAKE_API_KEY"
    assert f"?{EDITS}=true" in TEXT


def test_the_table_has_every_tool_in_order():
    assert re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE) == list(TOOLS)
    assert f"{MAX_ANSWER_BYTES:,} bytes" in TEXT


def test_the_program_prints_what_the_page_says(tmp_path):
    printed = run_python("\n".join(texts(PAGE, "python")), make_desk(tmp_path))
    assert printed.replace("ann/digits", "USER/digits") == "".join(texts(PAGE, "text"))


def test_there_is_no_other_kind_of_block():
    assert {kind for kind, _ in blocks(PAGE)} == {"json", "toml", "python", "text"}
