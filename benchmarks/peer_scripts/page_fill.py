"""Runs of one noisy key for a page to show: ``python page_fill.py TRACKER FOLDER RUN_COUNT ROW_COUNT``.

Each tracker is written by its own calls; MLflow by its batch call, since one call a row would take minutes.
"""

import importlib
import math
import random
import sys
from pathlib import Path

KEY = "loss"


def values(row_count: int, seed: int) -> list[float]:
    """A curve that falls, with noise and a spike."""
    draw = random.Random(seed)
    found = [math.exp(-5 * step / row_count) + draw.gauss(0, 0.05) for step in range(row_count)]
    found[row_count // 3] = 3.0
    return found


def main() -> None:
    name, folder, run_count, row_count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    tracker = importlib.import_module(f"{name}_tracker")
    for number in range(run_count):
        curve = values(row_count, number)
        if hasattr(tracker, "fill_curve"):
            tracker.fill_curve(folder, number, KEY, curve)
            continue
        log, finish = tracker.start(folder)
        for step, value in enumerate(curve):
            log({KEY: value}, step)
        finish()
    if hasattr(tracker, "settle"):
        tracker.settle(folder)


if __name__ == "__main__":
    main()
