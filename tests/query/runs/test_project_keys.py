"""The keys of a project, from the columns of its listing and from the runs that moved since."""

import numpy as np
import pytest

from runlake.model import MetricRule, ProjectKey, RunInfo
from runlake.query.runs.chunk import RunChunk
from runlake.query.runs.index import RunIndex
from runlake.store.catalog.run_columns import MarkedRun, RunColumns

IMAGE = {"_type": "image-file", "path": "a.png"}


def run(number, summary, **fields):
    return RunInfo(
        entity="ann",
        project="mnist",
        run_id=f"r{number}",
        incarnation=f"i{number}",
        generation=f"g{number}",
        name=f"run {number}",
        state="finished",
        created_at=float(number),
        summary=summary,
        **fields,
    )


@pytest.fixture(params=["stored", "moved", "some of both"])
def keys_of(request):
    """The keys of some runs, which are known as columns, as objects, or the first as columns and the others not."""

    def found(*runs, root="summary"):
        count = {"stored": len(runs), "moved": 0, "some of both": 1}[request.param]
        marked = [MarkedRun(run.run_id, run, 0, False) for run in runs[:count]]
        chunk = RunChunk(RunColumns.of("ann", "mnist", marked)) if marked else None
        return RunIndex(runs[count:], "v", chunk=chunk).keys(root)

    return found


def test_keys_have_the_kind_that_can_be_drawn_and_the_runs_that_have_them(keys_of):
    found = keys_of(
        run(1, {"loss": 1.0, "note": "x", "deep": {"a": 1}, "img": IMAGE, "_step": 3, "_wandb": {"runtime": 1}}),
        run(2, {"loss": "broken", "img": IMAGE, "flag": True, "list": [1, 2], "_loss": 2.0}),
        run(3, {"loss": 2, "größe.x": 1.5, "nothing": None}),
    )
    assert found.keys == (
        ProjectKey(key="_loss", kind="number", run_count=1),
        ProjectKey(key="deep.a", kind="number", run_count=1),
        ProjectKey(key="flag", kind="other", run_count=1),
        ProjectKey(key="größe.x", kind="number", run_count=1),
        ProjectKey(key="img", kind="media", media_type="image-file", run_count=2),
        ProjectKey(key="list", kind="other", run_count=1),
        ProjectKey(key="loss", kind="number", run_count=3),
        ProjectKey(key="note", kind="text", run_count=1),
        ProjectKey(key="nothing", kind="other", run_count=1),
    )


def test_of_what_a_rule_keeps_aggregates_of_the_key_itself_is_meant(keys_of):
    rules = (MetricRule(name="val/*", summary=("min", "max")),)
    found = keys_of(
        run(1, {"val/loss": {"min": 0.1, "max": 0.9}, "other": {"min": 3.0}}, metric_rules=rules),
        run(2, {"val/loss": {"min": 0.2, "max": 0.8}}, metric_rules=rules),
        run(3, {"val/loss": 0.5}),
    )
    assert found.keys == (
        ProjectKey(key="other.min", kind="number", run_count=1),
        ProjectKey(key="val/loss", kind="number", run_count=3),
    )


def test_the_version_is_that_of_the_keys_and_not_of_the_values(keys_of):
    before = keys_of(run(1, {"loss": 1.0}), run(2, {"loss": 2.0}))
    assert keys_of(run(1, {"loss": 9.0}), run(2, {"loss": 8.0})).version == before.version
    assert keys_of(run(1, {"loss": 9.0}), run(2, {"acc": 8.0})).version != before.version


def test_runs_that_are_hidden_do_not_count():
    marked = [MarkedRun(f"r{n}", run(n, {"loss": 1.0, f"only_{n}": 1}), 0, False) for n in range(3)]
    chunk = RunChunk(RunColumns.of("ann", "mnist", marked))
    index = RunIndex([run(1, {"loss": 1.0, "new": 1})], "v", chunk=chunk, hidden=np.array([1]))
    assert {one.key: one.run_count for one in index.keys("summary").keys} == {
        "loss": 3,
        "new": 1,
        "only_0": 1,
        "only_2": 1,
    }
