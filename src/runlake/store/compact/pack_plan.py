"""Which runs of a project are to share which packed file: looking at all of them, and deciding; changes nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from msgspec.structs import replace

from runlake.model import ENDED_STATES, RunPath
from runlake.store.compact.packed_file import PackList
from runlake.store.compact.seal_plan import in_order, values_bytes
from runlake.store.journal.fold import WriterState, fold_run
from runlake.store.journal.liveness import liveness
from runlake.store.run.snapshot import Snapshot, take_snapshot
from runlake.store.run.state import join_states
from runlake.store.segment.meta import Meta
from runlake.store.segment.segments import META_SUFFIX, Segments
from runlake.store.store import Store

PACKED_BYTES = 128 * 2**20
"""About how large a packed file of values becomes: bounds the memory of packing."""

SMALL_BYTES = 8 * 2**20
"""Runs whose values are larger are read fast enough by themselves."""

MIN_RUN_COUNT = 16
QUIET_S = 60.0
"""A run that was sealed this recently may be gone on with; each time, another file would be made of it."""

_MAX_RUN_COUNT = 4096


@dataclass(slots=True)
class Unit:
    """The segments of one generation of a run, which are to become one that points to a packed file.

    `own_bytes` are in files that it does not share.
    """

    path: RunPath
    segments: Segments
    metas: list[Meta]
    own_bytes: int

    @property
    def identity(self) -> tuple[str, str]:
        return self.metas[0].incarnation, self.metas[0].generation

    @property
    def inputs(self) -> list[str]:
        return sorted(meta.name for meta in self.metas)

    @property
    def row_count(self) -> int:
        return sum(stretch.row_count for meta in self.metas for stretch in meta.stretches)

    @property
    def packed_in(self) -> set[str]:
        """The packed files that it points to."""
        return {meta.packed_in for meta in self.metas if meta.packed_in is not None}


@dataclass(slots=True)
class Survey:
    """What a project consists of, as far as packing goes.

    `fresh` can be packed. `pointing` are the units that point to each packed file already, and `used` are the segments
    by which they do: who packs asks for units by name, and only of the files that it may take along. `waiting` are
    not packed yet but may be later, `untidy` ones still have segments that were replaced, and `is_partial` says that
    some run could not be read.
    """

    fresh: list[Unit] = field(default_factory=list)
    pointing: dict[str, list[Unit]] = field(default_factory=dict)
    used: dict[str, set[str]] = field(default_factory=dict)
    waiting: list[RunPath] = field(default_factory=list)
    untidy: list[RunPath] = field(default_factory=list)
    run_count: int = 0
    is_partial: bool = False


def look_at(store: Store, path: RunPath, found: Survey, *, quiet_s: float) -> list[Unit]:
    """Look at one run, and say in `found` what can be packed; answers its units.

    What `read_consistently` looks at again is FileNotFoundError here.
    """
    snapshot = take_snapshot(store, path)
    if snapshot.segments.list_names() != {meta.name for meta in snapshot.metas}:
        found.untidy.append(path)
    units = _units_of(snapshot)
    own = [unit for unit in units if not unit.packed_in]
    if snapshot.parts or not own:
        if snapshot.parts and "alive" in liveness(snapshot.journal).values():
            found.waiting.append(path)
        return units
    writers = join_states(state for meta in snapshot.metas for state in meta.writers)
    if fold_run(path, writers, {}).state not in ENDED_STATES:
        return units
    if quiet_s and time.time() - max(_sealed_at(unit) for unit in own) < quiet_s:
        found.waiting.append(path)
    elif sum(unit.own_bytes for unit in own) < SMALL_BYTES:
        found.fresh += [unit for unit in own if unit.row_count and _can_be_packed(unit)]
    return units


def _units_of(snapshot: Snapshot) -> list[Unit]:
    by_generation: dict[tuple[str, str], list[Meta]] = {}
    for meta in snapshot.metas:
        by_generation.setdefault((meta.incarnation, meta.generation), []).append(meta)
    units = []
    for metas in by_generation.values():
        own_bytes = sum(values_bytes(snapshot, meta) for meta in metas if not meta.is_packed)
        units.append(Unit(snapshot.path, snapshot.segments, _slim(in_order(metas)), own_bytes))
    return units


def _slim(metas: list[Meta]) -> list[Meta]:
    """Without what the writers said, which is most of a meta file: a survey keeps those of all runs."""
    return [replace(m, writers=[WriterState(state.writer, state.header) for state in m.writers]) for m in metas]


def _sealed_at(unit: Unit) -> float:
    return max(unit.segments.written_at(f"{meta.name}{META_SUFFIX}") for meta in unit.metas)


def _can_be_packed(unit: Unit) -> bool:
    """Whether its writers say that they are of this run, as those of a copied one do not, and no row is there twice."""
    if any(s.header.path != unit.path for m in unit.metas for s in m.writers):
        return False
    by_writer: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for meta in unit.metas:
        for stretch in meta.stretches:
            end_n = stretch.first_n + stretch.row_count
            by_writer.setdefault((stretch.writer, stretch.stream), []).append((stretch.first_n, end_n))
    return all(end <= start for found in by_writer.values() for (_, end), (start, _) in pairwise(sorted(found)))


def plan(
    shared: Segments, found: Survey, lists: Mapping[str, PackList], *, min_run_count: int, packed_bytes: int
) -> list[list[Unit]]:
    """What becomes one packed file each, by creation.

    New runs take packed files along that are not much larger than what has come together so far: there are never many
    small ones, and each row is moved a few times only. So are those taken that are mostly of runs that are gone.
    """
    units = found.fresh if len(found.fresh) >= min_run_count else []
    taken = {unit.identity: (unit, unit.own_bytes) for unit in units}

    def take(pointing: list[Unit], size_bytes: int) -> int:
        """Add the units, each with its share of their packed file; one that has grown large since stays there."""
        shares = {u.identity: (u, u.own_bytes + size_bytes // len(pointing)) for u in pointing if _can_be_moved(u)}
        taken.update(shares)
        return sum(share for _, share in shares.values())

    sizes = {name: _values_bytes(shared, packed) for name, packed in lists.items()}
    total = sum(size_bytes for _, size_bytes in taken.values())
    for name, size_bytes in sorted(sizes.items(), key=lambda item: item[1]):
        used = found.used.get(name)
        if not used:
            continue
        is_unused = not found.is_partial and _is_mostly_unused(lists[name], used)
        is_small = size_bytes < packed_bytes // 2 and len(used) < _MAX_RUN_COUNT // 2
        if is_unused or (is_small and size_bytes <= 2 * total):
            total += take(found.pointing[name], size_bytes)
    return list(_batches(sorted(taken.values(), key=lambda one: one[0].identity), min_run_count, packed_bytes))


def _can_be_moved(unit: Unit) -> bool:
    return unit.own_bytes < SMALL_BYTES and _can_be_packed(unit)


def _batches(units: list[tuple[Unit, int]], min_run_count: int, packed_bytes: int) -> Iterator[list[Unit]]:
    batch: list[Unit] = []
    total = 0
    for number, (unit, size_bytes) in enumerate(units, 1):
        batch.append(unit)
        total += size_bytes
        is_full = total >= packed_bytes or len(batch) >= _MAX_RUN_COUNT
        if is_full and min(len(batch), len(units) - number) >= min_run_count:
            yield batch
            batch, total = [], 0
    if batch:
        yield batch


def _values_bytes(shared: Segments, packed: PackList) -> int:
    """The bytes of values of a packed file; those that are missing count nothing."""
    size_bytes = 0
    for file in packed.files.values():
        try:
            size_bytes += shared.size_bytes(file)
        except FileNotFoundError:
            continue  # `check` names it
    return size_bytes


def _is_mostly_unused(packed: PackList, used: set[str]) -> bool:
    total = used_count = 0
    for run in packed.runs:
        row_count = sum(sum(by_writer.values()) for by_writer in run.row_counts.values())
        total += row_count
        used_count += row_count if run.segment in used else 0
    return 2 * used_count < total
