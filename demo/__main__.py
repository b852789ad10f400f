"""``python -m demo``: train, seal, export, and say what lies where."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from demo.digits import load_digits
from demo.export import export, forget_earlier
from demo.model import SETTINGS
from demo.progress import reporting
from demo.search import RUN_COUNT, configuration, search
from demo.train import PROJECT, begin, train

OUTPUT = Path("demo-output")
SEARCHED_EPOCHS = 15


def main() -> None:
    """Everything, in the folder ``demo-output`` of the current one."""
    parser = argparse.ArgumentParser(prog="python -m demo", description="Train, export, and say what lies where.")
    parser.add_argument("--epochs", type=int, metavar="N", help="train each model so many epochs, not its own number")
    parser.add_argument("--runs", type=int, metavar="N", default=RUN_COUNT, help="search with so many runs")
    asked = parser.parse_args()
    epochs, run_count = asked.epochs, asked.runs
    settings = SETTINGS if epochs is None else tuple(replace(s, epoch_count=epochs) for s in SETTINGS)
    store = OUTPUT / ".runlake"
    OUTPUT.mkdir(exist_ok=True)
    forget_earlier(store)
    digits, validation = load_digits()
    print(
        f"{len(digits.digit):,} digits to learn from, {len(validation.digit):,} to be tested with, {len(settings)} "
        f"runs and {run_count} more of a sweep"
    )
    os.environ["RUNLAKE_SILENT"] = "true"  # what a sweep and its agent say is said here
    searched = SEARCHED_EPOCHS if epochs is None else epochs
    epoch_count = sum(setting.epoch_count for setting in settings) + run_count * searched
    sweep = configuration(searched, run_count)
    with reporting(epoch_count) as report, tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        for setting in settings:
            report.begin(setting)
            run = begin(setting, store, run_id=setting.name)
            train(run, digits, validation, scratch=scratch, on_epoch=report.epoch)
        sweep_id = search(sweep, digits, validation, store=store, scratch=scratch, report=report)
    _seal(store)
    export(store, OUTPUT, validation, sweep_id)
    print(_closing_words(store, sweep_id))


def _seal(store: Path) -> None:
    """Have all runs as Parquet now: finish() only starts a process that seals, and waits for nothing."""
    command = [*_runlake(), "--dir", str(store), "seal", PROJECT]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")


def _closing_words(store: Path, sweep_id: str) -> str:
    command = " ".join(_runlake())
    segments = f"{store.as_posix()}/*/{PROJECT}/runs/*/segments/*-history.parquet"
    return f"""
In {OUTPUT}/:
  metrics.csv         every row of the best run
  project.csv         config and results of all runs, a line a run
  project.parquet     the same, as Parquet
  model-best.joblib   the best model of the sweep
  .runlake/           the store: everything that was logged, as Parquet

Next:
  {command} --dir {store.as_posix()} ls {PROJECT}
  {command} --dir {store.as_posix()} show {PROJECT}/{SETTINGS[-1].name}
  {command} --dir {store.as_posix()} show {PROJECT}/{sweep_id}
and without runlake, in DuckDB:
  SELECT run_id, max(f64) FROM '{segments}'
  WHERE key = 'val_accuracy' GROUP BY run_id ORDER BY 2 DESC;

Look at it in a browser:
  {command} ui {store.as_posix()}"""


def _runlake() -> list[str]:
    """How to start the command line from here: the script beside this Python, or the module."""
    script = Path(sys.executable).with_name("runlake.exe" if os.name == "nt" else "runlake")
    if not script.exists():
        return [sys.executable, "-m", "runlake"]
    return [os.path.relpath(script) if script.is_relative_to(Path.cwd()) else str(script)]


if __name__ == "__main__":
    main()
