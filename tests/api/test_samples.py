"""However long a run is: as many samples as were asked for, or as there are rows; and sealing changes none of them."""

import math
import os
from collections import Counter
from itertools import product
from pathlib import Path

import pytest

from runlake.api.api import Api
from runlake.model import RunPath
from runlake.store.compact.seal import seal_run
from runlake.store.folder_store import FolderStore

KINDS = {
    "loss": lambda i: math.sin(i) * 100,
    "gaps": lambda i: math.nan if i % 700 > 20 else float(i),
    "count": lambda i: 2**60 + i % 3,
    "some": lambda i: i / 2 if i % 3 == 0 else None,
    "reward": lambda i: i if i % 2 else i + 0.5,
    "kinds": lambda i: "none yet" if i < 5 else i,
}
"""What each key has in row i; where that is None, nothing."""

ASKED = [
    *({"keys": [key]} for key in KINDS),
    {"keys": ["loss"], "x_axis": "_timestamp"},
    {"keys": ["gaps"], "x_axis": "count"},
    {"keys": ["loss", "some"]},
    {"keys": ["loss"], "join": "outer"},
    {},
]

SAMPLES = (1, 2, 3, 4, 25, 500, 5000)


def row_of(i):
    return {key: value for key, kind in KINDS.items() if (value := kind(i)) is not None}


def seal(path):
    seal_run(FolderStore(Path(os.environ["RUNLAKE_DIR"])), RunPath(*path.split("/")))


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 2, 512, 513, pytest.param(1500, marks=pytest.mark.long)])
def test_there_are_as_many_samples_as_asked_for_or_as_there_are_rows(make_run, count):
    logged = list(map(row_of, range(count)))
    path = make_run(rows=logged)

    def seen():
        with Api() as api:
            run = api.run(path)
            return [[run.history(samples=samples, pandas=False, **how) for samples in SAMPLES] for how in ASKED]

    found = seen()
    for how, answers in zip(ASKED, found, strict=True):
        keys = how.get("keys", [])
        whole = [row for row in logged if row.keys() >= set(keys)]
        for samples, rows in zip(SAMPLES, answers, strict=True):
            assert (how, samples, len(rows)) == (how, samples, min(samples, len(whole)))
            held = [[repr(row[key]) for key in keys] for row in rows]
            assert held[-1] == [repr(whole[-1][key]) for key in keys]
            if samples > 1:
                assert held[0] == [repr(whole[0][key]) for key in keys]
            if samples > 3 and keys in (["loss"], ["count"], ["some"], ["reward"]):
                line, kept = [row[keys[0]] for row in whole], [row[keys[0]] for row in rows]
                assert (min(kept), max(kept)) == (min(line), max(line))
    seal(path)
    assert repr(seen()) == repr(found)


@pytest.mark.slow
def test_histories_of_many_runs_have_as_many_samples_of_each(make_run, api):
    counts = {"a": 600, "b": 3, "c": 520}
    for run_id, count in counts.items():
        path = make_run(f"ann/digits/{run_id}", rows=list(map(row_of, range(count))))
        if run_id == "c":
            seal(path)
    runs = api.runs("digits")
    for samples, keys in product([1, 25, 500, 700], [["loss"], ["some"], ["gaps"], ["loss", "some"], None]):
        rows = runs.histories(samples=samples, keys=keys)
        every = 3 if keys is not None and "some" in keys else 1
        expected = {run_id: min(samples, -(-count // every)) for run_id, count in counts.items()}
        assert Counter(row["run_id"] for row in rows) == expected
        frame = runs.histories(samples=samples, keys=keys, format="pandas")
        assert frame["run_id"].value_counts().to_dict() == expected
        alone = api.run("digits/a").history(samples=samples, keys=keys, pandas=False)
        assert repr([{**row, "run_id": "a"} for row in alone]) == repr([row for row in rows if row["run_id"] == "a"])


def test_a_key_that_is_aligned_on_its_steps_is_sampled_after_that(make_run, api):
    run = api.run(make_run(rows=[{"x": i} for i in range(40)], steps=[i // 2 for i in range(40)]))
    rows = run.history(keys=["x"], samples=10, join="outer", pandas=False)
    assert len(rows) == 10
    assert all(row["x"] == 2 * row["_step"] + 1 for row in rows)
