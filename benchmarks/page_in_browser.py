"""What somebody waits for who looks at runs in the page: in Chromium, from a click to the frame that shows it all."""

from __future__ import annotations

import gzip
from pathlib import Path

from benchmarks import page
from benchmarks.bench import Bench, Group, Target
from benchmarks.browser import PAGE, chromium

ASK = "the server asked, nothing drawn"
FRAME = "a white page"


def of_case(bench: Bench, what: str, folder: Path, *counts: int) -> dict[str, float]:
    """What a case answers."""
    answer: dict[str, float] = bench.own_case("page_in_browser_case", folder, what, folder, *counts)
    return answer


def answered(bench: Bench, what: str) -> dict[str, float]:
    """What a case over the filled store answers."""

    def measure() -> dict[str, float]:
        chromium()
        return of_case(bench, what, page.filled_store(bench), *page.counts(bench))

    answer: dict[str, float] = bench.once(("page in Chromium:", what), measure)
    return answer


def live(bench: Bench) -> dict[str, float]:
    """Live runs of as many rows, clicked at for the first time and again."""

    def measure() -> dict[str, float]:
        return of_case(bench, "first-live", bench.fresh_folder("page-live"), *page.counts(bench))

    answer: dict[str, float] = bench.once(("page in Chromium:", "first-live"), measure)
    return answer


def table_answer(bench: Bench, what: str) -> float:
    """Of a project of very many runs in the same store, so with others beside it."""
    run_count = bench.count(10_000, 1_000)

    def measure() -> float:
        return of_case(bench, what, page.filled_store(bench), run_count, 0)["ms"]

    return float(bench.once(("page in Chromium:", what), measure))


def followed(bench: Bench) -> dict[str, float]:
    """Followed for a while: what it costs."""

    def measure() -> dict[str, float]:
        folder = bench.fresh_folder("page-followed")
        (folder / "store").mkdir()
        return of_case(bench, "follow", folder, bench.count(bench.followed_s, 5), 0)

    answer: dict[str, float] = bench.once(("page in Chromium:", "follow"), measure)
    return answer


def kb_of_page(bench: Bench) -> float:
    """Script and style as they are sent."""
    chromium()
    return sum(path.stat().st_size for path in (PAGE.parent / "assets").glob("*.gz")) / 1e3


def kb_in_one(bench: Bench) -> float:
    """The same as one file."""
    files = [path for path in sorted((PAGE.parent / "assets").iterdir()) if path.suffix in (".js", ".css")]
    return len(gzip.compress(b"".join(path.read_bytes() for path in files))) / 1e3


def target(work: str, at_most: float, what: str, limit_name: str = ASK, limit: str = "nothing") -> Target:
    return Target(
        work,
        "ms",
        at_most,
        "value",
        lambda bench: answered(bench, what)["ms"],
        limit_name,
        lambda bench: answered(bench, limit)["ms"],
    )


def live_target(work: str, name: str) -> Target:
    return Target(
        work,
        "ms",
        250,
        "value",
        lambda bench: live(bench)[name],
        ASK,
        lambda bench: answered(bench, "nothing")["ms"],
    )


def table_target(work: str, at_most: float, what: str, limit_name: str = ASK, limit: str = "nothing") -> Target:
    return Target(
        work,
        "ms",
        at_most,
        "value",
        lambda bench: table_answer(bench, what),
        limit_name,
        lambda bench: answered(bench, limit)["ms"],
    )


GROUP = Group(
    "page-in-browser",
    "The page in Chromium: from a click to the end of the frame that shows all of it",
    targets=(
        target("first chart of a finished run of 1,000,000 rows", 150, "first"),
        live_target("the same of a live one, new to the server", "ms"),
        live_target("the same, of one that the server knows", "again_ms"),
        target("50 runs x 1,000,000 rows in one panel, cold", 500, "many"),
        target("the same, warm", 150, "many-warm"),
        target("zoomed to 1 % of it, every row", 300, "zoom"),
        target("24 panels of 50 runs x 10,000 rows, all in sight, cold", 1000, "wide"),
        target("a frame while these are scrolled", 20, "wide-scroll", FRAME, "white-scroll"),
        table_target("table of 10,000 runs: first rows", 300, "table"),
        table_target("a frame while it is scrolled", 20, "table-scroll", FRAME, "white-scroll"),
        target("100,000 keys: a keystroke in the search", 50, "search"),
        Target(
            "20 live runs x 10 rows/s followed: the server, of a core",
            "%",
            10,
            "value",
            lambda bench: followed(bench)["server"],
            "the tab",
            lambda bench: followed(bench)["page"],
        ),
        Target(
            "the same: the tab, of a core",
            "%",
            15,
            "value",
            lambda bench: followed(bench)["page"],
            "the server",
            lambda bench: followed(bench)["server"],
        ),
        Target(
            "the same: what the tab keeps in memory at the end",
            "MB",
            1.15,
            "ratio",
            lambda bench: followed(bench)["last_mb"],
            "at the begin",
            lambda bench: followed(bench)["first_mb"],
        ),
        Target("script and style, gzip", "kB", 150, "value", kb_of_page, "as one file", kb_in_one),
        Target(
            "requests to other hosts, all views opened",
            "requests",
            0,
            "value",
            lambda bench: answered(bench, "hosts")["foreign"],
            "all",
            lambda bench: answered(bench, "hosts")["all"],
        ),
    ),
)
