"""Modules and names deep inside W&B's package are there, and are runlake's own objects."""

import importlib
import json
import os
import pickle
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import runlake
import warm
from runlake.compat.modules import LIST, known_names

pytestmark = pytest.mark.usefixtures("installed")

SAME = {
    "wandb.tensorboard:log": "runlake.integrations.tensorboard:log",
    "wandb.sklearn:plot_roc": "runlake.integrations.sklearn:plot_roc",
    "wandb.integration.sklearn.plot:plot_roc": "runlake.integrations.sklearn:plot_roc",
    "wandb.integration.catboost.catboost:WandbCallback": "runlake.integrations.catboost:WandbCallback",
    "wandb.gym:monitor": "runlake.integrations.gym:monitor",
    "wandb.sdk.lib.config_util:ConfigError": "runlake:ConfigError",
    "wandb.sdk.lib.config_util:Error": "runlake:Error",
    "wandb.sdk.wandb_config:Config": "runlake.sdk.run.config:Config",
    "wandb.sdk.wandb_init:init": "runlake:init",
    "wandb.sdk.wandb_login:login": "runlake.compat.noop_calls:login",
    "wandb.sdk.wandb_run:Run": "runlake:Run",
    "wandb.sdk.wandb_settings:Settings": "runlake:Settings",
    "wandb.sdk.wandb_setup:setup": "runlake.compat.noop_calls:setup",
    "wandb.sdk.wandb_summary:Summary": "runlake.sdk.run.summary:Summary",
    "wandb.sdk:wandb_run.Run": "runlake:Run",
    "wandb.sdk.data_types.base_types.wb_value:WBValue": "runlake.media.stored:Media",
    "wandb.sdk.data_types.base_types.media:Media": "runlake.media.stored:Media",
    "wandb.sdk.data_types.image:Image": "runlake:Image",
    "wandb.data_types:WBValue": "runlake.media.stored:Media",
    "wandb.data_types:Table": "runlake:Table",
    "wandb.apis.public.runs:Run": "runlake.api.stored_run:StoredRun",
    "wandb.apis.public.runs:Runs": "runlake.api.runs:Runs",
    "wandb.apis.public.sweeps:Sweep": "runlake.api.sweep:Sweep",
    "wandb.apis.public:Api": "runlake:Api",
    "wandb.apis:PublicApi": "runlake:Api",
    "wandb.errors:CommError": "runlake:CommError",
    "wandb.errors:UnsupportedError": "runlake:NotSupportedError",
    "wandb.errors.errors:UsageError": "runlake:UsageError",
    "wandb.errors.term:termwarn": "runlake.compat.noop_calls:termwarn",
    "wandb.plot:CustomChart": "runlake.plot:Chart",
    "wandb.plot.bar:bar": "runlake.plot:bar",
    "wandb.integration.tensorboard.monkeypatch:patch": "runlake.integrations.tensorboard:patch",
    "wandb.tensorboard:patch": "runlake.integrations.tensorboard:patch",
    "wandb.wandb_run:Run": "runlake:Run",
    "wandb:apis.public.Run": "runlake.api.stored_run:StoredRun",
    "wandb:join": "runlake:finish",
    "wandb:wandb_sdk.wandb_config.Config": "runlake.sdk.run.config:Config",
    "wandb:wandb_lib.config_util.ConfigError": "runlake:ConfigError",
}


def find(place):
    module, _, path = place.partition(":")
    found = importlib.import_module(module)
    for name in path.split("."):
        found = getattr(found, name)
    return found


@pytest.mark.parametrize("place", SAME)
def test_a_name_is_the_object_of_runlake(place):
    assert find(place) is find(SAME[place])


@pytest.mark.parametrize("place", ["wandb.data_types:Image", "wandb.sdk.wandb_run:Run", "wandb.errors:CommError"])
def test_a_class_that_was_found_there_is_pickled(place):
    assert pickle.loads(pickle.dumps(find(place))) is find(place)


def test_a_function_is_not_hidden_by_the_module_of_its_name():
    importlib.import_module("wandb.plot.bar")
    assert find("wandb:plot.bar") is find("runlake.plot:bar")


def test_a_module_may_have_two_names():
    assert importlib.import_module("wandb.sacred") is importlib.import_module("wandb.integration.sacred")


@pytest.mark.parametrize("name", ["wandb.nothing", "wandb.sdk.nothing", "wandb.util.nothing", "wandb.plot.bar.nothing"])
def test_a_module_that_wandb_does_not_have_is_not_found(name):
    assert importlib.util.find_spec(name.rpartition(".")[0]) is not None
    with pytest.raises(ModuleNotFoundError, match="nothing"):
        importlib.import_module(name)


@pytest.mark.parametrize("module", ["wandb", "wandb.sdk", "wandb.util", "wandb.errors.term"])
def test_a_name_that_wandb_does_not_have_is_an_attribute_error(module):
    with pytest.raises(AttributeError, match=rf"module '{module}' \(runlake\) has no attribute 'nothing'"):
        _ = importlib.import_module(module).nothing


def test_a_star_import_gives_what_can_be_logged():
    names = {}
    exec("from wandb.data_types import *", names)
    assert names["Image"] is runlake.Image
    assert names["WBValue"] is find("runlake.media.stored:Media")


def test_an_error_that_nothing_raises_can_be_caught():
    error = find("wandb.sdk.artifacts.exceptions:ArtifactNotLoggedError")
    assert issubclass(error, runlake.Error)


def test_listing_a_module_names_what_can_be_imported():
    assert {"AlertLevel", "init", "lib", "wandb_run"} <= set(dir(importlib.import_module("wandb.sdk")))
    assert {"init", "Image", "apis", "sdk", "Artifact"} <= set(dir(importlib.import_module("wandb")))


def test_names_of_the_active_run_can_be_imported_before_it_begins(tmp_path):
    code = """
        import json
        from wandb import config, define_metric, join, log, save, summary
        import wandb

        calls = [
            lambda: log({}), lambda: save("x"), lambda: define_metric("x"), lambda: config["lr"], lambda: config.lr,
            lambda: dict(config), lambda: setattr(config, "lr", 1), lambda: summary.update({"best": 1}),
            lambda: len(summary),
        ]
        refused = 0
        for call in calls:
            try:
                call()
            except wandb.Error as error:
                refused += "init()" in str(error)
        told = [refused == len(calls), hasattr(wandb, "log"), hasattr(config, "lr"), repr(config)]

        run = wandb.init(entity="ada", project="p", config={"lr": 0.1, "net": {"width": 8}})
        config.epochs = 2
        config.update({"seed": 3})
        define_metric("loss", summary="min")
        log({"loss": 0.5})
        summary["best"] = 1
        told += [dict(config), {**config}, "lr" in config, config.net["width"], config == run.config, len(summary)]
        told += [vars(config)["_items"] == vars(wandb.config)["_items"] == dict(run.config), dict(run.summary)["best"]]
        join()
        print(json.dumps([*told, wandb.run]))
    """
    environment = {**os.environ, "RUNLAKE_SEAL": "off", "RUNLAKE_DIR": str(tmp_path / "s"), "RUNLAKE_SILENT": "true"}
    command = [sys.executable, "-m", "runlake", "exec", "-c", textwrap.dedent(code)]
    done = warm.run(command, env=environment, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    config = {"lr": 0.1, "net": {"width": 8}, "epochs": 2, "seed": 3}
    before = [True, True, False, "<config of the run that init() begins>"]
    assert json.loads(done.stdout) == [*before, config, config, True, 8, True, 2, True, 1, None]


MEMBERS_OF_A_RUN = """
    alert config config_static define_metric dir disabled display entity finish finish_artifact group id job_type
    link_artifact link_model log log_artifact log_code log_model mark_preempting name notes offline path
    pin_config_keys project project_url restore resumed save settings start_time starting_step status step sweep_id
    sweep_url sync_dir tags to_html unwatch upsert_artifact url use_artifact use_model watch write_logs
    get_project_url get_sweep_url get_url join project_name
""".split()  # noqa: SIM905
CALLS_OF_THE_MODULE = """
    Api Artifact agent alert attach controller define_metric ensure_configured finish init join link_model log
    log_artifact log_model login mark_preempting pin_config_keys plot_table require restore save setup sweep teardown
    termerror termlog termwarn unwatch use_artifact use_model watch
""".split()  # noqa: SIM905


def test_a_run_has_all_members_that_wandbs_has():
    assert [name for name in MEMBERS_OF_A_RUN if not hasattr(runlake.Run, name)] == []


@pytest.mark.parametrize("module", ["wandb", "runlake"])
def test_the_module_has_all_calls_that_wandbs_has(module):
    found = importlib.import_module(module)
    assert [name for name in CALLS_OF_THE_MODULE if not callable(getattr(found, name))] == []


def test_everything_that_wandb_has_can_be_imported():
    missing, others = [], set()
    for name, offered in known_names().items():
        try:
            module = importlib.import_module(name)
            missing += [f"{name}.{one}" for one in offered if not hasattr(module, one)]
        except ModuleNotFoundError as error:  # an integration with a library that is not installed here
            others.add(str(error.name).partition(".")[0])
    assert (missing, others & {"wandb", "runlake"}, len(known_names()) > 300) == ([], set(), True)


WANDB_PYTHON = Path(sys.prefix) / "wandb" / "bin" / "python"


@pytest.mark.integration
@pytest.mark.skipif(not WANDB_PYTHON.exists(), reason="the official client is not installed here")
def test_the_list_of_names_is_that_of_the_official_client(tmp_path):
    script = Path(__file__).with_name("list_wandb_names.py")
    command = [WANDB_PYTHON, script, "--print"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    assert listed == LIST.read_text("utf-8")


def run_disabled(folder, code):
    environment = {**os.environ, "WANDB_MODE": "disabled", "RUNLAKE_DIR": str(folder / "store")}
    command = [sys.executable, "-W", "error", "-m", "runlake", "exec", "-W", "error", "-c", textwrap.dedent(code)]
    done = warm.run(command, env=environment, capture_output=True, text=True, cwd=folder)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout.splitlines()


@pytest.mark.long
def test_where_runs_are_disabled_nothing_that_is_missing_raises(tmp_path):
    code = """
        import importlib, types
        import wandb
        from runlake.compat.modules import known_names

        @wandb.integration.metaflow.wandb_log
        def step():
            return 7

        before = wandb.sdk.sweeps.SweepInfo("anything").parameters["lr"]
        run = wandb.init(project="p", strict=True)
        used = 0
        for module, names in known_names().items():
            try:
                found = [getattr(importlib.import_module(module), name) for name in names if not name.endswith("Error")]
            except ModuleNotFoundError:
                continue
            for thing in found:
                if getattr(thing, "__module__", None) == "runlake.compat.unsupported":
                    made = thing("anything", at_all=True)
                    made.attribute.of(it=made)["key"] = [*made]
                    used += 1
        print(used > 500, step())
    """
    assert run_disabled(tmp_path, code) == ["True 7"]


@pytest.mark.slow
def test_where_runs_are_disabled_no_call_of_a_run_raises(tmp_path):
    code = """
        import wandb

        run = wandb.init(project="p", config={"lr": 0.1}, strict=True)
        table = wandb.Table(columns=["x"], data=[[1]])
        artifact = wandb.Artifact("data", type="dataset")
        artifact.add(table, "table")
        artifact.add_reference("s3://bucket/file")
        wandb.log({"table": table, "image": wandb.Image([[0, 255]])})
        wandb.log_artifact(artifact).wait()
        wandb.log_artifact("nothing/there.bin", type="model", aliases=["best"])
        wandb.use_artifact("entity/project/name:latest").download()
        wandb.link_model("nothing.pt", "registry/model")
        run.link_artifact(artifact, "registry/data")
        run.upsert_artifact(artifact, distributed_id="d")
        run.finish_artifact(artifact, distributed_id="d")
        run.use_model("name:latest")
        run.alert("title", "text")
        run.define_metric("loss", step_metric="epoch", summary="min")
        run.save("nothing.txt")
        run.log_code()
        run.mark_preempting()
        run.pin_config_keys(["lr"])
        wandb.pin_config_keys(["lr"])
        run.write_logs("text")
        run.unwatch()
        run.status()
        run.display()
        run.to_html()
        told = [run.project_url, run.sync_dir, run.sweep_url, run.url, run.dir, dict(run.config_static), run.offline]
        wandb.finish()
        print(len(told))
    """
    assert run_disabled(tmp_path, code) == ["7"]
