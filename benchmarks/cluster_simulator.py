"""Thousands of synthetic writers before a store on PostgreSQL and a bucket: what they reach, and what saturates first.

``python -m benchmarks.cluster_simulator --writers 1000 --seconds 20``. A few processes are the replicas, without HTTP:
each has its part of the writers, who send some rows every few seconds through `ClusterService` and end after a while,
and a sealer. PostgreSQL and the S3 server are those of the tests, on this machine, unless their addresses are given;
then only what the replicas take is seen.
"""

from __future__ import annotations

import argparse
import contextlib
import heapq
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from runlake.model import LoggedRow, RunPath, WriterBatch, WriterStart
from runlake.service.cluster.open import open_cluster
from runlake.service.cluster.prepare import prepare
from runlake.service.cluster.service import ClusterService

MONTH_S = 30 * 86400.0
_THREADS = 8
_BUSY = 0.9
_LATE_S = 1.0


class Plan(NamedTuple):
    """What the writers of one process do, and for how long."""

    writer_count: int
    process_count: int
    run_s: float
    pause_s: float
    row_count: int
    key_count: int
    append_count: int
    """So many times a run sends something, then it ends and another one begins."""


class _Writer:
    """One process that trains: a run, and after it the next."""

    def __init__(self, service: ClusterService, name: str, plan: Plan, first_append: int) -> None:
        self._service, self._name, self._plan = service, name, plan
        self._run_number, self._writer = 0, ""
        self._left = plan.append_count - first_append  # so that not all end at once
        self._n = 0
        self._begin()

    def step(self) -> None:
        """Send the next rows; the last ones of a run end it."""
        plan, first = self._plan, self._n
        rows = [
            LoggedRow(n, 1.7e9 + n, float(n), {f"metric_{key}": n / (key + 1.1) for key in range(plan.key_count)})
            for n in range(first, first + plan.row_count)
        ]
        self._left -= 1
        exit_code = 0 if self._left <= 0 else None
        batch = WriterBatch(rows={"history": rows}, first_n={"history": first}, exit_code=exit_code)
        self._service.write_batch(self._path, self._writer, batch)
        self._n += plan.row_count
        if exit_code is not None:
            self._run_number += 1
            self._left = plan.append_count
            self._begin()

    def _begin(self) -> None:
        self._path = RunPath("load", "simulated", f"{self._name}-{self._run_number}")
        self._writer = self._service.begin_writer(self._path, WriterStart()).writer
        self._n = 0


def simulate(number: int, plan: Plan, database: str, bucket: str, folder: Path) -> dict[str, Any]:
    """One process: begin all writers, say so, wait for a line, then send until the time is over."""
    service = open_cluster(database, bucket, default_entity="load", cache_dir=folder / str(number), seals=True)
    mine = plan.writer_count // plan.process_count
    with contextlib.closing(service), ThreadPoolExecutor(_THREADS) as pool:

        def begin(k: int) -> _Writer:
            return _Writer(service, f"w{number}-{k}", plan, k * plan.append_count // mine)

        writers = list(pool.map(begin, range(mine)))
        print("begun", flush=True)
        sys.stdin.readline()
        before, cpu_s = _numbers(service), time.process_time()
        took_s, late_s = _send(writers, plan)
        cpu_s = time.process_time() - cpu_s
        after = _numbers(service)
        calls = {key: after[key] - before.get(key, 0.0) for key in after}
        return {
            "sent": len(took_s),
            "took_s": took_s,
            "late_s": late_s,
            "cpu_s": cpu_s,
            "dollars": calls.pop("bucket_cost_dollars"),
            "counts": calls,
            "waiting": {n.name: n.value for n in service.numbers.of_store()},
        }


def _numbers(service: ClusterService) -> dict[str, float]:
    return {" ".join([n.name, *(value for _, value in n.labels)]): n.value for n in service.numbers.of_process()}


def _send(writers: list[_Writer], plan: Plan) -> tuple[list[float], list[float]]:
    """Seconds that each sending took, and by how much it began too late."""
    begin_s = time.monotonic()
    due = [(begin_s + k * plan.pause_s / len(writers), k) for k in range(len(writers))]
    lock, took_s, late_s = threading.Lock(), [], []  # type: ignore[var-annotated]

    def work() -> None:
        while True:
            with lock:
                if not due:
                    return
                at_s, k = heapq.heappop(due)
            if at_s > begin_s + plan.run_s or time.monotonic() > begin_s + plan.run_s:
                return
            time.sleep(max(0.0, at_s - time.monotonic()))
            began_s = time.monotonic()
            writers[k].step()
            with lock:
                late_s.append(began_s - at_s)
                took_s.append(time.monotonic() - began_s)
                heapq.heappush(due, (max(at_s + plan.pause_s, began_s), k))

    threads = [threading.Thread(target=work) for _ in range(_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return took_s, late_s


@contextlib.contextmanager
def _places(database: str | None, bucket: str | None) -> Iterator[tuple[str, str, dict[str, list[int]]]]:
    """The addresses, and the processes whose work can be seen, by what they are."""
    if database and bucket:
        yield database, bucket, {}
        return
    from benchmarks.cluster_serving import postgresql, seaweed

    with postgresql() as server, seaweed.s3_server() as s3:
        os.environ.update(s3.environment())
        yield (
            server.url_of(server.make_database()),
            s3.new_url(),
            {
                "PostgreSQL": [server._process.pid],
                "S3 server": [s3.process.pid],
            },
        )


def _cpu_s(pids: list[int]) -> float:
    """Processor time of processes, of their children, and of children that have ended."""
    total = 0.0
    for pid in pids:
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                total += times.user + times.system + (times.children_user + times.children_system) * (process == parent)
    return total


def run(plan: Plan, database: str | None, bucket: str | None) -> dict[str, Any]:
    """What all processes found together, and how busy everything was."""
    with _places(database, bucket) as (database, bucket, seen), tempfile.TemporaryDirectory() as folder:
        prepare(database, bucket)
        command = [sys.executable, "-m", "benchmarks.cluster_simulator", "--part"]
        words = [database, bucket, folder, json.dumps(plan)]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        parts = [subprocess.Popen([*command, str(k), *words], **pipes) for k in range(plan.process_count)]
        for part in parts:
            if part.stdout.readline() != "begun\n":  # type: ignore[union-attr]
                raise SystemExit("a process ended before it began")
        before = {name: _cpu_s(pids) for name, pids in seen.items()}
        psutil.cpu_percent()
        for part in parts:
            print(file=part.stdin, flush=True)
        found = [json.loads(part.stdout.readline()) for part in parts]  # type: ignore[union-attr]
        busy = {name: (_cpu_s(pids) - before[name]) / plan.run_s for name, pids in seen.items()}
        machine = psutil.cpu_percent() / 100
        for part in parts:
            part.communicate()
    return _together(plan, found, busy, machine)


def _together(plan: Plan, found: list[dict[str, Any]], busy: dict[str, float], machine: float) -> dict[str, Any]:
    took_s = sorted(second for part in found for second in part["took_s"])
    late_s = sorted(second for part in found for second in part["late_s"])
    names = {name for part in found for name in part["counts"]}
    counts = {name: sum(part["counts"].get(name, 0.0) for part in found) for name in names}
    sent = sum(part["sent"] for part in found)
    cpu_s = sum(part["cpu_s"] for part in found)
    cores = {"the replicas": cpu_s / plan.run_s, **busy}
    cores["others"] = max(0.0, machine * (os.cpu_count() or 1) - sum(cores.values()))
    return {
        "offered_a_second": plan.writer_count / plan.pause_s,
        "sent_a_second": sent / plan.run_s,
        "rows_a_second": sent * plan.row_count / plan.run_s,
        "p50_ms": 1e3 * statistics.median(took_s),
        "p99_ms": 1e3 * took_s[int(len(took_s) * 0.99)],
        "late_p99_s": late_s[int(len(late_s) * 0.99)],
        "rows_a_replica_core_second": sent * plan.row_count / cpu_s,
        "appends_a_postgresql_core_second": sent / plan.run_s / busy["PostgreSQL"] if busy.get("PostgreSQL") else None,
        "append_mean_ms": 1e3 * counts["append_seconds"] / max(1.0, counts["appends"]),
        "seals_a_second": counts["seals_done"] / plan.run_s,
        "puts_a_seal": counts.get("bucket_calls put", 0.0) / max(1.0, counts["seals_done"]),
        "calls_dollars_a_month": sum(part["dollars"] for part in found) / plan.run_s * MONTH_S,
        "waiting": found[0]["waiting"],
        "cores": {name: round(count, 2) for name, count in cores.items()},
        "saturated_first": _first(plan, found, cores, machine, late_s),
    }


def _first(
    plan: Plan, found: list[dict[str, Any]], cores: dict[str, float], machine: float, late_s: list[float]
) -> str:
    """What is at its end, in a few words."""
    if late_s[int(len(late_s) * 0.99)] < _LATE_S:
        return "nothing: all was sent in time"
    if any(part["cpu_s"] / plan.run_s > _BUSY for part in found):
        return "the Python of a replica: one core each, so more workers are needed"
    if machine > _BUSY:
        return f"the processors of this machine, of which most go to: {max(cores, key=cores.__getitem__)}"
    return "commits: nobody is busy, so all wait for the disk of PostgreSQL or for its locks"


def main() -> None:
    """As a program; `--part` is one of the processes that it starts."""
    if sys.argv[1] == "--part":
        number, database, bucket, folder, plan = sys.argv[2:]
        print(json.dumps(simulate(int(number), Plan(*json.loads(plan)), database, bucket, Path(folder))), flush=True)
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--writers", type=int, default=1000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--pause", type=float, default=2.0, help="seconds between two sendings of a writer")
    parser.add_argument("--rows", type=int, default=20)
    parser.add_argument("--keys", type=int, default=10)
    parser.add_argument("--appends", type=int, default=100, help="sendings of a run before it ends")
    parser.add_argument("--database")
    parser.add_argument("--bucket")
    given = parser.parse_args()
    plan = Plan(given.writers, given.processes, given.seconds, given.pause, given.rows, given.keys, given.appends)
    for name, value in run(plan, given.database, given.bucket).items():
        print(f"{name:34} {value:,.3f}" if isinstance(value, float) else f"{name:34} {value}")


if __name__ == "__main__":
    main()
