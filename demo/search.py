"""A search for better parameters than those that were written down: a sweep, and an agent for it."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import runlake
from demo.digits import Digits
from demo.model import Setting
from demo.progress import Reporter
from demo.train import PROJECT, begin, train

SWEEP_NAME = "small nets"
RUN_COUNT = 8


def configuration(epoch_count: int, run_count: int) -> dict[str, Any]:
    """What is searched: nets of one layer, by a model of what the runs so far have shown."""
    return {
        "name": SWEEP_NAME,
        "method": "bayes",
        "metric": {"name": "best_val_accuracy", "goal": "maximize"},
        "parameters": {
            "learning_rate": {"distribution": "log_uniform_values", "min": 0.0003, "max": 0.1},
            "hidden": {"values": [[16], [32], [64]]},
            "batch_size": {"values": [16, 32, 64]},
            "epoch_count": {"value": epoch_count},
        },
        "run_cap": run_count,
    }


def search(
    sweep: dict[str, Any], digits: Digits, validation: Digits, *, store: Path, scratch: Path, report: Reporter
) -> str:
    """Run the sweep to its end; answers its id."""
    sweep_id = runlake.sweep(sweep, project=PROJECT, store=store, seed=1)
    numbers = itertools.count(1)

    def run_once() -> None:
        setting = Setting(f"search-{next(numbers)}", learning_rate=0.0, optimizer="adam")
        report.begin(setting)
        train(begin(setting, store), digits, validation, scratch=scratch, on_epoch=report.epoch)

    runlake.agent(sweep_id, run_once, project=PROJECT, store=store)
    return sweep_id
