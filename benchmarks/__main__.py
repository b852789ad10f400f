"""``python -m benchmarks``: measure everything, print it, and write it into ``docs/performance.md``.

A group's tables are written when it was measured whole: not with --quick, and beside the other trackers if it compares
with them. Those of the others stay as they are.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import shutil
import sys
import time
from pathlib import Path

from benchmarks import (
    across_runs,
    artifacts,
    bulk,
    cluster,
    importing,
    logging,
    many_runs,
    many_writers,
    memory,
    page,
    page_beside,
    page_in_browser,
    project_export,
    reading,
    report,
    sealing,
    server,
    size,
    sparse_keys,
    sql,
    startup,
    sweep_agents,
    sweep_search,
)
from benchmarks.bench import CHECKOUT, HERE, Bench, BenchmarkError, Subject
from benchmarks.peers import NotInstallableError, install_peers

GROUPS = (
    logging.GROUP,
    many_writers.GROUP,
    startup.GROUP,
    memory.GROUP,
    reading.GROUP,
    sparse_keys.GROUP,
    sealing.GROUP,
    size.GROUP,
    many_runs.GROUP,
    across_runs.GROUP,
    sql.GROUP,
    project_export.GROUP,
    bulk.GROUP,
    importing.GROUP,
    server.GROUP,
    cluster.GROUP,
    page.GROUP,
    page_in_browser.GROUP,
    page_beside.GROUP,
    artifacts.GROUP,
    sweep_agents.GROUP,
    sweep_search.GROUP,
)
PAGE = CHECKOUT / "docs" / "performance.md"
WORK = HERE / ".work"


def main() -> int:
    names = [group.name for group in GROUPS]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rows and repetitions")
    parser.add_argument("--only", action="append", choices=names, metavar="NAME", help=f"one of {', '.join(names)}")
    parser.add_argument("--without-peers", action="store_true", help="runlake and the limits alone")
    parser.add_argument("--followed-s", type=int, default=30, metavar="N", help="follow live runs in the page so long")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results as JSON too")
    options = parser.parse_args()
    if importlib.util.find_spec("psutil") is None:
        parser.error("runlake's packages are not installed here; run: pip install -e .")

    peers, missing = [], []
    for title, peer in () if options.without_peers else install_peers():
        if isinstance(peer, NotInstallableError):
            missing.append((title, peer))
            print(f"{title}: not installable here: {peer}", flush=True)
        else:
            peers.append(peer)
    ours = Subject(
        "runlake",
        "runlake",
        Path(sys.executable),
        environment={"RUNLAKE_DIR": "{folder}/store", "RUNLAKE_SILENT": "true"},
    )
    bench = Bench(WORK, options.quick, ours, tuple(peers), options.followed_s)
    results, failed = [], False
    for group in GROUPS:
        if options.only and group.name not in options.only:
            continue
        print(group.title, file=sys.stderr, flush=True)
        begin_s = time.monotonic()
        try:
            results.append(report.measure(bench, group))
        except BenchmarkError as error:
            print(error, file=sys.stderr, flush=True)
            failed = True
            continue
        print(f"{group.name}: {time.monotonic() - begin_s:.0f} s", file=sys.stderr, flush=True)
        print("\n".join([f"### {group.title}", "", *report.group_lines(bench, results[-1])]), end="\n\n", flush=True)
    if options.json:
        options.json.write_text(json.dumps(report.data(bench, results), indent=2) + "\n")
    unavailable = [f"{title}: not installable here: {reason}" for title, reason in missing]
    written = report.write_page(PAGE, bench, GROUPS, results, unavailable)
    print(f"{PAGE.name}: {', '.join(written) or 'nothing'} written", file=sys.stderr, flush=True)
    shutil.rmtree(WORK, ignore_errors=True)  # a tracker's helper process may still be writing there
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
