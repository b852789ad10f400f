"""Requests of people who are signed in and ask for too much: others are answered meanwhile, and all of it ends."""

import gzip
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from training import begin, chunk, row

from runlake.model import RunPath
from runlake.store.folder_store import FolderStore
from runlake.store.opening.open import open_run

EVIL = "^(a+)+$"
NAMED_EVILLY = "a" * 40 + "!"
WIDE = RunPath("bob", "own", "wide")
ATTACK_S = 15.0
HANG_UP_S = 3.0
"""After so long, every second attacker hangs up and asks anew: what it asked for must not go on for nobody."""

IN_PROJECT = '{ project(entityName: "bob", name: "own") { %s } }'
IN_RUN = IN_PROJECT % 'run(name: "wide") { %s }'
TYPES = {"filters": "JSONString", "specs": "[JSONString!]!", "names": "[String]", "pattern": "String"}


def graphql(document, **variables):
    declared = ", ".join(f"${name}: {TYPES[name]}" for name in variables)
    return "POST", "/graphql", {"json": {"query": f"query({declared}) {document}", "variables": variables}}


def created(count):
    document = (
        "mutation($files: [String!]!) { createRunFiles(input: "
        '{entityName: "bob", projectName: "own", runName: "wide", files: $files}) { files { name uploadUrl } } }'
    )
    names = [f"f{number}" for number in range(count)]
    return "POST", "/graphql", {"json": {"query": document, "variables": {"files": names}}}


def stream(lines, name="wandb-history.jsonl", run_id="streamed"):
    body = json.dumps({"files": {name: {"offset": 0, "content": lines}}}).encode()
    return (
        "POST",
        f"/files/bob/own/{run_id}/file_stream",
        {
            "content": gzip.compress(body, 1),
            "headers": {"Content-Encoding": "gzip", "Content-Type": "application/json"},
        },
    )


def query(method, path, **options):
    return method, f"/api/v1/{path}", options


def nested(depth):
    return (
        "POST",
        "/graphql",
        {"content": '{"query": "{viewer{id}}", "variables": {"a": %s}}' % ("[" * depth + "]" * depth)},
    )


COSTLY = {
    "a pattern that goes back for ever, over the wire": lambda: graphql(
        IN_PROJECT % "runs(filters: $filters) { edges { node { name } } }",
        filters=json.dumps({"display_name": {"$regex": EVIL}}),
    ),
    "the same, natively": lambda: query(
        "GET", "projects/bob/own/runs", params={"filters": json.dumps({"display_name": {"$regex": EVIL}})}
    ),
    "the same, as a table": lambda: query(
        "POST", "projects/bob/own/runs/table", json={"filters": {"display_name": {"$regex": EVIL}}}
    ),
    "a pattern of half a megabyte": lambda: graphql(
        IN_PROJECT % "runs(filters: $filters) { edges { node { name } } }",
        filters=json.dumps({"display_name": {"$regex": "(a|b)?" * 80_000}}),
    ),
    "a pattern that grows when it is compiled": lambda: query(
        "GET",
        "projects/bob/own/runs",
        params={"filters": json.dumps({"display_name": {"$regex": "((a{100}){100}){100}"}})},
    ),
    "a hundred thousand samples": lambda: graphql(
        IN_RUN % "sampledHistory(specs: $specs)", specs=['{"keys": ["loss"], "samples": 500}'] * 100_000
    ),
    "a sample of a hundred thousand keys": lambda: graphql(
        IN_RUN % "sampledHistory(specs: $specs)",
        specs=[json.dumps({"keys": [f"k{n}" for n in range(100_000)], "samples": 500})],
    ),
    "two hundred thousand files to be made": lambda: created(200_000),
    "a hundred thousand names of files": lambda: graphql(
        IN_RUN % "files(names: $names) { edges { node { name } } }", names=[f"f{number}" for number in range(100_000)]
    ),
    "a pattern of names as long": lambda: graphql(
        IN_RUN % "files(pattern: $pattern) { edges { node { name } } }", pattern="%a_" * 200_000
    ),
    "variables nested without end": lambda: nested(100_000),
    "a body that grows a thousandfold": lambda: stream([""] * (31 * 2**20 // 4)),
    "as many rows as fit": lambda: stream(['{"a":1}'] * 500_000),
    "as many printed lines as fit": lambda: stream(["x"] * 1_000_000, name="output.log"),
    "a row of a million keys": lambda: stream([json.dumps({f"k{number}": number for number in range(1_000_000)})]),
    "a wide table, whole": lambda: query("GET", "runs/bob/own/wide/history", params={"format": "table"}),
    "all runs' rows": lambda: query(
        "POST", "projects/bob/own/histories", json={"keys": [f"k{number:04}" for number in range(1_900)]}
    ),
}
"""What is asked, by what it is: bodies of many megabytes, each made when it is sent."""


@pytest.fixture
def besieged(besieged):
    """With a run whose rows are few bytes on disk and many cells in a table, one with a name for patterns."""
    layout = FolderStore(besieged.root)
    keys = [f"k{number:04}" for number in range(1_900)]
    writer = open_run(layout, WIDE, {"set": {}, "name": NAMED_EVILLY}).writer
    for step in range(60_000):
        writer.log({keys[step % len(keys)]: step}, step=step, timestamp=1e9 + step, runtime=0.0)
    writer.end({"exit_code": 0})
    writer.close()
    with besieged.client("bob") as bob:
        begin(bob, "streamed", project="own", entity="bob")
    return besieged


def attack(besieged, request, ended, hangs_up):
    """Ask again and again; answers the statuses."""
    method, path, options = request
    statuses = []
    with besieged.client("bob", timeout=HANG_UP_S if hangs_up else 120.0) as bob:
        while not ended.is_set():
            try:
                statuses.append(bob.request(method, path, **options).status_code)
            except httpx.TimeoutException:
                statuses.append(None)
            except httpx.TransportError:
                statuses.append(None)
                time.sleep(0.1)
    return statuses


def live_on(besieged, ended):
    """What others do: carl trains and looks at his run. Answers how often he was answered as always."""
    count = 0
    with besieged.client("carl") as carl:
        begin(carl, "r", project="own", entity="carl")
        while not ended.is_set():
            answer = carl.post("/files/carl/own/r/file_stream", json=chunk(count, [row(count)]))
            while answer.status_code in (429, 503):
                time.sleep(float(answer.headers["Retry-After"]))
                answer = carl.post("/files/carl/own/r/file_stream", json=chunk(count, [row(count)]))
            assert answer.status_code == 200, answer.text
            count += 1
            document = '{ project(entityName: "carl", name: "own") { run(name: "r") { historyLineCount } } }'
            answer = carl.post("/graphql", json={"query": document})
            assert answer.status_code in (200, 429, 503), answer.text
            if answer.status_code == 200:
                assert answer.json() == {"data": {"project": {"run": {"historyLineCount": count}}}}
            time.sleep(0.05)
    return count


@pytest.mark.parametrize("what", COSTLY)
def test_others_are_answered_while_somebody_asks_for_too_much(besieged, record_property, what):
    ended = threading.Event()
    with besieged.watched(record_property), ThreadPoolExecutor(9) as pool:
        living = pool.submit(live_on, besieged, ended)
        request = COSTLY[what]()
        attackers = [pool.submit(attack, besieged, request, ended, number % 2) for number in range(8)]
        time.sleep(ATTACK_S)
        ended.set()
        statuses = [status for attacker in attackers for status in attacker.result()]
        assert living.result() > 1
    assert statuses
    assert {status for status in statuses if status} <= {200, 400, 413, 422, 429, 503}
