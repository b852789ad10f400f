"""A served store is for its server alone: no other user of the machine reads the runs in it past the server.

Whoever may see a run is asked of the server, and the disk would answer everybody. So all that the processes of a server
make is theirs alone (the umask, which workers, sealers and whatever else they start inherit), and so is the folder of a
store that they begin. One that is there already is left as its owner has it, who is told.
"""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def keep_private(root: Path) -> str | None:
    """Have this process, and those it starts, make files for this user alone; a new store too.

    Answers what to tell the owner of a store that others of the machine can enter; None where there is nothing to tell,
    and on Windows, where files belong to who made them.
    """
    if os.name != "posix":
        return None
    os.umask(os.umask(_OTHERS) | _OTHERS)
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not root.stat().st_mode & _OTHERS:
        return None
    return (
        f"other users of this machine can enter {root} and read private runs past the server; "
        f"keep them out: chmod go-rwx {shlex.quote(str(root))}"
    )
