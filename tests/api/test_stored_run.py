"""What a stored run says of itself, and the edits that may be made."""

import copy
import json
import math
import threading

import numpy as np
import pytest

from runlake.api.edits import changes
from runlake.errors import LogTypeError, NotFoundError
from runlake.media.histogram import Histogram
from waiting import DEADLINE_S

CONFIG = {"lr": 0.1, "net": {"layers": 4, "head": {"p": 0.5}}, "_seed": 7, "_wandb": {"v": 1}, "a.b": 1}


@pytest.fixture
def run(make_run, api):
    return api.run(
        make_run(
            rows=[{"loss": 1.0, "d": {"x": 1}}, {"loss": 0.5}],
            config=CONFIG,
            summary={"best": {"acc": 0.9, "epoch": 3}},
            name="quick-fox-1",
            notes="first",
            tags=["a", "b"],
            group="g",
            job_type="train",
            user="ann",
        )
    )


def reread(api, run):
    api.flush()
    return api.run(run.path)


def test_a_run_says_what_it_is(run, tmp_path):
    assert {
        name: getattr(run, name)
        for name in (
            "id", "name", "display_name", "state", "entity", "project", "path", "tags", "notes", "description",
            "group", "job_type", "user", "created_at", "heartbeat_at", "lastHistoryStep", "row_count", "url",
            "exit_code", "sweep", "system_metrics",
        )
    } == {
        "id": "r1",
        "name": "quick-fox-1",
        "display_name": "quick-fox-1",
        "state": "finished",
        "entity": "ann",
        "project": "digits",
        "path": ["ann", "digits", "r1"],
        "tags": ["a", "b"],
        "notes": "first",
        "description": "first",
        "group": "g",
        "job_type": "train",
        "user": "ann",
        "created_at": "2023-11-14T22:13:20Z",
        "heartbeat_at": "2023-11-14T22:13:22Z",
        "lastHistoryStep": 1,
        "row_count": 2,
        "url": (tmp_path / "store/ann/digits/r1").as_uri(),
        "exit_code": 0,
        "sweep": None,
        "system_metrics": {},
    }  # fmt: skip
    assert (run.user.username, run.user.name) == ("ann", "ann")
    assert repr(run) == "<Run ann/digits/r1 (finished)>"


def test_the_config_hides_what_belongs_to_the_client(run):
    assert run.config == {key: value for key, value in CONFIG.items() if key != "_wandb"}
    assert run.rawconfig == CONFIG
    assert json.loads(run.json_config)["lr"] == {"value": 0.1, "desc": None}


def test_the_summary_reads_like_a_dict_of_dicts(run):
    assert run.summary["loss"] == 0.5
    assert run.summary["best"]["acc"] == 0.9
    assert run.summary.get("nothing", 0) == 0
    with pytest.raises(KeyError, match="nothing"):
        run.summary["nothing"]
    assert dict(run.summary) == run.summary._json_dict == run.summary_metrics
    assert run.summary._json_dict == {
        "loss": 0.5,
        "d": {"x": 1},
        "best": {"acc": 0.9, "epoch": 3},
        "_step": 1,
        "_runtime": 2.0,
        "_timestamp": pytest.approx(1_700_000_002.0, abs=0.001),
        "_wandb": {"runtime": 2},
    }
    json.dumps(run.summary._json_dict)


def test_summary_edits_stay_here_until_update(run, api):
    run.summary["accuracy"] = 0.9
    run.summary["best"]["acc"] = 0.95
    del run.summary["d"]
    before = reread(api, run).summary._json_dict
    assert before["best"] == {"acc": 0.9, "epoch": 3}
    run.summary.update()
    after = reread(api, run).summary._json_dict
    assert run.summary._json_dict == after
    assert {key: value for key, value in after.items() if not key.startswith("_")} == {
        "loss": 0.5,
        "accuracy": 0.9,
        "best": {"acc": 0.95, "epoch": 3},
    }


def test_an_update_replaces_what_it_names_and_nothing_else(run, api):
    run.summary.update({"best": {"loss": 0.1}, "new": [1, math.nan]})
    summary = reread(api, run).summary
    assert summary["best"] == {"loss": 0.1}
    assert repr(summary["new"]) == "[1, nan]"
    assert summary["loss"] == 0.5
    summary["best"]["loss"] = 0.2
    summary.update()
    assert reread(api, run).summary["best"] == {"loss": 0.2}


def test_update_without_overwrite_keeps_what_is_there(run):
    run.summary.update({"loss": 9, "fresh": 1}, overwrite=False)
    assert (run.summary["loss"], run.summary["fresh"]) == (0.5, 1)


def test_two_readers_edit_different_keys_and_both_stay(run, api):
    first, second = run, reread(api, run)
    first.summary["a"] = 1
    second.summary["best"]["epoch"] = 8
    second.config["net"]["layers"] = 5
    first.config["net"]["head"]["p"] = 0.6
    for one in (first, second):
        one.update()
    run = reread(api, run)
    assert run.summary["a"] == 1
    assert run.summary["best"] == {"acc": 0.9, "epoch": 8}
    assert run.config["net"] == {"layers": 5, "head": {"p": 0.6}}


def test_a_histogram_is_set_as_an_object_and_read_as_a_dict(run, api):
    run.summary["accuracy_histogram"] = Histogram(np.array([1.0, 2.0, 2.0]), num_bins=2)
    run.summary.update()
    assert reread(api, run).summary["accuracy_histogram"] == run.summary["accuracy_histogram"] == {
        "_type": "histogram", "bins": [1.0, 1.5, 2.0], "values": [1, 2],
    }  # fmt: skip


def test_arrays_and_scalars_of_numpy_become_plain(run, api):
    run.summary.update({"f": np.float32(0.5), "v": np.arange(3), "deep": {"n": np.int64(4)}})
    summary = reread(api, run).summary._json_dict
    assert (summary["f"], summary["v"], summary["deep"]) == (0.5, [0, 1, 2], {"n": 4})


def test_what_cannot_be_stored_is_refused_and_nothing_is_written(run, api):
    run.summary["lock"] = threading.Lock()
    run.summary["fine"] = 1
    with pytest.raises(LogTypeError, match="lock"):
        run.summary.update()
    assert "fine" not in reread(api, run).summary


def test_config_edits_are_written_by_update(run, api):
    run.config["key"] = 10
    run.config["net"]["head"] = {"q": (1, 2)}
    del run.config["lr"]
    run.update()
    assert reread(api, run).config == {
        "net": {"layers": 4, "head": {"q": [1, 2]}}, "_seed": 7, "a.b": 1, "key": 10,
    }  # fmt: skip
    assert reread(api, run).rawconfig["_wandb"] == {"v": 1}


def test_names_tags_notes_and_groups_are_written_by_update(run, api):
    run.name, run.notes, run.group, run.job_type = "slow-owl-2", None, "h", "eval"
    run.tags.append("c")
    run.update()
    again = reread(api, run)
    assert (again.name, again.notes, again.group, again.job_type, again.tags) == (
        "slow-owl-2", None, "h", "eval", ["a", "b", "c"],
    )  # fmt: skip


def test_an_update_without_changes_writes_nothing(run, tmp_path):
    before = sorted(tmp_path.rglob("*.part"))
    run.update()
    run.save()
    run.summary.update()
    assert sorted(tmp_path.rglob("*.part")) == before


def test_load_forgets_edits_only_when_forced(run):
    run.config["x"] = run.summary["x"] = 1
    assert run.load().config["x"] == 1
    assert "x" not in run.load(force=True).config
    assert "x" not in run.summary


def test_metadata_is_how_the_run_was_started(make_run, api):
    path = make_run(path="ann/digits/r2", files={"wandb-metadata.json": b'{"program": "train.py", "args": ["-v"]}'})
    assert api.run(path).metadata == {"program": "train.py", "args": ["-v"]}
    assert api.run(make_run(path="ann/digits/r3")).metadata is None


def test_a_deleted_run_is_gone(run, api):
    listed = api.runs("digits")
    run.delete(delete_artifacts=True)
    with pytest.raises(NotFoundError, match="r1"):
        api.run("digits/r1")
    assert api.runs("digits") is not listed
    assert len(api.runs("digits")) == 0


def test_waiting_ends_when_the_run_does(make_run, api):
    writer = make_run(rows=[{"a": 1}], ended=False)
    run = api.run("digits/r1")
    assert run.state == "running"
    waiting = threading.Thread(target=run.wait_until_finished)
    waiting.start()
    writer.end({"exit_code": 1})
    waiting.join(DEADLINE_S)
    assert not waiting.is_alive()
    assert run.state == "failed"


def test_a_stop_is_asked_for(make_run, api):
    writer = make_run(rows=[{"a": 1}], ended=False)
    run = api.run("digits/r1")
    run.stop()
    assert api._service.read_run(run.load()._info.path).stop_requested
    writer.close()


@pytest.mark.parametrize(
    ("before", "after", "to_set", "to_remove"),
    [
        ({"a": 1}, {"a": 1}, {}, ()),
        ({"a": 1}, {"a": 1.0}, {"a": 1.0}, ()),
        ({"a": 1}, {"a": True}, {"a": True}, ()),
        ({"a": math.nan}, {"a": math.nan}, {}, ()),
        ({"a": 0.0}, {"a": -0.0}, {"a": -0.0}, ()),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, {"a.c": 3}, ()),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, {}, ("a.c",)),
        ({"a": {"b": 1}}, {"a": {}}, {"a": {}}, ()),
        ({"a": {"b": 1}}, {"a": 5}, {"a": 5}, ()),
        ({"a": 5}, {"a": {"b": 1}}, {"a": {"b": 1}}, ()),
        ({}, {"x.y": 1}, {r"x\.y": 1}, ()),
        ({"m": {"_type": "x", "v": 1}}, {"m": {"_type": "x", "v": 2}}, {"m": {"_type": "x", "v": 2}}, ()),
    ],
)
def test_an_edit_names_what_changed_and_nothing_else(before, after, to_set, to_remove):
    untouched = copy.deepcopy((before, after))
    assert repr(changes(before, after)) == repr((to_set, to_remove))
    assert repr((before, after)) == repr(untouched)


def test_a_key_that_was_set_is_written_even_if_it_looks_the_same():
    assert changes({"a": 1, "b": {"c": 1}}, {"a": 1, "b": {"c": 1}}, touched=["a", "b"]) == (
        {"a": 1, "b": {"c": 1}},
        (),
    )
