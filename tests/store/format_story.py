"""A small store in which everything has a fixed id and a fixed time, so that it is the same whenever it is made.

``python tests/store/format_story.py tests/store/formats/<version>`` makes the golden copy of a new format.
"""

import math
import shutil
import sys
from pathlib import Path

from runlake.model import RunPath
from runlake.store.compact import pack
from runlake.store.compact.pack_folder import FolderPacking
from runlake.store.compact.seal import seal_run
from runlake.store.folder_store import FolderStore
from runlake.store.incarnation import claim_incarnation
from runlake.store.journal import record
from runlake.store.journal.folder import journal_of
from runlake.store.journal.limits import WriterLimits
from runlake.store.journal.writer import JournalWriter

AT_S = 1_700_000_000.0
RUN_IDS = IN_JOURNAL, *MERGED, SEALED = "in-journal", "merged-0", "merged-1", "sealed"
ROWS = [
    {"loss": 0.5, "count": 1, "ok": True},
    {"loss": math.nan, "note": "so far", "big": 2**80},
    {"loss": -0.0, "count": 2.5, "nothing": None, "list": [1, math.inf, {"a": b"x"}]},
    {"loss": 0.25, "count": -(2**63), "opt": {"lr": 0.1}, "opt.lr": 7},
    {},
]


def write_store(root):
    """One run in each place where rows can be."""
    layout = FolderStore(root)
    root.mkdir(parents=True, exist_ok=True)
    (root / "store.toml").write_text('format_version = 1\nid = "0123456789abcdef"\n')
    for number, run_id in enumerate(RUN_IDS):
        path = RunPath("ann", "p", run_id)
        _write_run(layout, path, f"{number:011x}00000000")
        if run_id == SEALED:  # the last one, and not to be merged
            assert len(list(pack.pack_runs(FolderPacking(layout, "ann", "p"), pack.AT_ONCE))) == 2
        if run_id != IN_JOURNAL:
            seal_run(layout, path)
    shutil.rmtree(layout.changes_dir("ann", "p"))  # names of changes hold the time and chance
    for file in root.rglob(".runlake-*"):
        file.unlink()


def _write_run(layout, path, writer_id):
    layout.make_run_dir(path)
    claim_incarnation(layout, path, writer_id)
    header = {
        "format": record.FORMAT_VERSION,
        "entity": path.entity,
        "project": path.project,
        "run_id": path.run_id,
        "incarnation": writer_id,
        "generation": writer_id,
        "role": "run",
        "pid": 1,
        "created_at": AT_S,
    }
    journal = journal_of(layout, path)
    writer = JournalWriter(journal, writer_id, header, clock=lambda: AT_S, limits=WriterLimits(rows_per_part=4))
    writer.record(record.START, {"name": "golden", "set": {"lr": 0.1, "model.layers": 2}, "base": {}})
    writer.record(record.CONFIG, {"set": {"lr": 0.2}, "unset": ["model.layers"]})
    for step, row in enumerate(ROWS):
        writer.log(row, step=step, timestamp=AT_S + step, runtime=float(step))
    writer.log({"system.cpu": 1.5}, step=4, timestamp=AT_S + 5, runtime=5.0, stream="events")
    writer.log({"line": 1, "text": "hello"}, step=4, timestamp=AT_S + 6, runtime=6.0, stream="console")
    writer.end({"exit_code": 0, "state": "finished", "runtime": 7.0, "lost_count": 0})


if __name__ == "__main__":
    write_store(Path(sys.argv[1]))
