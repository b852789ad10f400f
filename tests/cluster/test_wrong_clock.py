"""The clock of a replica's machine is an hour off: the database's is what counts."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import replica_of_another_time

from runlake.service.cluster.service import ClusterService
from runlake.store.cluster.leases import PostgresLeases

PROGRAM = Path(__file__).with_name("replica_of_another_time.py")


@pytest.fixture
def start(store, s3_server, shared_database_url, tmp_path):
    """Starts a replica whose clock is so many seconds off; answers a function that asks it."""
    started = []

    def start_one(off_s):
        words = [
            str(off_s),
            shared_database_url,
            store.database.schema,
            store.bucket.url,
            str(tmp_path / "its-cache"),
        ]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        env = {**os.environ, **s3_server.environment()}
        process = subprocess.Popen([sys.executable, PROGRAM, *words], env=env, **pipes)
        started.append(process)

        def ask(line):
            print(line, file=process.stdin, flush=True)
            return json.loads(process.stdout.readline())

        return ask

    yield start_one
    for process in started:
        process.stdin.close()
        process.wait()
        process.stdout.close()


@pytest.mark.slow
@pytest.mark.parametrize("off_s", [3600, -3600])
def test_a_clock_that_is_wrong_changes_no_state_no_lease_and_no_seal(off_s, start, new_store):
    store = new_store()
    service, leases = ClusterService(store, default_entity="ann", user="ann"), PostgresLeases(store.database)
    ask = start(off_s)
    assert abs(ask("clock") - time.time() - off_s) < 1000
    replica_of_another_time.begin(service, "silent")
    for table in ("parts", "served"):
        store.database.write(f"update {table} set heard_at = now() - interval '10 min'")
    replica_of_another_time.begin(service, "ours")
    ask("begin theirs")

    states = {"ours": ["running"] * 2, "theirs": ["running"] * 2, "silent": ["crashed"] * 2}
    assert (ask("states"), replica_of_another_time.states_of(service)) == (states, states)
    assert ask("unsealed") == ["silent"]
    with leases.hold("ours", is_waiting=False) as is_mine:
        assert (is_mine, ask("hold ours"), ask("hold theirs")) == (True, False, True)
        with leases.hold("theirs", is_waiting=False) as is_mine:
            assert not is_mine


@pytest.mark.slow
@pytest.mark.parametrize("off_s", [3600, -3600])
def test_of_two_edits_the_later_one_counts_whatever_the_clocks_say(off_s, start, new_store):
    service = ClusterService(new_store(), default_entity="ann", user="ann")
    ask = start(off_s)
    replica_of_another_time.begin(service, "r")

    def told():
        (run,) = service.list_runs("ann", "p").runs
        return run.config["lr"], service.read_run(run.path).config["lr"]

    for lr in (1.0, 3.0):
        replica_of_another_time.rate(service, "r", lr)
        assert told() == (lr, lr)
        ask(f"rate r {lr + 1}")
        assert told() == (lr + 1, lr + 1)
    service.delete_run(service.list_runs("ann", "p").runs[0].path)
    assert ask("states") == {}
    ask("restore r")
    assert told() == (4.0, 4.0)
    ask("delete r")
    assert service.list_runs("ann", "p").runs == ()
