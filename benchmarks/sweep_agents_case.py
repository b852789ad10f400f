"""The processes of `benchmarks.sweep_agents`.

``python -m benchmarks.sweep_agents_case hand-out FOLDER METHOD FINISHED MEASURED`` prints how long an agent waits;
``… agent STORE SWEEP FILE [URL]`` is an agent whose runs take no time; with a URL it asks the server there.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from benchmarks.serving import KEY
from runlake.model import RunPath
from runlake.service.contract import Service
from runlake.service.local.service import LocalService
from runlake.service.remote.service import RemoteService
from runlake.store.folder_store import FolderStore
from runlake.store.noting import append_change
from runlake.store.opening.open import open_run
from runlake.store.process_id import own_process_id
from runlake.sweep_model import AgentCommand, AgentReport, AgentStart, SweepPath, SweepStart
from runlake.values import flatten


def hand_out(folder: Path, method: str, finished_count: int, measured_count: int) -> dict[str, float]:
    """Finish so many runs, then measure the hand-outs of some more."""
    store = folder / "store"
    service = LocalService(store, default_entity="ann", user="ann")
    lr = {"values": list(range(2 * (finished_count + measured_count)))} if method == "grid" else {"min": 0, "max": 1.0}
    config = {
        "method": method,
        "metric": {"name": "loss", "goal": "minimize"},
        "parameters": {"lr": lr, "depth": {"values": [1, 2, 4]} if method != "grid" else {"value": 1}},
    }
    # As many as are to be finished come from a search that costs nothing: they are runs like any other.
    quick = {**config, "method": "random"} if method == "bayes" else config
    sweep = service.create_sweep("ann", "bench", SweepStart(config=quick, seed=1))
    path = _finish(store, service, sweep.path, finished_count)
    if method == "bayes":
        runs = service.list_runs("ann", "bench").runs
        prior = tuple(run.run_id for run in runs)
        path = service.create_sweep("ann", "bench", SweepStart(config=config, seed=1, prior_run_ids=prior)).path
    agent_id, ended, waits = service.join_sweep(path, AgentStart()).agent_id, (), []
    for _ in range(measured_count):
        began_at = time.perf_counter()
        report = AgentReport(ended=ended, wanted_count=1)
        (order,) = service.report_agent(path, agent_id, report)
        waits.append((time.perf_counter() - began_at) * 1e3)
        _train(store, path, order)
        ended = (order.run_id,)
    waits = sorted(waits[1:])  # the first one loads what the search needs
    return {
        "p50_ms": waits[len(waits) // 2],
        "p99_ms": waits[min(len(waits) - 1, int(len(waits) * 0.99))],
        "files_ms": _two_files_ms(folder),
    }


def _finish(store: Path, service: LocalService, path: SweepPath, count: int) -> SweepPath:
    agent_id, ended = service.join_sweep(path, AgentStart()).agent_id, ()
    for _ in range(count):
        (order,) = service.report_agent(path, agent_id, AgentReport(ended=ended, wanted_count=1))
        _train(store, path, order)
        ended = (order.run_id,)
    service.report_agent(path, agent_id, AgentReport(ended=ended, is_leaving=True))
    return path


def _train(store: Path, sweep: SweepPath, order: AgentCommand) -> None:
    path = RunPath(sweep.entity, sweep.project, order.run_id)
    layout = FolderStore(store)
    opened = open_run(layout, path, {"set": flatten(order.params), "sweep": sweep.sweep_id})
    append_change(layout, path, opened.writer.writer, "init", opened.incarnation)
    loss = abs(order.params["lr"] - 0.3)
    opened.writer.log({"loss": loss}, step=0, timestamp=time.time(), runtime=0.0, commit=True)
    opened.writer.end({"exit_code": 0, "state": "finished", "runtime": 0.0})
    append_change(layout, path, opened.writer.writer, "finish", opened.incarnation)


def _two_files_ms(folder: Path) -> float:
    """What the disk alone takes for an entry of the ledger and the file of an agent: the median of many."""
    waits = []
    for number in range(200):
        began_at = time.perf_counter()
        (folder / f"{number}.part").write_bytes(b"x" * 200)
        (folder / f"{number}.part").rename(folder / f"{number}.json")
        (folder / "agent.part").write_bytes(b"x" * 200)
        (folder / "agent.part").replace(folder / "agent.json")
        waits.append((time.perf_counter() - began_at) * 1e3)
    return sorted(waits)[len(waits) // 2]


def agent(store: Path, sweep: SweepPath, waits_file: Path, url: str | None) -> None:
    """An agent whose runs take no time; keeps how long it waited for each of them."""
    service: Service = LocalService(store, default_entity="ann", user="ann")
    if url is not None:
        service = RemoteService(url, api_key=KEY)
    agent_id = service.join_sweep(sweep, AgentStart(process=own_process_id())).agent_id
    ended: tuple[str, ...] = ()
    with waits_file.open("a") as file:
        while True:
            began_at = time.perf_counter()
            orders = service.report_agent(sweep, agent_id, AgentReport(ended=ended, wanted_count=1))
            wait_ms = (time.perf_counter() - began_at) * 1e3
            ended = ()
            if not orders:
                time.sleep(0.5)
            elif orders[0].kind == "exit":
                return
            else:
                _train(store, sweep, orders[0])
                ended = (orders[0].run_id,)
                file.write(f"{wait_ms}\n")


if __name__ == "__main__":
    if sys.argv[1] == "agent":
        url = sys.argv[5] if len(sys.argv) > 5 else None
        agent(Path(sys.argv[2]), SweepPath(*sys.argv[3].split("/")), Path(sys.argv[4]), url)
    else:
        print(json.dumps(hand_out(Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))))
