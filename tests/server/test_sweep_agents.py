"""Many agents of W&B's client at once, before a server with several workers: every point is run exactly once."""

import json
import threading
import time

import httpx
import pytest
from running import KEY, ServerProcess
from training import begin, chunk, row, send

from runlake.service.local.service import LocalService
from runlake.sweep_model import SweepStart
from waiting import DEADLINE_S

GRID = {
    "method": "grid",
    "parameters": {"lr": {"values": [step / 10 for step in range(10)]}, "depth": {"values": list(range(6))}},
}
POINTS = sorted(
    (depth, lr) for depth in GRID["parameters"]["depth"]["values"] for lr in GRID["parameters"]["lr"]["values"]
)
JOIN = """mutation CreateAgent($sweep: String!) {
  createAgent(input: {host: "gpu1", projectName: "faults", entityName: "ann", sweep: $sweep}) { agent { id } } }"""
HEARTBEAT = """mutation Heartbeat($id: ID!, $runState: JSONString) {
  agentHeartbeat(input: {id: $id, runState: $runState}) { commands } }"""


class Agent:
    """Reports as often as it can, and trains what it is told to."""

    def __init__(self, url, sweep_id):
        self.url, self.sweep_id = url, sweep_id
        self.trained = []
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def work(self):
        with httpx.Client(base_url=self.url, auth=("api", KEY), timeout=DEADLINE_S) as self.client:
            self.agent_id = self.ask(JOIN, sweep=self.sweep_id)["createAgent"]["agent"]["id"]
            while True:
                for command in self.report():
                    if command["type"] == "exit":
                        return
                    self.train(command["run_id"], {key: each["value"] for key, each in command["args"].items()})
                time.sleep(0.1)

    def report(self, *running):
        told = self.ask(HEARTBEAT, id=self.agent_id, runState=json.dumps(dict.fromkeys(running, True)))
        return json.loads(told["agentHeartbeat"]["commands"])

    def train(self, run_id, params):
        again(lambda: begin(self.client, run_id, config=params, sweep=self.sweep_id))
        if len(self.trained) % 3:
            assert self.report(run_id) == []
        send(self.client, f"ann/faults/{run_id}", chunk(0, [row(0)], complete=True, exitcode=0))
        self.trained.append((params["depth"], params["lr"]))

    def ask(self, document, **variables):
        answer = again(lambda: self.client.post("/graphql", json={"query": document, "variables": variables}))
        told = answer.json()
        assert "errors" not in told, told
        return told["data"]


def again(ask):
    """Until the server is there, as the client does."""
    end = time.monotonic() + DEADLINE_S
    while True:
        try:
            return ask()
        except httpx.HTTPError:
            assert time.monotonic() < end, "no answer that is final"
            time.sleep(0.02)


@pytest.mark.long
@pytest.mark.parametrize("kill_count", [1, 3])
def test_every_point_is_run_exactly_once_though_the_server_is_killed(tmp_path, kill_count):
    server = ServerProcess(tmp_path / "store", workers=2).start()
    service = LocalService(server.root, default_entity="ann")
    path = service.create_sweep("ann", "faults", SweepStart(config=GRID)).path
    agents = [Agent(server.url, path.sweep_id) for _ in range(8)]
    for _ in range(kill_count):
        while service.read_sweep(path).run_count < 15:
            time.sleep(0.02)
        agents[0].thread.join(0.3)
        server.kill()
        server.start()
    for agent in agents:
        agent.thread.join(DEADLINE_S)
    assert not any(agent.thread.is_alive() for agent in agents)
    assert server.stop() == 0
    assert sorted(point for agent in agents for point in agent.trained) == POINTS
    runs = service.list_runs("ann", "faults", filters={"sweep": path.sweep_id}).runs
    assert sorted((run.config["depth"], run.config["lr"]) for run in runs) == POINTS
    assert {run.state for run in runs} == {"finished"}
    sweep = service.read_sweep(path)
    assert (sweep.state, sweep.run_count, sweep.expected_run_count) == ("FINISHED", 60, 60)
