"""One question in SQL, in a process of its own.

``python -m benchmarks.sql_case WHAT PLACE WHERE RUN_COUNT``: the median of warm calls, packages loaded before. PLACE is
a store or the address of a server, WHERE as of `Api.sql`; for ``by-hand-…`` PLACE is a folder of wide Parquet files.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

from benchmarks.across_runs_case import KEY, check_mean, path_of
from benchmarks.many_runs_case import warm_s
from benchmarks.serving import KEY as API_KEY
from runlake import Api

CALLS = 5
FIFTY = ", ".join(f"'{path_of(number).run_id}'" for number in range(50))
QUERIES = {
    "mean": f"SELECT avg(last) FROM (SELECT arg_max(value, step) AS last FROM history WHERE key = '{KEY}' "
    "GROUP BY run_id)",
    "summary": f"SELECT avg(value) FROM summary WHERE key = '{KEY}'",
    "fifty": f"SELECT run_id, step, value FROM history WHERE key = '{KEY}' AND run_id IN ({FIFTY})",
}


def asked(what: str, place: str, at: str, run_count: int) -> float:
    with Api(place, api_key=API_KEY) if "://" in place else Api(place) as api:
        return answered(what, run_count, lambda: api.sql(QUERIES[what], at=at).columns)  # type: ignore[arg-type]


def by_hand(what: str, place: str, run_count: int) -> float:
    import duckdb

    queries = {
        "mean": f"SELECT avg(last) FROM (SELECT arg_max({KEY}, _step) AS last FROM '{place}/*.parquet' "
        "GROUP BY run_id)",
        "fifty": f"SELECT run_id, _step, {KEY} FROM '{place}/*.parquet' WHERE run_id IN ({FIFTY})",
    }
    with duckdb.connect() as connection:
        return answered(what, run_count, lambda: connection.sql(queries[what]).to_arrow_table().columns)


def answered(what: str, run_count: int, ask: Callable[[], list]) -> float:  # type: ignore[type-arg]
    """Seconds of an answer, after it was seen to be right."""
    columns = ask()
    if what == "fifty":
        if len(columns[0]) != 50 * 1000:
            raise SystemExit(f"there are {len(columns[0])} values of 50 runs")
    else:
        check_mean(columns[0][0].as_py(), run_count)
    return warm_s(ask, CALLS)


def main() -> None:
    what, place, at, run_count = sys.argv[1:]
    hand = what.removeprefix("by-hand-")
    seconds = asked(what, place, at, int(run_count)) if hand == what else by_hand(hand, place, int(run_count))
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main()
