"""Who was first: processes that open one run at the same moment agree on its incarnation without a lock.

The file ``incarnation`` in the run's folder is made once, with its content, by whoever comes first (create-if-absent:
a hard link, or O_EXCL on disks without links), and says to all others which life of the run id this is. It goes to the
trash with the folder, so the next life of the id begins with a claim of its own.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from runlake.errors import StoreError
from runlake.model import RunPath
from runlake.store.disk import create_once
from runlake.store.layout import Layout

PATIENCE_S = 5.0
"""So long a claim may stay empty: where there are no links, it is made before it says something."""

_MAX_CLAIM_BYTES = 1024


def new_writer_id(now_s: float) -> str:
    """A name for one writer; names sort by the time of their making."""
    return f"{int(now_s * 1000):011x}{os.urandom(4).hex()}"


def claim_incarnation(layout: Layout, path: RunPath, candidate: str, *, patience_s: float = PATIENCE_S) -> str:
    """The run's incarnation: `candidate` for the first who asks, and what that one said for everybody else.

    The run's folder must be there. OSError when nothing can be written, StoreError for a claim that was broken off.
    """
    file = layout.run_dir(path) / "incarnation"
    claimed = read_claim(layout, path, patience_s=patience_s)
    if claimed is not None:
        return claimed
    create_once(file, candidate)
    # Read back: over a network, a link that was made may be answered with an error.
    return read_claim(layout, path, patience_s=patience_s) or candidate


def read_claim(layout: Layout, path: RunPath, *, patience_s: float = PATIENCE_S) -> str | None:
    """What the run's claim says; None when there is none."""
    return read_claim_in(layout.run_dir(path), patience_s=patience_s)


def read_claim_in(run_dir: Path, *, patience_s: float = PATIENCE_S) -> str | None:
    """The same of a run's folder, wherever it is."""
    file = run_dir / "incarnation"
    end = time.monotonic() + patience_s
    while True:
        try:
            claimed = _read_start(file).decode("ascii")
        except FileNotFoundError:
            return None
        except (UnicodeDecodeError, IsADirectoryError, NotADirectoryError):
            raise StoreError(f"{file} does not say which life of the run this is; remove it") from None
        if claimed:
            return claimed
        if time.monotonic() > end:
            raise StoreError(f"{file} is empty: the process that made it was killed; remove it and start the run again")
        time.sleep(0.01)


def _read_start(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(_MAX_CLAIM_BYTES)
