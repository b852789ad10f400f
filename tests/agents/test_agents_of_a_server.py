"""Agents over HTTP: what works in a folder works at a server, and while it is away they wait."""

import collections
import signal
from pathlib import Path

import pytest

import runlake
from runlake.service.remote.service import RemoteService
from runlake.sweep_model import SweepEdit, SweepPath
from server.running import KEY, ServerProcess

ROOT = Path(__file__).parents[2]
WANDB_PYTHON = ROOT / ".venv" / "wandb" / "bin" / "python"
GRID = {
    "method": "grid",
    "program": "train.py",
    "metric": {"name": "loss", "goal": "minimize"},
    "parameters": {"depth": {"values": [1, 2]}, "lr": {"values": [0.1, 0.5]}},
}
AGENT = """
    import runlake, time
    def train():
        with runlake.init() as run:
            print("training", flush=True)
            time.sleep({seconds})
            run.log({{"loss": run.config.lr}})
    runlake.agent({sweep_id!r}, train)
"""


@pytest.fixture
def server(tmp_path, monkeypatch):
    server = ServerProcess(tmp_path / "served").start()
    monkeypatch.setenv("RUNLAKE_BASE_URL", server.url)
    monkeypatch.setenv("RUNLAKE_API_KEY", KEY)
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    yield server
    if server.process.poll() is None:
        server.kill()


@pytest.fixture
def remote(server):
    remote = RemoteService(server.url, api_key=KEY)
    yield remote
    remote.close()


@pytest.fixture
def ended(remote):
    """Each run of a sweep at the server: its parameters and its state."""

    def ended(sweep_id):
        runs = remote.list_runs("ann", "digits", filters={"sweep": sweep_id}).runs
        return sorted((run.config["depth"], run.config["lr"], run.state) for run in runs)

    return ended


DONE = [(depth, lr, "finished") for depth in (1, 2) for lr in (0.1, 0.5)]


@pytest.mark.slow
def test_a_function_runs_a_grid_of_a_server(start, remote, ended, server):
    sweep_id = runlake.sweep({**GRID, "parameters": {"depth": {"value": 1}, "lr": GRID["parameters"]["lr"]}})
    agents = [start(AGENT.format(sweep_id=sweep_id, seconds=0.2)) for _ in range(2)]
    assert [agent.wait() for agent in agents] == [0, 0]
    assert ended(sweep_id) == DONE[:2]
    sweep = remote.read_sweep(SweepPath("ann", "digits", sweep_id))
    assert (sweep.state, [one.state for one in sweep.agents]) == ("FINISHED", ["finished", "finished"])


@pytest.mark.long
def test_a_server_that_is_away_is_waited_for(start, remote, ended, server):
    sweep_id = runlake.sweep(GRID)
    agent = start(AGENT.format(sweep_id=sweep_id, seconds=1.0))
    agent.wait_until(lambda: "training" in agent.said)
    server.kill()
    agent.wait_until(lambda: "the sweep cannot be asked now, and the agent waits" in agent.said)
    server.start()
    assert agent.wait() == 0
    assert ended(sweep_id) == DONE
    assert agent.said.count("cannot be asked now") == agent.said.count("can be asked again") == 1


@pytest.mark.long
def test_what_a_killed_agent_had_is_run_by_another(start, ended, server):
    """A server takes a run for crashed when it has heard nothing of it for five minutes; so long the other waits."""
    sweep_id = runlake.sweep(GRID)
    doomed = start(AGENT.format(sweep_id=sweep_id, seconds=60))
    doomed.wait_until(lambda: "training" in doomed.said)
    doomed.send(signal.SIGKILL)
    assert start(AGENT.format(sweep_id=sweep_id, seconds=0)).wait(500) == 0
    found = collections.Counter(ended(sweep_id))
    assert {one: found[one] for one in DONE} == dict.fromkeys(DONE, 1)


@pytest.mark.slow
def test_commands_of_a_server_are_stopped_when_the_sweep_is_canceled(start, remote, ended, server):
    Path("train.py").write_text(
        "import runlake, time\nwith runlake.init() as run:\n    print('training', flush=True)\n    time.sleep(60)\n"
    )
    sweep_id = runlake.sweep(GRID)
    agent = start("-m", "runlake", "--dir", server.url, "agent", sweep_id, "--workers", "2")
    agent.wait_until(lambda: agent.said.count("training") == 2)
    remote.edit_sweep(SweepPath("ann", "digits", sweep_id), SweepEdit(state="CANCELED"))
    assert agent.wait() == 1
    assert [state for *_, state in ended(sweep_id)] == ["killed", "killed"]


@pytest.mark.integration
@pytest.mark.skipif(not WANDB_PYTHON.exists(), reason="the official client is not installed")
def test_a_program_of_the_official_client_runs_under_our_agent(start, ended, server):
    Path("train.py").write_text(
        "import wandb\nwith wandb.init() as run:\n    run.log({'loss': run.config.lr})\n    print('of', run.sweep_id)\n"
    )
    sweep_id = runlake.sweep({**GRID, "run_cap": 2, "command": [str(WANDB_PYTHON), "${program}"]})
    agent = start("-m", "runlake", "agent", f"ann/digits/{sweep_id}")
    assert agent.wait() == 0, agent.said
    assert ended(sweep_id) == DONE[:2]
    assert agent.said.count(f"of {sweep_id}") == 2
