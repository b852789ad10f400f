"""A run as it was at a step: what a rewind goes on from, and what a fork begins with.

A rewind copies no rows: how many of each writer's count goes into the header of the writer that opens the new
generation, and what the other records and the last values were into its CUT record. A fork gets a copy, as one segment
of the new run that is published in one step: the run it came from may be deleted. Decision 12 says why.

As a command, ``python -m runlake.store.opening.rewind <run folder> <step> [<path of the new run>]``, for the training
process, which never loads numpy and Arrow itself.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import msgspec

from runlake.errors import BadValueError, ConflictError, RunlakeError
from runlake.model import Numbers, RunInfo, RunPath
from runlake.store.folder_store import FolderStore
from runlake.store.incarnation import new_writer_id
from runlake.store.journal import record
from runlake.store.journal.bodies import Record
from runlake.store.journal.fold import (
    StreamFold,
    WriterState,
    fold_run,
    highest_clock,
    members,
    pack_info,
    ruled_numbers,
)
from runlake.store.run.snapshot import Snapshot, nothing_yet, read_consistently
from runlake.store.run.state import Behind, behind, fold_rows, writer_states
from runlake.store.run.view import joined_by_writer, sealed, slice_stretch, unsealed, view_of
from runlake.store.segment import schema
from runlake.store.segment.publish import publish_rows
from runlake.store.segment.read import read_rows
from runlake.store.series import WriterRows
from runlake.store.store import Store

_KEPT = frozenset({record.START, record.CONFIG, record.SUMMARY, record.DEFINE, record.INFO})


class Past(msgspec.Struct):
    """A run as it was when `step` was its last one: `taken` are [generation, writer, number of rows], and `info`,
    `clock`, `numbers` and `behind` are as in `run_state.RunState`. `writers` is what the CUT record says of them.
    """

    info: RunInfo
    clock: int
    numbers: dict[str, Numbers]
    behind: Behind
    taken: list[tuple[str, str, int]]
    writers: list[WriterState]


def read_past(store: Store, path: RunPath, step: int) -> Past:
    """The newest generation of a run, up to the first row of each writer whose step is greater than `step`.

    NotFoundError when there is no such run, BadValueError when it never came that far.
    """
    return read_consistently(store, path, lambda snapshot: _past(snapshot, step)[0])


def fork(store: Store, source: RunPath, step: int, target: RunPath) -> None:
    """Make `target`, a run without a process yet, that begins as `source` was at `step`.

    Errors as `read_past`, and ConflictError when there is a run of that id.
    """
    past, rows = read_consistently(store, source, lambda snapshot: _past(snapshot, step))
    segments = store.segments(target)
    if segments.changed_at() is not None:
        raise ConflictError(f'run "{target}" exists already; choose another id to fork into')
    store.make_run(target)
    writer_id = new_writer_id(time.time())
    if store.claim_incarnation(target, writer_id) != writer_id:
        raise ConflictError(f'run "{target}" exists already; choose another id to fork into')
    life = {"incarnation": writer_id, "generation": writer_id, "created_at": time.time()}
    writers = [
        WriterState(
            state.writer,
            state.header.without("taken").with_fields(**target._asdict(), **life),
            # A fork has a name, tags and a host of its own.
            [(kind, Record(body).of_values()) for kind, body in state.records if kind != record.INFO],
            state.streams,
        )
        for state in past.writers
    ]
    name = schema.segment_name([(f"{source}/{past.info.generation}", step)], [])
    publish_rows(segments, target, name, writers, rows)


def _past(snapshot: Snapshot, step: int) -> tuple[Past, list[WriterRows]]:
    states = writer_states(snapshot)
    if not states:
        raise nothing_yet(snapshot.path)
    whole = fold_run(snapshot.path, states, {})
    if step > whole.last_step:
        raise BadValueError(
            f"run {snapshot.path} has no step {step}: its last one is {whole.last_step}; name one that it has"
            if whole.row_count
            else f"run {snapshot.path} has no rows yet, so there is no step {step} to go back to"
        )
    view = view_of(snapshot, whole.generation)
    stretches = list(unsealed(snapshot, "history", view))
    for meta in sealed(snapshot, "history", view):
        rows = read_rows(snapshot.values_of(meta, "history"), "history", footers=meta.footers, owner=meta.owner)
        stretches += view.counted(meta.generation, rows)
    kept = {mine[0].writer: _until(mine, step) for mine in joined_by_writer(stretches)}
    last_us = max((int(rows[-1].timestamp[-1] * 1e6) for rows in kept.values() if rows), default=0)
    writers = []
    taken = []
    for state in members(states, whole.incarnation, whole.generation):
        mine = kept.get(state.writer, [])
        count = mine[-1].first_n + mine[-1].row_count if mine else 0
        if "history" in state.streams and not count and state.header.session:
            continue  # it went on behind the step
        writers.append(_state_at(state, mine, count, last_us))
        if count:
            taken.append((state.header.generation, state.writer, count))
    info = fold_run(snapshot.path, _relabelled(writers, whole), {})
    past = Past(
        info,
        highest_clock(states),
        ruled_numbers(_relabelled(writers, whole), info.metric_rules),
        behind(writers),
        taken,
        writers,
    )
    return past, [rows for mine in kept.values() for rows in mine]


def _relabelled(writers: list[WriterState], whole: RunInfo) -> list[WriterState]:
    """The same as members of one generation, whichever they were in."""
    life = {"incarnation": whole.incarnation, "generation": whole.generation}
    return [WriterState(w.writer, w.header.with_fields(**life), w.records, w.streams) for w in writers]


def _until(stretches: list[WriterRows], step: int) -> list[WriterRows]:
    """The rows before the first one whose step is greater."""
    kept = []
    for rows in stretches:
        beyond = rows.step > step
        count = int(beyond.argmax()) if beyond.any() else rows.row_count
        if count:
            kept.append(slice_stretch(rows, 0, count))
        if count < rows.row_count:
            break
    return kept


def _state_at(state: WriterState, rows: list[WriterRows], count: int, last_us: int) -> WriterState:
    """What a writer had said when it had logged `count` rows; an editor's summary counts up to the last row of all."""
    is_editor = state.header.is_editor
    records = [
        (kind, body)
        for kind, body in state.records
        if kind in _KEPT
        and (kind != record.SUMMARY or Record(body).clock <= last_us if is_editor else Record(body).n <= count)
    ]
    fold: StreamFold | None = None
    for each in rows:
        fold = fold_rows(each) if fold is None else fold.followed_by(fold_rows(each))
    header = state.header.with_fields(role="editor" if is_editor else "base")
    return WriterState(state.writer, header, records, {} if fold is None else {"history": fold})


def main(run_dir: str, step: str, target: str | None = None) -> int:
    """Print `read_past` as one msgpack map, or fork into `target`; errors go to stderr as one line."""
    folder = Path(run_dir)
    store = FolderStore.around(folder)
    try:
        path = store.run_path_of(folder)
        if target is not None:
            fork(store, path, int(step), RunPath(*target.split("/")))
            return 0
        past = read_past(store, path, int(step))
    except RunlakeError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    body = {"info": pack_info(past.info), "writers": past.writers}
    rest = {name: msgspec.to_builtins(getattr(past, name)) for name in ("clock", "numbers", "behind", "taken")}
    sys.stdout.buffer.write(record.encode_body(body | rest))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
