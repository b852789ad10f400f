"""Handing out runs of a sweep: how long one agent waits, and what many agents at once get through.

``python -m benchmarks.sweep_agents [--agents 64] [--points 2000] [--kills 40]`` measures the second by itself.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.bench import CHECKOUT, Bench, BenchmarkError, Group, Target
from runlake.service.local import LocalService
from runlake.sweep_model import SweepInfo, SweepStart

FINISHED_COUNT = 1000
MEASURED_COUNT = 200
_PATIENCE_S = 1800.0


def finished_count(bench: Bench) -> int:
    """How many runs have ended before hand-outs are measured."""
    return bench.count(FINISHED_COUNT, 100)


def hand_out_ms(bench: Bench, method: str) -> dict[str, float]:
    """What an agent waits for its next run, with many finished ones in the sweep: p50 and p99."""
    folder = bench.fresh_folder(f"sweep-{method}")
    measured = bench.count(MEASURED_COUNT if method != "bayes" else 50, 20)
    answer = bench.own_case("sweep_agents_case", folder, "hand-out", folder, method, finished_count(bench), measured)
    return {"p50": float(answer["p50_ms"]), "p99": float(answer["p99_ms"]), "files": float(answer["files_ms"])}


def _once(bench: Bench, method: str) -> dict[str, float]:
    result: dict[str, float] = bench.once(("hand-outs of", method), lambda: hand_out_ms(bench, method))
    return result


def _target(method: str, at_most_ms: float) -> Target:
    return Target(
        f"the next run of a {method} sweep with 1,000 finished ones, p99",
        "ms",
        at_most_ms,
        "value",
        lambda bench: _once(bench, method)["p99"],
        "two small files made and replaced",
        lambda bench: _once(bench, method)["files"],
    )


GROUP = Group(
    "sweep_agents",
    "Handing out runs of a sweep",
    targets=(_target("grid", 20.0), _target("random", 20.0), _target("bayes", 300.0)),
)


# Many agents at once ---------------------------------------------------------------------------------------


def many_agents(folder: Path, agent_count: int, point_count: int, kill_count: int, seed: int) -> dict[str, Any]:
    """Run a grid by so many agents, each a process, of which some are killed; every point must end well once."""
    store = folder / "store"
    service = LocalService(store, default_entity="ann", user="ann")
    config = {"method": "grid", "parameters": {"point": {"values": list(range(point_count))}}}
    sweep = service.create_sweep("ann", "bench", SweepStart(config=config))
    began_at = time.monotonic()
    agents = [_start(store, sweep) for _ in range(agent_count)]
    dice, killed = random.Random(seed), 0
    while any(agent.poll() is None for agent in agents):
        if time.monotonic() - began_at > _PATIENCE_S:
            raise BenchmarkError(f"the sweep of seed {seed} is not over after {_PATIENCE_S:.0f} s")
        time.sleep(0.5)
        alive = [number for number, agent in enumerate(agents) if agent.poll() is None]
        if alive and killed < kill_count:
            number = dice.choice(alive)
            agents[number].send_signal(signal.SIGKILL)
            agents[number] = _start(store, sweep)
            killed += 1
    took_s = time.monotonic() - began_at
    runs = service.list_runs("ann", "bench", filters={"sweep": sweep.sweep_id}).runs
    times_run = collections.Counter(run.config["point"] for run in runs if run.state == "finished")
    if times_run != dict.fromkeys(range(point_count), 1):
        wrong = {point: count for point, count in times_run.items() if count != 1}
        raise BenchmarkError(f"seed {seed}: {point_count - len(times_run)} points missing, and more than once: {wrong}")
    service.close()
    return {
        "agents": agent_count,
        "points": point_count,
        "kills": killed,
        "seconds": round(took_s, 1),
        "runs_a_second": round(point_count / took_s, 1),
    }


def _start(store: Path, sweep: SweepInfo) -> subprocess.Popen[bytes]:
    variables = {
        "RUNLAKE_DIR": str(store),
        "RUNLAKE_SILENT": "true",
        "RUNLAKE_SEAL": "off",
        "RUNLAKE_DISABLE_SYSTEM": "true",
        "RUNLAKE_DISABLE_GIT": "true",
        "RUNLAKE_CONSOLE": "off",
    }
    command = [sys.executable, "-m", "benchmarks.sweep_agents_case", "agent", str(sweep.path)]
    return subprocess.Popen(command, cwd=CHECKOUT, env=os.environ | variables)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=64)
    parser.add_argument("--points", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seed", type=int, default=7)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(many_agents(Path(folder), asked.agents, asked.points, asked.kills, asked.seed)))


if __name__ == "__main__":
    main()
