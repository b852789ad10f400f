"""init, finish and the names of the module: which run is the active one, and what the environment says of it."""

import contextlib
import io
import os
import re
import sys
import time
import warnings
from pathlib import Path

import pytest
from typer.testing import CliRunner

import runlake
from command import app
from runlake.errors import BadValueError, ReadOnlyError, RunlakeError, RunlakeWarning, UsageError
from runlake.model import RunPath
from runlake.sdk.active_run import NotStartedError
from runlake.sdk.process.session import Session

pytestmark = pytest.mark.usefixtures("session")

# Names of the module


USES = {
    "log": lambda: runlake.log({"loss": 1}),
    "config": lambda: runlake.config["lr"],
    "summary": lambda: runlake.summary.update({"best": 1}),
    "save": lambda: runlake.save("f.txt"),
    "define_metric": lambda: runlake.define_metric("loss"),
}


@pytest.mark.parametrize("name", USES)
def test_before_init_what_belongs_to_a_run_is_refused_when_it_is_used(name):
    with pytest.raises(NotStartedError, match=rf"runlake\.{name} was used before runlake\.init") as raised:
        USES[name]()
    assert isinstance(raised.value, RunlakeError)
    assert runlake.run is None
    runlake.finish()


def test_the_module_speaks_for_the_active_run(stored):
    run = runlake.init(id="r", project="p", config={"lr": 0.1})
    assert runlake.run is run
    runlake.log({"a": 1})
    runlake.config.more = 2
    runlake.summary["s"] = 3
    runlake.define_metric("a", summary="max")
    runlake.log({"a": 0})
    Path("f.txt").write_text("x")
    runlake.save("f.txt")
    runlake.finish(exit_code=2)
    assert runlake.run is None
    info = stored.info()
    assert (info.config, info.summary) == ({"lr": 0.1, "more": 2}, {"a": {"max": 1}, "s": 3})
    assert (stored.state(), stored.file("f.txt").read_text()) == (("failed", 2), "x")
    with pytest.raises(UsageError, match=r"log\(\) after finish"):
        runlake.log({"a": 1})


@pytest.mark.parametrize("begin_python", ["cold"], indirect=True)
def test_importing_loads_nothing_heavy_and_init_neither(script):
    code, out, err = script(
        """
        runlake.init(id="r", project="p").log({"a": 1.0})
        runlake.finish()
        heavy = {"numpy", "pandas", "pyarrow", "polars", "sqlalchemy", "rich", "typer", "PIL", "ssl", "_hashlib"}
        print(sorted(heavy & sys.modules.keys()))
        """
    ).end()
    assert (code, out, err) == (0, "[]\n", "")


# Which run


def test_a_second_init_returns_the_active_run():
    run = runlake.init(id="r", project="p")
    assert runlake.init() is run
    run.finish()
    assert runlake.init(project="p") is not run


def test_what_a_second_init_asks_for_in_vain_is_told():
    config = {"lr": 0.1, "net": {"depth": 2}}
    run = runlake.init(id="r", project="p", name="n", tags=["a"], config=config)
    for same in ({"project": "p"}, {"name": "n", "tags": "a", "config": config}, {"settings": {"run_id": "r"}}):
        assert runlake.init(**same, reinit=False, dir="x") is run
    settings = {"run_group": "g", "mode": "offline"}
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert runlake.init(project="two", name="n", config={"x": 1, **config}, settings=settings) is run
        assert runlake.init(config={"lr": 0.2, "net": {"depth": 2}}, id="s", entity="team") is run
    says = "init() gives run ann/p/r, which is active, and leaves out "
    assert [str(one.message).removeprefix(f"runlake: {says}").partition(". For")[0] for one in told] == [
        "project='two'; group='g'; mode='offline'; config with 'x'",
        "entity='team'; run_id='s'; config with 'lr'",
    ]
    assert {one.filename for one in told} == {__file__}
    assert (run.project, dict(run.config)) == ("p", config)


def test_reinit_says_what_a_second_init_does(stored):
    first = runlake.init(id="a", project="p")
    second = runlake.init(id="b", project="p", reinit="create_new")
    assert (first.state, runlake.run) == ("running", second)
    third = runlake.init(id="c", project="p", reinit=True)
    assert (second.state, runlake.run) == ("finished", third)
    assert runlake.init(project="p", reinit="return_previous") is third
    first.log({"a": 1})
    assert stored.column("a", "a") == [1]


def test_in_a_notebook_a_second_init_finishes_the_first(monkeypatch):
    class Kernel:
        kernel = object()

    class Shell:
        get_ipython = staticmethod(Kernel)

    monkeypatch.setitem(sys.modules, "IPython", Shell)
    first = runlake.init(project="p")
    second = runlake.init(project="p")
    assert (first.state, second.state, second is first) == ("finished", "running", False)


def test_ids_have_eight_characters_and_names_an_adjective_a_noun_and_a_number():
    runs = []
    for _ in range(4):
        runs.append(runlake.init(project="p"))
        runs[-1].finish()
    assert all(re.fullmatch(r"[a-z0-9]{8}", run.id) for run in runs)
    assert all(re.fullmatch(r"[a-z]+-[a-z]+-\d+", run.name) for run in runs)
    assert len({run.id for run in runs}) == len({run.name for run in runs}) == 4


def test_a_run_says_who_it_is(home):
    run = runlake.init(
        id="r", project="p", entity="team", name="n", notes="why", tags=["a", "b"], group="g", job_type="train"
    )
    assert (run.path, run.url) == ("team/p/r", (home / "store/team/p/runs/r").as_uri())
    assert (run.id, run.project, run.entity, run.name) == ("r", "p", "team", "n")
    assert (run.notes, run.tags, run.group, run.job_type) == ("why", ("a", "b"), "g", "train")
    assert (run.resumed, run.starting_step, run.offline, run.disabled, run.sweep_id) == (False, 0, True, False, None)
    assert Path(run.dir) == home / "store/team/p/runs/r/files"
    assert repr(run) == "<Run team/p/r (running)>"
    assert time.time() - 60 < run.start_time <= time.time()


def test_without_a_word_the_entity_is_the_login_name_and_the_project_uncategorized():
    run = runlake.init()
    assert run.run_path == RunPath("ann", "uncategorized", run.id)


def test_init_says_where_the_run_lies_and_finish_how_to_read_it(monkeypatch, home):
    monkeypatch.delenv("RUNLAKE_SILENT")
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        runlake.init(id="r", project="p", name="n")
        runlake.finish()
    assert out.getvalue() == ""
    assert err.getvalue().splitlines() == [
        f"runlake: run n is ann/p/r in {home / 'store'}",
        "runlake: run n finished; read it with runlake.Api().run('ann/p/r')",
    ]


def test_nobody_listening_to_stderr_ends_no_training(monkeypatch, stored):
    monkeypatch.delenv("RUNLAKE_SILENT")
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w", buffering=1) as deaf, contextlib.redirect_stderr(deaf):  # noqa: PTH123 (a descriptor)
        runlake.init(id="r", project="p")
        runlake.finish()
        with contextlib.suppress(BrokenPipeError):
            deaf.close()
    assert stored.state() == ("finished", 0)


# Settings


@pytest.mark.parametrize("prefix", ["RUNLAKE", "WANDB"])
def test_the_environment_says_what_a_run_is(monkeypatch, stored, prefix):
    for name, value in {
        "ENTITY": "team",
        "PROJECT": "p",
        "RUN_ID": "from-env",
        "NAME": "n",
        "RUN_GROUP": "g",
        "JOB_TYPE": "eval",
        "TAGS": "a, b",
        "NOTES": "why",
    }.items():
        monkeypatch.setenv(f"{prefix}_{name}", value)
    runlake.init().finish()
    info = stored.info("team/p/from-env")
    assert (info.name, info.group, info.job_type, info.tags, info.notes) == ("n", "g", "eval", ("a", "b"), "why")


def test_ours_wins_over_theirs_and_the_argument_over_both(monkeypatch):
    monkeypatch.setenv("WANDB_PROJECT", "theirs")
    assert runlake.init().project == "theirs"
    runlake.finish()
    monkeypatch.setenv("RUNLAKE_PROJECT", "ours")
    assert runlake.init().project == "ours"
    runlake.finish()
    assert runlake.init(project="mine").project == "mine"


def test_the_folder_of_w_and_b_is_where_the_store_is_made(monkeypatch, home):
    monkeypatch.delenv("RUNLAKE_DIR")
    monkeypatch.setenv("WANDB_DIR", str(home / "elsewhere"))
    run = runlake.init(id="r", project="p")
    assert Path(run.dir).is_relative_to(home / "elsewhere" / ".runlake")


@pytest.mark.parametrize("said", [{"dir": "."}, {"dir": "logs"}, {"settings": {"root_dir": "logs"}}])
@pytest.mark.parametrize("place", ["named", "found", "nowhere"])
def test_a_run_is_where_a_reader_looks_who_is_told_nothing(monkeypatch, home, said, place):
    """As libraries say it: Lightning passes ``dir="."``, others a folder for each run."""
    if place != "named":
        monkeypatch.delenv("RUNLAKE_DIR")
    if place == "found":
        (home / "work" / ".runlake").mkdir()
        (home / "work" / "deep").mkdir()
        monkeypatch.chdir("deep")
    with runlake.init(id="r", name="calm-sea-1", project="p", **said) as run:
        run.log({"a": 1})
        assert runlake.Api().run(run.path).lastHistoryStep == 0
    listed = CliRunner().invoke(app, ["ls", "p"])
    assert "calm-sea-1" in listed.stdout


def test_a_store_is_named_outright_by_an_argument(home):
    with runlake.init(id="r", project="p", store=home / "other", dir=".") as run:
        assert run.settings.store == home / "other"
    assert [found.id for found in runlake.Api(home / "other").runs("p")] == ["r"]


@pytest.mark.parametrize("value", ["must", "allow", None, False])
def test_arguments_that_mean_something_to_w_and_b_alone_are_taken(value):
    run = runlake.init(id="r", project="p", anonymous=value, force=value)
    assert run.state == "running"


def test_a_server_is_named_by_the_same_argument():
    run = runlake.init(id="r", project="p", store="http://127.0.0.1:9", mode="disabled")
    assert run.settings.base_url == "http://127.0.0.1:9"


def test_settings_may_be_passed_and_strange_ones_are_told(stored):
    with pytest.warns(RunlakeWarning, match="_service_wait"):
        run = runlake.init(project="p", settings={"run_id": "r", "_service_wait": 300})
    assert run.id == "r"
    run.finish()
    run = runlake.init(settings=runlake.Settings(project="p", run_id="q", mode="offline"))
    assert (run.id, run.offline) == ("q", True)


def test_a_setting_that_cannot_be_is_refused_by_name(monkeypatch):
    monkeypatch.setenv("RUNLAKE_MODE", "sideways")
    with pytest.raises(BadValueError, match="RUNLAKE_MODE is 'sideways'"):
        runlake.init()


def test_config_may_be_many_things_and_parts_of_it_left_out(stored):
    Path("config-defaults.yaml").write_text("lr: {value: 1}\nbatch: {value: 8}\n")
    run = runlake.init(id="r", project="p", config={"lr": 0.5, "secret": 1}, config_exclude_keys=["secret"])
    assert dict(run.config) == stored.info().config == {"lr": 0.5, "batch": 8}
    run.config.update({"lr": 0.6}, allow_val_change=True)


def test_config_may_change_where_that_was_allowed(stored):
    run = runlake.init(id="r", project="p", config={"lr": 0.5}, allow_val_change=True)
    run.config["lr"] = 0.25
    assert stored.info().config == {"lr": 0.25}


# Modes


@pytest.mark.parametrize("variable", ["RUNLAKE_MODE", "WANDB_MODE"])
def test_disabled_everything_works_and_nothing_is_written(monkeypatch, home, variable):
    monkeypatch.setenv(variable, "disabled")
    run = runlake.init(project="p", config={"lr": 0.1})
    run.log({"a": 1})
    run.log({"a": 2}, step=9)
    run.log({"b": object()}, commit=True)
    with pytest.raises(TypeError):
        run.log({1: 1})
    run.summary["x"] = 1
    run.config.y = 2
    run.define_metric("a", summary="min")
    Path("f.txt").write_text("x")
    run.finish()
    assert (run.disabled, run.step, run.summary["x"], run.config.lr) == (True, 10, 1, 0.1)
    assert run.state == "finished"
    assert not (home / "store").exists()


def test_offline_is_the_normal_mode(monkeypatch, stored):
    monkeypatch.setenv("WANDB_MODE", "dryrun")
    run = runlake.init(id="r", project="p")
    run.log({"a": 1})
    assert (run.offline, stored.column("a")) == (True, [1])


# Where it cannot be


def test_a_store_that_cannot_be_written_is_a_clear_error(monkeypatch, home):
    (home / "file").write_text("")
    monkeypatch.setenv("RUNLAKE_DIR", str(home / "file" / "store"))
    with pytest.raises(ReadOnlyError, match=r"file/store cannot be written: .*; choose another with RUNLAKE_DIR"):
        runlake.init(project="p")
    assert runlake.run is None


def test_a_run_folder_that_cannot_be_written_is_a_clear_error(home):
    runlake.init(id="r", project="p").finish()
    (home / "store/ann/q/runs").mkdir(parents=True)
    (home / "store/ann/q/runs/r").write_text("a file where the run's folder should be")
    with pytest.raises(ReadOnlyError, match="ann/q/r cannot be written"):
        runlake.init(id="r", project="q")


@pytest.mark.parametrize("run_id", ["a/b", "..", "nul\0", "x" * 2000, "a:b"])
def test_an_id_that_cannot_be_one_is_refused(run_id):
    with pytest.raises(BadValueError):
        runlake.init(id=run_id, project="p")


@pytest.mark.parametrize("run_id", ["Ünï-✓", "UPPER", "x" * 300, "con"])
def test_a_strange_id_is_an_id(stored, run_id):
    runlake.init(id=run_id, project="p").log({"a": 1})
    runlake.finish()
    assert stored.column("a", run_id) == [1]
    assert stored.info(run_id).run_id == run_id


# What is noted beside the rows


def test_the_machine_is_measured_at_the_start_and_at_the_end(monkeypatch, stored):
    monkeypatch.setenv("RUNLAKE_DISABLE_SYSTEM", "0")
    runlake.init(id="r", project="p").finish()
    events = stored.rows(stream="events")
    assert len(events) >= 2
    assert all(key.startswith("system\\.") for key in events[0] if key != "_step")
    assert "system.cpu" in stored.info().system_metrics
    assert stored.rows() == []


def test_what_is_printed_is_kept(monkeypatch, stored):
    monkeypatch.setenv("RUNLAKE_CONSOLE", "auto")
    with contextlib.redirect_stdout(io.StringIO()) as out:
        runlake.init(id="r", project="p")
        print("one")
        print("half", end="")
        print("\rwhole")
        runlake.finish()
        print("later")
    assert out.getvalue() == "one\nhalf\rwhole\nlater\n"
    assert [row["text"] for row in stored.rows(stream="console")][-1] == "whole"
    assert stored.file("output.log").read_text() == "one\nwhole\n"


def test_a_disk_that_refuses_the_helpers_files_does_not_stop_the_training(stored):
    layout, path = stored.layout, stored.path()
    layout.files_dir(path).mkdir(parents=True)
    (layout.files_dir(path) / "wandb-metadata.json").mkdir()
    with pytest.warns(RunlakeWarning, match="goes without console lines, system metrics and metadata"):
        run = runlake.init(id="r", project="p")
    run.log({"a": 1})
    run.finish()
    assert (stored.column("a"), stored.state()) == ([1], ("finished", 0))


# Stopping


def test_several_runs_of_one_process_end_with_it(stored):
    session = Session()
    runs = [session.init(id=f"r{i}", project="p", reinit="create_new") for i in range(3)]
    runs[0].finish()
    session.end_all(5)
    assert [stored.state(f"r{i}") for i in range(3)] == [("finished", 0), ("failed", 5), ("failed", 5)]
    session.end_all(0)
    assert stored.state("r1") == ("failed", 5)
