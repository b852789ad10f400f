"""Listings of runs, and the Api that gives them."""

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import runlake.api.api
from runlake.api.api import Api
from runlake.api.runs import Runs
from runlake.errors import BadValueError, CommError, ConflictError, FilterError, NotFoundError, NotSupportedError


@pytest.fixture
def three(make_run, api):
    for number in range(3):
        make_run(
            f"ann/digits/r{number}",
            rows=[{"acc": number / 10, "i": number}, {"acc": number / 5}],
            config={"lr": 10**-number, "net": {"k.x": number}},
            name=f"name{number}",
            at_s=number * 10.0,
        )
    return api


def ids(runs):
    return [run.id for run in runs]


def test_runs_are_oldest_first_sliced_counted_and_walked_again(three):
    runs = three.runs("digits")
    assert ids(runs) == ids(runs) == ["r0", "r1", "r2"]
    assert len(runs) == runs.length == 3
    assert (runs[0].id, runs[-1].id, runs[1].name) == ("r0", "r2", "name1")
    assert ids(runs[1:]) == ["r1", "r2"]
    assert ids(runs[::-1]) == ["r2", "r1", "r0"]
    assert type(runs[:1]) is list
    assert runs[5:] == []
    assert [next(runs).id, runs.next().id] == ["r0", "r1"]
    assert repr(runs) == "<Runs ann/digits>"
    with pytest.raises(IndexError):
        runs[3]
    assert ids(sorted(runs, key=lambda run: run.summary.get("acc", 0), reverse=True)) == ["r2", "r1", "r0"]


def test_pages_are_cut_from_one_version(make_run, api):
    for number in range(12):
        make_run(f"ann/digits/r{number:02}", at_s=number)
    runs = api.runs("digits", per_page=2)
    assert runs.more
    make_run("ann/digits/new", at_s=-5)
    api.run("digits/r03").delete()
    assert ids(runs) == [f"r{number:02}" for number in range(12)]
    assert not runs.more
    assert ids(api.runs("digits"))[0] == "new"


def test_filters_and_orders(three):
    assert ids(three.runs("digits", {"config.lr": {"$lt": 0.5}})) == ["r1", "r2"]
    assert ids(three.runs("ann/digits", filters={"$or": [{"displayName": "name0"}, {"config.net.k.x": 2}]})) == [
        "r0",
        "r2",
    ]
    assert ids(three.runs("digits", order="-summary_metrics.acc")) == ["r2", "r1", "r0"]
    assert ids(three.runs("digits", order=["-created_at"])) == ["r2", "r1", "r0"]
    assert len(three.runs("digits", {"state": "running"})) == 0
    with pytest.raises(FilterError):
        three.runs("digits", {"config.lr": {"$around": 1}})


def test_an_unknown_project_is_a_value_error(three):
    for kind in (ValueError, CommError, NotFoundError):
        with pytest.raises(kind, match="digit"):
            three.runs("ann/digit")
    with pytest.raises(BadValueError, match="per_page"):
        three.runs("digits", per_page=0)


def test_runs_and_listings_are_kept_until_flush(three, make_run):
    assert three.run("digits/r1") is three.run("/ann/digits/r1")
    assert three.runs("digits") is three.runs("ann/digits")
    assert three.runs("digits") is not three.runs("digits", order="-created_at")
    old = three.run("digits/r1")
    make_run("ann/digits/r3", at_s=99)
    assert len(three.runs("digits")) == 3
    three.flush()
    assert len(three.runs("digits")) == 4
    assert three.run("digits/r1") is not old


def test_all_runs_as_one_frame(three):
    runs = three.runs("digits")
    frame = runs.to_pandas()
    assert frame["run_id"].tolist() == ["r0", "r1", "r2"]
    assert frame["config.lr"].tolist() == [1.0, 0.1, 0.01]
    assert frame["summary.acc"].tolist() == [0.0, 0.2, 0.4]
    assert three.runs("digits", {"name": "name1"}).to_pandas()["run_id"].tolist() == ["r1"]
    assert three.runs("digits", order="-created_at").to_arrow()["run_id"].to_pylist() == ["r2", "r1", "r0"]
    assert runs.to_polars().equals(pl.DataFrame(runs))
    assert pa.table(runs).equals(runs.to_arrow())


def test_histories_of_all_runs_stand_one_behind_the_other(three):
    runs = three.runs("digits")
    rows = runs.histories(keys=["acc"])
    assert rows == [
        {"_step": step, "acc": number / (10, 5)[step], "run_id": f"r{number}"} for number in range(3) for step in (0, 1)
    ]
    frame = runs.histories(format="pandas", samples=1)
    assert list(frame.columns) == ["run_id", "_step", "_runtime", "_timestamp", "acc", "i"]
    assert frame["acc"].tolist() == [0.0, 0.2, 0.4]
    pd.testing.assert_index_equal(frame.index, pd.RangeIndex(3))
    assert runs.histories(format="polars", keys=["i"]).to_dict(as_series=False) == {
        "run_id": ["r0", "r1", "r2"], "_step": [0, 0, 0], "i": [0, 1, 2],
    }  # fmt: skip
    assert runs.upgrade_to_full() is None
    with pytest.raises(BadValueError, match="format='csv'"):
        runs.histories(format="csv")


def test_a_listing_without_runs_is_empty_everywhere(api):
    api.create_project("empty")
    runs = api.runs("empty")
    assert (len(runs), list(runs), runs[:], len(runs.histories(format="pandas"))) == (0, [], [], 0)
    assert runs.to_pandas().shape[0] == 0


def test_a_run_that_is_not_there_is_a_comm_error_and_a_value_error(three):
    for kind in (CommError, ValueError):
        with pytest.raises(kind, match='run "r9" not in project ann/digits'):
            three.run("digits/r9")


def test_the_forms_of_a_path_and_a_list_all_find_the_run(three):
    run = three.run("ann/digits/r1")
    for form in ("digits/r1", "ann/digits/runs/r1", "ann/digits:r1", "/ann/digits/r1", run.url, run.path):
        assert three.run(form) is run
    assert three.from_path("ann/digits/r1") is run
    assert three.from_path("ann/digits").name == "digits"


def test_the_api_takes_what_scripts_of_wandb_give_it(three, tmp_path):
    overrides = {"entity": "ann", "project": "digits", "run": "r1"}
    for api in (Api(overrides), Api(overrides=overrides, timeout=29, api_key="x"), Api(None, overrides, 19)):
        assert api.run().id == api.run("r1").id == "r1"
        assert ids(api.runs()) == ["r0", "r1", "r2"]
        assert api.settings == {**overrides, "base_url": (tmp_path / "store").as_uri()}
    assert Api(overrides={"entity": "bob"}).default_entity == "bob"
    assert Api(tmp_path / "store").run("digits/r1").id == Api(str(tmp_path / "store")).run("digits/r1").id


def test_projects_are_listed_found_and_made(three, make_run):
    make_run("bob/other/x")
    assert [project.path for project in three.projects()] == [["ann", "digits"], ["bob", "other"]]
    assert [project.name for project in three.projects("bob")] == ["other"]
    project = three.project("digits")
    assert (project.id, project.run_count, ids(project.runs())) == ("ann/digits", 3, ["r0", "r1", "r2"])
    assert project.url.endswith("/store/ann/digits")
    assert project.created_at.endswith("Z")
    with pytest.raises(NotFoundError, match='no project "digit" of "ann"; it has: digits'):
        three.project("digit")
    made = three.create_project("fresh", "carl")
    assert repr(made) == "<Project carl/fresh>"
    assert repr(three.projects("carl")) == "<Projects ['carl/fresh']>"


def test_a_run_is_made_without_a_process(three):
    run = three.create_run(project="digits")
    assert (run.state, len(run.id)) == ("pending", 8)
    assert three.run(f"digits/{run.id}") is run
    assert three.create_run("mine", "digits", "bob").path == ["bob", "digits", "mine"]
    with pytest.raises(ConflictError):
        three.create_run("r1", "digits")
    run.config["lr"] = 1
    run.update()
    three.flush()
    assert three.run(f"digits/{run.id}").config == {"lr": 1}


def test_who_is_reading(api):
    assert (api.viewer, api.viewer.entity, api.viewer.teams, api.default_entity) == ("ann", "ann", [], "ann")
    assert repr(api.viewer) == "<User ann>"
    assert repr(api).startswith("<Api file:///")


@pytest.mark.parametrize("name", ["automation", "team", "queued_run"])
def test_what_is_not_there_yet_is_named(api, name):
    with pytest.raises(NotSupportedError, match=rf"Api\.{name}\(\) is known from W&B and is not there \(yet\)"):
        getattr(api, name)("ann/digits/x", type="y")


def test_every_public_name_has_a_docstring_or_says_itself():
    assert runlake.api.api.Api.__doc__
    for kind in (Api, Runs):
        for name, member in vars(kind).items():
            if not name.startswith("_") and callable(member):
                assert member.__doc__ or name == "next", name
