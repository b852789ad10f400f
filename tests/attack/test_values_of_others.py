"""Journals and lines of others that are well formed and mean nothing: refused, or read by everybody, never a fault."""

import itertools
import json

import msgspec
import pytest
from hypothesis import Phase, given, note, settings
from hypothesis import strategies as st
from in_process import InProcess
from mutations import changed_parts, frames_of, part_of
from training import begin
from whole_story import PROJECT, readers, write_story

from runlake.model import OpenRequest
from runlake.store.ingest import grant_codec

ATTACKS = settings(max_examples=150, phases=[Phase.generate])
"""What is found is shown as it is: to make it smaller would ask the same server for minutes."""

numbers = itertools.count()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """With a project in which one run is well."""
    server = InProcess(tmp_path_factory.mktemp("values") / "store", requests_per_s=1e6, burst_requests=10**6)
    server.add_user("bob")
    write_story(server.config.root, "well")
    yield server
    server.close()


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """(header, bytes) of a journal that was written elsewhere."""
    return write_story(tmp_path_factory.mktemp("elsewhere"), "told")


def read_everything(server, run_id):
    """Everybody reads; what cannot be had of that run is said, what belongs to the others is there."""
    for method, path, options in readers(run_id):
        answer = server.ask(method, path, who="bob", **options)
        assert answer.status_code < 500, (method, path, answer.text)
        if path.startswith("/api/v1/projects"):
            assert answer.status_code == 200, (method, path, answer.text)
        if path == "/graphql":
            said = answer.json()
            assert [error for error in said.get("errors", ()) if "internal" in error["message"].lower()] == []
            names = [edge["node"]["name"] for edge in said["data"]["project"]["runs"]["edges"]]
            assert "well" in names
    listed = server.ask("GET", "/api/v1/projects/bob/own/runs", who="bob").json()
    assert "well" in [run["run_id"] for run in listed["runs"]]
    assert list(server.service.check(*PROJECT)) is not None


def care_for(server, run_id, *, is_there=True):
    """Whoever keeps the store goes over it, and the run can be deleted; one that was never begun is not there."""
    list(server.service.seal(*PROJECT))
    read_everything(server, run_id)
    deleted = server.ask("DELETE", f"/api/v1/runs/bob/own/{run_id}", who="bob")
    assert deleted.status_code == 204 or (not is_there and deleted.status_code == 404), deleted.text
    listed = server.ask("GET", "/api/v1/projects/bob/own/runs", who="bob").json()
    assert run_id not in [run["run_id"] for run in listed["runs"]]


@ATTACKS
@given(data=st.data())
def test_a_journal_of_others_is_refused_or_read_by_everybody(server, story, data):
    run_id = f"j{next(numbers)}"
    header, whole = story
    hostile = data.draw(changed_parts(whole))
    opening = OpenRequest(token="t", header={**header, "run_id": run_id, "incarnation": run_id})
    run = f"/api/v1/runs/bob/own/{run_id}"
    opened = server.ask("POST", f"{run}/writers", who="bob", content=grant_codec.pack_request(opening))
    assert opened.status_code == 200, opened.text
    path = f"{run}/writers/{header['writer']}/0"
    answer = server.ask("PUT", path, who="bob", content=reheaded(hostile, run_id))
    note(answer.text)
    assert answer.status_code < 500
    read_everything(server, run_id)
    care_for(server, run_id, is_there=answer.is_success)


def reheaded(part, run_id):
    """The same part, of the run of that id."""
    (kind, head), *rest = frames_of(part)
    fields = {**msgspec.msgpack.decode(head), "run_id": run_id, "incarnation": run_id}
    return part_of([(kind, msgspec.msgpack.encode(fields)), *rest])


json_values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.floats(), st.text(max_size=5), st.integers(-(10**400), 10**400), st.just(10**400)
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["a", "", "_type", "\0", "_step"]), inner, max_size=3),
    ),
    max_leaves=6,
)
special = st.sampled_from(["_step", "_timestamp", "_runtime", "_wandb", "loss", "a", "", "\ud800", "a.b", "k" * 2000])
_NO_ROWS = ["", "{", "[]", "null", "{}", '{"a":1,"a":2}', '{"\\ud800":1}', "\0\x1b[2J"]
_NUMBERS = [f'{{"{axis}":{number}}}' for axis in ("_step", "_timestamp", "_runtime", "a") for number in (
    "1e400", "-1e400", "9" * 400, "9" * 40, "-1", "1.5", "Infinity", "NaN", "true", '"x"', "null")]  # fmt: skip
_DEEP = ['{"a":' + "[" * 2000 + "]" * 2000 + "}", '{"a":' * 3000 + "1" + "}" * 3000]
_PRINTED = [
    '{"content":"x","level":5,"label":[1]}', '{"content":{"a":1},"ts":5}', '{"content":"x","ts":"9999-99-99"}',
    "2024-13-45T99:99:99 x", "ERROR 2024-01-01T00:00:00.000000 [x] y",
]  # fmt: skip
raw_lines = st.sampled_from([*_NO_ROWS, *_NUMBERS, *_DEEP, *_PRINTED])
lines = st.one_of(raw_lines, st.dictionaries(special, json_values, max_size=4).map(json.dumps))
names = st.sampled_from(["wandb-history.jsonl", "wandb-events.jsonl", "wandb-summary.json", "output.log", "x"])


class _Client:
    """Posts in process as a person does over a socket."""

    def __init__(self, server, who):
        self._server, self._who = server, who

    def post(self, path, **options):
        return self._server.ask("POST", path, who=self._who, **options)


@ATTACKS
@given(st.lists(st.tuples(names, st.integers(-1, 3), st.lists(lines, min_size=1, max_size=3)), min_size=1, max_size=4))
def test_lines_of_others_are_refused_or_read_by_everybody(server, sent):
    run_id = f"l{next(numbers)}"
    begin(_Client(server, "bob"), run_id, project="own", entity="bob")
    for name, offset, content in sent:
        body = {"files": {name: {"offset": offset, "content": content}}}
        answer = server.ask("POST", f"/files/bob/own/{run_id}/file_stream", who="bob", json=body)
        note(f"{answer.status_code} {answer.text}")
        assert answer.status_code in (200, 400, 413, 422, 501, 503)
    server.ask("POST", f"/files/bob/own/{run_id}/file_stream", who="bob", json={"complete": True, "exitcode": 0})
    read_everything(server, run_id)
    care_for(server, run_id)


edits = st.fixed_dictionaries(
    {},
    optional={
        "config": st.one_of(json_values, st.dictionaries(special, json_values, max_size=3)),
        "summary": st.one_of(json_values, st.dictionaries(special, json_values, max_size=3)),
        "info": st.one_of(
            json_values,
            st.dictionaries(st.sampled_from(["tags", "notes", "name", "group", "state", "x"]), json_values, max_size=3),
        ),
        "x": json_values,
    },
)


@ATTACKS
@given(edits)
def test_an_edit_is_refused_or_read_by_everybody(server, edit):
    run_id = f"e{next(numbers)}"
    write_story(server.config.root, run_id)
    answer = server.ask(
        "PATCH", f"/api/v1/runs/bob/own/{run_id}", who="bob", content=json.dumps(edit).encode("utf-8", "surrogatepass")
    )
    note(answer.text)
    assert answer.status_code < 500
    read_everything(server, run_id)
    care_for(server, run_id)


_parameters = st.dictionaries(
    st.sampled_from(["min", "max", "values", "distribution", "mu", "sigma", "q", "value", "probabilities"]),
    st.one_of(json_values, st.sampled_from(["q_log_normal", "log_uniform_values", "int_uniform", 700, 2**31, 1e308])),
)
sweep_configs = st.dictionaries(
    st.sampled_from(["method", "parameters", "metric", "run_cap", "early_terminate", "name", "command"]),
    st.one_of(json_values, st.sampled_from(["grid", "random", "bayes"]), st.dictionaries(special, _parameters)),
    max_size=6,
)


@ATTACKS
@given(sweep_configs)
def test_a_sweep_is_refused_or_hands_out_runs(server, config):
    content = json.dumps({"config": config, "sweep_id": f"s{next(numbers)}"})
    answer = server.ask("POST", "/api/v1/projects/bob/own/sweeps", who="bob", content=content)
    note(answer.text)
    assert answer.status_code < 500
    if answer.status_code != 201:
        return
    sweep = f"/api/v1/sweeps/bob/own/{answer.json()['path'][2]}"
    joined = server.ask("POST", f"{sweep}/agents", who="bob", json={})
    assert joined.status_code < 500, joined.text
    if joined.status_code == 201:
        report = {"wanted_count": 1}
        agent = server.ask("POST", f"{sweep}/agents/{joined.json()['agent_id']}/report", who="bob", json=report)
        assert agent.status_code < 500, agent.text
    for path in (sweep, "/api/v1/projects/bob/own/sweeps"):
        assert server.ask("GET", path, who="bob").status_code == 200
    document = (
        '{ project(entityName: "bob", name: "own") { sweeps { edges { node { name config runCount bestLoss } } } } }'
    )
    said = server.ask("POST", "/graphql", who="bob", json={"query": document}).json()
    assert "errors" not in said, said
    assert server.ask("DELETE", sweep, who="bob").status_code == 204
