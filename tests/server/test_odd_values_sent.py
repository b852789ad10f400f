"""Values that no honest client means, at every entrance of a server: refused with a reason, or kept and read by all.

What is refused is a 4xx, which clients do not repeat; what is kept must not keep anybody from reading the project.
"""

import base64
import json

import msgspec
import pytest
from graphql import GraphQLNonNull, get_named_type
from in_process import InProcess

from runlake.model import FIRST_TIME_S, LAST_TIME_S, OpenRequest, RunPath
from runlake.server.wandb.documents.graphql import load_schema
from runlake.server.wandb.ids import run_node_id
from runlake.store.ingest.grant_codec import pack_request
from runlake.store.journal import record
from runlake.sweep_model import SweepStart

PATH = RunPath("ann", "p", "r")
TRAINING = {"user-agent": "wandb-core"}
DEEP = "[" * 100_000 + "]" * 100_000
DEEP_DICT = '{"a":' * 50_000 + "1" + "}" * 50_000

VALUES = {
    "NaN": "NaN",
    "Infinity": "-Infinity",
    "1e400": "1e400",
    "400 digits": "1" * 400,
    "5,000 digits": "1" * 5000,
    "65 bits": str(2**64),
    "below 64 bits": str(-(2**63) - 1),
    "a time beyond all calendars": "1e300",
    "a text": '"soon"',
    "an empty text": '""',
    "half a surrogate pair": '"\\ud800"',
    "control characters": '"\\u0000\\u001b[31m\\u0085"',
    "true": "true",
    "null": "null",
    "a list": "[1]",
    "a list of lists": "[" * 99 + "]" * 99,
    "nested 200 deep": "[" * 200 + "]" * 200,
    "nested 100,000 deep": DEEP,
    "a dict nested 50,000 deep": DEEP_DICT,
    "a mark": '{"$float": "x"}',
    "another mark": '{"$bytes": 5}',
    "a dict as a mark": '{"$dict": [[null, 1]]}',
    "media without an end": '{"_type": 5}',
}
KEYS = ["_timestamp", "_runtime", "_step", "a", "", ".", "a.b", "\x00", "_wandb", "$float", "k" * 70_000, "x." * 300]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = InProcess(tmp_path_factory.mktemp("odd") / "store")
    yield server
    server.close()


def begin(server, run_id, project="p"):
    """A run that the official client writes."""
    graphql(server, UPSERT, headers=TRAINING, name=run_id, modelName=project, host="h", config="{}")
    return f"/files/ann/{project}/{run_id}/file_stream"


UPSERT = "mutation($input: UpsertBucketInput!) { upsertBucket(input: $input) { bucket { id } } }"


def graphql(server, document, headers=None, **given):
    content = json.dumps({"query": document, "variables": {"input": given}})
    return server.ask("POST", "/graphql", who="ann", content=content, headers=headers or {})


def check_refused_or_kept(answer):
    """Whether it was kept; what came of it is somebody's own mistake in either case."""
    assert answer.status_code < 500, answer.text[:300]
    if answer.headers["content-type"].startswith("application/json") and answer.content:
        errors = answer.json().get("errors", ()) if answer.text.startswith("{") else ()
        assert "INTERNAL" not in {error["extensions"]["code"] for error in errors if "extensions" in error}, errors
        return answer.status_code == 200 and not errors
    return answer.status_code == 200


READ = """query($p: String) { project(name: $p, entityName: "ann") {
    runs(first: 100) { edges { node { name displayName notes tags config summaryMetrics state createdAt heartbeatAt
        history(samples: 5) events(samples: 5) logLines(last: 5) { edges { node { line level } } } } } }
    sweeps { edges { node { name runCountExpected config } } } } }"""


def check_readable(server, project="p"):
    """What whole-project readers say, and that each run can be deleted."""
    listing = server.ask("GET", f"/api/v1/projects/ann/{project}/runs", who="ann")
    assert listing.status_code == 200, listing.text[:300]
    body = json.dumps({"query": READ, "variables": {"p": project}})
    found = server.ask("POST", "/graphql", who="ann", content=body)
    assert (found.status_code, found.json().get("errors")) == (200, None), found.text[:600]
    run_ids = [run.run_id for run in server.service.list_runs("ann", project).runs]
    server.service.read_runs_table("ann", project)
    list(server.service.read_histories("ann", project, keys=["a", "_timestamp"]))
    assert [found for _, found in server.service.check("ann", project) if found] == []
    for run_id in run_ids:
        path = RunPath("ann", project, run_id)
        server.service.read_history(path)
        server.service.read_console(path)
        answer = server.ask("DELETE", f"/api/v1/runs/ann/{project}/{run_id}", who="ann")
        assert answer.status_code < 300, answer.text[:300]
    server.ask("GET", f"/api/v1/projects/ann/{project}/sweeps", who="ann")
    return run_ids


def lines_of(key):
    for value in VALUES.values():
        yield f'{{"good": 1, {json.dumps(key)}: {value}}}'


@pytest.mark.slow
@pytest.mark.parametrize("share", [6, pytest.param(1, marks=pytest.mark.long)])
def test_the_official_stream_keeps_or_refuses(server, share):
    address = begin(server, "stream")
    offsets = {"wandb-history.jsonl": 0, "wandb-events.jsonl": 0}
    for key in KEYS[::share]:
        for line in lines_of(key):
            for name in offsets:
                body = json.dumps({"files": {name: {"offset": offsets[name], "content": [line]}}})
                offsets[name] += check_refused_or_kept(server.ask("POST", address, who="ann", content=body))
            body = json.dumps({"files": {"wandb-summary.json": {"offset": 0, "content": [line]}}})
            check_refused_or_kept(server.ask("POST", address, who="ann", content=body))
    assert server.service.read_run(PATH._replace(run_id="stream")).row_count == offsets["wandb-history.jsonl"]
    assert check_readable(server) == ["stream"]


def test_a_row_with_an_impossible_time_is_kept_with_that_of_the_request(server):
    address = begin(server, "times")
    odd = ["NaN", "Infinity", "1e400", "1" * 400, "1e300", '"soon"', "true", "null"]
    content = [f'{{"a": {n}, "_timestamp": {value}, "_runtime": {value}}}' for n, value in enumerate(odd)]
    body = json.dumps({"files": {"wandb-history.jsonl": {"offset": 0, "content": content}}})
    assert server.ask("POST", address, who="ann", content=body).json() == {"stopped": False}
    history = server.service.read_history(PATH._replace(run_id="times"))
    assert history.runtime.tolist() == [0.0] * len(odd)
    assert all(FIRST_TIME_S < 1.7e9 < moment < LAST_TIME_S for moment in history.timestamp.tolist())
    assert check_readable(server) == ["times"]


def test_printed_lines_are_text_whatever_is_sent(server):
    address = begin(server, "console")
    lines = []
    for value in VALUES.values():
        lines += [f'{{"content": {value}}}', f'{{"content": "x", "level": {value}, "label": {value}, "ts": {value}}}']
    lines += ["0001-01-01T00:00:00 early", "9999-12-31T23:59:59 late", "2024-02-31T00:00:00 never", "\x00\x85"]
    for number, line in enumerate(lines):
        body = json.dumps({"files": {"output.log": {"offset": number, "content": [line]}}})
        check_refused_or_kept(server.ask("POST", address, who="ann", content=body))
    found = server.service.read_console(PATH._replace(run_id="console"))
    assert {type(line.text) for line in found} == {str}
    assert {type(line.level) for line in found} | {type(line.source) for line in found} <= {str, type(None)}
    assert check_readable(server) == ["console"]


@pytest.mark.parametrize(
    "body", [DEEP, DEEP_DICT, "{", "\ud800", '{"files": 5}', '{"files": {"a": {"offset": 1e300}}}']
)
def test_a_body_that_is_no_request_is_refused_at_every_entrance(server, body):
    address = begin(server, "body")
    content = body.encode("utf-8", "surrogatepass")
    edit, sweeps = "/api/v1/runs/ann/p/body", "/api/v1/projects/ann/p/sweeps"
    for method, url in [("POST", address), ("POST", "/graphql"), ("PATCH", edit), ("POST", sweeps)]:
        headers = {"content-type": "application/json"}
        answer = server.ask(method, url, who="ann", content=content, headers=headers)
        is_an_empty_edit = method == "PATCH" and "files" in body  # what it does not know, it passes over
        assert check_refused_or_kept(answer) is is_an_empty_edit, (method, url, answer.text[:200])
    assert server.ask("POST", f"{edit}/writers", who="ann", content=b"\x91" * 100_000 + b"\x90").status_code == 400
    assert check_readable(server) == ["body"]


def edits_with(value):
    """Bodies of an edit natively, one for each place where a value may stand."""
    yield from (f'{{"info": {{"{name}": {value}}}}}' for name in ("name", "notes", "tags", "group", "job_type", "x"))
    for part in ("config", "summary"):
        yield f'{{"{part}_set": {value}}}'
        yield from (f'{{"{part}_set": {{"{key}": {value}}}}}' for key in ("a.b", "", "."))
    yield f'{{"config_unset": {value}}}'
    yield f'{{"state": {value}}}'


def upserts_with(value):
    """The same of the official client."""
    try:
        plain = json.loads(value)
    except (ValueError, RecursionError):
        plain = value
    for name in ("displayName", "notes", "groupName", "jobType", "state", "description", "sweep", "jobProgram", "host"):
        yield {name: plain}
    yield from ({"tags": [plain]}, {"tags": plain})
    for name in ("config", "summaryMetrics"):
        yield from ({name: value}, {name: f'{{"a": {{"value": {value}}}}}'})
    hidden = [value, f'{{"branch_point": {{"run_id": "x", "step": {value}}}}}']
    hidden += [f'{{"m": [{{"1": "a", "{field}": {value}}}], "e": {{}}}}' for field in "12345678"]
    yield from ({"config": f'{{"_wandb": {{"value": {each}}}}}'} for each in hidden)


def every(share, of):
    """Some of all values at all places: each value and each place are among them, once and more."""
    for number, value in enumerate(VALUES.values()):
        for place, one in enumerate(of(value)):
            if (number + place) % share == 0:
                yield one


@pytest.mark.parametrize("share", [11, pytest.param(1, marks=pytest.mark.long)])
def test_edits_natively_keep_or_refuse(server, share):
    begin(server, "edit")
    address, headers = "/api/v1/runs/ann/p/edit", {"content-type": "application/json"}
    for edit in every(share, edits_with):
        check_refused_or_kept(server.ask("PATCH", address, who="ann", content=edit.encode(), headers=headers))
    far = json.dumps({"config_set": {".".join("a" * 50_000): 1}})
    assert server.ask("PATCH", address, who="ann", content=far, headers=headers).status_code == 400
    assert check_readable(server) == ["edit"]


@pytest.mark.parametrize("share", [13, pytest.param(1, marks=pytest.mark.long)])
@pytest.mark.parametrize("headers", [TRAINING, {}], ids=["by the process", "by a person"])
def test_edits_over_graphql_keep_or_refuse(server, headers, share):
    begin(server, "edited")
    for given in every(share, upserts_with):
        check_refused_or_kept(graphql(server, UPSERT, headers=headers, name="edited", modelName="p", **given))
    assert check_readable(server) == ["edited"]


HEAD = {
    "format": 1,
    "entity": "ann",
    "project": "p",
    "run_id": "native",
    "incarnation": "i1",
    "generation": "i1",
    "role": "run",
    "pid": 1,
    "created_at": 1.5e9,
}
BODIES = [
    (record.CONFIG, {"clock": "now", "n": 0}),
    (record.SUMMARY, {}),
    (record.DEFINE, {"clock": 1, "n": 0}),
    (record.CUT, {"clock": 1, "n": 0, "taken": 5, "writers": 5}),
    (record.ALERT, {"clock": 1, "n": 0, "title": 5}),
    (record.END, {"clock": 1, "n": 0}),
    (record.START, {"clock": 1, "n": 0, "tags": [1], "set": 5}),
    (record.SHAPE, {"number": 0, "paths": ["a", "a"], "lanes": ["f64", "f64"]}),
]


def row(timestamp=1.0, n=0, values=b"\x80"):
    return record.frame(record.MIXED, record.ROW_HEAD.pack(record.NO_SHAPE, 1, n, 0, timestamp, 0.0) + values)


FRAMES = [record.frame(kind, record.encode_body(body)) for kind, body in BODIES] + [
    record.frame(record.CONFIG, msgspec.msgpack.encode([1])),
    record.frame(record.CONFIG, b"\x81\xa1a" + b"\x91" * 50_000 + b"\x90"),
    row(timestamp=float("nan")),
    row(timestamp=float("inf")),
    row(n=2**63),
    row(values=b"\x81\x05\x05"),
    row(values=msgspec.msgpack.encode({"a": msgspec.msgpack.Ext(1, b"[" * 50_000 + b"]" * 50_000)})),
    row(values=msgspec.msgpack.encode({"a": msgspec.msgpack.Ext(1, b"{")})),
    row(values=msgspec.msgpack.encode({"a": msgspec.msgpack.Ext(9, b"1")})),
    row(values=msgspec.msgpack.encode({"a": [1]})),
    row(values=msgspec.msgpack.encode({"_step": 1})),
]


def test_a_journal_that_makes_no_sense_is_refused_before_it_is_kept(server):
    writers = "/api/v1/runs/ann/p/native/writers"
    opening = OpenRequest(token="t", header={**HEAD, "writer": "w1"})
    assert server.ask("POST", writers, who="ann", content=pack_request(opening)).status_code == 200
    head = {**HEAD, "writer": "w1", "number": 0, "first": {"history": 0, "events": 0, "console": 0}}
    good = record.MAGIC + record.frame(record.PART, record.encode_body(head)) + row()
    address = f"{writers}/w1/0"
    assert server.ask("PUT", address, who="ann", content=good).json()["next_offset"] == len(good)
    part = server.context.service._folder.store.journal_dir(PATH._replace(run_id="native")) / "w1-000.part"
    kept_count = 0
    for frames in FRAMES:
        answer = server.ask("PUT", f"{address}?offset={len(good)}", who="ann", content=frames)
        if answer.status_code == 200:
            kept_count, good = kept_count + 1, good + frames
        assert (answer.status_code in (200, 400), part.read_bytes()) == (True, good), (frames[:60], answer.text[:300])
    assert kept_count == 1  # a list for a value: every reader takes it for what it is
    assert check_readable(server) == ["native"]


def test_a_writer_that_is_opened_without_sense_is_refused(server):
    writers = "/api/v1/runs/ann/p/opened/writers"
    wrong = [
        OpenRequest(token="t1"),
        OpenRequest(token="t2", start=b"\x93"),
        OpenRequest(token="t3", start=msgspec.msgpack.encode({"set": 5})),
        OpenRequest(token="t4", start=msgspec.msgpack.encode({"clock": "x", "tags": 5})),
        OpenRequest(token="t5", start=record.encode_body({}), rewind_to=2**64 - 1),
        *(
            OpenRequest(token="t6", header={**HEAD, "writer": "w1", **more})
            for more in (
                {"created_at": "now"},
                {"created_at": float("inf")},
                {"session": "x"},
                {"taken": [[1]]},
                {"role": "x"},
                {"more": b"x"},
            )
        ),
    ]
    for opening in wrong:
        answer = server.ask("POST", writers, who="ann", content=pack_request(opening))
        assert answer.status_code == 400, (opening, answer.text[:300])
    assert check_readable(server) == []


def sweeps_with(value):
    yield from (value, f'{{"method": "random", "parameters": {value}}}')
    yield f'{{"method": "random", "parameters": {{"x": {{"value": 1}}}}, "run_cap": {value}}}'
    for kind in ("q_log_normal", "log_normal", "q_uniform", "int_uniform", "beta", "categorical"):
        for key in ("min", "max", "mu", "sigma", "q", "a", "values", "value"):
            yield f'{{"method": "random", "parameters": {{"x": {{"distribution": "{kind}", "{key}": {value}}}}}}}'


@pytest.mark.parametrize("share", [17, pytest.param(1, marks=pytest.mark.long)])
def test_sweeps_of_odd_values_are_refused_or_can_be_searched(server, share):
    headers = {"content-type": "application/json"}
    server.service.create_project("ann", "s")
    for config in every(share, sweeps_with):
        body = f'{{"config": {config}}}'.encode()
        answer = server.ask("POST", "/api/v1/projects/ann/s/sweeps", who="ann", content=body, headers=headers)
        check_refused_or_kept(answer)
        if answer.status_code == 201:
            check_agent(server, answer.json()["sweep_id"])
    check_readable(server, "s")


def check_agent(server, sweep_id):
    address = f"/api/v1/sweeps/ann/s/{sweep_id}/agents"
    agent = server.ask("POST", address, who="ann", json={}).json()["agent_id"]
    answer = server.ask("POST", f"{address}/{agent}/report", who="ann", json={"wanted_count": 2})
    assert answer.status_code == 200, answer.text[:300]


@pytest.mark.parametrize(
    "spec",
    [
        {"distribution": "q_log_normal", "mu": 700, "q": 1e-9},
        {"distribution": "q_normal", "mu": 1e308, "q": 1e-300},
        {"distribution": "q_uniform", "min": -1e308, "max": 1e308, "q": 1e-300},
        {"distribution": "normal", "sigma": 1e308},
        {"distribution": "beta", "a": 1e308, "b": 1e-308},
        {"min": 0, "max": 10**400},
    ],
)
def test_numbers_that_no_computer_holds_are_refused_when_the_sweep_is_made(server, spec):
    start = SweepStart(config={"method": "random", "parameters": {"x": spec}})
    answer = server.ask("POST", "/api/v1/projects/ann/s/sweeps", who="ann", json={"config": start.config})
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "SweepConfigError")


def test_a_grid_of_any_size_can_be_listed(server):
    grid = {"method": "grid", "parameters": {f"p{n}": {"values": list(range(10))} for n in range(12)}}
    config = json.dumps(grid)
    document = "mutation($input: UpsertSweepInput!) { upsertSweep(input: $input) { sweep { name runCountExpected } } }"
    answer = graphql(server, document, projectName="grids", config=config).json()
    assert answer["data"]["upsertSweep"]["sweep"]["runCountExpected"] is None
    check_readable(server, "grids")


def example(kind):
    """A value of an input type, the least there is."""
    named = get_named_type(kind)
    if hasattr(named, "fields"):
        return {
            name: example(field.type) for name, field in named.fields.items() if isinstance(field.type, GraphQLNonNull)
        }
    value = {"Int": 1, "Float": 1.0, "Boolean": True, "Int64": 1, "Duration": 1}.get(named.name, "x")
    return [value] if "[" in str(kind) else value


MUTATIONS = load_schema().mutation_type.fields


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutation_without_what_it_may_leave_out_is_answered(server, name):
    field = MUTATIONS[name].args["input"].type.of_type
    document = f"mutation($input: {field.name}!) {{ {name}(input: $input) {{ __typename }} }}"
    least = example(field)
    whole = {**least, **{key: example(one.type) for key, one in field.fields.items()}, "id": run_node_id(PATH)}
    whole = {key: value for key, value in whole.items() if key in field.fields}
    for given in [least, *({**whole, key: None} for key in whole if key not in least)]:
        for headers in (TRAINING, {}):
            answer = graphql(server, document, headers=headers, **given)
            assert check_refused_or_kept(answer) in (True, False)


def test_an_id_may_be_anything(server):
    for text in ["", "x", "\x00", "é", base64.b64encode(b"run/\xff/\xff/\xff").decode(), run_node_id(PATH) + "="]:
        document = "mutation($input: StopRunInput!) { stopRun(input: $input) { success } }"
        check_refused_or_kept(graphql(server, document, id=text))
