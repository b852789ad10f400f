"""A listing of very many runs over PostgreSQL and a bucket: ``python -m benchmarks.cluster_listing_case RUNS MOVED``.

The runs are rows, and columns in the bucket, as replicas keep them; each has 15 numbers in its config and 15 in its
summary. Those that move have records too, which a listing reads: of the others it never does.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import msgspec
import numpy as np
import psycopg

from benchmarks.bench import PROJECT
from benchmarks.cluster_serving import postgresql, seaweed
from benchmarks.many_runs_case import ENTITY, newest, once_s, page, warm_s
from benchmarks.run_store import meta_of, template_meta
from runlake.model import RunInfo, RunPath
from runlake.service.cluster.service import ClusterService
from runlake.store.catalog.project_records import ProjectRecords
from runlake.store.catalog.run_columns import MarkedRun, RunColumns
from runlake.store.cluster.bucket import Bucket
from runlake.store.cluster.database import Database
from runlake.store.cluster.look import look_at
from runlake.store.cluster.moves import Moment
from runlake.store.cluster.names import Names
from runlake.store.cluster.object_cache import ObjectCache
from runlake.store.cluster.store import ClusterStore
from runlake.store.run.state import read_run
from runlake.store.segment.meta import encode_meta

HALF = 15
ROUNDS = 5
_AT_ONCE = 20_000
_MADE_AT_S = 1_700_000_000.0

_RUNS = "copy runs (project_no, run_id, run_key, incarnation) from stdin"
_SEGMENTS = """
insert into segments (run_no, name, meta) values (%s, %s, %s)
on conflict (run_no, name) do update set meta = excluded.meta
"""
_NUMBERS = "select run_id, run_no from runs where run_id = any(%s)"
_MOVE = "update runs set moved_xid = pg_current_xact_id() where run_no = any(%s)"


def run_id_of(number: int) -> str:
    return f"r{number:07}"


def measure(run_count: int, moved_count: int, folder: Path) -> dict[str, float]:
    """Milliseconds: of the first look of a replica, of one when nothing moved, when some runs did, and of a page."""
    with postgresql(syncs=False) as server, seaweed.s3_server() as s3:
        url, numbers = server.url_of(server.make_database()), iter(range(10))
        bucket = Bucket(s3.new_url(), s3.options())

        def open_store() -> ClusterStore:
            return ClusterStore(Database(url), bucket, ObjectCache(folder / f"cache{next(numbers)}", 4 << 30))

        fill(open_store(), url, run_count)
        moving = Moving(open_store(), url, run_count, moved_count)
        moving.move()
        service = ClusterService(store := open_store(), default_entity=ENTITY)
        found = {"first": once_s(lambda: newest(service))}
        if newest(service).total_count != run_count:
            raise SystemExit(f"{newest(service).total_count} runs are listed of {run_count}")
        found["unchanged"], found["page"] = warm_s(lambda: newest(service)), warm_s(lambda: page(service))
        changed = []
        for _ in range(ROUNDS):
            moving.move()
            changed.append(once_s(lambda: newest(service)))
        found["changed"] = min(changed)
        found["folds"] = once_s(lambda: [read_run(store, path) for path in moving.paths])
    return {name: 1e3 * seconds for name, seconds in found.items()}


def fill(store: ClusterStore, url: str, run_count: int) -> None:
    """The rows of the runs, and what a replica left that had listed them."""
    store.create()
    project_no = Names(store.database).make_project(ENTITY, PROJECT)
    with psycopg.connect(url) as connection:
        connection.execute("set search_path = runlake")
        with connection.cursor().copy(_RUNS) as copy:
            for number in range(run_count):
                run_id = run_id_of(number)
                copy.write_row((project_no, run_id, run_id, f"i{number}"))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("vacuum analyze")
    look = look_at(store.database, ENTITY, PROJECT, Moment(), 0.0)
    columns = RunColumns.merged(
        [
            (part, np.arange(part.size))
            for part in (columns_of(first, run_count) for first in range(0, run_count, _AT_ONCE))
        ]
    )
    kept = {"moved": {}, "marks": {}, "run_ids": {}, "looked_at": look.at, "moment": tuple(look.moment)}
    store.listing_states.save_head(ENTITY, PROJECT, ProjectRecords(columns=columns), kept)


def columns_of(first: int, run_count: int) -> RunColumns:
    numbers = range(first, min(first + _AT_ONCE, run_count))
    values = np.random.default_rng(first).random((len(numbers), 2 * HALF)).tolist()
    return RunColumns.of(
        ENTITY,
        PROJECT,
        [MarkedRun(run_id_of(n), info_of(n, of), 0, False) for n, of in zip(numbers, values, strict=True)],
    )


def info_of(number: int, values: list[float]) -> RunInfo:
    made_at = _MADE_AT_S + number
    return RunInfo(
        **RunPath(ENTITY, PROJECT, run_id_of(number))._asdict(),
        incarnation=f"i{number}",
        generation=f"g{number}",
        name=f"run-{number}",
        state="finished",
        config={f"c{key}": value for key, value in enumerate(values[:HALF])},
        summary={f"s{key}": value for key, value in enumerate(values[HALF:])},
        created_at=made_at,
        heartbeat_at=made_at,
        exit_code=0,
        row_count=10,
        last_step=9,
    )


class Moving:
    """Runs here and there that are others each time."""

    def __init__(self, store: ClusterStore, url: str, run_count: int, moved_count: int) -> None:
        self._store, self._url, self._template, self._round = store, url, template_meta(), 0
        step = run_count // moved_count
        self._numbers = list(range(0, step * moved_count, step))
        self.paths = [RunPath(ENTITY, PROJECT, run_id_of(number)) for number in self._numbers]

    def move(self) -> None:
        """Let each have a segment with other last values, as when an edit of it was sealed, and be noted."""
        self._round += 1
        with psycopg.connect(self._url) as connection:
            connection.execute("set search_path = runlake")
            rows = dict(
                connection.execute(
                    "select run_id, run_no from runs where run_id = any(%s)", ([p.run_id for p in self.paths],)
                ).fetchall()
            )
            with connection.cursor() as cursor:
                cursor.executemany(
                    _SEGMENTS,
                    [self._segment(rows[p.run_id], p, n) for p, n in zip(self.paths, self._numbers, strict=True)],
                )
            connection.execute(_MOVE, (list(rows.values()),))
        if not all([self._store.note_run(path) for path in self.paths]):
            raise SystemExit("a run that moved was not noted")

    def _segment(self, run_no: int, path: RunPath, number: int) -> tuple[int, str, bytes]:
        meta = meta_of(self._template, path, number)
        (state,) = meta.writers
        history = state.streams["history"]
        last = {key: (9, at, value + self._round) for key, (_, at, value) in list(history.last.items())[:HALF]}
        state.streams["history"] = msgspec.structs.replace(history, last=last)
        return run_no, meta.name, encode_meta(meta)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        print(json.dumps(measure(*map(int, sys.argv[1:]), Path(name))))
