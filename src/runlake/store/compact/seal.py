"""Sealing: closed parts become segments, and are dropped. Repeatable; killing it at any point is harmless.

Only a part that its writer has closed is touched: an open one may still be appended to by a process that only sleeps.
While a run lives its closed parts become a segment of their own; when it has ended, everything is brought together into
segments of about a million rows. Which becomes what, is decided first (`seal_plan.plan`); then four steps make a
segment: its Parquet files are put in place, at which nobody looks yet (`write_files`); the meta file makes them
visible, when all is safe on the disk (`publish_meta`); the inputs are dropped (`drop_inputs`); what earlier sealers
left is cleared away (`drop_leftovers`). The name of a segment follows from its inputs, so whoever repeats a step finds
it done.

One sealer works on a run at a time: two that started from different sets of closed parts would seal rows twice.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from typing import Any

from runlake.errors import CorruptError, ReadOnlyError
from runlake.model import STREAMS, RunPath, Stream
from runlake.store.compact.seal_plan import SEGMENT_BYTES, Batch, plan
from runlake.store.disk import READ_ONLY_ERRNOS
from runlake.store.journal.fold import StreamFold, WriterState
from runlake.store.journal.header import PartHeader
from runlake.store.journal.rows import check_follows, rows_of
from runlake.store.journal.scan import ScannedPart
from runlake.store.layout import encode_name
from runlake.store.noting import append_change
from runlake.store.run.snapshot import Snapshot, is_current, take_snapshot
from runlake.store.run.state import fold_rows, join_states
from runlake.store.segment.meta import Meta, new_meta, read_meta
from runlake.store.segment.publish import drop_segment, publish_meta, put_rows
from runlake.store.segment.read import rows_of_meta
from runlake.store.series import WriterRows, join_stretches
from runlake.store.store import Store

_ATTEMPTS = 20
_STALE_S = 3600.0


def only_sealer(store: Store, path: RunPath) -> AbstractContextManager[bool]:
    """Wait until no other sealer is at the run; where nothing can be locked, go on without."""
    return store.segments(path).alone(is_waiting=True)


def seal_run(store: Store, path: RunPath, *, segment_bytes: int = SEGMENT_BYTES) -> int:
    """Seal what can be sealed; answers how many rows were, those of segments that were brought together included.

    NotFoundError when the run is not there, ReadOnlyError when it cannot be written.
    """
    try:
        with only_sealer(store, path):
            return seal_held_run(store, path, segment_bytes)
    except OSError as error:
        if error.errno not in READ_ONLY_ERRNOS:
            raise
        raise ReadOnlyError(f"run {path} cannot be sealed, because it cannot be written: {error}") from error


def seal_held_run(store: Store, path: RunPath, segment_bytes: int = SEGMENT_BYTES) -> int:
    """The same for who holds the run already, as `only_sealer` lets one: nobody is waited for."""
    sealed_row_count = 0
    for _ in range(_ATTEMPTS):
        try:
            snapshot = take_snapshot(store, path)
            snapshot.journal.prepare()  # a copy of a store may lack empty folders
            snapshot.journal.bind()
            known = {meta.name for meta in snapshot.metas} | snapshot.left_out
            try:
                snapshot.check_parts()
            except CorruptError:
                if is_current(snapshot):
                    raise
                continue
            batches = plan(snapshot, store.shipped(path), segment_bytes=segment_bytes)
            for batch in batches:
                meta = write_files(snapshot, batch)
                if not meta.covers:
                    continue
                if snapshot.segments.list_names() - known or not snapshot.journal.is_here():
                    raise FileNotFoundError  # what was planned is out of date
                known.add(meta.name)
                publish_meta(snapshot.segments, meta)
                if not snapshot.journal.is_here():
                    drop_segment(snapshot.segments, meta)
                    raise FileNotFoundError  # the run was deleted, and another has its id
                drop_inputs(snapshot, batch)
                sealed_row_count += sum(s.row_count for s in meta.stretches)
            drop_leftovers(store, path)
        except FileNotFoundError:
            continue  # a sealer on a disk without locks was first, or the run was deleted and made anew
        if batches:
            append_change(store, path, f"seal-{encode_name(platform.node())}", "seal", batches[0].incarnation)
        return sealed_row_count
    return sealed_row_count


def write_files(snapshot: Snapshot, batch: Batch) -> Meta:
    """Put the segment's Parquet files in place, and answer the meta file that would make them visible."""
    snapshot.segments.prepare()
    scanned = {name: _decoded(snapshot.scan(name)) for name in batch.parts}
    batch.parts = [name for name, part in scanned.items() if (part and part.end != "open") or snapshot.is_left(name)]
    parts = [part for name in batch.parts if (part := scanned[name])]
    fresh = _states_of(parts)
    meta = new_meta(
        batch.name,
        batch.incarnation,
        batch.generation,
        covers=[*((p.writer, p.number) for p in batch.parts), *(c for m in batch.metas for c in m.covers)],
        supersedes=[*(m.name for m in batch.metas), *(n for m in batch.metas for n in m.supersedes)],
    )
    for stream in STREAMS:
        put_rows(snapshot.segments, snapshot.path, meta, stream, list(_rows_of(snapshot, batch, parts, stream, fresh)))
    meta.writers = join_states([*(state for old in batch.metas for state in old.writers), *fresh.values()])
    return meta


@dataclass(slots=True)
class _Part:
    """A part without its bytes: of these only one part's are held at a time."""

    header: PartHeader
    records: list[tuple[int, dict[str, Any], int]]
    end: str
    rows: dict[Stream, WriterRows]


def _decoded(part: ScannedPart) -> _Part | None:
    """None for a part that its writer left before it said whose it is."""
    header = part.header
    if header is None:
        return None
    rows = {stream: rows_of(header.writer, [part], stream) for stream in STREAMS}
    return _Part(header, part.records, part.end, {s: found for s, found in rows.items() if found is not None})


def _states_of(scanned: list[_Part]) -> dict[str, WriterState]:
    """Each writer's records in these parts; its rows are folded as they are decoded for the segment."""
    states = (WriterState(p.header.writer, p.header, [(k, b) for k, b, _ in p.records], {}) for p in scanned)
    return {state.writer: state for state in join_states(states)}


def _rows_of(
    snapshot: Snapshot, batch: Batch, scanned: list[_Part], stream: Stream, states: dict[str, WriterState]
) -> Iterator[WriterRows]:
    """The batch's rows of one stream, stretch by stretch; new ones are folded into `states`."""
    for meta in batch.metas:
        yield from rows_of_meta(snapshot.segments, meta, stream)
    by_writer: dict[str, list[WriterRows]] = {}
    for part in scanned:
        if stream in part.rows:
            by_writer.setdefault(part.header.writer, []).append(part.rows.pop(stream))
    for writer, stretches in by_writer.items():
        for before, after in pairwise(stretches):
            check_follows(before, after)
        states[writer].streams[stream] = reduce(StreamFold.followed_by, map(fold_rows, stretches))
        yield join_stretches(stretches)


def drop_inputs(snapshot: Snapshot, batch: Batch) -> None:
    """Remove what the published segment replaces."""
    for name in batch.parts:
        snapshot.journal.drop(name)
    for meta in batch.metas:
        drop_segment(snapshot.segments, meta)


def drop_leftovers(store: Store, path: RunPath) -> None:
    """What sealers that were killed have left: inputs that are covered, files that no meta file names."""
    snapshot = take_snapshot(store, path)
    segments = snapshot.segments
    visible = {meta.name for meta in snapshot.metas}
    named = {name.removesuffix(".parquet") for meta in snapshot.metas for name in meta.files.values()}
    covered = {tuple(part) for meta in snapshot.metas for part in meta.covers}
    for name, _ in snapshot.journal.list_parts():
        if tuple(name) in covered:
            snapshot.journal.drop(name)
    for old in (snapshot.left_out - visible) & segments.list_names():
        drop_segment(segments, read_meta(segments, old))

    def is_wanted(file: str) -> bool:
        return not file.endswith(".parquet") or file.partition(".")[0] in named

    # Younger ones may be those of a sealer that is at work, on a disk without locks.
    segments.sweep(is_wanted, older_than_s=_STALE_S)
