"""All runs of a project by Polars from a bucket: ``python -m benchmarks.cluster_engines_case RUNS``.

The mean of a key's last value, from the files that `list_segments` names, and from Parquet made by hand: a file a run,
as whoever has no tracker writes it, and one file of all.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.bench import CHECKOUT
from benchmarks.cluster_serving import postgresql
from runlake.service.cluster.service import ClusterService
from runlake.store.cluster.bucket import Bucket
from runlake.store.cluster.database import Database
from runlake.store.cluster.object_cache import ObjectCache
from runlake.store.cluster.store import ClusterStore

sys.path[:0] = [str(CHECKOUT / "tests"), str(CHECKOUT / "tests" / "cluster")]
from seaweed import S3Server, s3_server  # noqa: E402

from trainer import Trainer  # noqa: E402

ROWS_OF_A_RUN = 20
ROUNDS = 5
CACHE_BYTES = 1 << 28


def ask(run_count: int) -> dict[str, float]:
    """Milliseconds of the fastest of some questions each, in turns; `listed` is what naming the files takes."""
    with postgresql(50) as database, s3_server() as server, tempfile.TemporaryDirectory() as cache:
        url = database.url_of(database.make_database())
        bucket = Bucket(server.new_url(), server.options())
        store = ClusterStore(Database(url, connection_count=8), bucket, ObjectCache(Path(cache), CACHE_BYTES))
        store.create()
        with contextlib.closing(store):
            return compare(store, server, run_count)


def compare(store: ClusterStore, server: S3Server, run_count: int) -> dict[str, float]:
    """The same of a store that is empty."""
    service = ClusterService(store, default_entity="ann", user="ann")
    by_hand, in_one = make(store, run_count)
    list(service.seal("ann", "mnist"))
    keys = server.environment()
    begin_s = time.perf_counter()
    found = service.list_segments("ann", "mnist")
    best = {"listed": 1e3 * (time.perf_counter() - begin_s)}
    files, generations = found.files, list(found.generations)

    def named_by_us() -> float:
        rows = pl.scan_parquet(files, storage_options=keys)
        return mean_of(rows.filter(pl.col("key") == "loss", pl.col("generation").is_in(generations)), "f64", "n")

    questions: dict[str, Callable[[], float]] = {
        "ours": named_by_us,
        "by_hand": lambda: mean_of(pl.scan_parquet(by_hand, storage_options=keys), "loss", "step"),
        "in_one": lambda: mean_of(pl.scan_parquet(in_one, storage_options=keys), "loss", "step"),
    }
    answers = {name: question() for name, question in questions.items()}
    if not all(math.isclose(answer, answers["ours"]) for answer in answers.values()):
        raise SystemExit(f"they answer differently: {answers}")
    for _ in range(ROUNDS):
        for name, question in questions.items():
            begin_s = time.perf_counter()
            question()
            best[name] = min(best.get(name, math.inf), 1e3 * (time.perf_counter() - begin_s))
    return best


def make(store: ClusterStore, run_count: int) -> tuple[list[str], str]:
    """Log the runs, and put the same values beside them: a file a run, and one of all."""
    tables = []
    for number in range(run_count):
        trainer = Trainer(store, f"r{number}")
        losses = [number + n / ROWS_OF_A_RUN for n in range(ROWS_OF_A_RUN)]
        for loss in losses:
            trainer.log(loss=loss, accuracy=0.5)
        trainer.finish()
        names = [f"r{number}"] * ROWS_OF_A_RUN
        columns = {"run_id": names, "step": range(ROWS_OF_A_RUN), "loss": losses, "accuracy": [0.5] * ROWS_OF_A_RUN}
        tables.append(pa.table({name: list(values) for name, values in columns.items()}))
    by_hand = [put(store.bucket, f"by-hand/{number}.parquet", table) for number, table in enumerate(tables)]
    return by_hand, put(store.bucket, "in-one.parquet", pa.concat_tables(tables))


def put(bucket: Bucket, key: str, table: pa.Table) -> str:
    """Its address."""
    sink = io.BytesIO()
    pq.write_table(table, sink)
    bucket.put_new(key, sink.getvalue())
    return f"{bucket.url}/{key}"


def mean_of(rows: pl.LazyFrame, value: str, order: str) -> float:
    """The mean over runs of the last value of each."""
    last = rows.group_by("run_id").agg(pl.col(value).sort_by(order).last())
    return float(last.select(pl.col(value).mean()).collect().item())


if __name__ == "__main__":
    print(json.dumps(ask(int(sys.argv[1]))))
