"""Whatever a script logs, names or ends with: an error that says so, or a run that everybody can read."""

import math
import warnings
from pathlib import Path

import pytest

import runlake
import runlake.model
from runlake.errors import BadValueError, LogTypeError, RunlakeWarning
from runlake.service.local.service import LocalService

VALUES = [
    math.nan,
    math.inf,
    1e300,
    -1,
    "x",
    "",
    True,
    None,
    10**400,
    2**63,
    "\ud800",
    "\0\x1b[31m",
    [1],
    {"a": 1},
    b"x",
]
KEYS = ["_timestamp", "_runtime", "_step", "a", "", "\0", ".", "_wandb", "$float"]


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_SILENT", "true")
    return tmp_path / "store"


def begin(store, **more):
    return runlake.init(store=store, entity="ann", project="p", settings={"seal": "off", "console": "off"}, **more)


def attempt(call, *arguments, **named):
    try:
        call(*arguments, **named)
    except runlake.Error:
        pass


def test_a_run_of_odd_values_can_be_read_listed_checked_and_deleted(store):
    run = begin(store, id="odd", name="\ud800\0", notes="\x85", tags=["\ud800"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RunlakeWarning)
        for number, value in enumerate(VALUES):
            for key in KEYS[number % 3 :: 3]:
                attempt(run.log, {"good": 1, key: value})
                attempt(run.summary.update, {key: value})
                attempt(run.config.update, {key: value}, allow_val_change=True)
            for name in ("name", "notes", "tags"):
                attempt(setattr, run, name, value)
            for name in ("name", "step_metric", "step_sync", "hidden", "summary", "goal"):
                attempt(run.define_metric, **{"name": "m", name: value})
            for name in ("title", "text", "level", "wait_duration"):
                attempt(run.alert, **{"title": "t", "text": "t", name: value})
            attempt(run.log, {"good": 1}, step=value)
    run.finish()
    service = LocalService(Path(store), default_entity="ann")
    (info,) = service.list_runs("ann", "p").runs
    assert (info.run_id, info.state) == ("odd", "finished")
    assert info.row_count >= len(VALUES)
    assert service.read_runs_table("ann", "p").num_rows == 1
    assert service.read_history(info.path).row_count == info.row_count
    assert [found for _, found in service.check("ann", "p") if found] == []
    service.delete_run(info.path)
    assert service.list_runs("ann", "p").runs == ()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e300, 10**400])
def test_a_row_with_an_impossible_time_is_kept_with_that_of_the_call(store, value):
    with begin(store) as run:
        with pytest.warns(RunlakeWarning, match="is left out; give seconds; said once"):
            run.log({"loss": 0.5, "_timestamp": value})
        run.log({"loss": 0.25, "_timestamp": value})
    rows = LocalService(Path(store), default_entity="ann").read_history(run_path(run))
    assert rows.row_count == 2
    assert all(1.6e9 < moment < 1e11 for moment in rows.timestamp.tolist())


def run_path(run):
    return runlake.model.RunPath(*run.path.split("/"))


@pytest.mark.parametrize("data", [{"_timestamp": "now"}, {"_runtime": True}, {"_step": 0.5}, {"_step": 2**63}])
def test_what_is_no_number_or_has_more_than_64_bits_is_refused(store, data):
    with begin(store) as run, pytest.raises(LogTypeError, match="is kept for the row itself and must be a number"):
        run.log({"loss": 0.5, **data})


@pytest.mark.parametrize("code", ["1", 0.5, 2**63])
def test_an_exit_code_is_an_integer(store, code):
    with begin(store) as run:
        with pytest.raises(BadValueError, match=r"finish: exit_code=.*; give an integer"):
            run.finish(exit_code=code)
        assert run.state == "running"
