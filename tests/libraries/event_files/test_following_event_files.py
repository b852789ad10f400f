"""Event files that this process writes become rows of its run, beside what the program logs itself."""

import importlib
import os
import sys

import pytest
from event_bytes import event, event_file, field, frame, simple

import runlake
from runlake.errors import UsageError
from runlake.integrations import tensorboard
from runlake.integrations.on_import import forget, on_import
from runlake.integrations.tensorboard import patching
from runlake.integrations.tensorboard.follower import Follower
from runlake.integrations.tensorboard.namespaces import Namespaces
from runlake.integrations.tensorboard.writers import Opened
from runlake.sdk.process import active


def opened(path, flush=lambda: None):
    return Opened(path.parent, path, flush)


def write(path, *events):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(event_file(*events))
    return path


# Rows of a run


def test_what_a_file_holds_at_the_end_is_rows_with_the_times_of_their_values(store, tmp_path):
    run = runlake.init(project="p", id="r")
    follower = Follower(run)
    file = write(tmp_path / "logs" / "f.tfevents.1", event(0, simple("loss", 1.0)), event(5, simple("loss", 0.5)))
    follower.follow(opened(file))
    follower.close()
    run.finish()
    assert store.rows("r") == [
        {"_step": 0, "global_step": 0, "loss": 1.0},
        {"_step": 1, "global_step": 5, "loss": 0.5},
    ]
    assert [row["_timestamp"] for row in store.run("r").scan_history()] == [100.0, 100.0]
    assert store.files("r") == ["f.tfevents.1"]


def test_rows_come_while_the_file_grows_and_none_comes_twice(store, tmp_path, wait_until):
    run = runlake.init(project="p", id="r")
    follower = Follower(run, root=str(tmp_path), look_s=0.01)
    file = write(tmp_path / "a" / "f", event(0, simple("x", 0.0)))
    follower.follow(opened(file))
    follower.start()
    for step in range(1, 4):
        with file.open("ab") as writer:
            writer.write(frame(event(step, simple("x", float(step)))))
        wait_until(lambda: run.step == step)  # noqa: B023
    follower.close()
    run.finish()
    assert store.rows("r") == [{"_step": i, "global_step": i, "a/x": float(i)} for i in range(4)]


def test_the_row_that_the_program_has_open_is_left_to_it(store, tmp_path):
    run = runlake.init(project="p", id="r")
    run.log({"mine": 1}, step=7)
    follower = Follower(run)
    follower.follow(opened(write(tmp_path / "f", event(3, simple("x", 1.0)))))
    follower.close()
    run.log({"more": 2}, step=7)
    run.log({"mine": 2})
    run.finish()
    assert store.rows("r") == [
        {"_step": 7, "mine": 1},
        {"_step": 7, "global_step": 3, "x": 1.0},
        {"_step": 7, "more": 2, "mine": 2},
    ]


def test_files_are_put_together_by_the_time_of_their_values(store, tmp_path):
    run = runlake.init(project="p", id="r")
    follower = Follower(run)
    for name, times in (("a", (1.0, 4.0)), ("b", (2.0, 3.0))):
        file = write(
            tmp_path / name / "f", *(event(i, simple("x", 0.0), wall_time=time) for i, time in enumerate(times))
        )
        follower.follow(opened(file))
    follower.close()
    run.finish()
    assert [list(row)[-1] for row in store.rows("r")] == ["a/x", "b/x", "b/x", "a/x"]


def test_writers_are_asked_for_what_they_hold_back(store, tmp_path):
    run = runlake.init(project="p", id="r")
    file = tmp_path / "f"
    follower = Follower(run)
    follower.follow(opened(file, lambda: write(file, event(0, simple("x", 1.0)))))
    follower.close()
    run.finish()
    assert store.rows("r") == [{"_step": 0, "global_step": 0, "x": 1.0}]


def test_one_summary_may_be_logged_by_hand(store):
    runlake.init(project="p", id="r")
    message = field(1, simple("x", 2.0))
    tensorboard.log(message, step=8, namespace="train", extra=4)
    runlake.finish()
    assert store.rows("r") == [{"_step": 0, "global_step": 8, "train/x": 2.0, "extra": 4}]
    active.session.run = None
    with pytest.raises(UsageError, match=r"before runlake\.init"):
        tensorboard.log(message)


# Prefixes


@pytest.mark.parametrize(
    ("root", "folders", "prefixes"),
    [
        (None, ["runs/one"], [""]),
        (None, ["runs/a", "runs/b"], ["a", "b"]),
        (None, ["runs/one", "runs/one/deep"], ["", "deep"]),
        (None, ["runs/a", "runs/b", "other/c"], ["a", "b", "other/c"]),
        ("runs", ["runs/a/b", "runs"], ["a/b", ""]),
        ("runs", ["other"], ["other"]),
    ],
)
def test_a_tag_has_the_path_below_the_root_before_it(tmp_path, monkeypatch, root, folders, prefixes):
    monkeypatch.chdir(tmp_path)
    namespaces = Namespaces(root)
    absolute = [namespaces.add(folder) for folder in folders]
    namespaces.settle()
    assert [namespaces.prefix_of(folder) for folder in absolute] == prefixes


def test_a_prefix_stays_when_another_folder_comes_late(tmp_path):
    namespaces = Namespaces()
    first = namespaces.add(tmp_path / "train")
    assert not namespaces.is_settled
    namespaces.settle()
    second = namespaces.add(tmp_path / "validation")
    assert (namespaces.prefix_of(first), namespaces.prefix_of(second)) == ("", "validation")


# Modules that come later


@pytest.fixture
def late_module(tmp_path, monkeypatch):
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "a_late_module.py").write_text("value = 1\n")
    monkeypatch.syspath_prepend(tmp_path / "modules")
    yield "a_late_module"
    sys.modules.pop("a_late_module", None)


def test_a_callback_gets_the_module_when_it_is_imported(late_module):
    values = []
    on_import(late_module, lambda module: values.append(module.value))
    assert values == []
    module = importlib.import_module(late_module)
    assert values == [1]
    on_import(late_module, lambda module: values.append(module))
    assert values == [1, module]


def test_a_forgotten_callback_is_not_called(late_module):
    called = []
    on_import(late_module, called.append)
    forget(called.append)
    importlib.import_module(late_module)
    assert called == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
def test_a_forked_child_leaves_the_files_to_its_parent(store, tmp_path):
    tensorboard.patch()
    run = runlake.init(project="p", id="r")
    child = os.fork()
    if child == 0:  # pragma: no cover
        os._exit(0 if _followed(run) is None else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert _followed(run) is run
    run.finish()
    tensorboard.unpatch()


def _followed(run):
    """The run that gets the events of this process."""
    follower = patching._following._follower
    return None if follower is None else follower.run
