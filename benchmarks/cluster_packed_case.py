"""Merged runs of a bucket by other engines: ``python -m benchmarks.cluster_packed_case RUNS ENGINE=PYTHON…``.

The mean of a key's last value, from the files that `list_segments` names, and from Parquet made by hand: one wide file
of all runs, and a file a run. Each engine is asked by a Python of its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa

from benchmarks.bench import CHECKOUT, HERE
from benchmarks.cluster_engines_case import put
from benchmarks.cluster_serving import postgresql
from runlake.service.cluster.service import ClusterService
from runlake.store.cluster.bucket import Bucket
from runlake.store.cluster.database import Database
from runlake.store.cluster.object_cache import ObjectCache
from runlake.store.cluster.store import ClusterStore

sys.path[:0] = [str(CHECKOUT / "tests"), str(CHECKOUT / "tests" / "cluster")]
from seaweed import s3_server  # noqa: E402

from trainer import Trainer  # noqa: E402

ROWS_OF_A_RUN = 200
KEYS = ("loss", *(f"metric_{number}" for number in range(9)))
SCRIPT = HERE / "peer_scripts" / "last_values.py"


def ask(run_count: int, engines: dict[str, str]) -> dict[str, dict[str, float]]:
    """Milliseconds of processor time that each engine took for each question; ``packing`` is what we took before."""
    with postgresql(50, syncs=False) as database, s3_server() as server, tempfile.TemporaryDirectory() as folder:
        url = database.url_of(database.make_database())
        cache = ObjectCache(Path(folder, "cache"), 1 << 30)
        store = ClusterStore(Database(url, connection_count=8), Bucket(server.new_url(), server.options()), cache)
        store.create()
        with contextlib.closing(store):
            questions, found = prepare(store, run_count)
        file = Path(folder, "questions.json")
        file.write_text(json.dumps(questions), "utf-8")
        environment = {**os.environ, **server.environment(), "HOME": folder}
        for engine, python in engines.items():
            command = [python, str(SCRIPT), engine, str(file)]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            if done.returncode:
                raise SystemExit(f"{engine}: {done.stderr[-3000:]}")
            found[engine] = json.loads(done.stdout.splitlines()[-1])
    return found


def prepare(store: ClusterStore, run_count: int) -> tuple[dict[str, dict[str, object]], dict[str, dict[str, float]]]:
    """Log, seal and merge the runs, and put the same values beside them by hand."""
    service = ClusterService(store, default_entity="ann", user="ann")
    tables = [log(store, number) for number in range(run_count)]
    by_hand = [put(store.bucket, f"by-hand/{number}.parquet", table) for number, table in enumerate(tables)]
    in_one = put(store.bucket, "in-one.parquet", pa.concat_tables(tables))
    took: dict[str, float] = {}

    def timed(name: str, begin_s: float) -> None:
        took[name] = 1e3 * (time.process_time() - begin_s)

    begin_s = time.process_time()
    list(service.seal("ann", "mnist"))
    timed("sealed", begin_s)
    begin_s = time.process_time()
    packed_count = len(list(service.pack_runs("ann", "mnist", at_once=True)))
    timed("merged", begin_s)
    if packed_count != run_count:
        raise SystemExit(f"{packed_count} of {run_count} runs were merged")
    begin_s = time.process_time()
    found = service.list_segments("ann", "mnist")
    timed("listed", begin_s)
    took["files"] = len(found.files)
    wide = {"key": None, "generations": [], "value": "loss", "order": "step"}
    if found.has_others:
        raise SystemExit("all rows should count")
    ours = {"files": found.files, "key": "loss", "value": "f64", "order": "n"}
    questions = {
        "ours": {**ours, "generations": []},
        "by_generation": {**ours, "generations": list(found.generations)},
        "in_one": {"files": [in_one], **wide},
        "by_hand": {"files": by_hand, **wide},
    }
    return questions, {"packing": took}


def log(store: ClusterStore, number: int) -> pa.Table:
    """One run, and the table that somebody without a tracker would have of it."""
    trainer = Trainer(store, f"r{number}")
    steps = range(ROWS_OF_A_RUN)
    values = {key: [number + step / (k + 7.3) for step in steps] for k, key in enumerate(KEYS)}
    for row in zip(*values.values(), strict=True):
        trainer.log(**dict(zip(KEYS, row, strict=True)))
    trainer.finish()
    return pa.table({"run_id": [f"r{number}"] * ROWS_OF_A_RUN, "step": list(steps), **values})


if __name__ == "__main__":
    print(json.dumps(ask(int(sys.argv[1]), dict(word.split("=", 1) for word in sys.argv[2:]))))
