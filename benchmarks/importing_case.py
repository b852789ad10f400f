"""``python -m benchmarks.importing_case WHAT FOLDER ROW_COUNT``: read what lies there, or import it into a new store.

WHAT is ``read`` or ``import``. It answers seconds of the processor, packages loaded before the clock starts: what other
programs of the machine do meanwhile is not counted.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path

from benchmarks.bench import PROJECT, store_folder
from runlake.importers.bring import bring
from runlake.importers.find import read_runs
from runlake.importers.foreign import ForeignRow, ForeignRun
from runlake.model import RunPath
from runlake.service.local.service import LocalService


def main() -> None:
    what, folder, row_count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    shutil.rmtree(store_folder(folder), ignore_errors=True)
    service = LocalService(store_folder(folder), default_entity="ann")
    begin = time.process_time()
    runs = read_runs(folder / "written")
    run = next(runs)
    assert isinstance(run, ForeignRun)
    if what == "import":
        found = bring(service, RunPath("ann", PROJECT, "r"), run).kept_counts["history"]
    else:
        found = sum(isinstance(said, ForeignRow) and said.stream == "history" for said in run.said)
    seconds = time.process_time() - begin
    if found != row_count or next(runs, None) is not None:
        raise SystemExit(f"{found} rows of {row_count} were found")
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main()
