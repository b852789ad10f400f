"""Packing: the small finished runs of a project come to share files. Repeatable; killing it at any point is harmless.

A run of a thousand rows is a file of a hundred kilobytes, and most of the time that it takes to read five thousand of
them goes into opening them. Packed, one key of all runs lies together. What makes rows visible stays where it was: a
meta file of the run, which then names a file of the project, so a run is still read, sealed, edited and deleted by
itself. Which runs share which file, is decided first (`pack_plan.plan`). Then:

1. the shared Parquet files and then their list (`store.compact.packed_file`) are written, to which nobody points yet;
2. for each run the meta file that points to them is published in the place of those of its old segments;
3. packed files to which nothing has pointed for an hour are dropped.

A packer that finds a list whose runs do not all point to it does step 2 for the rest. A run that was changed, sealed or
deleted meanwhile is left as it is, and its rows in the packed file are nobody's. One packer works on a project at a
time, which spares work and nothing else. How a store does what differs is said by its `pack_place.PackPlace`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from runlake.errors import CorruptError, NewerFormatError, ReadOnlyError, RunlakeError
from runlake.model import STREAMS, RunPath, Stream
from runlake.store import disk
from runlake.store.compact import packed_file
from runlake.store.compact.pack_place import PackPlace
from runlake.store.compact.pack_plan import MIN_RUN_COUNT, PACKED_BYTES, QUIET_S, Survey, Unit, plan
from runlake.store.compact.packed_file import PackedRun, PackList
from runlake.store.compact.seal import drop_leftovers, only_sealer
from runlake.store.compact.seal_plan import in_order
from runlake.store.run.snapshot import Snapshot
from runlake.store.run.state import join_states
from runlake.store.segment import schema
from runlake.store.segment.meta import Meta, new_meta
from runlake.store.segment.read import read_checksum, read_footer, rows_of_meta
from runlake.store.segment.segments import SegmentFile, Segments, series_name
from runlake.store.segment.write import write_packed_rows
from runlake.store.series import WriterRows

GRACE_S = 3600.0


class PackLimits(NamedTuple):
    """What is packed: runs that have been quiet for so long, so many of them at least, into files about so large; and
    for how long nothing must have pointed to a packed file that is removed."""

    quiet_s: float = QUIET_S
    min_run_count: int = MIN_RUN_COUNT
    packed_bytes: int = PACKED_BYTES
    grace_s: float = GRACE_S


USUAL = PackLimits()
AT_ONCE = PackLimits(quiet_s=0.0, min_run_count=2)
"""Whatever can be packed, however few and new the runs are."""


def pack_runs(place: PackPlace, limits: PackLimits = USUAL) -> Iterator[RunPath]:
    """Pack what can be packed, and yield each run that points to another file then. Waits for another packer.

    Runs that cannot be read do not stop the others; the first of their errors is raised at the end.
    """
    if not place.has_begun() and len(place.survey(quiet_s=limits.quiet_s).fresh) < limits.min_run_count:
        return
    try:
        with place.shared.alone(is_waiting=True):
            yield from pack_held_runs(place, limits)
    except OSError as error:
        if error.errno not in disk.READ_ONLY_ERRNOS:
            raise
        raise ReadOnlyError(f"the runs of {place.name} cannot be merged: {error}") from error


def pack_held_runs(place: PackPlace, limits: PackLimits = USUAL) -> Iterator[RunPath]:
    """The same for who is alone with the packed files already: nobody is waited for."""
    failures: list[RunlakeError] = []
    found = place.survey(quiet_s=limits.quiet_s)
    lists = _lists(place.shared, failures)
    for path in found.untidy:
        try:
            with only_sealer(place.store, path):
                drop_leftovers(place.store, path)
        except (RunlakeError, FileNotFoundError):
            continue  # deleted, or damaged: that is for its readers to say
    finished = list(_finish(place, found, lists.values()))
    yield from finished
    if finished:
        found = place.survey(quiet_s=limits.quiet_s)
    sizes = {"min_run_count": limits.min_run_count, "packed_bytes": limits.packed_bytes}
    for batch in plan(place.shared, found, lists, **sizes):
        packed = write_packed(place.shared, batch, failures)
        if packed is None:
            continue
        paths = {unit.identity: unit.path for unit in batch}
        yield from place.point(packed, [(paths[run.incarnation, run.generation], run) for run in packed.runs])
    place.note(found)
    place.remove_unused(grace_s=limits.grace_s)
    if failures:
        raise failures[0]


def _lists(shared: Segments, failures: list[RunlakeError]) -> dict[str, PackList]:
    lists = {}
    for name in packed_file.list_names(shared):
        try:
            lists[name] = packed_file.read_list(shared, name)
        except FileNotFoundError:
            continue  # nobody pointed to it
        except (CorruptError, NewerFormatError) as error:
            failures.append(error)
    return lists


def _finish(place: PackPlace, found: Survey, lists: Iterable[PackList]) -> Iterator[RunPath]:
    """Let the runs point to packed files that a killed packer has made for them."""
    units = {unit.identity: unit for some in (*found.pointing.values(), found.fresh) for unit in some}
    for packed in lists:
        left = [(units.get((run.incarnation, run.generation)), run) for run in packed.runs]
        runs = [(unit.path, run) for unit, run in left if unit is not None and unit.inputs == run.inputs]
        yield from place.point(packed, runs)


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
        except (CorruptError, NewerFormatError) as error:
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


def pointing_to(packed: PackList, run: PackedRun, snapshot: Snapshot) -> tuple[Meta, list[Meta]] | None:
    """The meta file by which a run points to its rows in a packed file, and those in whose place it comes.

    None when the run is not what went into that file any more.
    """
    metas = in_order([meta for meta in snapshot.metas if meta.name in run.inputs])
    if len(metas) != len(run.inputs):
        return None
    names = [packed.files[stream] for stream in run.row_counts]
    names += [series_name(name) for name in names]
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
    return pointing, metas
