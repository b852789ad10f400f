"""The demo does what it says, and does it again when it is run again."""

import os
import re
import sys
from pathlib import Path

import duckdb
import joblib
import pandas as pd
import pytest

import runlake
import warm

ROOT = Path(__file__).parent.parent
NAMES = ["linear-slow", "linear-fast", "net-16", "net-64", "net-64-32", *(f"search-{n}" for n in range(1, 4))]
QUICK = ("--epochs", "1", "--runs", "3")


def run_demo(folder, *arguments):
    path = [str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]
    done = warm.run(
        [sys.executable, "-W", "error", "-m", "demo", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path), "RUNLAKE_DIR": str(folder / "elsewhere")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """An empty folder, and what the demo printed there."""
    folder = tmp_path_factory.mktemp("demo")
    return folder, run_demo(folder, *QUICK)


@pytest.mark.long
def test_the_second_time_is_like_the_first_but_for_the_clock(desk):
    def without_times(text):
        text = re.sub(r"in \d+\.\d s$", "in _ s", text, flags=re.MULTILINE)
        text = re.sub(r"show digits/(?!net)\w+", "show digits/_", text)
        return re.sub(r"\d+ rows of system metrics", "_ rows of system metrics", text)

    folder, first = desk
    assert without_times(first) == without_times(run_demo(folder, *QUICK))


def test_all_that_is_promised_lies_in_the_folder(desk):
    folder, printed = desk
    assert sorted(entry.name for entry in folder.iterdir()) == ["demo-output"]
    promised = re.findall(r"^  ([\w.-]+)/?  ", printed.partition("In demo-output/:")[2], re.MULTILINE)
    assert promised == ["metrics.csv", "project.csv", "project.parquet", "model-best.joblib", ".runlake"]
    assert sorted(entry.name for entry in (folder / "demo-output").iterdir()) == sorted(promised)


def test_the_exports_say_what_the_store_says(desk):
    folder, printed = desk
    output = folder / "demo-output"
    (best_name,) = re.findall(r"Best run of those: (\S+)", printed)
    (found_name,) = re.findall(r"of the sweep: (\S+)", printed)
    with runlake.Api(output / ".runlake") as api:
        runs = {run.name: run for run in api.runs("digits")}
        best = runs[best_name]
        summaries = {name: run.summary["best_val_accuracy"] for name, run in runs.items()}
        config = {name: run.config["learning_rate"] for name, run in runs.items()}
        metrics = best.to_pandas(keys=["loss", "accuracy", "val_loss", "val_accuracy"])
        kinds = {key: best.summary[key]["_type"] for key in ("weights", "confusion", "mistakes")}
        states = {run.state for run in runs.values()}
        (sweep,) = api.sweeps("digits")
        assert (sweep.state, sweep.best_run().name, len(sweep.runs)) == ("FINISHED", found_name, 3)
        event_counts = [len(run.to_pandas("events")) for run in runs.values()]
    assert list(runs) == NAMES
    assert states == {"finished"}
    assert min(event_counts) >= 2
    assert kinds == {"weights": "histogram", "confusion": "image-file", "mistakes": "table-file"}
    assert summaries[best_name] == max(summaries[name] for name in NAMES[:5])
    assert summaries[found_name] == max(summaries[name] for name in NAMES[5:])
    pd.testing.assert_frame_equal(pd.read_csv(output / "metrics.csv"), metrics)
    project = pd.read_csv(output / "project.csv").set_index("name")
    assert project["best_val_accuracy"].to_dict() == summaries
    table = pd.read_parquet(output / "project.parquet").set_index("name")
    assert table["summary.best_val_accuracy"].to_dict() == summaries
    assert table["config.learning_rate"].to_dict() == config
    assert joblib.load(output / "model-best.joblib").classes_.tolist() == list(range(10))


def test_the_next_steps_it_names_work(desk):
    folder, printed = desk
    commands, _, query = printed.partition("Next:\n")[2].partition("and without runlake, in DuckDB:\n")
    query, _, _ = query.partition("\n\n")
    for command in commands.strip().splitlines():
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
        shown = warm.run(command, shell=True, cwd=folder, env=environment, capture_output=True, text=True)
        assert (shown.returncode, shown.stderr) == (0, ""), command
        assert "net-64-32" in shown.stdout or "search-" in shown.stdout
    found = duckdb.sql(query.replace("'demo-output", f"'{(folder / 'demo-output').as_posix()}")).fetchall()
    with runlake.Api(folder / "demo-output" / ".runlake") as api:
        name_of = {run.id: run.name for run in api.runs("digits")}
    assert sorted(name_of[run_id] for run_id, _ in found) == sorted(NAMES)


@pytest.mark.long
def test_the_readme_shows_what_the_demo_prints(tmp_path):
    readme = (ROOT / "README.md").read_text("utf-8")
    (shown,) = re.findall(r"^```text\n(Where the configs.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    # Other processors round other digits, and sample the machine at other times.
    assert re.sub(r"\d+", "#", shown) in re.sub(r"\d+", "#", run_demo(tmp_path))
