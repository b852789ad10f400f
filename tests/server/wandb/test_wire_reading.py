"""What the official client's reading documents are answered, field by field, over a store that our SDK wrote."""

import base64
import hashlib
import json
import math

import pytest
from asking import Desk

from runlake.model import RunEdit, RunPath

RUNS = """
query Runs($project: String!, $entity: String!, $cursor: String, $perPage: Int = 50, $order: String,
           $filters: JSONString) {
  project(name: $project, entityName: $entity) {
    internalId
    runCount(filters: $filters)
    readOnly
    runs(filters: $filters, after: $cursor, first: $perPage, order: $order) {
      edges { node { projectId ...RunFragment } cursor }
      pageInfo { endCursor hasNextPage }
    }
  }
}
fragment RunFragment on Run {
  id tags name displayName sweepName state config group jobType commit readOnly createdAt heartbeatAt description notes
  systemMetrics summaryMetrics historyLineCount user { name username } historyKeys
}
"""


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path / "store")


def run_ids(desk, **variables):
    project = desk.data(RUNS, project="digits", entity="ann", **variables)["project"]
    return [edge["node"]["name"] for edge in project["runs"]["edges"]], project["runCount"]


def test_a_run_is_told_with_every_field_of_the_client(desk):
    desk.write(
        rows=[{"loss": 1.0, "d": {"x": 1}}, {"loss": 0.5, "d": {"x": 2}}],
        events=[{"system.cpu": 3.5}],
        config={"lr": 0.1, "net": {"width": 8}, "a.b": 1},
        files={"wandb-metadata.json": b'{"git": {"commit": "c0ffee"}}'},
        name="first",
        tags=["x", "y"],
        notes="hello",
        group="g",
        job_type="train",
        user="ann",
    )
    answer = desk.data(RUNS, project="digits", entity="ann", cursor=None, order=None, filters=None)
    ((edge,), page) = answer["project"]["runs"]["edges"], answer["project"]["runs"]["pageInfo"]
    node = edge["node"]
    assert page == {"endCursor": edge["cursor"], "hasNextPage": False}
    assert answer["project"]["readOnly"] is False
    assert json.loads(node.pop("config")) == {
        "lr": {"value": 0.1},
        "net": {"value": {"width": 8}},
        "a.b": {"value": 1},
        "_wandb": {"value": {"t": {}}},
    }
    assert json.loads(node.pop("summaryMetrics")) == {
        "loss": 0.5,
        "d": {"x": 2},
        "_step": 1,
        "_runtime": 2.0,
        "_timestamp": 1_700_000_002.0,
        "_wandb": {"runtime": 2},
    }
    assert json.loads(node.pop("systemMetrics")) == {"system.cpu": 3.5}
    assert isinstance(node.pop("projectId"), int)
    assert node.pop("id")
    assert node == {
        "tags": ["x", "y"],
        "name": "r1",
        "displayName": "first",
        "sweepName": None,
        "state": "finished",
        "group": "g",
        "jobType": "train",
        "commit": "c0ffee",
        "readOnly": False,
        "createdAt": "2023-11-14T22:13:20Z",
        "heartbeatAt": node["heartbeatAt"],
        "description": "hello",
        "notes": "hello",
        "historyLineCount": 2,
        "user": {"name": "ann", "username": "ann"},
        "historyKeys": {
            "sets": [],
            "lastStep": 1,
            "keys": {
                "loss": {"typeCounts": [{"type": "number", "count": 2}], "monotonic": False, "previousValue": 0.5},
                "d.x": {"typeCounts": [{"type": "number", "count": 2}], "monotonic": False, "previousValue": 2},
            },
        },
    }
    assert desk.run("historyKeys")["historyKeys"] == node["historyKeys"]


@pytest.mark.parametrize("is_sealed", [False, True])
def test_each_key_has_counts_of_its_own(desk, is_sealed):
    desk.write(rows=[{"loss": 1}, {"loss": 0.5, "once": "x"}, {"loss": None}])
    if is_sealed:
        list(desk.service.seal("ann", "digits", "r1"))
    keys = desk.run("historyKeys")["historyKeys"]["keys"]
    assert {key: found["typeCounts"] for key, found in keys.items()} == {
        "loss": [{"type": "number", "count": 2}, {"type": "nil", "count": 1}],
        "once": [{"type": "string", "count": 1}],
    }
    (edge,) = desk.data(RUNS, project="digits", entity="ann")["project"]["runs"]["edges"]
    assert edge["node"]["historyKeys"]["keys"] == keys


def test_runs_and_projects_that_are_not_there_are_null(desk):
    desk.write()
    missing = 'query { project(name: "digits", entityName: "ann") { run(name: "r2") { id } } }'
    assert desk.data(missing) == {"project": {"run": None}}
    assert desk.data('{ project(name: "nope", entityName: "ann") { id runCount } }') == {"project": None}
    assert desk.data('{ project(name: "", entityName: "ann") { run(name: "", desc: "x") { name } } }') == {
        "project": None
    }
    assert desk.data('{ project(name: "digits") { run(name: "../x", desc: "x") { name } } }') == {
        "project": {"run": None}
    }
    resume = '{ model(name: "digits", entityName: "ann") { bucket(name: "r9", missingOk: true) { id } } }'
    assert desk.data(resume) == {"model": {"bucket": None}}


def test_filters_and_orders_are_those_of_the_client(desk):
    for number in range(4):
        desk.write(
            f"ann/digits/r{number}",
            rows=[{"acc": number / 10}],
            config={"lr": number, "a": {"b": number}},
            at_s=number,
            tags=["even"] if number % 2 == 0 else [],
        )
    assert run_ids(desk) == (["r0", "r1", "r2", "r3"], 4)
    for filters, found in {
        '{"config.lr.value": {"$gte": 2}}': ["r2", "r3"],
        '{"config.lr": 1}': ["r1"],
        '{"config.a.value.b": 3}': ["r3"],
        '{"summary_metrics.acc": {"$lt": 0.15}}': ["r0", "r1"],
        '{"summaryMetrics.acc": 0.3}': ["r3"],
        '{"tags": "even"}': ["r0", "r2"],
        '{"tags": {"$in": ["even"]}}': ["r0", "r2"],
        '{"$and": [{"sweep": "none"}]}': [],
        '{"$or": [{"name": "r0"}, {"displayName": "none"}]}': ["r0"],
        '{"createdAt": {"$gt": "2023-11-14T22:13:22"}}': ["r3"],
        "{}": ["r0", "r1", "r2", "r3"],
    }.items():
        assert run_ids(desk, filters=filters) == (found, len(found)), filters
    assert run_ids(desk, order="-summary_metrics.acc")[0] == ["r3", "r2", "r1", "r0"]
    assert run_ids(desk, order="-created_at")[0] == ["r3", "r2", "r1", "r0"]
    assert run_ids(desk, order="-config.lr.value, +created_at")[0] == ["r3", "r2", "r1", "r0"]


def test_a_filter_that_cannot_be_read_is_an_error_that_says_so(desk):
    desk.write()
    for filters in ('{"bogus": 1}', "[1]", "{", '{"config.lr": {"$wrong": 1}}'):
        (error, *_) = desk.ask(RUNS, project="digits", entity="ann", filters=filters)["errors"]
        assert error["extensions"]["code"] in ("FILTER", "BAD_VALUE")
        assert "filter" in error["message"]


def test_pages_neither_repeat_nor_miss_runs_while_runs_come_and_go(desk):
    for number in range(6):
        desk.write(f"ann/digits/r{number}", at_s=number)
    seen, cursor = [], None
    while True:
        project = desk.data(RUNS, project="digits", entity="ann", perPage=2, order="-created_at", cursor=cursor)
        runs = project["project"]["runs"]
        seen += [edge["node"]["name"] for edge in runs["edges"]]
        if not runs["pageInfo"]["hasNextPage"]:
            break
        cursor = runs["edges"][-1]["cursor"]
        desk.write(f"ann/digits/new{len(seen)}", at_s=100 + len(seen))
        desk.service.delete_run(RunPath("ann", "digits", "r5")) if len(seen) == 2 else None
    assert seen == ["r5", "r4", "r3", "r2", "r1", "r0"]


def test_a_cursor_of_another_process_goes_on_behind_the_run_that_it_names(desk):
    for number in range(6):
        desk.write(f"ann/digits/r{number}", at_s=number)
    first = desk.data(RUNS, project="digits", entity="ann", perPage=2, order="-created_at")["project"]["runs"]
    desk.write("ann/digits/new", at_s=100)
    other = Desk(desk.root)
    second = other.data(
        RUNS,
        project="digits",
        entity="ann",
        perPage=3,
        order="-created_at",
        cursor=first["pageInfo"]["endCursor"],
    )["project"]["runs"]
    assert [edge["node"]["name"] for edge in second["edges"]] == ["r3", "r2", "r1"]
    assert second["pageInfo"]["hasNextPage"] is True


def test_history_is_ordered_by_step_and_holds_what_was_logged(desk):
    rows = [{"loss": math.nan, "d": {"x": 1}}, {"loss": math.inf}, {"s": "é", "l": [1, math.nan], "big": 2**60}]
    desk.write(rows=rows, steps=[5, 2, 2])
    found = [json.loads(text) for text in desk.run("history(samples: 500)")["history"]]
    assert str(found) == str(
        [
            {"_step": 2, "_runtime": 2.0, "_timestamp": 1_700_000_002.0, "loss": math.inf},
            {
                "_step": 2,
                "_runtime": 3.0,
                "_timestamp": 1_700_000_003.0,
                "s": "é",
                "l": [1, math.nan],
                "big": 2**60,
            },
            {"_step": 5, "_runtime": 1.0, "_timestamp": 1_700_000_001.0, "loss": math.nan, "d": {"x": 1}},
        ]
    )


def test_a_page_of_steps_has_all_their_rows_even_when_steps_repeat(desk):
    desk.write(rows=[{"i": number} for number in range(6)], steps=[0, 1, 1, 1, 2, 3])

    def page(low, high):
        return [
            json.loads(t)["i"] for t in desk.run(f"history(minStep: {low}, maxStep: {high}, samples: 2)")["history"]
        ]

    assert page(0, 2) == [0, 1, 2, 3]
    assert page(2, 4) == [4, 5]
    assert page(4, 6) == []
    spec = json.dumps({"keys": ["_step", "i"], "minStep": 0, "maxStep": 1, "samples": 2})
    document = 'query($s: [JSONString!]!) { project(name: "digits") { run(name: "r1") { sampledHistory(specs: $s) } } }'
    found = desk.data(document, s=spec)["project"]["run"]["sampledHistory"]
    assert found == [[{"_step": 0, "i": 0}, {"_step": 1, "i": 1}, {"_step": 1, "i": 2}, {"_step": 1, "i": 3}]]


def test_sampled_history_is_strict_json_of_the_rows_with_all_keys(desk):
    desk.write(
        rows=[
            {"a": 1, "d": {"x": math.nan}},
            {"a": 2},
            {"a": 3, "d": {"x": -math.inf}, "other": 1},
            {"a": "text", "d": {"x": {"_type": "m", "v": math.inf}}},
        ]
    )
    document = """query($specs: [JSONString!]!) {
      project(name: "digits", entityName: "ann") { run(name: "r1") { sampledHistory(specs: $specs) } }
    }"""
    specs = [
        '{"keys": ["_step", "a", "d.x"], "samples": 500}',
        '{"keys": ["other"], "samples": 10}',
        '{"keys": ["none"], "samples": 10}',
        "{}",
    ]
    assert desk.data(document, specs=specs)["project"]["run"]["sampledHistory"] == [
        [
            {"_step": 0, "a": 1, "d": {"x": "NaN"}},
            {"_step": 2, "a": 3, "d": {"x": "-Infinity"}},
            {"_step": 3, "a": "text", "d": {"x": {"_type": "m", "v": "Infinity"}}},
        ],
        [{"_step": 2, "other": 1}],
        [],
        [],
    ]
    for spec in ("[]", '{"keys": "a"}', '{"keys": ["a"], "samples": "x"}', "x"):
        assert desk.ask(document, specs=[spec])["errors"][0]["extensions"]["code"] == "BAD_VALUE"


def test_one_numeric_key_keeps_its_peaks_when_sampled(desk):
    desk.write(rows=[{"v": 1.0 if number != 700 else 9.0} for number in range(1000)])
    document = """query($specs: [JSONString!]!) {
      project(name: "digits", entityName: "ann") { run(name: "r1") { sampledHistory(specs: $specs) } }
    }"""
    found = desk.data(document, specs='{"keys": ["v"], "samples": 20}')["project"]["run"]["sampledHistory"][0]
    assert len(found) == 20
    assert {"_step": 700, "v": 9.0} in found


@pytest.mark.parametrize("is_sealed", [False, True])
def test_a_sampled_history_has_as_many_rows_as_asked_for_or_as_there_are(desk, is_sealed):
    desk.write(
        rows=[{"v": i / 7, "gap": math.nan if i % 5 else i, **({"some": i} if i % 3 else {})} for i in range(600)]
    )
    if is_sealed:
        list(desk.service.seal("ann", "digits", "r1"))
    asked = [
        (keys, samples) for keys in (["v"], ["some"], ["gap"], ["v", "some"]) for samples in (1, 4, 6, 7, 500, 900)
    ]
    specs = [json.dumps({"keys": ["_step", *keys], "samples": samples}) for keys, samples in asked]
    document = """query($specs: [JSONString!]!) {
      project(name: "digits", entityName: "ann") { run(name: "r1") { sampledHistory(specs: $specs) } }
    }"""
    found = desk.data(document, specs=specs)["project"]["run"]["sampledHistory"]
    assert [len(rows) for rows in found] == [min(samples, 400 if "some" in keys else 600) for keys, samples in asked]


def test_a_history_that_grows_is_read_anew(desk):
    writer = desk.write(rows=[{"a": 1}], ended=False)
    assert len(desk.run("history")["history"]) == 1
    writer.log({"a": 2}, stream="history", step=1, timestamp=1_700_000_009.0, runtime=9.0)
    assert len(desk.run("history")["history"]) == 2
    writer.end({"exit_code": 0, "runtime": 9.0})


def test_the_system_stream_comes_as_the_client_knows_it(desk):
    desk.write(events=[{"system.cpu": 1.5}, {"system.cpu": 2.5}])
    assert [json.loads(row) for row in desk.run("events(samples: 500)")["events"]] == [
        {"_wandb": True, "_timestamp": 1_700_000_001.0, "_runtime": 1.0, "system.cpu": 1.5},
        {"_wandb": True, "_timestamp": 1_700_000_002.0, "_runtime": 2.0, "system.cpu": 2.5},
    ]


def test_a_resuming_client_is_told_where_the_run_stood(desk):
    desk.write(
        rows=[{"a": 1}, {"a": math.nan}],
        events=[{"system.cpu": 1}],
        console=[{"line": 0, "text": "x"}],
        config={"_wandb": {"t": {"1": [2]}, "m": []}},
        notes="n",
    )
    document = """query RunResumeStatus($project: String, $entity: String, $name: String!) {
      model(name: $project, entityName: $entity) {
        name entity { name }
        bucket(name: $name, missingOk: true) {
          name displayName logLineCount historyLineCount eventsLineCount historyTail eventsTail tags notes
          wandbConfig(keys: ["t"])
        }
      }
    }"""
    model = desk.data(document, project="digits", entity="ann", name="r1")["model"]
    bucket = model["bucket"]
    (row,) = json.loads(bucket.pop("historyTail"))
    assert str(json.loads(row)) == str({"_step": 1, "_runtime": 2.0, "_timestamp": 1_700_000_002.0, "a": math.nan})
    (event,) = json.loads(bucket.pop("eventsTail"))
    assert json.loads(event)["_runtime"] == 1.0
    assert json.loads(bucket.pop("wandbConfig")) == {"t": {"1": [2]}}
    assert model["entity"] == {"name": "ann"}
    assert bucket.pop("displayName")
    assert bucket == {
        "name": "r1",
        "logLineCount": 1,
        "historyLineCount": 2,
        "eventsLineCount": 1,
        "tags": [],
        "notes": "n",
    }
    desk.service.create_run(RunPath("ann", "digits", "new"))
    fresh = desk.run('wandbConfig(keys: ["t"]) historyTail eventsTail historyLineCount', run_id="new")
    assert fresh == {"wandbConfig": "{}", "historyTail": "[]", "eventsTail": "[]", "historyLineCount": 0}


def test_files_are_found_by_name_and_by_pattern_and_in_pages(desk):
    desk.write(files={"a.txt": b"a", "out/b.txt": b"bb", "50%_off.bin": b"ccc"})
    fields = "edges { node { name sizeBytes md5 mimetype url directUrl } } pageInfo { hasNextPage endCursor }"

    def names(arguments):
        return [edge["node"]["name"] for edge in desk.run(f"files({arguments}) {{ {fields} }}")["files"]["edges"]]

    assert desk.run("fileCount") == {"fileCount": 3}
    assert names("first: 50") == ["50%_off.bin", "a.txt", "out/b.txt"]
    assert names('names: ["./a.txt", "none"]') == ["a.txt"]
    assert names('names: [], pattern: "%.txt"') == ["a.txt", "out/b.txt"]
    assert names('pattern: "_.txt"') == ["a.txt"]
    assert names('pattern: "50\\\\%\\\\_%"') == ["50%_off.bin"]
    assert names('pattern: "out%b%"') == ["out/b.txt"]
    assert names('pattern: "%a%a%"') == []
    first = desk.run(f"files(first: 1) {{ {fields} }}")["files"]
    assert first["pageInfo"]["hasNextPage"] is True
    assert names(f'first: 1, after: "{first["pageInfo"]["endCursor"]}"') == ["a.txt"]
    assert first["edges"][0]["node"] == {
        "name": "50%_off.bin",
        "sizeBytes": 3,
        "md5": base64.b64encode(hashlib.md5(b"ccc").digest()).decode(),
        "mimetype": "application/octet-stream",
        "url": "http://lab/GET/ann/digits/r1/50%_off.bin",
        "directUrl": "http://lab/GET/ann/digits/r1/50%_off.bin",
    }
    assert desk.run('files(names: ["a.txt"]) { edges { node { url(upload: true) } } }')["files"]["edges"] == [
        {"node": {"url": "http://lab/PUT/ann/digits/r1/a.txt"}}
    ]


def test_console_lines_come_as_a_tail_and_in_pages(desk):
    desk.write(console=[{"line": number, "text": f"line {number}", "level": None} for number in range(5)])
    line = "number timestamp level label line"
    assert desk.run(f"logLineCount logLines(last: 1) {{ edges {{ node {{ {line} }} }} }}") == {
        "logLineCount": 5,
        "logLines": {
            "edges": [
                {
                    "node": {
                        "number": 4,
                        "timestamp": "2023-11-14T22:13:25.000000Z",
                        "level": None,
                        "label": None,
                        "line": "line 4",
                    }
                }
            ]
        },
    }
    seen, after = [], ""
    while True:
        page = desk.run(
            f'logLines(first: 2, after: "{after}", useImprovedPagination: true) '
            "{ edges { node { number } } pageInfo { endCursor hasNextPage } }"
        )["logLines"]
        seen += [edge["node"]["number"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == [0, 1, 2, 3, 4]


def test_projects_are_listed_in_pages(desk):
    for name in ("a", "b", "c"):
        desk.service.create_project("ann", name)
    document = """query($cursor: String) {
      models(entityName: "ann", after: $cursor, first: 2) {
        pageInfo { endCursor hasNextPage }
        edges { node { __typename name entityName isBenchmark createdAt user { id name } } }
      }
    }"""
    first = desk.data(document)["models"]
    assert [edge["node"]["name"] for edge in first["edges"]] == ["a", "b"]
    second = desk.data(document, cursor=first["pageInfo"]["endCursor"])["models"]
    assert [edge["node"]["name"] for edge in second["edges"]] == ["c"]
    assert second["pageInfo"]["hasNextPage"] is False


def test_edits_of_a_run_are_seen_at_once(desk):
    desk.write(config={"lr": 1})
    desk.service.edit_run(RunPath("ann", "digits", "r1"), RunEdit(config_set={"lr": 2}, info={"tags": ["t"]}))
    found = desk.run("config tags")
    assert json.loads(found["config"])["lr"] == {"value": 2}
    assert found["tags"] == ["t"]
