"""The packed files of a project in a folder, ``merged/``; `store.compact.pack_place` says what each method does."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from runlake.errors import NotFoundError, RunlakeError
from runlake.model import RunPath
from runlake.store import disk
from runlake.store.compact import packed_file
from runlake.store.compact.pack import GRACE_S, pack_held_runs, pointing_to
from runlake.store.compact.pack_plan import MIN_RUN_COUNT, Survey, look_at
from runlake.store.compact.packed_file import PackedRun, PackList
from runlake.store.compact.seal import only_sealer
from runlake.store.folder_store import FolderStore
from runlake.store.run.snapshot import Snapshot, take_snapshot
from runlake.store.segment.folder import FolderSegments, packed_of
from runlake.store.segment.meta import Meta, read_meta, write_meta
from runlake.store.segment.publish import drop_segment
from runlake.store.segment.segments import META_SUFFIX, Segments

_TOGETHER = 64
"""So many runs are locked at a time."""


class FolderPacking:
    """The packed files of one project. The lock file of its packers says how many runs the last one was done with."""

    def __init__(self, store: FolderStore, entity: str, project: str) -> None:
        self.store, self.name = store, f"{entity}/{project}"
        self.shared = packed_of(store, entity, project)
        self._place = (entity, project)

    def has_begun(self) -> bool:
        return self.shared.folder.is_dir()

    def survey(self, *, quiet_s: float) -> Survey:
        found = Survey()
        for run_id in self.store.run_ids(*self._place):
            path = RunPath(*self._place, run_id)
            found.run_count += 1
            try:
                units = look_at(self.store, path, found, quiet_s=quiet_s)
            except (NotFoundError, FileNotFoundError):
                found.waiting.append(path)  # just beginning, just sealed or just deleted
                continue
            except (RunlakeError, OSError):
                found.is_partial = True
                continue
            for unit in units:
                for name in unit.packed_in:
                    found.pointing.setdefault(name, []).append(unit)
                for meta in unit.metas:
                    if meta.packed_in is not None:
                        found.used.setdefault(meta.packed_in, set()).add(meta.name)
        return found

    def note(self, found: Survey) -> None:
        if self.shared.folder.is_dir():
            try:
                # In place: who waits for the lock has this very file open.
                disk.overwrite(self.shared.lock_file, str(found.run_count - len(found.waiting)).encode())
            except OSError:
                pass  # then the next one looks again

    def noted(self) -> int:
        """How many runs the last packer had nothing more to do for."""
        try:
            return int(self.shared.lock_file.read_text() or 0)
        except (FileNotFoundError, ValueError):
            return 0

    def point(self, packed: PackList, runs: Sequence[tuple[RunPath, PackedRun]]) -> Iterator[RunPath]:
        # Some together: after the first of many new files the disk has the others too, and waits no more.
        for start in range(0, len(runs), _TOGETHER):
            published: list[tuple[Snapshot, Meta, list[Meta]]] = []
            with ExitStack() as locks:
                for path, run in runs[start : start + _TOGETHER]:
                    locks.enter_context(only_sealer(self.store, path))
                    try:
                        snapshot = take_snapshot(self.store, path)
                        if (found := pointing_to(packed, run, snapshot)) is not None:
                            write_meta(snapshot.segments, found[0])
                            published.append((snapshot, *found))
                    except (RunlakeError, FileNotFoundError):
                        continue  # deleted, or damaged: that is for its readers to say
                for snapshot, pointing, metas in published:
                    try:
                        snapshot.segments.sync(f"{pointing.name}{META_SUFFIX}")
                    except FileNotFoundError:
                        continue  # deleted just now
                    for meta in metas:
                        drop_segment(snapshot.segments, meta)
            yield from (snapshot.path for snapshot, _, _ in published)

    def remove_unused(self, *, grace_s: float = GRACE_S) -> None:
        """As promised; those of runs in the trash count, and where a run cannot be read it may point to anything."""
        references = self._references()
        if references is None:
            return
        folder = self.shared.folder
        names = {file.name.partition("-")[0].partition(".")[0] for file in _listing(folder) if file.name[0] != "."}
        for name in names:
            mark = packed_file.unused_mark(folder, name)
            if name in references:
                disk.remove(mark)
                continue
            if not mark.exists():
                disk.replace_file(mark, b"")
            if time.time() - mark.stat().st_mtime >= grace_s:
                for file in (*packed_file.files_of(folder, name), mark):
                    disk.remove(file)
        self.shared.sweep(lambda _: True, older_than_s=GRACE_S)

    def _references(self) -> set[str | None] | None:
        """The packed files to which any meta file points, superseded ones included; None when one cannot be read."""
        found: set[str | None] = set()
        try:
            # Folders and not runs: one that has lost the name that it stands for counts too.
            for folder in (*_listing(self.store.runs_dir(*self._place)), *_listing(self.store.trash_dir)):
                found |= _references_in(FolderSegments(folder / "segments")) if folder.is_dir() else set()
        except (RunlakeError, OSError):
            return None
        return found


def pack_when_worthwhile(store: FolderStore, entity: str, project: str) -> None:
    """Pack when enough runs have come since somebody looked last, and nobody else is at it: for after a run's end.

    Looking costs a listing of the project's folder.
    """
    place = FolderPacking(store, entity, project)
    run_count = len(store.run_ids(entity, project))
    # A share of all runs: looking at them costs a little for each.
    if run_count - place.noted() < max(MIN_RUN_COUNT, run_count // 50):
        return
    with place.shared.alone(is_waiting=False) as is_only:
        if is_only:
            for _ in pack_held_runs(place):
                pass


def _listing(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _references_in(segments: Segments) -> set[str | None]:
    while True:
        try:
            return {read_meta(segments, name).packed_in for name in segments.list_names()}
        except FileNotFoundError:
            continue  # sealed meanwhile: what replaced it must be seen
