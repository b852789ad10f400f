"""Sweeps as readers see them, in a folder and behind a server."""

import math
import re
import xml.etree.ElementTree as ElementTree

import pandas as pd
import pytest

from runlake.api.api import Api
from runlake.api.sweep import Sweep
from runlake.errors import BadValueError, CommError, ConflictError, NotFoundError, PathError, RunlakeWarning
from runlake.service.local.service import LocalService
from runlake.sweep_model import AgentReport, AgentStart, SweepPath, SweepStart
from served import Holder, SocketServer, make_app

PARAMETERS = {
    "lr": {"min": 0.0, "max": 1.0},
    "net": {"parameters": {"depth": {"values": [1, 2]}}},
    "seed": {"value": 7},
}
CONFIG = {"method": "random", "metric": {"name": "val.acc", "goal": "maximize"}, "parameters": PARAMETERS, "run_cap": 9}


@pytest.fixture
def folder(tmp_path):
    service = LocalService(tmp_path / "store", default_entity="ann", user="ann")
    yield service
    service.close()


@pytest.fixture(scope="module")
def server():
    holder = Holder()
    server = SocketServer(make_app(holder))
    yield holder, server.url
    server.stop()


@pytest.fixture(params=["folder", "server"])
def api(request, folder):
    place = None
    if request.param == "server":
        holder, place = request.getfixturevalue("server")
        holder.service = folder
    with Api(place) as api:
        yield api


@pytest.fixture
def make_sweep(folder):
    def make(sweep_id="s1", config=CONFIG, project="digits", **start):
        return folder.create_sweep("ann", project, SweepStart(config=config, sweep_id=sweep_id, seed=3, **start)).path

    return make


@pytest.fixture
def trained(make_sweep, make_run):
    """Five runs of a sweep: a good one, a NaN, a better one that failed, the best, one without a value; one of none."""
    make_sweep(config={**CONFIG, "name": "first try", "description": "small ones"}, user="ann")
    values = {"good": 0.5, "nan": math.nan, "failed": 0.9, "best": 0.7, "nothing": None}
    for number, (run_id, acc) in enumerate(values.items()):
        make_run(
            f"ann/digits/{run_id}",
            rows=[{"val.acc": 0.1}, {"val.acc": acc}] if acc is not None else [],
            config={"lr": number / 10, "net": {"depth": 1 + number % 2}, "seed": 7, "other": number},
            exit_code=int(run_id == "failed"),
            at_s=10.0 * number,
            sweep="s1",
        )
    make_run("ann/digits/alone", rows=[{"val.acc": 1.0}])


def ids(runs):
    return [run.id for run in runs]


def test_a_sweep_is_read_as_it_was_made(trained, api, folder):
    sweep = api.sweep("digits/s1")
    told = {name: getattr(sweep, name) for name in ("id", "name", "entity", "project", "state", "method", "order")}
    assert told == {
        "id": "s1", "name": "first try", "entity": "ann", "project": "digits", "state": "PENDING", "method": "random",
        "order": "-summary_metrics.val.acc",
    }  # fmt: skip
    assert sweep.path == ["ann", "digits", "s1"]
    assert sweep.url == f"{api.settings['base_url']}/ann/digits/sweeps/s1"
    assert sweep.config["parameters"] == folder.read_sweep(SweepPath("ann", "digits", "s1")).config["parameters"]
    assert sweep.metric == {"name": "val.acc", "goal": "maximize"}
    assert (sweep.description, sweep.user, sweep.user.username) == ("small ones", "ann", "ann")
    assert (sweep.expected_run_count, sweep.run_count, sweep.agents(), sweep.prior_runs) == (9, 0, [], [])
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ?", sweep.created_at)
    assert sweep.updated_at >= sweep.created_at
    assert repr(sweep) == "<Sweep ann/digits/s1 (PENDING)>"


@pytest.mark.parametrize(
    "form", ["s1", "digits/s1", "ann/digits/s1", "/ann/digits/sweeps/s1", "http://host/ann/digits/sweeps/s1?nw=x"]
)
def test_every_form_of_a_path_finds_it(make_sweep, folder, form):
    make_sweep()
    api = Api({"project": "digits"}, service=folder)
    sweep = api.sweep(form)
    assert sweep.path == ["ann", "digits", "s1"]
    assert api.sweep(sweep.path) is api.sweep(sweep.url) is sweep


def test_what_is_no_path_of_a_sweep_is_refused_with_a_reason(make_sweep, make_run, api):
    make_sweep()
    with pytest.raises(PathError, match=r"'a/b/c/d' is no path of a sweep; write \"sweep_id\", \"project/sweep_id\""):
        api.sweep("a/b/c/d")
    with pytest.raises(PathError, match=r"is the path of a run, not of a sweep; api\.run\(\) reads it"):
        api.sweep("ann/digits/runs/r1")
    with pytest.raises(PathError, match="is no URL of a sweep: that ends with /<entity>/<project>/sweeps/"):
        api.sweep("http://host/ann/digits")
    with pytest.raises(PathError, match=r"is the path of a sweep, not of a run; api\.sweep\(\) reads it"):
        api.run("http://host/ann/digits/sweeps/s1")
    with pytest.raises(NotFoundError, match="no sweep ann/digits/s2; see: runlake ls --sweeps") as caught:
        api.sweep("digits/s2")
    assert isinstance(caught.value, CommError)
    assert isinstance(caught.value, ValueError)


def test_from_path_gives_the_sweep(make_sweep, api):
    make_sweep()
    assert isinstance(api.from_path("ann/digits/sweeps/s1"), Sweep)
    assert api.from_path(api.sweep("digits/s1").url) is api.sweep("digits/s1")


def test_its_runs_are_oldest_first_sliced_and_told(trained, api):
    runs = api.sweep("digits/s1").runs
    assert ids(runs) == ["good", "nan", "failed", "best", "nothing"]
    assert ids(runs[1:3]) == ["nan", "failed"]
    assert (len(runs), runs[-1].id) == (5, "nothing")
    assert str(runs) == "<Runs ann/digits>"
    assert ids(api.runs("digits", {"sweep": "s1", "config.lr": {"$lt": 0.15}})) == ["good", "nan"]


def test_a_sweep_without_runs_has_none(make_sweep, api):
    make_sweep(project="empty")
    sweep = api.sweep("empty/s1")
    assert (list(sweep.runs), len(sweep.runs), sweep.best_run(), sweep.best_loss) == ([], 0, None, None)
    assert "runs 0 of 9" in " ".join(ElementTree.fromstring(sweep._repr_html_()).itertext())


def test_the_best_run_has_a_finite_value_and_did_not_fail(trained, api):
    sweep = api.sweep("digits/s1")
    assert sweep.best_run().id == "best"
    assert sweep.best_run("+summary_metrics.val.acc").id == sweep.best_run("summary.val.acc").id == "good"
    assert sweep.best_run("-config.lr").id == "nothing"
    assert sweep.best_run("+state").id == "good"
    assert sweep.best_run("val.acc").id == sweep.best_run("-val.acc").id == "best"
    assert sweep.best_run("+val.acc").id == "good"
    assert sweep.best_run("unheard_of") is None
    assert sweep.best_loss == 0.7
    assert (sweep.display_name, sweep.username, sweep.runCount) == ("first try", "ann", sweep.run_count)
    assert sweep.best_run("+summary_metrics.unheard_of") is None


def test_sorting_by_a_value_that_may_be_nan_or_missing_is_what_python_makes_of_it(trained, api):
    """As scripts do it: a missing value counts 0, and NaN lands anywhere. `best_run` has neither."""
    values = [0.5, math.nan, 0.9, 0.7, 0]
    runs = sorted(api.sweep("digits/s1").runs, key=lambda run: run.summary.get("val.acc", 0), reverse=True)
    assert repr([run.summary.get("val.acc", 0) for run in runs]) == repr(sorted(values, reverse=True))


def test_of_several_aggregates_of_the_metric_the_goal_chooses(make_sweep, make_run, api):
    make_sweep()
    make_run("ann/digits/a", summary={"val": {"acc": {"max": 0.9, "last": 0.1}}}, sweep="s1")
    make_run("ann/digits/b", summary={"val": {"acc": 0.5}}, sweep="s1")
    assert api.sweep("digits/s1").best_run().id == "a"


def test_a_sweep_without_a_metric_has_no_best_run_and_says_why(make_sweep, make_run, api):
    make_sweep(config={"method": "grid", "parameters": {"lr": {"values": [1, 2]}}})
    make_run("ann/digits/a", rows=[{"acc": 1.0}], sweep="s1")
    sweep = api.sweep("digits/s1")
    assert (sweep.order, sweep.metric) == (None, None)
    with pytest.warns(RunlakeWarning, match="has no metric, so no run is the best"):
        assert sweep.best_run() is None
    assert sweep.best_run("-summary_metrics.acc").id == "a"


def test_a_run_knows_its_sweep(trained, api, folder):
    run = api.run("digits/good")
    assert (run.sweep_name, run.sweep.id) == ("s1", "s1")
    alone = api.run("digits/alone")
    assert (alone.sweep_name, alone.sweep) == (None, None)
    run.sweep.delete()
    assert (run.sweep_name, run.sweep) == ("s1", None)


def test_the_sweeps_of_a_project_are_oldest_first(make_sweep, make_run, api):
    made = [make_sweep(sweep_id) for sweep_id in ("z", "a")]
    make_run("ann/letters/r")
    sweeps = api.sweeps("digits")
    assert [SweepPath(*sweep.path) for sweep in sweeps] == made
    assert (repr(sweeps), len(sweeps), ids(sweeps[1:])) == ("<Sweeps ann/digits>", 2, ["a"])
    assert ids(api.project("digits").sweeps()) == ["z", "a"]
    assert list(api.sweeps("letters")) == []
    with pytest.raises(NotFoundError, match="no project ann/nothing"):
        api.sweeps("nothing")


def test_pausing_resuming_stopping_and_cancelling(make_sweep, api, folder):
    make_sweep()
    sweep = api.sweep("digits/s1")
    for edit, state in [(sweep.pause, "PAUSED"), (sweep.resume, "RUNNING"), (sweep.stop, "FINISHED")]:
        edit()
        assert sweep.state == folder.read_sweep(SweepPath("ann", "digits", "s1")).state == state
    with pytest.raises(ConflictError, match="is finished: there is nothing to pause"):
        sweep.pause()
    sweep.cancel()
    with pytest.raises(ConflictError, match="was canceled, and cannot be RUNNING"):
        sweep.resume()


def test_a_deleted_sweep_is_gone_and_its_runs_stay(trained, api):
    api.sweep("digits/s1").delete()
    with pytest.raises(NotFoundError):
        api.sweep("digits/s1")
    assert list(api.sweeps("digits")) == []
    assert len(api.runs("digits")) == 6


def test_what_was_read_stays_until_it_is_loaded_anew(make_sweep, make_run, api):
    make_sweep()
    sweep = api.sweep("digits/s1")
    assert len(sweep.runs) == 0
    make_run("ann/digits/a", sweep="s1")
    assert len(sweep.load().runs) == 0
    assert len(sweep.load(force=True).runs) == 1


def test_agents_are_told_with_their_runs(make_sweep, make_run, api, folder):
    path = make_sweep()
    agent_id = folder.join_sweep(path, AgentStart(host="gpu1")).agent_id
    (order,) = folder.report_agent(path, agent_id, AgentReport(wanted_count=1))
    make_run(f"ann/digits/{order.run_id}", config=order.params, sweep="s1")
    (agent,) = api.sweep("digits/s1").agents()
    assert (agent.id, agent.name, agent.host, agent.state) == (agent_id, agent_id, "gpu1", "running")
    assert ids(agent.runs()) == [order.run_id]
    idle = folder.join_sweep(path, AgentStart()).agent_id
    assert ids(api.sweep("digits/s1").load(force=True).agent(idle).runs()) == []
    assert repr(agent) == f"<Agent {agent_id} (running)>"
    assert api.sweep("digits/s1").agent(agent_id).heartbeat_at >= agent.created_at
    with pytest.raises(NotFoundError, match="has no agent 'nobody'"):
        api.sweep("digits/s1").agent("nobody")


@pytest.mark.slow
def test_the_parameter_that_decides_is_the_important_one(make_sweep, make_run, api):
    make_sweep()
    for number in range(12):
        config = {"lr": number / 12, "net": {"depth": 1 + number % 2}, "seed": 7}
        make_run(f"ann/digits/r{number}", rows=[{"val": {"acc": number / 12}}], config=config, sweep="s1")
    found = api.sweep("digits/s1").importance()
    assert [one.name for one in found] == ["lr", "net.depth"]
    assert found[0].importance > 0.8
    assert found[0].importance + found[1].importance == pytest.approx(1)
    assert (found[0].correlation, found[0].run_count) == (pytest.approx(1), 12)
    frame = found.to_pandas()
    assert list(frame.columns) == ["name", "importance", "correlation", "run_count"]
    pd.testing.assert_frame_equal(frame, found.to_polars().to_pandas())


def test_importance_needs_runs(make_sweep, api):
    make_sweep()
    with pytest.raises(BadValueError, match="at least two runs with a value"):
        api.sweep("digits/s1").importance()


def test_a_notebook_shows_the_best_runs(trained, api):
    page = ElementTree.fromstring(api.sweep("digits/s1")._repr_html_())
    text = " ".join(page.itertext())
    assert "val.acc, maximize" in text
    assert "best so far" in text
    assert "name id state val.acc lr net.depth best best finished 0.7 0.3 2 good good finished 0.5 0 1" in text
    assert "other" not in text
    assert len(page.findall(".//{http://www.w3.org/2000/svg}svg")) == 1
