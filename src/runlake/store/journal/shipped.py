"""What of a run is on a server: the file ``shipped`` in the run's folder, kept by whoever ships it.

Where it stands, the journal is sent somewhere, or will be (``mode="offline"``): a part is sealed, and so dropped, only
when all of it has arrived. The file may be out of date, or lost: what is sent once more changes nothing.
"""

from __future__ import annotations

import errno
import os
from contextlib import AbstractContextManager
from pathlib import Path

import msgspec

from runlake.model import RunPath
from runlake.ready import ready
from runlake.store.disk import is_locked, replace_file
from runlake.store.journal.journal import PartName
from runlake.store.leases import FolderLeases

FILE = "shipped"
_LOCK_FILE = ".runlake-shipping"


class Shipped(msgspec.Struct, kw_only=True):
    """How far the shipping of a run has come.

    `base_url` is None for a run that waits until somebody says where to; `entity` is None for the entity that the key
    belongs to. `path` is where the run is on the server, once that is known. Of each writer `reached` says the part,
    and the byte in it, before which all has arrived; `ended` those that have said their last word, `skipped` those that
    are not sent. `files` has the MD5 of each file that has arrived.`remade`: writers that were
    sealed before, so that their journal was made again (`store.ingest.rejournal`). `problem` is why it does not go on.
    """

    base_url: str | None
    entity: str | None
    project: str
    run_id: str
    path: RunPath | None = None
    reached: dict[str, tuple[int, int]] = {}
    ended: list[str] = []
    skipped: list[str] = []
    files: dict[str, str] = {}
    remade: list[str] = []
    is_complete: bool = False
    problem: str | None = None

    def has_passed(self, name: PartName) -> bool:
        """Whether the whole part has arrived: shipping has gone on to the next, or its writer has ended."""
        if name.writer in self.remade or name.writer in self.skipped:
            return True
        number, _ = self.reached.get(name.writer, (-1, 0))
        return number > name.number or (number == name.number and (name.writer in self.ended or self.is_complete))


def read_shipped(run_dir: Path) -> Shipped | None:
    """What is known of a run; None when it is not sent anywhere."""
    try:
        content = (run_dir / FILE).read_bytes()
    except FileNotFoundError:
        return None
    return msgspec.json.decode(content, type=ready(Shipped))


def write_shipped(run_dir: Path, shipped: Shipped) -> None:
    """Keep it. OSError of the disk; FileNotFoundError when the run is gone."""
    replace_file(run_dir / FILE, msgspec.json.encode(shipped))


def only_shipper(run_dir: Path) -> AbstractContextManager[bool]:
    """Whether this process is the one that ships the run, as long as the block runs. FileNotFoundError without a run.

    Two that are at it where nothing can be locked do some work twice: what is sent once more changes nothing.
    """
    if not run_dir.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(run_dir))
    return FolderLeases(run_dir).hold(_LOCK_FILE, is_waiting=False)


def is_being_shipped(run_dir: Path) -> bool:
    """Whether a process is at it; also where nothing tells, if somebody ever was."""
    file = run_dir / _LOCK_FILE
    return file.exists() and is_locked(file) is not False
