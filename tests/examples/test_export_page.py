"""Every example of data export runs as written: as our pages print it, and as an unmodified `import wandb` script.

Each runs in a process of its own, in an empty folder. Only the path of a run is filled in, and one fixed preamble is
put before it. What the script printed, the files it wrote and the values of its variables are compared.
"""

import ast
import json
import os
import pickle
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from seed_examples import SEED_EXAMPLES, SWEEPS_COME_LATER
from training_script import ARGUMENTS, MODEL, MODEL_NAME, NAN_STEP, ROW_COUNT, RUN_A, RUN_B, row_of, settings

import runlake

PAGES = Path(__file__).parents[2] / "docs" / "guide" / "export"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PATH = re.compile(r"<entity>/<project>/<run_id>|username/project/run_id")
EXAMPLES = [name for name in SEED_EXAMPLES if name not in SWEEPS_COME_LATER]
STORED_FILES = {
    MODEL_NAME,
    "config.yaml",
    "output.log",
    "requirements.txt",
    "wandb-metadata.json",
    "wandb-summary.json",
}

PREAMBLE = """\
import json

import numpy as np

import runlake as wandb

numpy_array = np.array([0.1, 0.4, 0.4, 0.8])
cols = ["accuracy", "Loss"]
val = 0.95
summary = wandb.Api().run("<entity>/<project>/<run_id>").summary
"""

# Loaded by Python at its start, like any environment's own sitecustomize; the script itself stays as written.
PROBE = """\
import atexit, importlib.util, json, os, pickle, sys

def leave():
    if sys.argv[0] != os.environ["PROBE_SCRIPT"]:
        return
    names = vars(sys.modules["__main__"])
    seen = {name: eval(text, names) for name, text in json.loads(os.environ["PROBE_EXPRESSIONS"]).items()}
    spec = importlib.util.find_spec("wandb")
    seen["wandb"] = spec and spec.origin
    with open(os.environ["PROBE_RESULT"], "wb") as file:
        pickle.dump(seen, file)

atexit.register(leave)
"""

EXPRESSIONS = {
    "every-row": {"losses": "losses"},
    "system-metrics": {"columns": "list(system_metrics.columns)", "row_count": "len(system_metrics)"},
    "how-it-was-started": {"program": "program"},
    "rows-with-keys": {"rows": "list(run.scan_history(keys=sorted(cols), page_size=100))"},
}


def block_of(page):
    (code,) = BLOCK.findall((PAGES / f"{page}.md").read_text(encoding="utf-8"))
    return code


def as_wandb(code):
    return code.replace("import runlake as wandb\n", "import wandb\n")


@dataclass
class Outcome:
    printed: str
    files: dict
    seen: dict
    api: object


def fill_in(code):
    """The paths of the fixture for the placeholders: the first one is run A, a second one run B."""
    paths = iter((RUN_A, RUN_B))
    code = PATH.sub(lambda _: next(paths), code)
    return code.replace("<entity>/<project>", "ada/cifar")


def run_example(desk, name, code, starter):
    script, probe = desk.scripts / f"{name}.py", desk.scripts / "probe"
    script.write_text(code, encoding="utf-8")
    probe.mkdir()
    (probe / "sitecustomize.py").write_text(PROBE)
    environment = desk.environment
    path = [str(probe), environment["PYTHONPATH"]]
    environment |= {
        "PYTHONPATH": os.pathsep.join(filter(None, path)),
        "PROBE_SCRIPT": str(script),
        "PROBE_RESULT": str(desk.scripts / "seen.pickle"),
        "PROBE_EXPRESSIONS": json.dumps(EXPRESSIONS.get(name, {})),
    }
    done = subprocess.run(
        [sys.executable, *starter, str(script)],
        cwd=desk.folder,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    seen = pickle.loads((desk.scripts / "seen.pickle").read_bytes())
    files = {
        path.relative_to(desk.folder).as_posix(): path.read_bytes() for path in desk.folder.rglob("*") if path.is_file()
    }
    return Outcome(done.stdout, files, seen, runlake.Api(str(desk.store)))


# What each example must have done -------------------------------------------------------------------------


def check_print_a_metric(outcome):
    frame = outcome.api.run(RUN_A).history()
    lines = [line.split(" ") for line in outcome.printed.splitlines()]
    expected = zip(frame["_timestamp"], frame["accuracy"], strict=True)
    assert lines == [[str(timestamp), str(accuracy)] for timestamp, accuracy in expected]
    assert 2 <= len(lines) <= 500
    assert lines[-1][1] == str(row_of(ROW_COUNT - 1)["accuracy"])


def check_compare_two_runs(outcome):
    frame = pd.DataFrame(
        {"base_adam": ["adam", 16], "long_switch": ["rmsprop", 32]}, index=["optimizer", "batch_size"], dtype=object
    )
    assert sorted(outcome.printed.splitlines()) == sorted(str(frame).splitlines())


def check_correct_a_result(outcome):
    summary = outcome.api.run(RUN_A).summary._json_dict
    histogram = summary.pop("accuracy_histogram")
    assert summary.pop("accuracy") == 0.9
    assert histogram["_type"] == "histogram"
    assert sum(histogram["values"]) == 4
    assert (histogram["bins"][0], histogram["bins"][-1]) == (0.1, 0.8)
    assert_untouched(outcome, summary)


def check_set_several_results(outcome):
    summary = outcome.api.run(RUN_A).summary._json_dict
    assert summary.pop("key") == 0.95
    assert summary.pop("accuracy") == row_of(ROW_COUNT - 1)["accuracy"]
    assert_untouched(outcome, summary)


def assert_untouched(outcome, rest_of_summary):
    """The other results of run A, and all of run B, are as they were logged."""
    other = outcome.api.run(RUN_B).summary._json_dict
    assert other["accuracy"] == row_of(ROW_COUNT - 1)["accuracy"]
    for summary in (rest_of_summary, other):
        assert summary["Loss"] == row_of(ROW_COUNT - 1)["Loss"]
        assert summary["grad"] == row_of(ROW_COUNT - 10)["grad"]
        assert summary["_step"] == ROW_COUNT - 1
    assert set(other) - set(rest_of_summary) == {"accuracy"}


def check_change_a_setting(outcome):
    assert dict(outcome.api.run(RUN_A).config) == settings("adam", 16) | {"key": 10}
    assert dict(outcome.api.run(RUN_B).config) == settings("rmsprop", 32)


def check_run_to_csv(outcome):
    assert set(outcome.files) == {"metrics.csv"}
    frame = pd.read_csv(Path("metrics.csv"), index_col=0)
    assert list(frame.columns) == ["_step", "_runtime", "_timestamp", "Loss", "grad.norm", "accuracy"]
    assert list(frame.index) == list(range(len(frame)))
    assert 2 <= len(frame) <= 500
    assert frame["_step"].is_monotonic_increasing
    for line in frame.to_dict("records"):
        row = row_of(line["_step"])
        expected = {"Loss": row["Loss"], "accuracy": row.get("accuracy"), "grad.norm": row.get("grad", {}).get("norm")}
        assert {k: line[k] for k in expected} == pytest.approx(
            {k: float("nan") if v is None else v for k, v in expected.items()}, rel=1e-15, abs=0, nan_ok=True
        )


def check_every_row(outcome):
    losses = outcome.seen["losses"]
    assert [repr(loss) for loss in losses] == [repr(row_of(step)["Loss"]) for step in range(ROW_COUNT)]
    assert repr(losses[NAN_STEP]) == "nan"


def check_project_to_csv(outcome):
    assert set(outcome.files) == {"project.csv"}
    frame = pd.read_csv(Path("project.csv"), index_col=0)
    last = row_of(ROW_COUNT - 1)
    assert list(frame["name"]) == ["base_adam", "long_switch"]
    assert list(frame["optimizer"]) == ["adam", "rmsprop"]
    assert list(frame["batch_size"]) == [16, 32]
    assert [ast.literal_eval(text) for text in frame["net"]] == [settings("", 0)["net"]] * 2
    assert list(frame["Loss"]) == pytest.approx([last["Loss"]] * 2, rel=1e-15)
    assert list(frame["accuracy"]) == pytest.approx([last["accuracy"]] * 2, rel=1e-15)
    assert [ast.literal_eval(text) for text in frame["grad"]] == [row_of(ROW_COUNT - 10)["grad"]] * 2
    assert list(frame["_step"]) == [ROW_COUNT - 1] * 2
    assert "_seed" not in frame.columns
    assert {"_runtime", "_timestamp"} <= set(frame.columns)


def check_one_file(outcome):
    assert outcome.files == {MODEL_NAME: MODEL}


def check_all_files(outcome):
    assert set(outcome.files) >= STORED_FILES
    assert set(outcome.files) == {file.name for file in outcome.api.run(RUN_A).files()}
    assert outcome.files[MODEL_NAME] == MODEL
    assert b"trained" in outcome.files["output.log"]
    assert json.loads(outcome.files["wandb-metadata.json"])["args"] == ARGUMENTS[RUN_A]


def check_system_metrics(outcome):
    columns = outcome.seen["columns"]
    assert outcome.seen["row_count"] >= 2
    assert {"_timestamp", "_runtime"} <= set(columns)
    metrics = [column for column in columns if not column.startswith("_")]
    assert metrics
    assert all(column.startswith("system.") for column in metrics)


def check_how_it_was_started(outcome):
    python, program, *arguments = outcome.seen["program"]
    assert (python, Path(program).name, arguments) == ("python", "training_script.py", ARGUMENTS[RUN_A])
    assert set(outcome.files) == {"wandb-metadata.json"}


def check_rows_with_keys(outcome):
    both = (step for step in range(ROW_COUNT) if "accuracy" in row_of(step))
    expected = [{"_step": step, "accuracy": row_of(step)["accuracy"], "Loss": row_of(step)["Loss"]} for step in both]
    assert outcome.seen["rows"] == expected


CHECKS = {
    name.removeprefix("check_").replace("_", "-"): check
    for name, check in list(globals().items())
    if name.startswith("check_")
}
PRINTING = {"print-a-metric", "compare-two-runs"}
WRITING = {"run-to-csv", "project-to-csv", "one-file", "all-files", "how-it-was-started"}


def check(name, outcome):
    if name not in PRINTING:
        assert outcome.printed == ""
    if name not in WRITING:
        assert outcome.files == {}
    CHECKS[name](outcome)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_page_runs_as_printed_with_runlake_imported_as_wandb(desk, name, monkeypatch):
    code = fill_in(block_of("README")) + fill_in(block_of(name))
    outcome = run_example(desk, name, code, starter=[])
    monkeypatch.chdir(desk.folder)
    check(name, outcome)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_unmodified_script_runs_through_exec(desk, name, monkeypatch):
    code = fill_in(as_wandb(PREAMBLE)) + fill_in(SEED_EXAMPLES[name])
    assert "runlake" not in code
    outcome = run_example(desk, name, code, starter=["-m", "runlake", "exec"])
    monkeypatch.chdir(desk.folder)
    assert Path(outcome.seen["wandb"]).parts[-4:] == ("compat", "wandb_package", "wandb", "__init__.py")
    check(name, outcome)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_page_makes_the_same_calls_as_the_example(name):
    assert ast.dump(ast.parse(as_wandb(block_of(name)))) == ast.dump(ast.parse(SEED_EXAMPLES[name]))


def test_there_is_one_page_an_example_and_each_is_in_the_index():
    index = (PAGES / "README.md").read_text(encoding="utf-8")
    assert sorted(path.stem for path in PAGES.glob("*.md")) == sorted([*EXAMPLES, "README"])
    assert sorted(re.findall(r"\]\((\S+)\.md\)", index)) == sorted([*EXAMPLES, "../coming-from-wandb"])
    assert set(CHECKS) == set(EXAMPLES)


def test_the_preamble_is_the_one_that_the_index_prints():
    assert block_of("README") == PREAMBLE


def test_the_index_names_what_waits_for_sweeps():
    index = " ".join((PAGES / "README.md").read_text(encoding="utf-8").split())
    assert "Sweeps come later" in index
    assert "downloading the best model of a sweep" in index
    assert "listing the runs of a sweep" in index
