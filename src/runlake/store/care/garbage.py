"""What nobody needs any more: what repairs replaced, what was deleted, what killed processes left, old exports.

Nothing is removed that is neither in the trash nor temporary nor derived. A folder of the trash is renamed before it is
emptied: whoever restores it at the same moment has it whole or not at all.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

from runlake.model import Garbage, RunPath
from runlake.store.artifacts.garbage import Age, collect_artifacts
from runlake.store.care.read_only import unless_read_only
from runlake.store.catalog.catalog_file import unnamed_columns
from runlake.store.disk import (
    TEMPORARY_PREFIX,
    keep_under,
    make_folder,
    move,
    remove_present,
    remove_tree,
    temporary_beside,
)
from runlake.store.layout import Layout
from runlake.store.opening.trash import list_trash, size_bytes_of
from runlake.store.opening.trash_names import REPAIR_PREFIX
from runlake.store.segment.folder import LOCK_NAME

ABANDONED_S = 3600.0
"""What is temporary and this old is nobody's: nothing takes that long to write."""


class Quarantine:
    """A folder of the trash for what one repair replaces; it is made when the first file comes."""

    def __init__(self, layout: Layout) -> None:
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        self._root = layout.root
        self.folder = layout.trash_dir / f"{REPAIR_PREFIX}{stamp}-{secrets.token_hex(3)}"

    def keep(self, file: Path) -> None:
        """The file is there too from now on, with all that may still be appended to it."""
        keep_under(file, self._target(file))

    def take(self, place: Path) -> None:
        """The file or folder is there from now on, and not where it was."""
        move(place, self._target(place))

    def _target(self, place: Path) -> Path:
        target = self.folder / place.relative_to(self._root)
        make_folder(target.parent)
        return target


def collect(layout: Layout, *, older_than_s: float, is_dry_run: bool = False) -> Iterator[Garbage]:
    """Empty the trash of what has been there for `older_than_s`, and clear what killed processes left.

    So is what nobody needs of artifacts (`store.artifacts.garbage`), and so are exports that a server made and nobody
    asked for in that time (an hour at least), or whose run is gone.
    Yields what was removed, or would be. ReadOnlyError when the store cannot be written.
    """
    now_s = time.time()
    with unless_read_only(f"{layout.root} cannot be cleared"):
        emptied = [item for item in list_trash(layout) if now_s - item.deleted_at >= older_than_s]
        for item in emptied:
            yield from _remove(layout, layout.trash_dir / item.name, item.size_bytes, is_dry_run=is_dry_run)
        folders = frozenset(layout.trash_dir / item.name for item in emptied)
        yield from collect_artifacts(layout, Age(now_s, older_than_s), emptied=folders, is_dry_run=is_dry_run)
        for place in (*_abandoned(layout, now_s), *_stale_exports(layout, now_s, older_than_s)):
            yield from _remove(layout, place, size_bytes_of(place), is_dry_run=is_dry_run)


def _remove(layout: Layout, place: Path, size_bytes: int, *, is_dry_run: bool) -> Iterator[Garbage]:
    if not is_dry_run:
        try:
            if place.is_dir() and not place.is_symlink():
                remove_tree(move(place, temporary_beside(place)))
            else:
                remove_present(place)
        except FileNotFoundError:
            return  # restored, or removed by another
    yield Garbage(place=place.relative_to(layout.root).as_posix(), size_bytes=size_bytes)


def _abandoned(layout: Layout, now_s: float) -> Iterator[Path]:
    """Temporary files that nobody writes any more, folders that a killed `collect` left, columns of no catalog."""
    if layout.trash_dir.is_dir():
        yield from (entry for entry in layout.trash_dir.iterdir() if entry.name.startswith(TEMPORARY_PREFIX))
    for folder, folders, files in os.walk(layout.root):
        if Path(folder) == layout.root and layout.trash_dir.name in folders:
            folders.remove(layout.trash_dir.name)
        for name in files:
            file = Path(folder, name)
            if name.startswith(TEMPORARY_PREFIX) and name != LOCK_NAME and _is_older(file, now_s):
                yield file
    yield from (file for file in unnamed_columns(layout.root / ".catalog") if _is_older(file, now_s))


def _stale_exports(layout: Layout, now_s: float, older_than_s: float) -> Iterator[Path]:
    """Files for which the access time says that nobody asked for them, and those of runs that are gone.

    The states beside them stay: by them a run under an id that comes again is known to be another.
    """
    unasked_s = max(older_than_s, ABANDONED_S)
    for folder in sorted(layout.exports_dir.glob("*/")):
        is_gone = _is_of_a_gone_run(layout, folder)
        for file in sorted(folder.iterdir()):
            if file.name.startswith("."):
                is_stale = _is_older(file, now_s)  # half written
            else:
                is_stale = file.suffix == ".parquet" and (is_gone or _is_older(file, now_s, unasked_s, by_access=True))
            if is_stale:
                yield file


def _is_of_a_gone_run(layout: Layout, exports: Path) -> bool:
    try:
        names = (exports / "run").read_text("utf-8").split("/")
    except FileNotFoundError:
        return False  # they are just being made
    except (OSError, ValueError):
        return True  # whoever made this, no server asks for it
    return len(names) == 3 and not layout.run_dir(RunPath(*names)).is_dir()


def _is_older(file: Path, now_s: float, age_s: float = ABANDONED_S, *, by_access: bool = False) -> bool:
    try:
        status = file.lstat()
    except FileNotFoundError:
        return False
    return now_s - max(status.st_mtime, status.st_atime if by_access else 0.0) > age_s
