"""`import wandb` under `runlake exec`, and after `install_as_wandb()`: the same objects as runlake's."""

import json
import os
import sys
import textwrap

import pytest

import warm
from runlake.compat import noop_calls
from runlake.compat.finder import PACKAGE_FOLDER, WANDB_VERSION

EXEC = ["-m", "runlake", "exec", "-c"]
INSTALL = "import runlake; runlake.install_as_wandb()\n"


@pytest.fixture
def python(tmp_path):
    """Run code in a process of its own, with a store of its own; answers the JSON that it printed last.

    Through `runlake exec` there is a second one, which that starts: only for what shows that both ways are the same.
    """

    def run(code, *, through_exec=False):
        code = textwrap.dedent(code)
        arguments = [*EXEC, code] if through_exec else ["-c", INSTALL + code]
        path = [os.path.abspath(p) for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p]  # noqa: PTH100
        environment = {**os.environ, "RUNLAKE_SEAL": "off", "PYTHONPATH": os.pathsep.join(path)}
        environment |= {"RUNLAKE_DIR": str(tmp_path / "store"), "RUNLAKE_SILENT": "true"}
        done = warm.run([sys.executable, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


@pytest.mark.parametrize("through_exec", [True, False])
def test_a_training_script_logs_and_reads_its_run_back(python, through_exec):
    code = """
        import json
        import wandb
        import runlake

        wandb.login()
        assert wandb.run is None
        run = wandb.init(entity="ada", project="p", id="r1", config={"lr": 0.1})
        wandb.config.update({"epochs": 2})
        assert wandb.run is run is runlake.run
        assert isinstance(run, wandb.Run)
        wandb.define_metric("loss", summary="min")
        for loss in (0.5, 0.25, 0.75):
            wandb.log({"loss": loss, "acc": 1 - loss})
        wandb.summary["note"] = "done"
        runlake.log({"acc": 1.0})
        wandb.finish()
        assert wandb.run is None

        stored = wandb.Api().run("ada/p/r1")
        summary = {k: v for k, v in stored.summary._json_dict.items() if not k.startswith("_")}
        print(json.dumps([stored.state, dict(stored.config), summary, len(list(stored.scan_history()))]))
    """
    summary = {"loss": {"min": 0.25}, "acc": 1.0, "note": "done"}
    assert python(code, through_exec=through_exec) == ["finished", {"lr": 0.1, "epochs": 2}, summary, 4]


@pytest.mark.parametrize("through_exec", [True, False])
def test_find_spec_version_and_metadata_are_there(python, through_exec):
    code = """
        import importlib.metadata
        import importlib.util
        import json
        before = importlib.util.find_spec("wandb").origin
        import wandb
        after = importlib.util.find_spec("wandb").origin
        inner = [importlib.util.find_spec(name) is not None for name in ("wandb.errors", "wandb.util", "wandb.nothing")]
        print(json.dumps([before, after, inner, wandb.__version__, importlib.metadata.version("wandb")]))
    """
    origin = str(PACKAGE_FOLDER / "wandb" / "__init__.py")
    expected = [origin, origin, [True, True, False], WANDB_VERSION, WANDB_VERSION]
    assert python(code, through_exec=through_exec) == expected


def test_the_version_is_one_that_libraries_can_compare():
    version = pytest.importorskip("packaging.version").Version(WANDB_VERSION)
    assert version.release == (0, 31, 0)
    assert not version.is_prerelease


def test_the_public_names_are_the_objects_of_runlake(python):
    code = """
        import json
        import runlake
        import wandb
        runlake.init(entity="ada", project="p")
        others = ("__version__", "log", "save", "define_metric", "plot")
        names = [name for name in runlake.__all__ if name not in others]
        shared = [name for name in names if getattr(wandb, name) is not getattr(runlake, name)]
        print(json.dumps([len(names) > 20, shared, sorted(set(runlake.__all__) - set(dir(wandb)))]))
    """
    assert python(code) == [True, [], []]


def test_the_errors_are_those_that_runlake_raises(python):
    code = """
        import json
        import runlake
        import wandb
        caught = []
        for use in (lambda: wandb.log({}), lambda: wandb.config["lr"], lambda: wandb.summary.update(best=1)):
            try:
                use()
            except wandb.Error as error:
                caught.append("init" in str(error))
        try:
            wandb.Api().run("nobody/nothing/never")
        except wandb.errors.CommError as error:
            caught.append(isinstance(error, ValueError))
        run = wandb.init(entity="ada", project="p")
        wandb.finish()
        try:
            run.log({"a": 1})
        except wandb.errors.UsageError as error:
            caught.append(isinstance(error, wandb.Error))
        try:
            wandb.log({"a": 1})
        except wandb.errors.Error as error:
            caught.append(isinstance(error, runlake.Error))
        print(json.dumps(caught))
    """
    assert python(code) == [True] * 6


def test_modules_that_integrations_import_from_are_there(python):
    code = """
        import json
        from wandb import Api, Settings, data_types, plot, util
        from wandb.apis import PublicApi
        from wandb.apis.public import Api as ApiToo, File, Run as StoredRun, Runs
        from wandb.data_types import Audio, Histogram, Html, Image, Molecule, Object3D, Table, Video
        from wandb.errors import AuthenticationError, CommError, Error, UsageError
        from wandb.plot import confusion_matrix
        from wandb.plot.custom_chart import CustomChart
        from wandb.sdk import wandb_run
        from wandb.sdk.data_types.image import Image as ImageToo
        from wandb.sdk.lib import RunDisabled, runid
        from wandb.sdk.wandb_alerts import AlertLevel
        from wandb.sdk.wandb_settings import Settings as SettingsToo
        from wandb.wandb_run import Run
        import wandb

        run = wandb.init(entity="ada", project="p", id=wandb.util.generate_id(), settings=wandb.Settings())
        wandb.finish()
        runs = wandb.Api().runs("ada/p")
        print(json.dumps([
            Api is ApiToo is PublicApi is wandb.PublicApi,
            Settings is SettingsToo,
            Image is ImageToo and AlertLevel is wandb.AlertLevel,
            wandb.sdk.data_types.video.Video is Video is wandb.Video,
            isinstance(confusion_matrix(y_true=[0], preds=[0]), CustomChart),
            Run is wandb_run.Run is type(run) is wandb.Run,
            isinstance(run, RunDisabled),
            isinstance(runs, Runs),
            isinstance(runs[0], StoredRun),
            isinstance(runs[0].files()[0], File),
            len(runid.generate_id()),
            wandb.util.get_module("no_such_module"),
        ]))
    """
    assert python(code) == [True, True, True, True, True, True, False, True, True, True, 8, None]


def test_what_integrations_do_beside_logging_is_taken(python):
    code = """
        import json
        import wandb
        from wandb.sdk.lib import telemetry

        run = wandb.init(entity="ada", project="p")
        wandb.run._label(code="transformers_trainer", repo="r")
        with telemetry.context(run=run) as told:
            told.feature.keras = True
        with wandb.wandb_lib.telemetry.context() as told:
            told.deprecated.something = True
        print(json.dumps(run.get_url() == run.url))
    """
    assert python(code) is True


def test_what_is_not_supported_can_be_imported_and_says_so_when_used(python):
    code = """
        import json
        from wandb import controller
        from wandb.sdk.artifacts.storage_policy import StoragePolicy
        import wandb

        said = {}
        calls = {
            "controller": lambda: controller("id"),
            "sdk.artifacts.storage_policy.StoragePolicy": lambda: StoragePolicy(),
            "sdk.launch.launch": lambda: wandb.sdk.launch.launch(),
        }
        for name, call in calls.items():
            try:
                call()
            except wandb.errors.UnsupportedError as error:
                said[name] = str(error).startswith(f"{name} ")
        print(json.dumps([said, isinstance(1, StoragePolicy), hasattr(wandb, "no_such_thing")]))
    """
    names = [
        "controller",
        "sdk.artifacts.storage_policy.StoragePolicy",
        "sdk.launch.launch",
    ]
    assert python(code) == [dict.fromkeys(names, True), False, False]


def test_an_integration_that_is_not_there_ends_no_training_that_is_not_strict(python):
    code = """
        import json, warnings
        import wandb
        from wandb.integration.metaflow import wandb_log
        from wandb.integration.openai import autolog

        def use():
            autolog({"project": "p"})
            return wandb_log(datasets=True)(lambda: 7)()

        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            answers = [use(), use()]
        run = wandb.init(project="p", strict=True)
        try:
            use()
        except wandb.errors.UnsupportedError as error:
            answers.append(str(error).split(":")[0])
        print(json.dumps([answers, [str(one.message).partition(": ")[2].partition(":")[0] for one in said]]))
    """
    assert python(code) == [
        [7, 7, "integration.openai.autolog is not in runlake"],
        ["integration.openai.autolog is not in runlake", "integration.metaflow.wandb_log is not in runlake"],
    ]


@pytest.mark.parametrize("through_exec", [pytest.param(True, marks=pytest.mark.long), False])
def test_a_sweep_is_begun_and_run(python, through_exec):
    code = """
        import json
        import wandb

        config = {"method": "grid", "parameters": {"lr": {"values": [0.1, 0.2]}}}
        defaults = {"lr": 7, "epochs": 3}
        sweep_id = wandb.sweep(lambda: config, entity="ada", project="p")

        def train():
            run = wandb.init(config=defaults)
            wandb.log({"loss": wandb.config.lr * wandb.config.epochs})
            assert wandb.run.sweep_id == sweep_id

        wandb.agent(f"ada/p/{sweep_id}", function=train, count=5)
        runs = wandb.Api().runs("ada/p", order="+created_at")
        print(json.dumps([[run.state, dict(run.config)] for run in runs]))
    """
    assert python(code, through_exec=through_exec) == [["finished", {"lr": lr, "epochs": 3}] for lr in (0.1, 0.2)]


@pytest.mark.parametrize("through_exec", [pytest.param(True, marks=pytest.mark.long), False])
def test_charts_media_alerts_code_and_models_are_there(tmp_path, python, through_exec):
    (tmp_path / "train.py").write_text("")
    code = """
        import json
        import wandb
        from wandb import alert, watch

        run = wandb.init(entity="ada", project="p", id="r1", settings=wandb.Settings(start_method="thread"))
        table = wandb.Table(columns=["x", "y"], data=[[0, 1.5], [1, 2.5]])
        wandb.log({
            "chart": wandb.plot.line(table, "x", "y", title="Line"),
            "sound": wandb.Audio([0.0, 0.5], sample_rate=8000),
            "points": wandb.Object3D([[0, 0, 0], [1, 1, 1]]),
            "own": wandb.plot_table("wandb/scatter/v0", table, {"x": "x", "y": "y"}, {"title": "Own"}),
            "classes": wandb.Classes([{"id": 0, "name": "cat"}]),
            "joined": wandb.JoinedTable(table, table, "x"),
        })
        alert("Slow", "very", level=wandb.AlertLevel.WARN, wait_duration=300)
        run.log_code(".", name="code")
        run.log_model("train.py", "m")
        wandb.mark_preempting()
        wandb.finish()

        stored = wandb.Api().run("ada/p/r1")
        row = stored.history(pandas=False)[0]
        picture = stored.file(row["chart"]["rendering"]["path"]).download()
        kept = sorted(artifact.qualified_name for artifact in stored.logged_artifacts())
        print(json.dumps([
            {key: value["_type"] for key, value in row.items() if not key.startswith("_")},
            picture.read(4),
            [[a.level, a.title, a.text] for a in stored.alerts],
            kept,
            stored.state,
        ]))
    """
    assert python(code, through_exec=through_exec) == [
        {"chart": "custom-chart", "sound": "audio-file", "points": "object3D-file"}
        | {"own": "custom-chart", "classes": "classes", "joined": "joined-table"},
        "<svg",
        [["WARN", "Slow", "very"]],
        ["ada/p/code:v0", "ada/p/m:v0"],
        "finished",
    ]


def test_a_script_that_imports_runlake_as_wandb_finds_the_same_names(python):
    code = """
        import json
        import runlake as wandb
        answers = [wandb.login(key="secret"), wandb.setup().settings.project, hasattr(wandb, "no_such_thing")]
        try:
            wandb.controller("id")
        except wandb.NotSupportedError as error:
            answers.append(str(error).split(":")[0])
        print(json.dumps(answers))
    """
    assert python(code) == [True, "uncategorized", False, "controller is not in runlake"]


def test_what_a_script_prints_through_wandb_comes_out_on_stderr(capsys):
    noop_calls.termlog("one\ntwo")
    noop_calls.termwarn("three")
    noop_calls.termerror("four", prefix=False)
    said = "runlake: one\nrunlake: two\nrunlake: WARNING three\nERROR four\n"
    assert capsys.readouterr() == ("", said)


def test_installing_twice_changes_nothing(python):
    code = """
        import json, sys
        import wandb
        first, finders, path = wandb, list(sys.meta_path), list(sys.path)
        runlake.install_as_wandb()
        import wandb
        print(json.dumps([wandb is first, finders == sys.meta_path, path == sys.path]))
    """
    assert python(code) == [True, True, True]


def test_installing_after_another_wandb_was_imported_is_refused(tmp_path, python):
    (tmp_path / "elsewhere" / "wandb").mkdir(parents=True)
    (tmp_path / "elsewhere" / "wandb" / "__init__.py").write_text("")
    code = f"""
        import json, sys
        del sys.modules["wandb"]
        sys.meta_path[:2] = []
        sys.path.insert(0, {str(tmp_path / "elsewhere")!r})
        import wandb
        try:
            runlake.install_as_wandb()
        except runlake.errors.UsageError as error:
            print(json.dumps(str(error)))
    """
    said = python(code)
    assert str(tmp_path / "elsewhere" / "wandb" / "__init__.py") in said
    assert "before the first `import wandb`" in said


def test_an_installed_wandb_is_found_by_spawned_workers(tmp_path, python):
    (tmp_path / "worker.py").write_text("def work(queue):\n    import wandb\n    queue.put(wandb.__version__)\n")
    code = """
        import json, multiprocessing
        if __name__ == "__main__":
            import worker
            context = multiprocessing.get_context("spawn")
            queue = context.SimpleQueue()
            process = context.Process(target=worker.work, args=(queue,))
            process.start()
            print(json.dumps(queue.get()))
            process.join()
    """
    assert python(code) == WANDB_VERSION


def test_a_python_without_runlake_is_told_what_to_do(tmp_path):
    code = f"""if True:
        import sys
        class Absent:
            def find_spec(self, name, path=None, target=None):
                if name == "runlake":
                    raise ModuleNotFoundError("No module named 'runlake'", name="runlake")
        sys.meta_path.insert(0, Absent())
        sys.path.insert(0, {str(PACKAGE_FOLDER)!r})
        import wandb
        """
    done = warm.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    message = done.stderr.splitlines()[-1]
    assert message.startswith("ImportError: `import wandb` stands for runlake here")
    assert "install runlake for that Python" in message


@pytest.mark.parametrize("through_exec", [True, False])
def test_a_script_that_uses_artifacts_runs(tmp_path, python, through_exec):
    (tmp_path / "data.csv").write_text("1,2")
    code = """
        import datetime, json
        import wandb
        from wandb.apis.public import ArtifactCollection
        from wandb.sdk.artifacts.artifact import Artifact
        from wandb.sdk.artifacts.artifact_ttl import ArtifactTTL

        run = wandb.init(entity="ada", project="p", id="r1")
        artifact = wandb.Artifact("data", type="dataset", metadata={"rows": 1})
        artifact.add_file("data.csv")
        artifact.add(wandb.Table(columns=["x"], data=[[1]]), "table")
        artifact.ttl = datetime.timedelta(days=7)
        logged = wandb.log_artifact(artifact, aliases=["clean"]).wait()
        wandb.log_model("data.csv", "model")
        link = run.link_artifact(logged, "registry/data")
        used = wandb.use_artifact("data:clean", type="dataset")
        used.ttl = ArtifactTTL.INHERIT
        used.save()
        told = [open(used.download() + "/data.csv").read(), used.get("table").data, isinstance(used, Artifact)]
        told += [link.qualified_name, open(wandb.use_model("model:latest")).read()]
        told.append(sorted(entry.path for entry in used.manifest.entries.values()))
        wandb.finish()

        api = wandb.Api()
        stored = api.artifact("ada/p/data:latest", type="dataset")
        told += [stored.name, stored.metadata, stored.ttl, stored.aliases, stored.logged_by().id]
        told.append([artifact.name for artifact in api.run("ada/p/r1").used_artifacts()])
        told.append(isinstance(stored.collection, ArtifactCollection))
        told.append([one.name for one in api.artifact_type("dataset", "ada/p").collections()])
        told.append(api.artifact_exists("ada/p/none:v0"))
        print(json.dumps(told))
    """
    assert python(code, through_exec=through_exec) == [
        "1,2",
        [[1]],
        True,
        "ada/registry/data:v0",
        "1,2",
        ["data.csv", "table.table.json"],
        "data:v0",
        {"rows": 1},
        None,
        ["latest", "clean"],
        "r1",
        ["data:v0", "model:v0"],
        True,
        ["data"],
        False,
    ]
