"""What is done when a run has ended, in a process of its own: sealing it, and packing its project where that is due.

``python -m runlake.store.compact.after_finish <run folder>`` is what `finish()` starts, detached.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from runlake.errors import RunlakeError
from runlake.store.compact.pack import pack_when_worthwhile
from runlake.store.compact.seal import seal_run
from runlake.store.folder_store import FolderStore


def main(run_dir: str) -> int:
    """A store that cannot be written or is broken is somebody else's to report: one line, and 1."""
    folder = Path(run_dir)
    layout = FolderStore.around(folder)
    try:
        os.nice(10)
    except (AttributeError, OSError):
        pass  # no priorities here
    try:
        path = layout.run_path_of(folder)
        seal_run(layout, path)
        pack_when_worthwhile(layout, path.entity, path.project)
    except (RunlakeError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
