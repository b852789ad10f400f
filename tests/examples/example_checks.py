"""What each example of data export must have printed, written and found, whoever ran it.

An example runs in an empty folder; only the paths of runs are filled in. What it printed, the files that it wrote and
the values of its variables are compared with what was logged.
"""

import ast
import json
import os
import pickle
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from training_script import (
    ARGUMENTS,
    MODEL,
    MODEL_NAME,
    NAN_STEP,
    ROW_COUNT,
    RUN_A,
    SWEEP,
    SWEEP_RUNS,
    row_of,
    settings,
)

import warm

PATH = re.compile(r"<entity>/<project>/<run_id>|username/project/run_id")
STORED_FILES = {
    MODEL_NAME,
    "config.yaml",
    "output.log",
    "requirements.txt",
    "wandb-metadata.json",
    "wandb-summary.json",
}

# Loaded by Python at its start, like any environment's own sitecustomize; the script itself stays as written.
PROBE = """\
import importlib.util, json, os, pickle, sys, threading

def leave():
    if sys.argv[0] != os.environ["PROBE_SCRIPT"]:
        return
    names = vars(sys.modules["__main__"])
    seen = {name: eval(text, names) for name, text in json.loads(os.environ["PROBE_EXPRESSIONS"]).items()}
    spec = importlib.util.find_spec("wandb")
    seen["wandb"] = spec and spec.origin
    with open(os.environ["PROBE_RESULT"], "wb") as file:
        pickle.dump(seen, file)

threading._register_atexit(leave)  # before the client says goodbye to its side process
"""

EXPRESSIONS = {
    "every-row": {"losses": "losses"},
    "system-metrics": {"columns": "list(system_metrics.columns)", "row_count": "len(system_metrics)"},
    "how-it-was-started": {"program": "program"},
    "rows-with-keys": {"rows": "list(run.scan_history(keys=sorted(cols), page_size=100))"},
}


@dataclass
class Outcome:
    """What came of an example; `run_a` and `run_b` are the runs that it knew, as they are in the store now.

    `is_official`: the official client has its own ways. It makes an int of a float that is whole, leaves what was
    logged nested in one column, and marks rows of system metrics.
    """

    printed: str
    files: dict
    seen: dict
    run_a: Any
    run_b: Any
    is_official: bool = False


def fill_in(code, run_a, run_b):
    """The code with paths for its placeholders: the first one is run A, a second one run B."""
    paths = iter((run_a, run_b))
    code = PATH.sub(lambda _: next(paths), code).replace("<entity>/<project>/<sweep_id>", SWEEP)
    return code.replace("<entity>/<project>", run_a.rpartition("/")[0])


def run_example(name, code, starter, *, environment, folder, scripts):
    """Run the code of an example as a script in `folder`; (what it printed, the files it wrote, what it found)."""
    script, probe = scripts / f"{name}.py", scripts / "probe"
    script.write_text(code, encoding="utf-8")
    probe.mkdir()
    (probe / "sitecustomize.py").write_text(PROBE)
    path = [str(probe), environment.get("PYTHONPATH")]
    variables = {
        "PYTHONPATH": os.pathsep.join(filter(None, path)),
        "PROBE_SCRIPT": str(script),
        "PROBE_RESULT": str(scripts / "seen.pickle"),
        "PROBE_EXPRESSIONS": json.dumps(EXPRESSIONS.get(name, {})),
    }
    done = warm.run(
        [*starter, str(script)],
        cwd=folder,
        env=environment | variables,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    seen = pickle.loads((scripts / "seen.pickle").read_bytes())
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return done.stdout, files, seen


def check_print_a_metric(outcome):
    frame = outcome.run_a.history()
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
    summary = outcome.run_a.summary._json_dict
    histogram = summary.pop("accuracy_histogram")
    assert summary.pop("accuracy") == 0.9
    assert histogram["_type"] == "histogram"
    assert sum(histogram["values"]) == 4
    assert (histogram["bins"][0], histogram["bins"][-1]) == (0.1, 0.8)
    assert_untouched(outcome, summary)


def check_set_several_results(outcome):
    summary = outcome.run_a.summary._json_dict
    assert summary.pop("key") == 0.95
    assert summary.pop("accuracy") == row_of(ROW_COUNT - 1)["accuracy"]
    assert_untouched(outcome, summary)


def assert_untouched(outcome, rest_of_summary):
    """The other results of run A, and all of run B, are as they were logged."""
    other = outcome.run_b.summary._json_dict
    assert other["accuracy"] == row_of(ROW_COUNT - 1)["accuracy"]
    for summary in (rest_of_summary, other):
        assert summary["Loss"] == row_of(ROW_COUNT - 1)["Loss"]
        assert summary["grad"] == row_of(ROW_COUNT - 10)["grad"]
        assert summary["_step"] == ROW_COUNT - 1
    assert set(other) - set(rest_of_summary) == {"accuracy"}


def check_change_a_setting(outcome):
    assert dict(outcome.run_a.config) == settings("adam", 16) | {"key": 10}
    assert dict(outcome.run_b.config) == settings("rmsprop", 32)


def check_run_to_csv(outcome):
    assert set(outcome.files) == {"metrics.csv"}
    frame = pd.read_csv(Path("metrics.csv"), index_col=0)
    if outcome.is_official:
        norms = [ast.literal_eval(text)["norm"] if isinstance(text, str) else None for text in frame.pop("grad")]
        frame.insert(4, "grad.norm", pd.Series(norms, dtype=float))
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
    losses = [float(loss) if outcome.is_official else loss for loss in outcome.seen["losses"]]
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
    assert set(outcome.files) == {file.name for file in outcome.run_a.files()}
    assert outcome.files[MODEL_NAME] == MODEL
    assert b"trained" in outcome.files["output.log"]
    assert json.loads(outcome.files["wandb-metadata.json"])["args"] == ARGUMENTS[RUN_A]


def check_system_metrics(outcome):
    columns = outcome.seen["columns"]
    assert outcome.seen["row_count"] >= (1 if outcome.is_official else 2)
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


def check_best_model_of_a_sweep(outcome):
    val_acc = SWEEP_RUNS["high"]
    assert outcome.printed.splitlines() == [
        f"Best run high with {val_acc}% validation accuracy",
        f"Best model saved to {MODEL_NAME}",
    ]
    assert outcome.files == {MODEL_NAME: b"high"}


def check_runs_of_a_sweep(outcome):
    assert outcome.printed == "<Runs ada/digits>\n"


CHECKS = {
    name.removeprefix("check_").replace("_", "-"): check
    for name, check in list(globals().items())
    if name.startswith("check_")
}
PRINTING = {"print-a-metric", "compare-two-runs", "best-model-of-a-sweep", "runs-of-a-sweep"}
WRITING = {"run-to-csv", "project-to-csv", "one-file", "all-files", "how-it-was-started", "best-model-of-a-sweep"}


def check(name, outcome):
    if name not in PRINTING:
        assert outcome.printed == ""
    if name not in WRITING:
        assert outcome.files == {}
    CHECKS[name](outcome)
