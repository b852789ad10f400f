"""What somebody waits for who opens the page of a tracker in a browser: each one's own server, on the same rows.

What the pages draw is not the same: TensorBoard's draws a sample of 1,000 rows of a run, MLflow's a sample of 320 and
ten runs, ours the lowest and highest row of each column of every run. So these are times, and no race.
"""

from __future__ import annotations

import sys

from benchmarks.bench import (
    CASE,
    Bench,
    BenchmarkError,
    Comparison,
    Group,
    Subject,
    case_environment,
    own_environment,
    run_json,
    wait_for_sealing,
    wall_seconds,
)
from benchmarks.browser import chromium
from benchmarks.page_beside_case import PAGES

LONG, MANY = (1, 100_000), (50, 2_000)
"""How many runs of how many rows."""


def looked_at(bench: Bench, subject: Subject, shape: tuple[int, int]) -> dict[str, float] | None:
    """What its page answers; None where it has none on this machine."""
    if subject.name not in PAGES:
        return None
    chromium()
    run_count, row_count = shape[0], bench.count(shape[1], shape[1] // 10)

    def measure() -> dict[str, float] | BenchmarkError:
        folder = bench.fresh_folder(f"page-{subject.name}-{run_count}")
        words = (CASE.with_name("page_fill.py"), subject.name, folder, run_count, row_count)
        try:
            wall_seconds([str(subject.python), *map(str, words)], folder, case_environment(subject, folder))
            wait_for_sealing(folder)
            case = ("benchmarks.page_beside_case", subject.name, subject.python, folder, run_count)
            path = {"PYTHONPATH": own_environment(bench, folder)["PYTHONPATH"]}
            command = [sys.executable, "-m", *map(str, case)]
            return run_json(command, folder, case_environment(subject, folder) | path)
        except BenchmarkError as error:
            return error

    found = bench.once(("page of", subject.title, *shape), measure)
    if isinstance(found, BenchmarkError):
        raise found
    answer: dict[str, float] = found
    return answer


def comparison(work: str, unit: str, what: str, shape: tuple[int, int]) -> Comparison:
    def measured(bench: Bench, subject: Subject) -> float | None:
        found = looked_at(bench, subject, shape)
        return None if found is None else found[what]

    return Comparison(work, unit, measured)


GROUP = Group(
    "page-beside-others",
    "Beside other pages: from the address to the drawn chart, in Chromium with an empty cache",
    comparisons=(
        comparison("1 run x 100,000 rows of one key", "ms", "ms", LONG),
        comparison("50 runs x 2,000 rows of one key", "ms", "ms", MANY),
        comparison("script, style and data that are sent for it", "kB", "kb", LONG),
        comparison("requests to other hosts", "requests", "foreign", LONG),
    ),
)
