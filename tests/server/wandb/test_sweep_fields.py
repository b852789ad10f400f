"""Sweeps over GraphQL: made from YAML, edited, read, and what their agents are told."""

import json

import pytest
import yaml
from asking import Desk

from runlake.model import RunPath
from runlake.server.wandb.mutations.mutations import MutationRoot
from runlake.sweep_model import SweepPath, SweepStart

GRID = {
    "method": "grid",
    "program": "train.py",
    "metric": {"name": "loss", "goal": "minimize"},
    "parameters": {"lr": {"values": [0.1, 1e-05]}, "net": {"parameters": {"depth": {"values": [1, 2]}}}},
}
PROJECT = {"projectName": "digits", "entityName": "ann"}
UPSERT = """mutation UpsertSweep($input: UpsertSweepInput!) {
  upsertSweep(input: $input) { sweep { id name state project { name entity { name } } } configValidationWarnings }
}"""
READ = """query GetSweep($name: String!) {
  project(name: "digits", entityName: "ann") {
    totalSweeps
    sweep(sweepName: $name) {
      id name displayName method state description bestLoss config runCount runCountExpected earlyStopJobRunning
      controller scheduler createdAt updatedAt heartbeatAt user { username }
      runs { edges { node { name sweepName sweep { name } agent { name } stopped shouldStop } } }
      priorRuns(first: 5) { edges { node { name } } }
      agents { edges { node { id name host state totalRuns createdAt heartbeatAt runs { edges { node { name } } } } } }
    }
  }
}"""
HEARTBEAT = """mutation Heartbeat($id: ID!, $runState: JSONString) {
  agentHeartbeat(input: {id: $id, metrics: "{}", runState: $runState}) { agent { id } commands }
}"""


@pytest.fixture
def desk(tmp_path):
    desk = Desk(tmp_path / "store", mutations=MutationRoot)
    desk.write(rows=[{"loss": 4}], config={"lr": 0.1, "net": {"depth": 1}}, summary={"loss": 4})
    return desk


@pytest.fixture
def upsert(desk):
    def upsert(config=None, **given):
        text = None if config is None else config if isinstance(config, str) else yaml.safe_dump(config)
        return desk.ask(UPSERT, input={"config": text, **PROJECT, **given})

    return upsert


@pytest.fixture
def sweep(upsert):
    return upsert(GRID)["data"]["upsertSweep"]["sweep"]


@pytest.fixture
def agent(desk, sweep):
    """Reports as the client does, and answers the commands."""
    document = (
        'mutation M($s: String!) { createAgent(input: {host: "h", projectName: "digits", sweep: $s}) {agent{id}} }'
    )
    agent_id = desk.data(document, s=sweep["name"])["createAgent"]["agent"]["id"]

    def report(*running):
        answer = desk.data(HEARTBEAT, id=agent_id, runState=json.dumps(dict.fromkeys(running, True)))
        return json.loads(answer["agentHeartbeat"]["commands"])

    return report


def error_of(answer):
    (error,) = answer["errors"]
    return error["extensions"]["code"], error["message"]


def test_a_sweep_is_made_from_yaml_and_read_back(desk, sweep):
    assert sweep["state"] == "PENDING"
    assert sweep["project"] == {"name": "digits", "entity": {"name": "ann"}}
    project = desk.data(READ, name=sweep["name"])["project"]
    read = project["sweep"]
    assert project["totalSweeps"] == 1
    assert yaml.safe_load(read["config"])["parameters"]["lr"]["values"] == [0.1, 1e-05]
    names = ("method", "state", "runCount", "runCountExpected", "bestLoss", "controller", "displayName")
    assert [read[name] for name in names] == ["grid", "PENDING", 0, 4, None, None, sweep["name"]]
    assert read["runs"] == read["priorRuns"] == read["agents"] == {"edges": []}


def test_who_names_no_project_gets_that_of_the_configuration(desk):
    config = yaml.safe_dump({**GRID, "project": "letters", "entity": "ann"})
    made = desk.data(UPSERT, input={"config": config})["upsertSweep"]["sweep"]
    assert made["project"] == {"name": "letters", "entity": {"name": "ann"}}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({**GRID, "method": "gird"}, "method: there is no method 'gird'; did you mean 'grid'?"),
        ({**GRID, "parameters": {"lr": {"min": 0.0}}}, "parameters.lr"),
        ("a: [1", "neither JSON nor YAML"),
        ("a: &x [1]\nb: *x", "write out what it stands for"),
        ("[" * 5000, "nested too deep|neither JSON nor YAML"),
        ("{" + '"a": {' * 5000, "nested too deep|neither JSON nor YAML"),
        (" ", "a sweep needs a configuration"),
        ("x" * 200_001, "200,000 are allowed"),
    ],
)
def test_a_wrong_configuration_is_refused_by_the_name_of_its_key(upsert, config, message):
    code, text = error_of(upsert(config))
    assert any(part in text for part in message.split("|")), text
    assert code in ("SWEEP_CONFIG", "BAD_VALUE")


def test_a_sweep_may_be_paused_from_the_beginning(upsert):
    assert upsert(GRID, state="PAUSED")["data"]["upsertSweep"]["sweep"]["state"] == "PAUSED"
    assert upsert(GRID, state="PENDING")["data"]["upsertSweep"]["sweep"]["state"] == "PENDING"


@pytest.mark.parametrize("key", ["controller", "scheduler", "launchScheduler"])
def test_a_search_done_elsewhere_is_refused_by_name(upsert, key):
    message = f"sweeps whose search is done elsewhere are not supported by runlake: {key}"
    assert error_of(upsert(GRID, **{key: '{"type": "local"}'})) == ("NOT_SUPPORTED", message)


def test_runs_that_a_client_would_schedule_are_refused_by_name(desk):
    answer = desk.ask('mutation { enqueueSweepRun(input: {id: "s", config: "{}"}) { id } }')
    message = "sweeps whose search is done elsewhere are not supported yet by runlake: Mutation.enqueueSweepRun"
    assert error_of(answer) == ("NOT_SUPPORTED", message)


def test_prior_runs_take_their_point_off_the_grid(desk, upsert):
    filters = '{"$or": [{"name": "r1"}]}'
    name = upsert(GRID, priorRunsFilters=filters)["data"]["upsertSweep"]["sweep"]["name"]
    read = desk.data(READ, name=name)["project"]["sweep"]
    assert (read["runCountExpected"], read["priorRuns"]) == (3, {"edges": [{"node": {"name": "r1"}}]})
    found = upsert(GRID, priorRunsFilters='{"summary_metrics.loss": {"$lt": 5}}')["data"]["upsertSweep"]["sweep"]
    assert desk.service.read_sweep(SweepPath("ann", "digits", found["name"])).prior_run_ids == ("r1",)
    missing = upsert(GRID, priorRunsFilters='{"$or": [{"name": "r1"}, {"name": "r9"}]}')
    assert error_of(missing) == ("NOT_FOUND", "no run 'r9' in ann/digits to learn from")


def test_a_sweep_is_paused_named_and_canceled_by_its_id(desk, upsert, sweep):
    for state in ("PAUSED", "RUNNING", "FINISHED", "CANCELED"):
        answer = upsert(id=sweep["id"], state=state)
        assert answer["data"]["upsertSweep"]["sweep"]["state"] == state
    code, message = error_of(upsert(id=sweep["id"], state="RUNNING"))
    assert (code, "was canceled" in message) == ("CONFLICT", True)
    assert error_of(upsert(id=sweep["id"], state="ASLEEP"))[0] == "BAD_VALUE"
    upsert(id=sweep["id"], displayName="second try", description="smaller ones")
    read = desk.data(READ, name=sweep["name"])["project"]["sweep"]
    assert (read["displayName"], read["description"]) == ("second try", "smaller ones")


def test_the_same_configuration_may_come_again_and_another_is_refused(upsert, sweep):
    assert "errors" not in upsert({**GRID, "name": "better"}, id=sweep["id"])
    code, message = error_of(upsert({**GRID, "run_cap": 2}, id=sweep["id"]))
    assert (code, "cannot be changed" in message) == ("NOT_SUPPORTED", True)


def test_an_agent_is_told_one_run_at_a_time(desk, agent, sweep):
    (first,) = agent()
    assert (first["type"], first["program"]) == ("run", "train.py")
    assert first["args"] == {"lr": {"value": 0.1}, "net": {"value": {"depth": 1}}}
    assert agent(first["run_id"]) == []
    desk.write(f"ann/digits/{first['run_id']}", rows=[{"loss": 2}], summary={"loss": 2}, sweep=sweep["name"])
    (second,) = agent()
    assert second["args"]["net"] == {"value": {"depth": 2}}
    read = desk.data(READ, name=sweep["name"])["project"]["sweep"]
    assert (read["state"], read["runCount"], read["bestLoss"]) == ("RUNNING", 2, 2.0)
    (run,) = [edge["node"] for edge in read["runs"]["edges"]]
    (node,) = [edge["node"] for edge in read["agents"]["edges"]]
    assert run == {
        "name": first["run_id"],
        "sweepName": sweep["name"],
        "sweep": {"name": sweep["name"]},
        "agent": {"name": node["name"]},
        "stopped": False,
        "shouldStop": False,
    }
    assert (node["host"], node["state"], node["totalRuns"]) == ("h", "RUNNING", 2)
    assert node["runs"] == {"edges": [{"node": {"name": first["run_id"]}}]}
    document = """query Q($s: String!, $a: String!) {
      project(name: "digits") { sweep(sweepName: $s) { agent(agentName: $a) { name } } }
    }"""
    for name in (node["id"], node["name"]):
        found = desk.data(document, s=sweep["name"], a=name)["project"]["sweep"]["agent"]
        assert found == {"name": node["name"]}


def test_a_sweep_of_another_client_is_read_with_its_runs(desk):
    """Its configuration is as it was written, without what W&B's client fills in."""
    config = {"method": "random", "metric": {"name": "loss"}, "parameters": {"lr": {"min": 0.0, "max": 1.0}}}
    path = desk.service.create_sweep("ann", "digits", SweepStart(config=config)).path
    desk.write("ann/digits/r2", rows=[{"loss": 2}], config={"lr": 0.5}, summary={"loss": 2}, sweep=path.sweep_id)
    document = """query SweepWithRuns($entity: String, $project: String, $sweep: String!, $specs: [JSONString!]!) {
      project(name: $project, entityName: $entity) { sweep(sweepName: $sweep) {
        id name method state description config createdAt heartbeatAt updatedAt earlyStopJobRunning bestLoss controller
        scheduler runs { edges { node {
          name state config exitcode heartbeatAt shouldStop failed stopped running summaryMetrics
          sampledHistory(specs: $specs)
        } } }
      } }
    }"""
    sweep = desk.data(document, entity="ann", project="digits", sweep=path.sweep_id, specs="{}")["project"]["sweep"]
    assert (sweep["bestLoss"], yaml.safe_load(sweep["config"])) == (2.0, config)
    (run,) = [edge["node"] for edge in sweep["runs"]["edges"]]
    assert (run["name"], run["state"], run["exitcode"], run["running"]) == ("r2", "finished", 0, False)


def test_a_run_is_stopped_before_its_agent_is_told_to_leave(agent, upsert, sweep):
    (run,) = agent()
    agent(run["run_id"])
    upsert(id=sweep["id"], state="CANCELED")
    assert agent(run["run_id"]) == [{"type": "stop", "run_id": run["run_id"]}]
    assert agent() == [{"type": "exit"}]


def test_an_agent_of_a_sweep_that_is_gone_is_told_so(desk, agent, sweep):
    agent()
    desk.service.delete_sweep(SweepPath("ann", "digits", sweep["name"]))
    with pytest.raises(AssertionError, match="NOT_FOUND"):
        agent()
    assert desk.data(READ, name=sweep["name"])["project"]["sweep"] is None
    assert error_of(desk.ask(HEARTBEAT, id="nonsense", runState="{}"))[0] == "BAD_VALUE"
    assert error_of(desk.ask(HEARTBEAT, id="nonsense", runState="[]"))[0] == "BAD_VALUE"


def test_sweeps_are_listed_in_pages(desk, upsert):
    names = [upsert(GRID)["data"]["upsertSweep"]["sweep"]["name"] for _ in range(3)]
    document = """query GetSweeps($after: String) { project(name: "digits") { totalSweeps
      sweeps(first: 2, after: $after, filters: "{}") {
        edges { node { name } } pageInfo { endCursor hasNextPage }
      }
    } }"""
    pages, after = [], None
    for _ in range(2):
        page = desk.data(document, after=after)["project"]["sweeps"]
        pages.append([edge["node"]["name"] for edge in page["edges"]])
        after = page["pageInfo"]["endCursor"]
    assert pages == [names[:2], names[2:]]
    assert not page["pageInfo"]["hasNextPage"]
    desk.service.delete_run(RunPath("ann", "digits", "r1"))
    assert desk.data(document)["project"]["totalSweeps"] == 3


NASTY = [
    "",
    "null",
    "[]",
    "[1]",
    "{}",
    '{"$or": 3}',
    '{"$or": [{"name": 3}]}',
    "NaN",
    "\x00",
    "é/../..",
    "c3dlZXAvYS9iL2M=",
    "{",
]
UPSERTED = ("id", "config", "description", "entityName", "projectName", "state", "priorRunsFilters", "displayName")
PLAIN = {"config": yaml.safe_dump(GRID), **PROJECT}


@pytest.mark.parametrize(
    ("mutation", "good", "keys"),
    [
        ("upsertSweep", PLAIN, UPSERTED),
        ("createAgent", {"host": "h", "sweep": "s", **PROJECT}, ("host", "sweep", "entityName", "projectName")),
        ("agentHeartbeat", {"id": "YWdlbnQvYW5uL2RpZ2l0cy9zL2E=", "runState": "{}"}, ("id", "runState", "metrics")),
    ],
)
def test_nothing_that_is_sent_makes_a_mutation_fail_inside(desk, mutation, good, keys):
    kind = f"{mutation[0].upper()}{mutation[1:]}Input"
    document = f"mutation M($input: {kind}!) {{ {mutation}(input: $input) {{ __typename }} }}"
    for key in keys:
        for value in NASTY:
            for error in desk.ask(document, input={**good, key: value}).get("errors", ()):
                assert error["extensions"]["code"] != "INTERNAL", (key, value, error)
