"""Handing out runs of a sweep: how long one agent waits, and many at once.

``python -m benchmarks.sweep_agents [--agents 64] [--points 2000] [--kills 40] [--server]`` measures the second alone.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
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

from benchmarks.bench import CHECKOUT, Bench, BenchmarkError, Group, Subject, Target
from benchmarks.serving import serving
from runlake.service.local.service import LocalService
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


def many_agents(
    folder: Path, agent_count: int, point_count: int, kill_count: int, seed: int, url: str | None = None
) -> dict[str, Any]:
    """Run a grid by so many agents, each a process, of which some are killed; every point must end well once.

    They ask the store in the folder, or the server at `url` that serves it.
    """
    store = folder / "store"
    service = LocalService(store, default_entity="ann", user="ann")
    config = {"method": "grid", "parameters": {"lr": {"values": list(range(point_count))}}}
    sweep = service.create_sweep("ann", "bench", SweepStart(config=config))
    began_at = time.monotonic()
    agents = [_start(folder, sweep, url) for _ in range(agent_count)]
    dice, killed = random.Random(seed), 0
    while any(agent.poll() is None for agent in agents):
        if time.monotonic() - began_at > _PATIENCE_S:
            raise BenchmarkError(f"the sweep of seed {seed} is not over after {_PATIENCE_S:.0f} s")
        time.sleep(0.5)
        alive = [number for number, agent in enumerate(agents) if agent.poll() is None]
        if alive and killed < kill_count:
            number = dice.choice(alive)
            agents[number].send_signal(signal.SIGKILL)
            agents[number] = _start(folder, sweep, url)
            killed += 1
    took_s = time.monotonic() - began_at
    runs = service.list_runs("ann", "bench", filters={"sweep": sweep.sweep_id}).runs
    times_run = collections.Counter(run.config["lr"] for run in runs if run.state == "finished")
    if times_run != dict.fromkeys(range(point_count), 1):
        wrong = {point: count for point, count in times_run.items() if count != 1}
        raise BenchmarkError(f"seed {seed}: {point_count - len(times_run)} points missing, and more than once: {wrong}")
    service.close()
    waits = sorted(float(wait) for file in folder.glob("waits-*") for wait in file.read_text().split())
    return {
        "agents": agent_count,
        "points": point_count,
        "kills": killed,
        "seconds": round(took_s, 1),
        "runs_a_second": round(point_count / took_s, 1),
        "wait_p50_ms": round(waits[len(waits) // 2], 1),
        "wait_p99_ms": round(waits[int(len(waits) * 0.99)], 1),
    }


def _start(folder: Path, sweep: SweepInfo, url: str | None) -> subprocess.Popen[bytes]:
    waits_file = folder / f"waits-{os.urandom(4).hex()}"
    words = ["agent", str(folder / "store"), str(sweep.path), str(waits_file), *([] if url is None else [url])]
    return subprocess.Popen([sys.executable, "-m", "benchmarks.sweep_agents_case", *words], cwd=CHECKOUT)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=64)
    parser.add_argument("--points", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--server", action="store_true", help="the agents ask a server")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bench = Bench(folder, quick=False, ours=Subject("runlake", "runlake", Path(sys.executable)))
        with serving(bench, folder) if asked.server else contextlib.nullcontext() as url:
            found = many_agents(folder, asked.agents, asked.points, asked.kills, asked.seed, url)
        print(json.dumps(found))


if __name__ == "__main__":
    main()
