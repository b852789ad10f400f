"""A process that logs until it is killed, and counts in shared memory what was acknowledged.

    logging_process.py STORE RUN_ID COUNTER_FILE SLOT ROWS_PER_PART FRAMES_PER_BLOCK | init

Row i is {"i": i, "x": i / 3}; every seventh is logged in two pieces, "i" with the first and "x" with the second, and
every eleventh has a text besides. The slot holds 2 i + 1 when the first piece of row i was acknowledged, 2 i + 2 after
all of it was.
"""

import itertools
import mmap
import sys
from pathlib import Path


def counter(file, slot):
    """A 64-bit number that several processes see; a plain store of eight bytes is all or nothing."""
    with open(file, "r+b") as opened:  # noqa: PTH123 (the handle is passed on)
        return memoryview(mmap.mmap(opened.fileno(), 0)).cast("Q")[slot : slot + 1]


def log_forever(log, acknowledged):
    for i in itertools.count():
        text = {"s": f"text {i}"} if i % 11 == 0 else {}
        if i % 7 == 0:
            log({"i": i}, i, False)
            acknowledged[0] = 2 * i + 1
            log({"x": i / 3, **text}, i, True)
        else:
            log({"i": i, "x": i / 3, **text}, i, True)
        acknowledged[0] = 2 * i + 2


def main(store, run_id, counter_file, slot, rows_per_part, frames_per_block="1024"):
    acknowledged = counter(counter_file, int(slot))
    if rows_per_part == "init":
        import runlake

        run = runlake.init(entity="ann", project="p", id=run_id, store=store)
        log_forever(lambda data, step, commit: run.log(data, commit=commit), acknowledged)
    from runlake.model import RunPath
    from runlake.store.folder_store import FolderStore
    from runlake.store.journal.limits import WriterLimits
    from runlake.store.opening.open import open_run

    limits = WriterLimits(rows_per_part=int(rows_per_part), frames_per_block=int(frames_per_block))
    writer = open_run(FolderStore(Path(store)), RunPath("ann", "p", run_id), {}, limits=limits).writer
    log_forever(
        lambda data, step, commit: writer.log(data, step=step, timestamp=1000.0 + step, runtime=0.0, commit=commit),
        acknowledged,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
