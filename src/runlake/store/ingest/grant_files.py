"""Grants that were given lately, as files: an opening that is asked for once more gets the same grant in every worker.

The file of an opening is its lock too: of a request and its retry in two workers, one opens the run and the other waits
for what it was granted. Kept beside the catalog, and as derived as that: where it is gone, asking again opens a second
writer, which nobody will write to.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from runlake.errors import BadValueError
from runlake.model import RunPath, WriterGrant
from runlake.store import disk
from runlake.store.ingest.grant_codec import pack_grant, unpack_grant

_KEPT_S = 3600.0
_MODE = 0o600


class GrantFile:
    """What was granted to one opening; None as long as nothing was."""

    def __init__(self, file: Path | None, grant: WriterGrant | None) -> None:
        self._file, self.grant = file, grant

    def keep(self, grant: WriterGrant) -> WriterGrant:
        """Remember a grant, as far as the disk allows."""
        self.grant = grant
        if self._file is not None:
            with suppress(OSError):
                disk.overwrite(self._file, pack_grant(grant), mode=_MODE)
        return grant


class GrantFiles:
    """The grants of a store, in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def hold(self, path: RunPath, token: str) -> Iterator[GrantFile]:
        """Alone with one opening, wherever in this store it is asked for."""
        file = self._file_of(path, token)
        try:
            disk.make_folder(self._folder)
            self._remove_old()
            fd = disk.open_to_change(file, mode=_MODE)
        except OSError:  # a folder that cannot be written: the run will say so, or nothing is remembered
            yield GrantFile(None, None)
            return
        try:
            with suppress(OSError):  # a file system that knows no locks
                disk.wait_for_lock(fd, file)
            try:
                grant = unpack_grant(os.read(fd, 1 << 30))
            except BadValueError:  # nothing yet, or a worker was killed while it wrote
                grant = None
            yield GrantFile(file, grant)
        finally:
            os.close(fd)

    def _file_of(self, path: RunPath, token: str) -> Path:
        name = hashlib.sha256("\0".join((*path, token)).encode("utf-8", "surrogatepass")).hexdigest()[:32]
        return self._folder / name

    def _remove_old(self) -> None:
        oldest_s = time.time() - _KEPT_S
        with os.scandir(self._folder) as files:
            for file in files:
                with suppress(FileNotFoundError):
                    if file.stat().st_mtime < oldest_s:
                        disk.remove(Path(file))
