"""One run as readers see it, from its segments and its journal.

As a command, ``python -m runlake.store.run.state <run folder>``, it prints what a resuming writer needs as
msgpack: the training process asks a process of its own, so that it never loads numpy and Arrow.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from runlake.errors import NotFoundError, RunlakeError
from runlake.model import STREAMS, GenerationInfo, Numbers, RunInfo, RunPath
from runlake.store.arrow import to_numpy
from runlake.store.folder_store import FolderStore
from runlake.store.journal import record
from runlake.store.journal.fold import (
    Liveness,
    StreamFold,
    WriterState,
    fold_run,
    highest_clock,
    members,
    newest_generation,
    pack_info,
    ruled_numbers,
)
from runlake.store.journal.header import PartHeader
from runlake.store.journal.liveness import held_writers, liveness
from runlake.store.journal.rows import rows_of
from runlake.store.journal.scan import ScannedPart
from runlake.store.run.part_states import PartStates
from runlake.store.run.snapshot import Snapshot, nothing_yet, read_consistently
from runlake.store.series import Series, WriterRows, filled_times
from runlake.store.store import Store
from runlake.values import Json


class Behind(msgspec.Struct):
    """Where a writer stands that goes on behind those whose processes are gone: its session and its first step.

    `after` is the time of their last row, 0 without rows; `is_beside`: others are writing at this moment.
    """

    session: int = 0
    next_step: int = 0
    after: float = 0.0
    is_beside: bool = False


class RunState(msgspec.Struct):
    """A run as readers see it, and what an editor or a resuming writer must know besides."""

    info: RunInfo
    clock: int
    row_counts: dict[str, int]
    numbers: dict[str, Numbers]
    is_begun: bool
    """Whether a process has trained in it; else it was made by a reader, or by a fork that got no further."""
    behind: Behind


def read_run(
    store: Store, path: RunPath, *, generation: str | None = None, states: PartStates | None = None
) -> RunInfo:
    """One generation of a run, the newest unless it is named, edits applied, as of now.

    NotFoundError when it is not there. With `states`, parts that no longer grow are read once.
    """

    def read(snapshot: Snapshot) -> RunInfo:
        # Whether a writer lives is asked before its records are read: one that ends in between has said so in them.
        alive = liveness(snapshot.journal)
        writers = _known_writers(snapshot, states)
        if generation is not None:
            check_generation(path, writers, generation)
        return fold_run(path, writers, alive, generation=generation)

    return read_consistently(store, path, read)


def read_state(store: Store, path: RunPath) -> RunState:
    """`read_run`, and what `RunState` has besides."""

    def read(snapshot: Snapshot) -> RunState:
        alive, held = liveness(snapshot.journal), held_writers(snapshot.journal)
        writers = _known_writers(snapshot)
        info = fold_run(path, writers, alive)
        counts = {"history": info.row_count, "events": info.event_count, "console": info.console_line_count}
        mine = members(writers, info.incarnation, info.generation)
        return RunState(
            info,
            highest_clock(writers),
            counts,
            ruled_numbers(writers, info.metric_rules),
            any(w.header.is_trainer for w in mine),
            behind(mine, held),
        )

    return read_consistently(store, path, read)


class KnownRun(NamedTuple):
    """All that the writers of a run said, and whether those that have not ended live."""

    path: RunPath
    writers: list[WriterState]
    alive: Mapping[str, Liveness]

    def info(self) -> RunInfo:
        """The run as readers see it."""
        return fold_run(self.path, self.writers, self.alive)

    def clock(self) -> int:
        """What the clock of an editor must be beyond."""
        return highest_clock(self.writers)

    def followed_by(self, part: ScannedPart) -> KnownRun:
        """With a part that was written since."""
        state = state_of_part(part)
        return self if state is None else self._replace(writers=join_states([*self.writers, state]))


def read_known(store: Store, path: RunPath, *, states: PartStates | None = None) -> KnownRun:
    """What `read_run` makes a run of, to be gone on with. NotFoundError when it is not there."""

    def read(snapshot: Snapshot) -> KnownRun:
        alive = liveness(snapshot.journal)
        return KnownRun(path, _known_writers(snapshot, states), alive)

    return read_consistently(store, path, read)


def behind(writers: Iterable[WriterState], held: frozenset[str] = frozenset()) -> Behind:
    """Where a writer stands that joins these; `held` are those among them whose processes are known to live."""
    place = Behind()
    for writer in writers:
        if writer.header.is_editor:
            continue
        if writer.writer in held and not writer.is_ended:
            place.is_beside = True
            continue
        place.session = max(place.session, writer.header.session + 1)
        rows = writer.streams.get("history")
        if rows is not None:
            place.next_step = max(place.next_step, rows.last_step + 1)
            place.after = max(place.after, rows.last_timestamp)
    return place


def list_generations(store: Store, path: RunPath) -> list[GenerationInfo]:
    """Every history that the run has had, oldest first; readers see the last one. NotFoundError as `read_run`."""

    def read(snapshot: Snapshot) -> list[GenerationInfo]:
        writers = _known_writers(snapshot)
        incarnation, _ = newest_generation(w.header for w in writers)
        found = []
        for name in sorted({w.header.generation for w in writers if w.header.incarnation == incarnation}):
            mine = members(writers, incarnation, name)
            opened = min(w.header.created_at for w in mine if w.header.generation == name)
            rows = [w.streams["history"].row_count for w in mine if "history" in w.streams]
            found.append(GenerationInfo(generation=name, created_at=opened, row_count=sum(rows)))
        return found

    return read_consistently(store, path, read)


def _known_writers(snapshot: Snapshot, states: PartStates | None = None) -> list[WriterState]:
    writers = writer_states(snapshot, states)
    if not writers:
        raise nothing_yet(snapshot.path)
    return writers


def check_generation(path: RunPath, writers: Iterable[WriterState], generation: str) -> None:
    """NotFoundError for a generation that the run does not have."""
    known = {w.header.generation for w in writers}
    if generation not in known:
        raise NotFoundError(f"run {path} has no generation {generation!r}; there are {', '.join(sorted(known))}")


def writer_states(snapshot: Snapshot, states: PartStates | None = None) -> list[WriterState]:
    """Everything each writer said, of all generations, sealed or not."""
    sealed = [state for meta in snapshot.metas for state in meta.writers]
    fresh = unsealed_states(snapshot, states)
    joined = join_states([*sealed, *(state for state in fresh if state is not None)])
    # One that has only said who it is has not begun: its name and config come with its next write.
    begun = (state for state in joined if state.records or state.streams)
    return [state for state in begun if not is_half_rewound(state.header, state.records)]


def unsealed_states(snapshot: Snapshot, states: PartStates | None = None) -> Iterable[WriterState | None]:
    """What each part said that no segment covers, in order; None of one that does not say whose it is."""
    if states is None:
        return snapshot.scan_each(snapshot.parts, state_of_part)
    return states.of_parts(snapshot, state_of_part)


def is_half_rewound(header: PartHeader, records: Iterable[tuple[Any, ...]]) -> bool:
    """Whether a writer was killed before it had said all of the rewind it began: then there was none."""
    return header.is_of_rewind and not any(kind == record.CUT for kind, *_ in records)


def join_states(pieces: Iterable[WriterState]) -> list[WriterState]:
    """The pieces of each writer, in the order of its parts, as one."""
    states: dict[str, WriterState] = {}
    for state in sorted(pieces, key=lambda s: (s.writer, s.header.number)):
        before = states.get(state.writer)
        states[state.writer] = before.followed_by(state) if before else state
    return list(states.values())


def state_of_part(part: ScannedPart) -> WriterState | None:
    """A part's records, and its rows folded; None while it does not say whose they are."""
    header = part.header
    if header is None:
        return None
    writer = header.writer
    streams: dict[str, StreamFold] = {}
    for stream in STREAMS:
        rows = rows_of(writer, [part], stream)
        if rows is not None:
            streams[stream] = fold_rows(rows)
    return WriterState(writer, header, [(kind, body) for kind, body, _ in part.records], streams)


def fold_rows(rows: WriterRows) -> StreamFold:
    """What a summary needs of some rows: each key's last value and, of numbers, min, max, sum and count."""
    last: dict[str, tuple[int, int, Any]] = {}
    found: dict[str, list[_Placed]] = {}
    timestamp, runtime = filled_times(rows.timestamp), filled_times(rows.runtime)
    for series in rows.series:
        row = rows.row_count - 1 if series.rows is None else int(series.rows[-1])
        value = series.values[-1].as_py()
        n = rows.first_n + row
        if series.key not in last or last[series.key][0] <= n:
            stored = Json(value) if series.lane == "json" else value
            last[series.key] = (n, int(timestamp[row] * 1e6), stored)
        if series.lane in ("f64", "i64"):
            numbers = _numbers_of(series)
            if numbers is not None:
                found.setdefault(series.key, []).append(numbers)
    return StreamFold(
        row_count=rows.row_count,
        last_step=int(rows.step.max()),
        last_timestamp=float(timestamp[-1]),
        last_runtime=float(runtime[-1]),
        last=last,
        numbers={key: _joined(lanes) for key, lanes in found.items()},
    )


class _Placed(NamedTuple):
    """The numbers of one series, those that are values of it with the rows where they stand first."""

    low: tuple[int | float, int]
    high: tuple[int | float, int]
    total: float
    value_count: int
    first: tuple[int | float, int]


def _numbers_of(series: Series) -> _Placed | None:
    """None where all of its values are NaN."""
    values = to_numpy(series.values)
    real = np.flatnonzero(~np.isnan(values)) if series.lane == "f64" else np.arange(len(values))
    if len(real) < len(values):
        values = values[real]
    if not len(values):
        return None

    def at(place: int) -> tuple[int | float, int]:
        return values[place].item(), int(real[place] if series.rows is None else series.rows[real[place]])

    with np.errstate(over="ignore", invalid="ignore"):
        total = float(values.sum(dtype=np.float64))
    return _Placed(at(int(values.argmin())), at(int(values.argmax())), total, len(values), at(0))


def _joined(lanes: Sequence[_Placed]) -> Numbers:
    """The numbers of a key, whose integers and floats are two series."""
    low, _ = min(one.low for one in lanes)
    high, _ = max((one.high for one in lanes), key=lambda placed: (placed[0], -placed[1]))
    first, _ = min((one.first for one in lanes), key=lambda placed: placed[1])
    return low, high, sum(one.total for one in lanes), sum(one.value_count for one in lanes), first


def main(run_dir: str) -> int:
    """Print the state of one run for a resuming writer; errors go to stderr as one line."""
    folder = Path(run_dir)
    store = FolderStore.around(folder)
    try:
        state = read_state(store, store.run_path_of(folder))
    except RunlakeError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    sys.stdout.buffer.write(msgspec.msgpack.encode({**msgspec.structs.asdict(state), "info": pack_info(state.info)}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
