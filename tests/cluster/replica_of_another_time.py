"""A replica whose clock is wrong: ``python replica_of_another_time.py SECONDS DATABASE SCHEMA BUCKET FOLDER``.

It does what each line of its input says, and says what it found as a line of JSON.
"""

import sys
import time

if __name__ == "__main__":
    _off_s, _true_s, _true_ns = float(sys.argv[1]), time.time, time.time_ns
    time.time = lambda: _true_s() + _off_s  # before anybody has taken it
    time.time_ns = lambda: _true_ns() + int(_off_s * 1e9)

import json
from contextlib import ExitStack
from pathlib import Path

from runlake.model import LoggedRow, RunEdit, RunPath, WriterBatch, WriterStart
from runlake.service.cluster.service import ClusterService
from runlake.store.cluster.bucket import Bucket
from runlake.store.cluster.database import Database
from runlake.store.cluster.leases import PostgresLeases
from runlake.store.cluster.object_cache import ObjectCache
from runlake.store.cluster.store import ClusterStore
from runlake.store.cluster.unsealed import find_unsealed


def states_of(service):
    """Of each run its state: as it is listed, and as it is read."""
    listed = {run.run_id: run.state for run in service.list_runs("ann", "p").runs}
    return {run_id: [state, service.read_run(RunPath("ann", "p", run_id)).state] for run_id, state in listed.items()}


def begin(service, run_id):
    """Begin a run, and log two rows."""
    path = RunPath("ann", "p", run_id)
    handle = service.begin_writer(path, WriterStart())
    rows = [LoggedRow(n, time.time(), float(n), {"loss": n / 4}) for n in range(2)]
    service.write_batch(path, handle.writer, WriterBatch(rows={"history": rows}, first_n={"history": 0}))


def rate(service, run_id, lr):
    """Set the learning rate of a run."""
    service.edit_run(RunPath("ann", "p", run_id), RunEdit(config_set={"lr": float(lr)}))


def main(database_url, schema, bucket_url, folder):
    store = ClusterStore(Database(database_url, schema=schema), Bucket(bucket_url), ObjectCache(Path(folder), 1 << 24))
    service = ClusterService(store, default_entity="ann", user="ann")
    with ExitStack() as held:
        deeds = {
            "states": lambda: states_of(service),
            "begin": lambda run_id: begin(service, run_id),
            "rate": lambda run_id, lr: rate(service, run_id, lr),
            "delete": lambda run_id: service.delete_run(RunPath("ann", "p", run_id)),
            "restore": lambda run_id: service.restore_run(RunPath("ann", "p", run_id)),
            "hold": lambda name: held.enter_context(PostgresLeases(store.database).hold(name, is_waiting=False)),
            "unsealed": lambda: sorted(path.run_id for path, _ in find_unsealed(store.database, silent_s=30, limit=9)),
            "clock": time.time,
        }
        for line in sys.stdin:
            deed, *words = line.split()
            print(json.dumps(deeds[deed](*words)), flush=True)
    store.close()


if __name__ == "__main__":
    main(*sys.argv[2:])
