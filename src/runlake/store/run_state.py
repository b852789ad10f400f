"""One run as readers see it, from its segments and its journal.

As a command, ``python -m runlake.store.run_state <run folder>``, it prints what a resuming writer needs as
msgpack: the training process asks a process of its own, so that it never loads numpy and Arrow.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from runlake.errors import NotFoundError, RunlakeError
from runlake.model import STREAMS, RunInfo, RunPath
from runlake.store import record
from runlake.store.decode import ScannedPart, rows_of, scan_part
from runlake.store.fold import (
    Liveness,
    Numbers,
    StreamFold,
    WriterState,
    fold_run,
    highest_clock,
    newest_generation,
    ruled_numbers,
)
from runlake.store.journal import Journal, PartName
from runlake.store.layout import Layout
from runlake.store.series import WriterRows
from runlake.store.snapshot import Snapshot, read_consistently
from runlake.values import Json

STALE_S = 300.0
"""Where nothing tells whether a process lives, a run that was silent this long counts as crashed."""

_PART_HEAD_BYTES = 65_536


class RunState(msgspec.Struct):
    """A run as readers see it, and what an editor or a resuming writer must know besides."""

    info: RunInfo
    clock: int
    row_counts: dict[str, int]
    numbers: dict[str, Numbers]


def read_run(layout: Layout, path: RunPath) -> RunInfo:
    """The run's newest generation, edits applied, as of now. NotFoundError when it is not there."""
    return read_state(layout, path).info


def read_state(layout: Layout, path: RunPath) -> RunState:
    """`read_run`, with the highest clock, the number of rows of each stream, and the numbers behind aggregates."""

    def read(snapshot: Snapshot) -> RunState:
        # Whether a writer lives is asked before its records are read: one that ends in between has said so in them.
        alive = liveness(snapshot)
        writers = writer_states(snapshot)
        if not writers:
            raise _nothing_yet(path)
        info = fold_run(path, writers, alive)
        counts = {"history": info.row_count, "events": info.event_count, "console": info.console_line_count}
        return RunState(info, highest_clock(writers), counts, ruled_numbers(writers, info.metric_rules))

    return read_consistently(layout, path, read)


def newest_of(snapshot: Snapshot) -> tuple[str, str]:
    """(incarnation, generation) that readers of this run see."""
    headers = [{"incarnation": m.incarnation, "generation": m.generation} for m in snapshot.metas]
    headers += [header for header in (_header_of(snapshot, name) for name in snapshot.parts) if header]
    if not headers:
        raise _nothing_yet(snapshot.path)
    return newest_generation(headers)


def _nothing_yet(path: RunPath) -> NotFoundError:
    return NotFoundError(f"run {path} has written nothing whole yet: it is just beginning, or its disk was full")


def _header_of(snapshot: Snapshot, name: PartName) -> dict[str, Any]:
    with (snapshot.journal.folder / str(name)).open("rb", buffering=0) as file:
        return part_header(file.read(_PART_HEAD_BYTES), f"{snapshot.path}: {name}")


def part_header(data: bytes, name: str) -> dict[str, Any]:
    """The body of a part's first frame, from the part's first 64 KiB; empty when it is not whole yet.

    CorruptError where it is not as it was written, NewerFormatError for a later format.
    """
    start = len(record.MAGIC)
    end = start + record.HEAD.size
    if len(data) >= end:
        end += min(record.HEAD.unpack_from(data, start)[0], record.MAX_BODY_BYTES)
    return scan_part(data[:end], name).header


def writer_states(snapshot: Snapshot) -> list[WriterState]:
    """Everything each writer said, of all generations, sealed or not."""
    sealed = [state for meta in snapshot.metas for state in meta.writers]
    parts = (snapshot.scan(name) for name in snapshot.parts)
    return join_states([*sealed, *(state_of_part(part) for part in parts if part.header)])


def join_states(pieces: Iterable[WriterState]) -> list[WriterState]:
    """The pieces of each writer, in the order of its parts, as one."""
    states: dict[str, WriterState] = {}
    for state in sorted(pieces, key=lambda s: (s.writer, s.header.get("number", 0))):
        before = states.get(state.writer)
        states[state.writer] = before.followed_by(state) if before else state
    return list(states.values())


def state_of_part(part: ScannedPart) -> WriterState:
    """A part's records, and its rows folded."""
    writer = part.header["writer"]
    streams: dict[str, StreamFold] = {}
    for stream in STREAMS:
        rows = rows_of(writer, [part], stream)
        if rows is not None:
            streams[stream] = fold_rows(rows)
    return WriterState(writer, part.header, [(kind, body) for kind, body, _ in part.records], streams)


def fold_rows(rows: WriterRows) -> StreamFold:
    """What a summary needs of some rows: each key's last value and, of numbers, min, max, sum and count."""
    last: dict[str, tuple[int, int, Any]] = {}
    numbers: dict[str, Numbers] = {}
    for series in rows.series:
        row = rows.row_count - 1 if series.rows is None else int(series.rows[-1])
        value = series.values[-1].as_py()
        n = rows.first_n + row
        if series.key not in last or last[series.key][0] <= n:
            stored = Json(value) if series.lane == "json" else value
            last[series.key] = (n, int(rows.timestamp[row] * 1e6), stored)
        if series.lane in ("f64", "i64"):
            values = series.values.to_numpy()
            real = values[~np.isnan(values)] if series.lane == "f64" else values
            if len(real):
                with np.errstate(over="ignore", invalid="ignore"):
                    found = (real.min(), real.max(), real.sum(dtype=np.float64), len(real), real[0])
                low, high, total, count, first = found
                exact = (low.item(), high.item(), float(total), count, first.item())
                numbers[series.key] = _join_numbers(numbers.get(series.key), exact)
    return StreamFold(
        row_count=rows.row_count,
        last_step=int(rows.step.max()),
        last_timestamp=float(rows.timestamp[-1]),
        last_runtime=float(rows.runtime[-1]),
        last=last,
        numbers=numbers,
    )


def _join_numbers(one: Numbers | None, other: Numbers) -> Numbers:
    if one is None:
        return other
    return (min(one[0], other[0]), max(one[1], other[1]), one[2] + other[2], one[3] + other[3], one[4])


def liveness(snapshot: Snapshot) -> dict[str, Liveness]:
    """Of each writer with a part, whether its process lives, by the lock of its newest part or else its last write."""
    return {
        writer: "alive" if is_alive(snapshot.journal, writer) else "gone"
        for writer in {name.writer for name, _ in snapshot.journal.list_parts()}
    }


def is_alive(journal: Journal, writer: str) -> bool:
    """Whether a writer's process lives.

    A writer locks a new part before it lets go of the one before. So whoever finds the newest, the one before and the
    newest once more without a lock, and then no newer one, knows that nobody holds any.
    """
    newest: PartName | None = None
    while True:
        names = [name for name, _ in journal.list_parts() if name.writer == writer]
        if not names or names[-1] == newest:
            return False
        newest = names[-1]
        for name in (newest, *names[-2:-1], newest):
            held = journal.is_held(name)
            if held is None:
                try:
                    held = time.time() - journal.last_write_at(name) < STALE_S
                except FileNotFoundError:
                    held = False  # sealed meanwhile
            if held:
                return True


def main(run_dir: str) -> int:
    """Print the state of one run for a resuming writer; errors go to stderr as one line."""
    folder = Path(run_dir)
    layout = Layout(folder.parent.parent.parent.parent)
    try:
        state = read_state(layout, layout.run_path_of(folder))
    except RunlakeError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    sys.stdout.buffer.write(msgspec.msgpack.encode(state))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
