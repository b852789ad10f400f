"""Merging: the small finished runs of a project come to share files. Repeatable; killing it at any point is harmless.

A run of a thousand rows is a file of a hundred kilobytes, and most of the time that it takes to read five thousand of
them goes into opening them. Merged, one key of all runs lies together. What makes rows visible stays where it was: a
meta file in the folder of the run, which now names a file in ``merged/``, so a run is still read, sealed, edited and
deleted by itself. Steps:

1. the shared Parquet files and then their list (`store.compact.packed_file`) are published, to which nobody points yet;
2. for each run, under the lock of its sealers, the meta file that points to them, and then its old segments go;
3. merged files to which nothing has pointed for an hour go.

A merger that finds a list whose runs do not all point to it does step 2 for the rest. One that was changed, sealed or
deleted meanwhile is left as it is, and its rows in the merged file are nobody's. One merger works on a project at a
time.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from runlake.errors import ReadOnlyError, RunlakeError
from runlake.model import STREAMS, RunPath, Stream
from runlake.store.compact import packed_file
from runlake.store.compact.pack_plan import MERGED_BYTES, MIN_RUN_COUNT, QUIET_S, Survey, Unit, plan, survey
from runlake.store.compact.packed_file import PackedRun, PackList
from runlake.store.compact.seal import (
    drop_leftovers,
    drop_segment,
    in_order,
    only_sealer,
    put,
    rows_of_meta,
    sync,
)
from runlake.store.disk import READ_ONLY_ERRNOS, TEMPORARY_PREFIX
from runlake.store.layout import Layout
from runlake.store.run.snapshot import Snapshot, meta_names, take_snapshot
from runlake.store.run.state import join_states
from runlake.store.segment import schema
from runlake.store.segment.meta import Meta, read_meta, write_meta
from runlake.store.segment.read import read_checksum, read_footer
from runlake.store.segment.write import write_packed_rows
from runlake.store.series import WriterRows

try:
    import fcntl
except ImportError:  # Windows: two mergers at once do things twice, which harms nothing
    fcntl = None  # type: ignore[assignment]

_TOGETHER = 64
"""So many runs are locked at a time."""

_GRACE_S = 3600.0
_LOCK_FILE = f"{TEMPORARY_PREFIX}merging"


def pack_runs(
    layout: Layout,
    entity: str,
    project: str,
    *,
    quiet_s: float = QUIET_S,
    min_run_count: int = MIN_RUN_COUNT,
    merged_bytes: int = MERGED_BYTES,
    grace_s: float = _GRACE_S,
) -> Iterator[RunPath]:
    """Merge what can be merged, and yield each run that points to another file now. Waits for another merger.

    Runs that cannot be read do not stop the others; the first of their errors is raised at the end.
    """
    failures: list[RunlakeError] = []
    folder = layout.merged_dir(entity, project)
    if not folder.is_dir() and len(survey(layout, entity, project, quiet_s=quiet_s).fresh) < min_run_count:
        return
    try:
        with _only_merger(folder, wait=True):
            yield from _merge(layout, entity, project, failures, quiet_s, min_run_count, merged_bytes)
            remove_unused(layout, entity, project, grace_s=grace_s)
    except OSError as error:
        if error.errno not in READ_ONLY_ERRNOS:
            raise
        raise ReadOnlyError(f"the runs of {entity}/{project} cannot be merged: {error}") from error
    if failures:
        raise failures[0]


def pack_when_worthwhile(layout: Layout, entity: str, project: str) -> None:
    """Merge when enough runs have come since somebody looked last, and nobody else is at it: for after a run's end.

    Looking costs a listing of the project's folder.
    """
    run_count = len(layout.run_ids(entity, project))
    folder = layout.merged_dir(entity, project)
    # A share of all runs: looking at them costs a little for each.
    if run_count - _looked_at(folder) < max(MIN_RUN_COUNT, run_count // 50):
        return
    with _only_merger(folder, wait=False) as is_only:
        if is_only:
            failures: list[RunlakeError] = []
            for _ in _merge(layout, entity, project, failures, QUIET_S, MIN_RUN_COUNT, MERGED_BYTES):
                pass
            remove_unused(layout, entity, project)
            if failures:
                raise failures[0]


def _looked_at(folder: Path) -> int:
    """How many runs the last merger had nothing more to do for."""
    try:
        return int((folder / _LOCK_FILE).read_text() or 0)
    except (FileNotFoundError, ValueError):
        return 0


@contextmanager
def _only_merger(folder: Path, *, wait: bool) -> Iterator[bool]:
    """Whether no other merger is at the project; where nothing can be locked, yes."""
    fd = -1
    is_only = True
    if fcntl is not None and folder.parent.is_dir():
        try:
            folder.mkdir(exist_ok=True)
            fd = os.open(folder / _LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o644)
            fcntl.flock(fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            is_only = False
        except OSError:
            pass  # what cannot be written says so when something is to be written
    try:
        yield is_only
    finally:
        if fd >= 0:
            os.close(fd)


# The steps ------------------------------------------------------------------------------------------------


def _merge(
    layout: Layout,
    entity: str,
    project: str,
    failures: list[RunlakeError],
    quiet_s: float,
    min_run_count: int,
    merged_bytes: int,
) -> Iterator[RunPath]:
    folder = layout.merged_dir(entity, project)
    found = survey(layout, entity, project, quiet_s=quiet_s)
    lists = _lists(folder, failures)
    for path in found.untidy:
        try:
            with only_sealer(layout.segments_dir(path)):
                drop_leftovers(layout, path)
        except (RunlakeError, FileNotFoundError):
            continue  # deleted, or damaged: that is for its readers to say
    finished = list(_finish(layout, found, lists.values()))
    yield from finished
    if finished:
        found = survey(layout, entity, project, quiet_s=quiet_s)
    for batch in plan(folder, found, lists, min_run_count=min_run_count, merged_bytes=merged_bytes):
        merged = write_packed(folder, batch, failures)
        if merged is None:
            continue
        paths = {unit.identity: unit.path for unit in batch}
        runs = [(paths[run.incarnation, run.generation], run) for run in merged.runs]
        yield from publish_runs(layout, merged, runs)
    if folder.is_dir():
        try:
            (folder / _LOCK_FILE).write_text(str(found.run_count - found.waiting_count))
        except OSError:
            pass  # then the next one looks again


def _lists(folder: Path, failures: list[RunlakeError]) -> dict[str, PackList]:
    lists = {}
    for name in packed_file.list_names(folder):
        try:
            lists[name] = packed_file.read_list(folder / f"{name}{packed_file.SUFFIX}")
        except RunlakeError as error:
            failures.append(error)
    return lists


def _finish(layout: Layout, found: Survey, lists: Iterable[PackList]) -> Iterator[RunPath]:
    """Let the runs point to merged files that a killed merger has made for them."""
    units = {unit.identity: unit for some in (*found.pointing.values(), found.fresh) for unit in some}
    for merged in lists:
        left = [(units.get((run.incarnation, run.generation)), run) for run in merged.runs]
        runs = [(unit.path, run) for unit, run in left if unit is not None and unit.inputs == run.inputs]
        yield from publish_runs(layout, merged, runs)


def write_packed(folder: Path, batch: Iterable[Unit], failures: list[RunlakeError]) -> PackList | None:
    """Put the merged files of some units in place, and their list; None when none of them can be read any more.

    Units that were sealed or deleted meanwhile are left out, and so are damaged ones, whose errors join `failures`.
    """
    units: list[Unit] = []
    rows: dict[Stream, list[tuple[RunPath, str, str, list[WriterRows]]]] = {stream: [] for stream in STREAMS}
    for unit in batch:
        try:
            read = {s: [r for m in unit.metas for r in rows_of_meta(unit.segments_dir, m, s)] for s in STREAMS}
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
    folder.mkdir(exist_ok=True)
    files = {stream: packed_file.file_name(name, stream) for stream in STREAMS if rows[stream]}
    for stream, file in files.items():
        temporary = folder / f"{TEMPORARY_PREFIX}{os.getpid()}-{file}"
        try:
            write_packed_rows(temporary, rows.pop(stream))
            put(schema.series_file(temporary), schema.series_file(folder / file))
            put(temporary, folder / file)
        finally:
            temporary.unlink(missing_ok=True)
            schema.series_file(temporary).unlink(missing_ok=True)
    published = [each for file in files.values() for each in (folder / file, schema.series_file(folder / file))]
    merged = PackList(
        version=packed_file.FORMAT_VERSION,
        name=name,
        files=files,
        footers={file.name: read_footer(file) for file in published},
        checksums={file.name: read_checksum(file) for file in published},
        runs=[_listed(unit) for unit in units],
    )
    sync(packed_file.write_list(folder, merged))
    sync(folder)
    return merged


def pack_name(units: Iterable[Unit]) -> str:
    """The name that follows from what goes in: who merges the same again finds it done."""
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


def publish_runs(layout: Layout, merged: PackList, runs: Sequence[tuple[RunPath, PackedRun]]) -> Iterator[RunPath]:
    """Let runs point to their rows in a merged file, and drop what they pointed to before; yields those that do.

    Left out are those that are not any more what went into that file.
    """
    # Some together: after the first of many new files the disk has the others too, and waits no more.
    for start in range(0, len(runs), _TOGETHER):
        published: list[tuple[Snapshot, list[Meta], PackedRun]] = []
        with ExitStack() as locks:
            for path, run in runs[start : start + _TOGETHER]:
                locks.enter_context(only_sealer(layout.segments_dir(path)))
                try:
                    snapshot = take_snapshot(layout, path)
                    metas = in_order([meta for meta in snapshot.metas if meta.name in run.inputs])
                    if len(metas) == len(run.inputs):
                        write_meta(snapshot.segments_dir, _pointing(metas, merged, run))
                        published.append((snapshot, metas, run))
                except (RunlakeError, FileNotFoundError):
                    continue  # deleted, or damaged: that is for its readers to say
            for snapshot, metas, run in published:
                try:
                    sync(snapshot.segments_dir / f"{run.segment}.meta")
                    sync(snapshot.segments_dir)
                except FileNotFoundError:
                    continue  # deleted just now
                for meta in metas:
                    drop_segment(snapshot.segments_dir, meta)
        yield from (snapshot.path for snapshot, _, _ in published)


def _pointing(metas: list[Meta], merged: PackList, run: PackedRun) -> Meta:
    """The meta file of a run in a merged file."""
    names = [merged.files[stream] for stream in run.row_counts]
    names += [schema.series_file(Path(name)).name for name in names]
    return Meta(
        version=schema.FORMAT_VERSION,
        name=run.segment,
        incarnation=run.incarnation,
        generation=run.generation,
        covers=sorted({cover for meta in metas for cover in meta.covers}),
        supersedes=sorted({name for meta in metas for name in (meta.name, *meta.supersedes)}),
        files={stream: packed_file.reference_to(merged.files[stream]) for stream in run.row_counts},
        footers={name: merged.footers[name] for name in names},
        checksums={name: merged.checksums[name] for name in names},
        stretches=[stretch for meta in metas for stretch in meta.stretches],
        writers=join_states(state for meta in metas for state in meta.writers),
    )


def remove_unused(layout: Layout, entity: str, project: str, *, grace_s: float = _GRACE_S) -> None:
    """Remove the merged files to which no run points, in the project or in the trash, and has not for an hour.

    Where a run cannot be read nothing is removed: it may point to anything.
    """
    folder = layout.merged_dir(entity, project)
    references = _references(layout, entity, project)
    if references is None:
        return
    for name in {file.name.partition("-")[0].partition(".")[0] for file in _listing(folder) if file.name[0] != "."}:
        mark = packed_file.unused_mark(folder, name)
        if name in references:
            mark.unlink(missing_ok=True)
            continue
        if not mark.exists():
            mark.touch()
        if time.time() - mark.stat().st_mtime >= grace_s:
            for file in (*packed_file.files_of(folder, name), mark):
                file.unlink(missing_ok=True)
    for file in _listing(folder):
        is_left = file.name.startswith(TEMPORARY_PREFIX) and file.suffix == ".parquet"
        if is_left and time.time() - file.stat().st_mtime > _GRACE_S:
            file.unlink(missing_ok=True)


def _listing(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _references(layout: Layout, entity: str, project: str) -> set[str] | None:
    """The merged files to which any meta file points, superseded ones included; None when one cannot be read."""
    found: set[str] = set()
    try:
        # Folders and not runs: one that has lost the name that it stands for counts too.
        for folder in (*_listing(layout.runs_dir(entity, project)), *_listing(layout.trash_dir)):
            found |= _references_in(folder / "segments") if folder.is_dir() else set()
    except (RunlakeError, OSError):
        return None
    return found


def _references_in(segments_dir: Path) -> set[str]:
    while True:
        names = meta_names(segments_dir)
        try:
            metas = [read_meta(segments_dir / f"{name}.meta") for name in names]
        except FileNotFoundError:
            continue  # sealed meanwhile: what replaced it must be seen
        return {packed_file.name_in(file) for m in metas if m.is_merged for file in m.files.values()}
