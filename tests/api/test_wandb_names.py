"""The names that scripts written for W&B read a run by."""

import json

import pytest

import runlake
from runlake.api.api import Api
from runlake.errors import FilterError, NotFoundError, UsageError

HISTOGRAM = {"_type": "histogram", "values": [1, 2], "bins": [0.0, 0.5, 1.0]}


@pytest.fixture
def run(make_run, api):
    path = make_run(
        rows=[{"loss": 1.0, "net": {"a": {"b": i}}, **({"acc": i} if i else {}), "few": i or "none"} for i in range(3)],
        config={"lr": 0.1, "model": {"dim": 8}},
        summary={"best": 0.25, "hist": HISTOGRAM},
        events=[{"system.cpu": 3.5}],
        files={"wandb-metadata.json": b'{"git": {"commit": "c0ffee"}}', "out/m.txt": b"weights"},
        name="calm",
        user="ann",
        notes="first",
        job_type="train",
        group="g",
    )
    return api.run(path)


def test_the_attributes_of_a_run_are_one_dict_under_their_names(run):
    attrs = run._attrs
    assert attrs is run._attrs
    assert {**attrs, "historyKeys": None, "id": None, "summaryMetrics": None} == {
        "id": None,
        "name": "r1",
        "displayName": "calm",
        "state": "finished",
        "config": {"lr": 0.1, "model": {"dim": 8}},
        "rawconfig": {"lr": 0.1, "model": {"dim": 8}},
        "group": "g",
        "jobType": "train",
        "tags": [],
        "notes": "first",
        "description": "first",
        "commit": "c0ffee",
        "readOnly": False,
        "createdAt": "2023-11-14T22:13:20Z",
        "heartbeatAt": run.heartbeat_at,
        "sweepName": None,
        "projectId": run.projectId,
        "summaryMetrics": None,
        "systemMetrics": {"system.cpu": 3.5},
        "historyLineCount": 3,
        "historyKeys": None,
        "user": {"name": "ann", "username": "ann"},
    }
    assert attrs["summaryMetrics"] == run.summaryMetrics == run.summary_metrics
    assert json.loads(json.dumps({**attrs}))["name"] == "r1"
    attrs["config"]["lr"] = 5
    assert run.config["lr"] == 0.1


def test_a_run_reads_by_both_spellings(run):
    assert (run.createdAt, run.heartbeatAt, run.jobType, run.displayName) == (
        run.created_at,
        run.heartbeat_at,
        "train",
        "calm",
    )
    assert (run.systemMetrics, run.historyLineCount, run.username, run.commit) == (
        {"system.cpu": 3.5},
        3,
        "ann",
        "c0ffee",
    )
    run.job_type = "eval"
    assert run.jobType == "eval"
    assert isinstance(run.projectId, int)
    assert run.dir.endswith("/ann/digits/r1")


@pytest.mark.parametrize("is_older", [False, True])
def test_each_key_has_counts_of_its_own(run, is_older):
    if is_older:
        run = run.at_generation(run.generations[0].generation)
    assert run.read_only is is_older
    assert run.history_keys == {
        "sets": [],
        "lastStep": 2,
        "keys": {
            "loss": {"typeCounts": [{"type": "number", "count": 3}], "monotonic": False, "previousValue": 1.0},
            "net.a.b": {"typeCounts": [{"type": "number", "count": 3}], "monotonic": False, "previousValue": 2},
            "few": {
                "typeCounts": [{"type": "string", "count": 1}, {"type": "number", "count": 2}],
                "monotonic": False,
                "previousValue": 2,
            },
            "acc": {"typeCounts": [{"type": "number", "count": 2}], "monotonic": False, "previousValue": 2},
        },
    }


def test_the_description_is_the_notes(run, api):
    run.description = "second"
    run.update()
    api.flush()
    assert api.run("digits/r1").notes == api.run("digits/r1").description == "second"


def test_what_is_put_into_the_dict_of_a_summary_stays_there(run):
    run.summary._json_dict["name"] = run.name
    assert run.summary._json_dict["name"] == run.summary["name"] == "calm"
    run.summary["other"] = 1
    assert run.summary._json_dict["other"] == 1


def test_keys_of_a_summary_are_attributes(run, api):
    assert (run.summary.best, run.summary.net.a.b, dict(run.summary.net)) == (0.25, 2, {"a": {"b": 2}})
    with pytest.raises(AttributeError, match="no key 'nope'; it has: 'best', 'hist', 'loss'"):
        run.summary.nope  # noqa: B018
    assert not hasattr(run.summary.net, "nope")
    run.summary.best = 0.5
    run.summary.net.a.b = 7
    run.summary.update()
    api.flush()
    assert (api.run("digits/r1").summary["best"], api.run("digits/r1").summary["net"]) == (0.5, {"a": {"b": 7}})


def test_a_file_of_a_run_is_restored(run, tmp_path):
    with run.restore("out/m.txt", root=tmp_path) as file:
        assert (file.read(), file.name) == ("weights", str(tmp_path / "out/m.txt"))
    (tmp_path / "out/m.txt").write_text("mine")
    with runlake.restore("out/m.txt", run_path="ann/digits/r1", root=tmp_path) as file:
        assert file.read() == "mine"
    with runlake.restore("out/m.txt", run.path, replace=True, root=tmp_path) as file:
        assert file.read() == "weights"
    with pytest.raises(NotFoundError, match=r"no file 'm\.txt'"):
        runlake.restore("m.txt", run.path)
    with pytest.raises(UsageError, match=r"restore\('m.txt'\) needs a run"):
        runlake.restore("m.txt")


def test_a_run_that_is_written_restores_files_of_itself_and_of_others(run, tmp_path):
    from runlake.compat import noop_calls

    with noop_calls.restore("out/m.txt", "ann/digits/r1", root=tmp_path / "before") as file:
        assert file.read() == "weights"
    (tmp_path / "mine.txt").write_text("kept")
    with runlake.init(project="digits") as mine:
        mine.save(tmp_path / "mine.txt", base_path=tmp_path)
        with noop_calls.restore("mine.txt", root=tmp_path / "again") as file:
            assert file.read() == "kept"
        with mine.restore("out/m.txt", run_path="ann/digits/r1") as file:
            assert file.name == f"{mine.dir}/out/m.txt"
    with runlake.init(mode="disabled") as idle:
        assert idle.restore("out/m.txt") is None


def test_the_page_of_a_run_is_html_anywhere_and_displayed_in_a_notebook_only(run):
    assert run.to_html() == run._repr_html_()
    assert run.to_html(hidden=True).startswith("<details><summary>ann/digits/r1</summary>")
    assert run.display() is False


def test_a_listing_gives_its_runs_and_refuses_what_is_no_filter(run, api):
    assert [one.id for one in api.runs("digits", per_page=1).objects] == ["r1"]
    with pytest.raises(FilterError, match=r"filters='x' .*api.runs\(\"entity/project\"\)"):
        api.runs("digits", "x")


def test_a_run_is_found_by_the_time_it_tells(run, api):
    def found(**how):
        return [one.id for one in api.runs("digits", {"created_at": how or run.created_at})]

    assert (found(), found(**{"$gt": run.created_at}), found(**{"$gte": run.created_at})) == (["r1"], [], ["r1"])


def test_logged_keys_are_asked_for_as_wandb_asks(run, api):
    for key, expected in {"keys_info.keys.loss": ["r1"], "keys_info.keys.nope": []}.items():
        assert [one.id for one in api.runs("digits", {key: {"$exists": True}})] == expected
    assert len(api.runs("digits", {"keys_info.keys.net.a.b.previousValue": 2})) == 1


def test_a_table_of_runs_has_a_histogram_in_a_few_words_and_its_run_the_values(run, api):
    runs = api.runs("digits")
    assert runs.to_pandas()["summary.hist"].tolist() == ["histogram of 3 values, 0 … 1"]
    assert runs[0].summary["hist"] == HISTOGRAM


def test_who_is_asked_for_and_what_there_is_not(run, api, monkeypatch):
    assert (api.user("bob").username, api.reports("digits"), api.api_key) == ("bob", [], "local")
    with Api(api_key="secret") as other:
        assert other.api_key == "secret"
