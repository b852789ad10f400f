"""What a page of charts asks of the store: lines of long runs, of many runs, of one that goes on."""

from __future__ import annotations

from pathlib import Path

from benchmarks.bench import Bench, Group, Target


def counts(bench: Bench) -> tuple[int, int]:
    """How many rows a long run has, and how many runs there are."""
    return bench.count(1_000_000, 50_000), bench.count(50, 10)


def filled_store(bench: Bench) -> Path:
    """A folder with the store."""

    def measure() -> Path:
        folder = bench.fresh_folder("page")
        bench.own_case("page_case", folder, "fill", folder, *counts(bench))
        return folder

    return Path(bench.once(("runs for a page of charts,", counts(bench)[0], "rows"), measure))


def milliseconds(bench: Bench, what: str) -> float:
    """The median of several questions in a process of its own."""

    def measure() -> float:
        folder = filled_store(bench)
        return 1e3 * float(bench.own_case("page_case", folder, what, folder, *counts(bench))["seconds"])

    return float(bench.once(("page:", what), measure))


def target(work: str, at_most: float, ours: str, limit_name: str, limit: str) -> Target:
    return Target(
        work,
        "ms",
        at_most,
        "value",
        lambda bench: milliseconds(bench, ours),
        limit_name,
        lambda bench: milliseconds(bench, limit),
    )


GROUP = Group(
    "page",
    "A page of charts, the server's part: 1,000 columns of 50 runs x 1,000,000 rows",
    targets=(
        target("first line of a finished run", 60, "first", "pyarrow reads its series file", "series"),
        target("one key of 50 runs, cold", 400, "cold", "pyarrow reads their series files", "all-series"),
        target("the same, warm", 80, "warm", "the answer copied", "copy"),
        target("zoomed to 1 % of it, every row, cold", 250, "zoom", "pyarrow reads a row group of each", "groups"),
        target("24 keys of 50 runs x 10,000 rows, cold", 700, "wide", "pyarrow reads all values", "columns"),
        target("ten new rows of a live run", 60, "live", "numpy: lowest and highest of its values", "scan"),
        target("100,000 keys of a project, listed", 200, "keys", "Python sorts their names", "names"),
    ),
)
