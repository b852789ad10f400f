"""Sealing: closed parts become segments, and are dropped. Repeatable; killing it at any point is harmless.

Only a part that its writer has closed is touched: an open one may still be appended to by a process that only sleeps.
While a run lives its closed parts become a segment of their own; when it has ended, everything is brought together into
segments of about a million rows. Four steps make a segment: its Parquet files are published, which nobody looks at yet
(`write_files`); they and the meta file are forced to the disk and the meta file makes them visible (`publish`); the
inputs are dropped (`drop_inputs`); what earlier sealers left is cleared away (`drop_leftovers`). The name of a segment
follows from its inputs, so whoever repeats a step finds it done.

One sealer works on a run at a time: two that started from different sets of closed parts would seal rows twice.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import reduce
from itertools import pairwise
from pathlib import Path
from typing import Any

from runlake.errors import CorruptError, ReadOnlyError
from runlake.model import STREAMS, RunPath, Stream
from runlake.store.changes import append_change
from runlake.store.disk import READ_ONLY_ERRNOS, TEMPORARY_PREFIX
from runlake.store.journal import record
from runlake.store.journal.first_frame import read_header
from runlake.store.journal.fold import StreamFold, WriterState
from runlake.store.journal.header import PartHeader
from runlake.store.journal.journal import PartName
from runlake.store.journal.rows import check_follows, rows_of
from runlake.store.journal.scan import ScannedPart
from runlake.store.journal.shipped import read_shipped
from runlake.store.layout import Layout, encode_name, folder_identity
from runlake.store.run.snapshot import Snapshot, is_current, meta_names, take_snapshot
from runlake.store.run.state import fold_rows, join_states
from runlake.store.segment import schema
from runlake.store.segment.meta import Meta, RowRange, read_meta, write_meta
from runlake.store.segment.read import read_checksum, read_footer, read_rows
from runlake.store.segment.write import write_rows
from runlake.store.series import WriterRows, join_stretches

try:
    import fcntl
except ImportError:  # Windows: sealers are few there, and what they may do twice is found by readers
    fcntl = None  # type: ignore[assignment]

SEGMENT_BYTES = 128 * 2**20
"""How much journal goes into one segment: bounds the memory of sealing; about a million rows of ten numbers."""

_ATTEMPTS = 20
_STALE_S = 3600.0
LOCK_FILE = f"{TEMPORARY_PREFIX}sealing"
_BLOCK_BYTES = record.HEAD.size + record.BLOCK_BODY.size
_LONGEST_ENDING_BYTES = 4096


@dataclass(slots=True)
class Batch:
    """What becomes one segment: parts and older segments of one generation."""

    incarnation: str
    generation: str
    parts: list[PartName] = field(default_factory=list)
    metas: list[Meta] = field(default_factory=list)
    size_bytes: int = 0

    @property
    def name(self) -> str:
        return schema.segment_name([(p.writer, p.number) for p in self.parts], [m.name for m in self.metas])


def seal_run(layout: Layout, path: RunPath, *, segment_bytes: int = SEGMENT_BYTES) -> int:
    """Seal what can be sealed; answers how many rows were, those of merged segments included.

    NotFoundError when the run is not there, ReadOnlyError when it cannot be written.
    """
    try:
        with only_sealer(layout.segments_dir(path)):
            return _seal(layout, path, segment_bytes)
    except OSError as error:
        if error.errno not in READ_ONLY_ERRNOS:
            raise
        raise ReadOnlyError(f"run {path} cannot be sealed, because it cannot be written: {error}") from error


def _seal(layout: Layout, path: RunPath, segment_bytes: int) -> int:
    sealed_row_count = 0
    for _ in range(_ATTEMPTS):
        try:
            snapshot = take_snapshot(layout, path)
            identity = folder_identity(layout.run_dir(path))
            known = {meta.name for meta in snapshot.metas} | snapshot.left_out
            try:
                snapshot.check_parts()
            except CorruptError:
                if is_current(snapshot):
                    raise
                continue
            batches = plan(snapshot, segment_bytes=segment_bytes)
            for batch in batches:
                meta = write_files(snapshot, batch)
                if not meta.covers:
                    continue
                if meta_names(snapshot.segments_dir) - known or folder_identity(layout.run_dir(path)) != identity:
                    raise FileNotFoundError  # what was planned is out of date
                known.add(meta.name)
                publish(snapshot, meta)
                if folder_identity(layout.run_dir(path)) != identity:
                    drop_segment(snapshot.segments_dir, meta)
                    raise FileNotFoundError  # the run was deleted, and another has its id
                drop_inputs(snapshot, batch)
                sealed_row_count += sum(s.row_count for s in meta.stretches)
            drop_leftovers(layout, path)
        except FileNotFoundError:
            continue  # a sealer on a disk without locks was first, or the run was deleted and made anew
        if batches:
            append_change(layout, path, f"seal-{encode_name(platform.node())}", "seal", batches[0].incarnation)
        return sealed_row_count
    return sealed_row_count


@contextmanager
def only_sealer(segments_dir: Path) -> Iterator[None]:
    """Wait until no other sealer is at the run; where nothing can be locked, go on without."""
    fd = -1
    if fcntl is not None and segments_dir.parent.is_dir():
        try:
            segments_dir.mkdir(exist_ok=True)
            fd = os.open(segments_dir / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o644)
            fcntl.flock(fd, fcntl.LOCK_EX)
        except OSError:
            pass  # what cannot be written says so when something is to be written
    try:
        yield
    finally:
        if fd >= 0:
            os.close(fd)


# What is to be done ---------------------------------------------------------------------------------------


def plan(snapshot: Snapshot, *, segment_bytes: int = SEGMENT_BYTES) -> list[Batch]:
    """What can be sealed, grouped by generation, in order, into segments of bounded size."""
    closed: dict[tuple[str, str], list[tuple[PartName, int, bool]]] = {}
    lives: set[tuple[str, str]] = set()
    stopped_at = ""  # behind a part that is open, was cut short or is still to be sent, nothing of its writer is sealed
    shipped = read_shipped(snapshot.segments_dir.parent)
    for name, size_bytes in snapshot.journal.list_parts():
        if name not in snapshot.parts or name.writer == stopped_at:
            continue
        header = read_header(snapshot.journal, name, snapshot.path)
        if header is None:
            stopped_at = name.writer
            continue
        generation = (header.incarnation, header.generation)
        if shipped is not None and not shipped.has_passed(name):
            lives.add(generation)
            stopped_at = name.writer
        elif is_closed(snapshot, name) or snapshot.is_left(name):
            closed.setdefault(generation, []).append((name, size_bytes, header.is_editor))
        else:
            lives.add(generation)
            stopped_at = name.writer
    for meta in snapshot.metas:
        closed.setdefault((meta.incarnation, meta.generation), [])
    batches: list[Batch] = []
    for generation, found in closed.items():
        # The parts of editors hold requests to stop: a living run must find them in its journal.
        parts = [(name, size) for name, size, is_edit in found if not (is_edit and generation in lives)]
        # What lies in files of many runs stays there: it is older than all the rest.
        mine = [m for m in snapshot.metas if (m.incarnation, m.generation) == generation and not m.is_merged]
        metas = [] if generation in lives else [(m, values_bytes(snapshot, m)) for m in in_order(mine)]
        batches += _fill(generation, metas, parts, segment_bytes)
    return batches


def in_order(metas: list[Meta]) -> list[Meta]:
    """So that of every writer the earlier parts come first."""
    ordered: list[Meta] = []
    remaining = {meta.name: {writer: number for writer, number in sorted(meta.covers, reverse=True)} for meta in metas}
    by_name = {meta.name: meta for meta in metas}
    while remaining:
        first: dict[str, int] = {}
        for numbers in remaining.values():
            for writer, number in numbers.items():
                first[writer] = min(number, first.get(writer, number))
        # Segments of two copies of a store may each have another writer first.
        firsts = [name for name, numbers in remaining.items() if all(first[w] == n for w, n in numbers.items())]
        name = min(firsts or remaining)
        ordered.append(by_name[name])
        del remaining[name]
    return ordered


def _fill(
    generation: tuple[str, str], metas: list[tuple[Meta, int]], parts: list[tuple[PartName, int]], segment_bytes: int
) -> Iterator[Batch]:
    """Neighbours are brought together until they are large enough; a segment that is large already parts them."""
    batch = Batch(*generation)
    for meta, size_bytes in metas:
        if size_bytes < segment_bytes // 2:
            batch.metas.append(meta)
            batch.size_bytes += size_bytes
        if size_bytes >= segment_bytes // 2 or batch.size_bytes >= segment_bytes:
            if len(batch.metas) > 1:
                yield batch
            batch = Batch(*generation)
    for name, size_bytes in parts:
        batch.parts.append(name)
        batch.size_bytes += size_bytes
        if batch.size_bytes >= segment_bytes:
            yield batch
            batch = Batch(*generation)
    if batch.parts or len(batch.metas) > 1:
        yield batch


def is_closed(snapshot: Snapshot, name: PartName) -> bool:
    """Whether the part's last frames look like CLOSE or END and their block; `write_files` looks at all of it."""
    size_bytes = snapshot.journal.size_bytes(name)
    tail = snapshot.journal.read(name, max(0, size_bytes - _LONGEST_ENDING_BYTES - _BLOCK_BYTES))
    end, block = tail[:-_BLOCK_BYTES], tail[-_BLOCK_BYTES:]
    if len(block) < _BLOCK_BYTES or record.HEAD.unpack_from(block)[1] != record.BLOCK:
        return False
    return any(_ends_with(end, kind) for kind in (record.CLOSE, record.END))


def _ends_with(data: bytes, kind: int) -> bool:
    """Whether a frame of this kind ends exactly with the data."""
    for place in range(len(data) - record.HEAD.size, -1, -1):
        if data[place + 4] == kind:
            head = record.HEAD.unpack_from(data, place)
            if place + record.HEAD.size + head[0] == len(data) and record.is_head(head):
                return True
    return False


def values_bytes(snapshot: Snapshot, meta: Meta) -> int:
    """The bytes of a segment's values."""
    return sum((snapshot.segments_dir / name).stat().st_size for name in meta.files.values())


# The four steps -------------------------------------------------------------------------------------------


def write_files(snapshot: Snapshot, batch: Batch) -> Meta:
    """Put the segment's Parquet files in place, and answer the meta file that would make them visible."""
    folder = snapshot.segments_dir
    folder.mkdir(exist_ok=True)
    scanned = {name: _decoded(snapshot.scan(name)) for name in batch.parts}
    batch.parts = [name for name, part in scanned.items() if part.end != "open" or snapshot.is_left(name)]
    parts = [scanned[name] for name in batch.parts]
    fresh = _states_of(parts)
    meta = Meta(
        version=schema.FORMAT_VERSION,
        name=batch.name,
        incarnation=batch.incarnation,
        generation=batch.generation,
        covers=sorted({*((p.writer, p.number) for p in batch.parts), *(c for m in batch.metas for c in m.covers)}),
        supersedes=sorted({*(m.name for m in batch.metas), *(n for m in batch.metas for n in m.supersedes)}),
        files={},
        footers={},
        checksums={},
        stretches=[],
        writers=[],
    )
    for stream in STREAMS:
        put_rows(folder, snapshot.path, meta, stream, list(_rows_of(snapshot, batch, parts, stream, fresh)))
    meta.writers = join_states([*(state for old in batch.metas for state in old.writers), *fresh.values()])
    return meta


def put_rows(folder: Path, path: RunPath, meta: Meta, stream: Stream, rows: list[WriterRows]) -> None:
    """Put the Parquet files of one stream in place, and say so in the meta file to be; nothing for no rows."""
    if not rows:
        return
    name = meta.files[stream] = f"{meta.name}-{stream}.parquet"
    meta.stretches += [RowRange(r.writer, stream, r.first_n, r.row_count) for r in rows]
    temporary = folder / f"{TEMPORARY_PREFIX}{os.getpid()}-{name}"
    try:
        write_rows(temporary, path, meta.incarnation, meta.generation, rows)
        put(schema.series_file(temporary), schema.series_file(folder / name))
        put(temporary, folder / name)
    finally:
        temporary.unlink(missing_ok=True)
        schema.series_file(temporary).unlink(missing_ok=True)
    for file in (folder / name, schema.series_file(folder / name)):
        meta.footers[file.name], meta.checksums[file.name] = read_footer(file), read_checksum(file)


def publish_rows(folder: Path, path: RunPath, name: str, writers: list[WriterState], rows: list[WriterRows]) -> None:
    """A segment of history rows that were never in a journal of this run: what a fork begins with."""
    folder.mkdir(exist_ok=True)
    header = writers[0].header
    meta = Meta(
        version=schema.FORMAT_VERSION,
        name=name,
        incarnation=header.incarnation,
        generation=header.generation,
        covers=[],
        supersedes=[],
        files={},
        footers={},
        checksums={},
        stretches=[],
        writers=writers,
    )
    put_rows(folder, path, meta, "history", rows)
    publish_meta(folder, meta)


@dataclass(slots=True)
class _Part:
    """A part without its bytes: of these only one part's are held at a time."""

    header: PartHeader
    records: list[tuple[int, dict[str, Any], int]]
    end: str
    rows: dict[Stream, WriterRows]


def _decoded(part: ScannedPart) -> _Part:
    header = part.header
    assert header is not None  # the plan has read it
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
        yield from rows_of_meta(snapshot.segments_dir, meta, stream)
    by_writer: dict[str, list[WriterRows]] = {}
    for part in scanned:
        if stream in part.rows:
            by_writer.setdefault(part.header.writer, []).append(part.rows.pop(stream))
    for writer, stretches in by_writer.items():
        for before, after in pairwise(stretches):
            check_follows(before, after)
        states[writer].streams[stream] = reduce(StreamFold.followed_by, map(fold_rows, stretches))
        yield join_stretches(stretches)


def rows_of_meta(segments_dir: Path, meta: Meta, stream: Stream) -> list[WriterRows]:
    """All rows of one stream of a segment."""
    if stream not in meta.files:
        return []
    counting = {stretch.writer for stretch in meta.stretches}
    rows = read_rows(segments_dir / meta.files[stream], stream, footers=meta.footers, owner=meta.owner)
    return [each for each in rows if each.writer in counting]


def put(temporary: Path, final: Path) -> None:
    """Put the file in place unless one of that name is there: it holds the same rows."""
    sync(temporary)
    try:
        os.link(temporary, final)
    except FileExistsError:
        pass
    except OSError:  # a disk without hard links: replacing a file by its equal is harmless
        temporary.replace(final)


def publish(snapshot: Snapshot, meta: Meta) -> None:
    """From now on readers see the segment, and would after a power failure too: its inputs may go."""
    publish_meta(snapshot.segments_dir, meta)


def publish_meta(folder: Path, meta: Meta) -> None:
    """The meta file, and all that it names, safe on the disk."""
    write_meta(folder, meta)
    sync(folder / f"{meta.name}.meta")
    sync(folder)


def sync(place: Path) -> None:
    """Wait until the disk has a file, or the names in a folder."""
    if os.name != "posix" and place.is_dir():
        return  # folders cannot be opened there
    fd = os.open(place, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def drop_inputs(snapshot: Snapshot, batch: Batch) -> None:
    """Remove what the published segment replaces."""
    for name in batch.parts:
        snapshot.journal.drop(name)
    for meta in batch.metas:
        drop_segment(snapshot.segments_dir, meta)


def drop_segment(folder: Path, meta: Meta) -> None:
    """The meta file first: without it nobody looks for the rest. Files that runs share stay."""
    (folder / f"{meta.name}.meta").unlink(missing_ok=True)
    for name in () if meta.is_merged else meta.files.values():
        (folder / name).unlink(missing_ok=True)
        schema.series_file(folder / name).unlink(missing_ok=True)


def drop_leftovers(layout: Layout, path: RunPath) -> None:
    """What sealers that were killed have left: inputs that are covered, files that no meta file names."""
    snapshot = take_snapshot(layout, path)
    folder = snapshot.segments_dir
    visible = {meta.name for meta in snapshot.metas}
    named = {name.removesuffix(".parquet") for meta in snapshot.metas for name in meta.files.values()}
    covered = {tuple(part) for meta in snapshot.metas for part in meta.covers}
    for name, _ in snapshot.journal.list_parts():
        if tuple(name) in covered:
            snapshot.journal.drop(name)
    for old in snapshot.left_out - visible:
        file = folder / f"{old}.meta"
        if file.exists():
            drop_segment(folder, read_meta(file))
    for file in folder.iterdir() if folder.is_dir() else []:
        is_nobodys = file.name.startswith(TEMPORARY_PREFIX) and file.name != LOCK_FILE
        is_nobodys |= file.suffix == ".parquet" and file.name.partition(".")[0] not in named
        # Younger ones may be those of a sealer that is at work, on a disk without locks.
        if is_nobodys and time.time() - file.stat().st_mtime > _STALE_S:
            file.unlink(missing_ok=True)
