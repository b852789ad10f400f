"""A question over all runs, by other engines from a bucket; each is asked by a Python of its own.

``python -m benchmarks.cluster_engines_case RUNS ALONE ENGINE=PYTHON…``: the mean of a key's last value, from the files
that `list_segments` names, and from Parquet made by hand: one wide file of all runs, and a file a run. The first runs
(ALONE) are asked for before runs are merged, and all of them after. What is in the files follows from the runs and not
from where they are kept, so they are made in a folder, which takes a tenth of the time.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.across_runs_case import ENTITY, KEY, make_runs, wide_rows
from benchmarks.bench import CHECKOUT, HERE, PROJECT
from runlake.service.local.service import LocalService
from runlake.store.cluster.bucket import Bucket

sys.path[:0] = [str(CHECKOUT / "tests"), str(CHECKOUT / "tests" / "cluster")]
from seaweed import s3_server  # noqa: E402

ROW_COUNT = 200
SCRIPT = HERE / "peer_scripts" / "last_values.py"
_WIDE = {"key": None, "generations": [], "value": KEY, "order": "_step"}
_AT_ONCE = 8

Question = dict[str, Any]


def ask(run_count: int, alone_count: int, engines: dict[str, str]) -> dict[str, dict[str, float]]:
    """Milliseconds of processor time that each engine took for each question about merged runs.

    ``alone`` are those of Polars about runs that are not merged.
    """
    with s3_server() as server, tempfile.TemporaryDirectory() as folder:
        place = Place(Bucket(server.new_url(), server.options()), Path(folder, "store"))
        environment = {**os.environ, **server.environment(), "HOME": folder}
        found = {"alone": asked("polars", engines["polars"], place.alone(alone_count), environment)}
        questions = place.merged(alone_count, run_count)
        for engine, python in engines.items():
            # A file a run takes the others half a minute.
            theirs = {name: each for name, each in questions.items() if engine == "polars" or name != "by_hand"}
            found[engine] = asked(engine, python, theirs, environment)
    return found


def asked(engine: str, python: str, questions: dict[str, Question], environment: dict[str, str]) -> dict[str, float]:
    """What an engine took for each."""
    file = Path(environment["HOME"], "questions.json")
    file.write_text(json.dumps(questions), "utf-8")
    done = subprocess.run(
        [python, str(SCRIPT), engine, str(file)], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{engine}: {done.stderr[-3000:]}")
    answers: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return answers


class Place:
    """The runs as a store has them, and what somebody without a tracker would have, in a bucket."""

    def __init__(self, bucket: Bucket, root: Path) -> None:
        self._bucket, self._root, self._by_hand = bucket, root, list[str]()
        self._service = LocalService(root, default_entity=ENTITY)

    def alone(self, run_count: int) -> dict[str, Question]:
        """The questions about so many runs that have files of their own."""
        self._make(range(run_count))
        return {"ours": self._named(by_generation=True), "by_hand": {"files": self._by_hand, **_WIDE}}

    def merged(self, first: int, run_count: int) -> dict[str, Question]:
        """Those about all runs, when those from `first` on came and all were merged."""
        self._make(range(first, run_count))
        merged_count = len(list(self._service.pack_runs(ENTITY, PROJECT, at_once=True)))
        if merged_count != run_count:
            raise SystemExit(f"{merged_count} of {run_count} runs were merged")
        return {
            "ours": self._named(by_generation=False),
            "by_generation": self._named(by_generation=True),
            "in_one": {"files": self._put("in-one", [by_hand(range(run_count))]), **_WIDE},
            "by_hand": {"files": self._by_hand, **_WIDE},
        }

    def _make(self, numbers: range) -> None:
        make_runs(self._root, numbers, ROW_COUNT)
        self._by_hand += self._put(f"by-hand-{numbers.start}", (by_hand([number]) for number in numbers))

    def _named(self, *, by_generation: bool) -> Question:
        """What `list_segments` names now."""
        found = self._service.list_segments(ENTITY, PROJECT)
        if found.has_others:
            raise SystemExit("all rows should count")
        files = self._put(f"ours-{len(found.files)}", (Path(file).read_bytes() for file in found.files))
        generations = list(found.generations) if by_generation else []
        return {"files": files, "key": KEY, "value": "f64", "order": "n", "generations": generations}

    def _put(self, name: str, contents: Iterable[bytes]) -> list[str]:
        """The addresses of objects with these bytes."""
        contents = list(contents)
        keys = [f"{name}/{number}.parquet" for number in range(len(contents))]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(self._bucket.put_new, keys, contents))
        return [f"{self._bucket.url}/{key}" for key in keys]


def by_hand(numbers: Sequence[int]) -> bytes:
    """A file of some runs as pyarrow makes it that is told nothing."""
    table, sink = wide_rows(numbers, ROW_COUNT), io.BytesIO()
    pq.write_table(table.set_column(0, "run_id", table["run_id"].cast(pa.string())), sink)
    return sink.getvalue()


if __name__ == "__main__":
    run_count, alone_count, *engines = sys.argv[1:]
    print(json.dumps(ask(int(run_count), int(alone_count), dict(word.split("=", 1) for word in engines))))
