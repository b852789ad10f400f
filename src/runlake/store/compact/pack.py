"""Packing: the small finished runs of a project come to share files. Repeatable; killing it at any point is harmless.

A run of a thousand rows is a file of a hundred kilobytes, and most of the time that it takes to read five thousand of
them goes into opening them. Packed, one key of all runs lies together. What makes rows visible stays where it was: a
meta file in the folder of the run, which then names a file in ``merged/``, so a run is still read, sealed, edited and
deleted by itself. Which runs share which file, is decided first (`pack_plan.plan`). Then:

1. the shared Parquet files and then their list (`store.compact.packed_file`) are written, to which nobody points yet;
2. for each run, under the lock of its sealers, the meta file that points to them is published, and then its old
   segments are dropped;
3. packed files to which nothing has pointed for an hour are dropped.

A packer that finds a list whose runs do not all point to it does step 2 for the rest. A run that was changed, sealed or
deleted meanwhile is left as it is, and its rows in the packed file are nobody's. One packer works on a project at a
time.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from runlake.errors import ReadOnlyError, RunlakeError
from runlake.model import STREAMS, RunPath, Stream
from runlake.store import disk
from runlake.store.compact import packed_file
from runlake.store.compact.pack_plan import MIN_RUN_COUNT, PACKED_BYTES, QUIET_S, Survey, Unit, plan, survey
from runlake.store.compact.packed_file import PackedRun, PackList
from runlake.store.compact.seal import drop_leftovers, only_sealer
from runlake.store.compact.seal_plan import in_order
from runlake.store.folder_store import FolderStore
from runlake.store.run.snapshot import Snapshot, take_snapshot
from runlake.store.run.state import join_states
from runlake.store.segment import schema
from runlake.store.segment.folder import FolderSegments, packed_of
from runlake.store.segment.meta import Meta, new_meta, read_meta, write_meta
from runlake.store.segment.publish import drop_segment
from runlake.store.segment.read import read_checksum, read_footer, rows_of_meta
from runlake.store.segment.segments import META_SUFFIX, SegmentFile, Segments
from runlake.store.segment.write import write_packed_rows
from runlake.store.series import WriterRows

_TOGETHER = 64
"""So many runs are locked at a time."""

_GRACE_S = 3600.0


@dataclass(slots=True)
class _Pass:
    """One look at a project by who packs it: the limits that hold, and the errors of what could not be read."""

    layout: FolderStore
    entity: str
    project: str
    quiet_s: float = QUIET_S
    min_run_count: int = MIN_RUN_COUNT
    packed_bytes: int = PACKED_BYTES
    failures: list[RunlakeError] = field(default_factory=list)

    def survey(self) -> Survey:
        return survey(self.layout, self.entity, self.project, quiet_s=self.quiet_s)


def pack_runs(
    layout: FolderStore,
    entity: str,
    project: str,
    *,
    quiet_s: float = QUIET_S,
    min_run_count: int = MIN_RUN_COUNT,
    packed_bytes: int = PACKED_BYTES,
    grace_s: float = _GRACE_S,
) -> Iterator[RunPath]:
    """Pack what can be packed, and yield each run that points to another file then. Waits for another packer.

    Runs that cannot be read do not stop the others; the first of their errors is raised at the end.
    """
    shared = packed_of(layout, entity, project)
    one_pass = _Pass(layout, entity, project, quiet_s, min_run_count, packed_bytes)
    if not shared.folder.is_dir() and len(one_pass.survey().fresh) < min_run_count:
        return
    try:
        with shared.alone(is_waiting=True):
            yield from _pack(one_pass, shared)
            remove_unused(layout, entity, project, grace_s=grace_s)
    except OSError as error:
        if error.errno not in disk.READ_ONLY_ERRNOS:
            raise
        raise ReadOnlyError(f"the runs of {entity}/{project} cannot be merged: {error}") from error
    if one_pass.failures:
        raise one_pass.failures[0]


def pack_when_worthwhile(layout: FolderStore, entity: str, project: str) -> None:
    """Pack when enough runs have come since somebody looked last, and nobody else is at it: for after a run's end.

    Looking costs a listing of the project's folder.
    """
    run_count = len(layout.run_ids(entity, project))
    shared = packed_of(layout, entity, project)
    # A share of all runs: looking at them costs a little for each.
    if run_count - _looked_at(shared) < max(MIN_RUN_COUNT, run_count // 50):
        return
    with shared.alone(is_waiting=False) as is_only:
        if is_only:
            one_pass = _Pass(layout, entity, project)
            for _ in _pack(one_pass, shared):
                pass
            remove_unused(layout, entity, project)
            if one_pass.failures:
                raise one_pass.failures[0]


def _looked_at(shared: FolderSegments) -> int:
    """How many runs the last packer had nothing more to do for: its lock file says it."""
    try:
        return int(shared.lock_file.read_text() or 0)
    except (FileNotFoundError, ValueError):
        return 0


def _note_looked_at(shared: FolderSegments, run_count: int) -> None:
    if shared.folder.is_dir():
        try:
            # In place: who waits for the lock has this very file open.
            disk.overwrite(shared.lock_file, str(run_count).encode())
        except OSError:
            pass  # then the next one looks again


def _pack(one_pass: _Pass, shared: FolderSegments) -> Iterator[RunPath]:
    layout = one_pass.layout
    found = one_pass.survey()
    lists = _lists(shared, one_pass.failures)
    for path in found.untidy:
        try:
            with only_sealer(layout, path):
                drop_leftovers(layout, path)
        except (RunlakeError, FileNotFoundError):
            continue  # deleted, or damaged: that is for its readers to say
    finished = list(_finish(layout, found, lists.values()))
    yield from finished
    if finished:
        found = one_pass.survey()
    limits = {"min_run_count": one_pass.min_run_count, "packed_bytes": one_pass.packed_bytes}
    for batch in plan(shared, found, lists, **limits):
        packed = write_packed(shared, batch, one_pass.failures)
        if packed is None:
            continue
        paths = {unit.identity: unit.path for unit in batch}
        runs = [(paths[run.incarnation, run.generation], run) for run in packed.runs]
        yield from publish_runs(layout, packed, runs)
    _note_looked_at(shared, found.run_count - found.waiting_count)


def _lists(shared: Segments, failures: list[RunlakeError]) -> dict[str, PackList]:
    lists = {}
    for name in packed_file.list_names(shared):
        try:
            lists[name] = packed_file.read_list(shared, name)
        except RunlakeError as error:
            failures.append(error)
    return lists


def _finish(layout: FolderStore, found: Survey, lists: Iterable[PackList]) -> Iterator[RunPath]:
    """Let the runs point to packed files that a killed packer has made for them."""
    units = {unit.identity: unit for some in (*found.pointing.values(), found.fresh) for unit in some}
    for packed in lists:
        left = [(units.get((run.incarnation, run.generation)), run) for run in packed.runs]
        runs = [(unit.path, run) for unit, run in left if unit is not None and unit.inputs == run.inputs]
        yield from publish_runs(layout, packed, runs)


# Write ----------------------------------------------------------------------------------------------------


def write_packed(shared: Segments, batch: Iterable[Unit], failures: list[RunlakeError]) -> PackList | None:
    """Put the packed files of some units in place, and their list; None when none of them can be read any more.

    Units that were sealed or deleted meanwhile are left out, and so are damaged ones, whose errors join `failures`.
    """
    units: list[Unit] = []
    rows: dict[Stream, list[tuple[RunPath, str, str, list[WriterRows]]]] = {stream: [] for stream in STREAMS}
    for unit in batch:
        try:
            read = {s: [r for m in unit.metas for r in rows_of_meta(unit.segments, m, s)] for s in STREAMS}
        except FileNotFoundError:
            continue
        except RunlakeError as error:
            failures.append(error)
            continue
        units.append(unit)
        for stream, stretches in read.items():
            if stretches:
                rows[stream].append((unit.path, *unit.identity, stretches))
    if not units:
        return None
    name = pack_name(units)
    shared.prepare()
    files = {stream: packed_file.file_name(name, stream) for stream in STREAMS if rows[stream]}
    for stream, file in files.items():
        write_packed_rows(SegmentFile(shared, file), rows.pop(stream))
    values = [SegmentFile(shared, file) for file in files.values()]
    published = [each for file in values for each in (file, file.series)]
    packed = PackList(
        version=packed_file.FORMAT_VERSION,
        name=name,
        files=files,
        footers={file.name: read_footer(file) for file in published},
        checksums={file.name: read_checksum(file) for file in published},
        runs=[_listed(unit) for unit in units],
    )
    packed_file.publish_list(shared, packed)
    return packed


def pack_name(units: Iterable[Unit]) -> str:
    """The name that follows from what goes in: who packs the same again finds it done."""
    identity = msgspec.msgpack.encode([schema.FORMAT_VERSION, sorted((u.identity, u.inputs) for u in units)])
    return hashlib.sha256(identity).hexdigest()[:24]


def _listed(unit: Unit) -> PackedRun:
    row_counts: dict[Stream, dict[str, int]] = {}
    for meta in unit.metas:
        for stretch in meta.stretches:
            counts = row_counts.setdefault(stretch.stream, {})
            counts[stretch.writer] = counts.get(stretch.writer, 0) + stretch.row_count
    # The name that a sealer would give to what it makes of the same segments: on a disk without locks, one of the two
    # counts, and not both.
    return PackedRun(unit.path.run_id, *unit.identity, schema.segment_name([], unit.inputs), unit.inputs, row_counts)


# Publish and drop -----------------------------------------------------------------------------------------


def publish_runs(layout: FolderStore, packed: PackList, runs: Sequence[tuple[RunPath, PackedRun]]) -> Iterator[RunPath]:
    """Let runs point to their rows in a packed file, and drop what they pointed to before; yields those that do.

    Left out are those that are not any more what went into that file.
    """
    # Some together: after the first of many new files the disk has the others too, and waits no more.
    for start in range(0, len(runs), _TOGETHER):
        published: list[tuple[Snapshot, list[Meta], PackedRun]] = []
        with ExitStack() as locks:
            for path, run in runs[start : start + _TOGETHER]:
                locks.enter_context(only_sealer(layout, path))
                try:
                    snapshot = take_snapshot(layout, path)
                    metas = in_order([meta for meta in snapshot.metas if meta.name in run.inputs])
                    if len(metas) == len(run.inputs):
                        write_meta(snapshot.segments, _pointing(metas, packed, run))
                        published.append((snapshot, metas, run))
                except (RunlakeError, FileNotFoundError):
                    continue  # deleted, or damaged: that is for its readers to say
            for snapshot, metas, run in published:
                try:
                    snapshot.segments.sync(f"{run.segment}{META_SUFFIX}")
                except FileNotFoundError:
                    continue  # deleted just now
                for meta in metas:
                    drop_segment(snapshot.segments, meta)
        yield from (snapshot.path for snapshot, _, _ in published)


def _pointing(metas: list[Meta], packed: PackList, run: PackedRun) -> Meta:
    """The meta file of a run in a packed file."""
    names = [packed.files[stream] for stream in run.row_counts]
    names += [schema.series_name(name) for name in names]
    pointing = new_meta(
        run.segment,
        run.incarnation,
        run.generation,
        covers=[cover for meta in metas for cover in meta.covers],
        supersedes=[name for meta in metas for name in (meta.name, *meta.supersedes)],
        writers=join_states(state for meta in metas for state in meta.writers),
    )
    pointing.files = {stream: packed_file.reference_to(packed.files[stream]) for stream in run.row_counts}
    pointing.footers = {name: packed.footers[name] for name in names}
    pointing.checksums = {name: packed.checksums[name] for name in names}
    pointing.stretches = [stretch for meta in metas for stretch in meta.stretches]
    return pointing


# What nobody points to ------------------------------------------------------------------------------------


def remove_unused(layout: FolderStore, entity: str, project: str, *, grace_s: float = _GRACE_S) -> None:
    """Remove the packed files to which no run points, in the project or in the trash, and has not for an hour.

    Where a run cannot be read nothing is removed: it may point to anything.
    """
    shared = packed_of(layout, entity, project)
    references = _references(layout, entity, project)
    if references is None:
        return
    names = {file.name.partition("-")[0].partition(".")[0] for file in _listing(shared.folder) if file.name[0] != "."}
    for name in names:
        mark = packed_file.unused_mark(shared.folder, name)
        if name in references:
            disk.remove(mark)
            continue
        if not mark.exists():
            disk.replace_file(mark, b"")
        if time.time() - mark.stat().st_mtime >= grace_s:
            for file in (*packed_file.files_of(shared.folder, name), mark):
                disk.remove(file)
    shared.sweep(lambda _: True, older_than_s=_GRACE_S)


def _listing(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _references(layout: FolderStore, entity: str, project: str) -> set[str] | None:
    """The packed files to which any meta file points, superseded ones included; None when one cannot be read."""
    found: set[str] = set()
    try:
        # Folders and not runs: one that has lost the name that it stands for counts too.
        for folder in (*_listing(layout.runs_dir(entity, project)), *_listing(layout.trash_dir)):
            found |= _references_in(FolderSegments(folder / "segments")) if folder.is_dir() else set()
    except (RunlakeError, OSError):
        return None
    return found


def _references_in(segments: Segments) -> set[str]:
    while True:
        try:
            metas = [read_meta(segments, name) for name in segments.list_names()]
        except FileNotFoundError:
            continue  # sealed meanwhile: what replaced it must be seen
        return {packed_file.name_in(file) for m in metas if m.is_packed for file in m.files.values()}
