"""Agents that die, and many at once: every point of a grid is run to its end exactly once."""

import collections
import os
import random
import signal
import time
from pathlib import Path

import pytest

import runlake

AGENT = """
    import runlake, time
    def train():
        with runlake.init() as run:
            print("training", run.config.point, flush=True)
            time.sleep({seconds})
            run.log({{"loss": 1.0}})
    runlake.agent({sweep_id!r}, train)
"""


def grid(count):
    return runlake.sweep({"method": "grid", "parameters": {"point": {"values": list(range(count))}}})


def ended_well(runs):
    """How often each point was run to its end."""
    return collections.Counter(run.config["point"] for run in runs if run.state == "finished")


def test_what_a_killed_agent_had_is_run_by_another(start, sweep_of, runs_of):
    sweep_id = grid(6)
    doomed = start(AGENT.format(sweep_id=sweep_id, seconds=60))
    doomed.wait_until(lambda: "training" in doomed.said)
    others = [start(AGENT.format(sweep_id=sweep_id, seconds=0.3)) for _ in range(2)]
    others[0].wait_until(lambda: "training" in others[0].said)
    doomed.send(signal.SIGKILL)
    assert [other.wait() for other in others] == [0, 0]
    runs = runs_of(sweep_id)
    assert ended_well(runs) == dict.fromkeys(range(6), 1)
    assert sorted(run.state for run in runs) == ["crashed"] + ["finished"] * 6
    sweep = sweep_of(sweep_id)
    assert (sweep.state, sweep.run_count) == ("FINISHED", 6)
    assert sorted(agent.state for agent in sweep.agents) == ["crashed", "finished", "finished"]


@pytest.mark.slow
def test_children_of_a_killed_agent_are_left_to_end(start, runs_of):
    Path("train.py").write_text(
        "import runlake, time\nwith runlake.init() as run:\n    print('training', flush=True)\n    time.sleep(2)\n"
    )
    config = {"method": "grid", "program": "train.py", "parameters": {"point": {"values": [0, 1]}}}
    sweep_id = runlake.sweep(config)
    doomed = start("-m", "runlake", "agent", sweep_id)
    doomed.wait_until(lambda: "training" in doomed.said)
    doomed.send(signal.SIGKILL)
    other = start("-m", "runlake", "agent", sweep_id)
    assert other.wait() == 0
    assert ended_well(runs_of(sweep_id)) == {0: 1, 1: 1}


@pytest.mark.long
def test_64_agents_on_2000_points_with_kills(start, sweep_of, runs_of):
    seed = int(os.environ.get("RUNLAKE_SOAK_SEED", "7"))
    dice = random.Random(seed)
    sweep_id = grid(2000)
    agents = [start(AGENT.format(sweep_id=sweep_id, seconds=0.0)) for _ in range(64)]
    end = time.monotonic() + 1200
    kill_count = 0
    while any(agent.process.poll() is None for agent in agents):
        assert time.monotonic() < end, f"seed {seed}"
        time.sleep(1.0)
        alive = [number for number, agent in enumerate(agents) if agent.process.poll() is None]
        if alive and kill_count < 40:
            chosen = dice.choice(alive)
            agents[chosen].send(signal.SIGKILL)
            agents[chosen] = start(AGENT.format(sweep_id=sweep_id, seconds=0.0))
            kill_count += 1
    assert {agent.process.returncode for agent in agents} == {0}, f"seed {seed}"
    assert ended_well(runs_of(sweep_id)) == dict.fromkeys(range(2000), 1), f"seed {seed}"
    assert (sweep_of(sweep_id).state, sweep_of(sweep_id).run_count) == ("FINISHED", 2000)
