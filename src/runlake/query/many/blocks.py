"""The rows of many runs at once: of merged runs each row group is read once, and not once for each run.

What is handed out are *blocks*: the rows of some runs as one history, one run behind the other. Building a history for
each of five thousand runs takes longer than reading their values.

Whether the merged rows of a run are all of its rows is seen from the index of runs: within a generation rows only come
to others, so the same generation with as many rows has the same rows. That is as fresh as a listing, and no folder of a
run is looked into. Every other run is read by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from msgspec import Struct

from runlake.errors import NotFoundError, RunlakeError, StoreError
from runlake.model import AXES, RUNTIME, STEP, TIMESTAMP, Lane, RunPath, Stream
from runlake.query.many import writers
from runlake.query.many.merged import MergedFiles
from runlake.query.rows.history import History, Int64s, Series
from runlake.query.rows.scan import read_history, spellings
from runlake.query.rows.select import slice_rows
from runlake.stopping import check_wanted
from runlake.store.compact import packed_file
from runlake.store.compact.packed_file import PackedRun, PackList
from runlake.store.run.snapshot import reading
from runlake.store.segment.directory import GroupRead, GroupValues, joined_values
from runlake.store.segment.read import read_groups
from runlake.store.segment.segments import SegmentFile, Segments
from runlake.store.series import ARROW_TYPE_OF_LANE, usable_times
from runlake.store.store import Store

_LANES: dict[str, Lane] = {lane: lane for lane in get_args(Lane)}
_NUMBERS = ("position", "first_n", "row_count", "group", "offset")
_ABSENT = np.iinfo(np.int64).max
_LARGE_ROWS = 100_000
"""Putting so many together in fresh memory takes longer than a block more."""


class KnownRun(NamedTuple):
    """What the index of runs says of one."""

    run_id: str
    incarnation: str
    generation: str
    row_count: int


class HistoryBlock(Struct, frozen=True):
    """The rows of some runs as one history, one run behind the other: `row_counts` (int64) of each.

    All of them have the same series, in the same order. `problem` says why the only run of the block cannot be read: it
    has no rows then.
    """

    run_ids: list[str]
    row_counts: Int64s
    history: History
    problem: str | None = None

    def histories(self) -> Iterator[tuple[str, History]]:
        """The history of each run, as a reading of that run alone gives it."""
        start = 0
        for run_id, row_count in zip(self.run_ids, self.row_counts.tolist(), strict=True):
            yield run_id, slice_rows(self.history, start, start + row_count)
            start += row_count


def read_histories(
    store: Store,
    entity: str,
    project: str,
    runs: Sequence[KnownRun],
    *,
    keys: Sequence[str] | None,
    stream: Stream,
    known: MergedFiles | None = None,
) -> Iterator[HistoryBlock]:
    """The rows of `runs`, with the series of `keys` or all as `scan.read_history` has them, each run in one block.

    Blocks come in the order of the first of their runs that had not come yet, so who wants the runs in order keeps
    only what runs share a file with those before them. A run that was deleted since has no rows, and neither has one
    that cannot be read: its block says why. Who asks again hands in what is `known`.
    """
    known = MergedFiles() if known is None else known
    place_of, merged_runs = _places(store.packed(entity, project), known, runs, stream)
    done: set[str] = set()
    for run in runs:
        merged = place_of.get(run.run_id)
        run_path = RunPath(entity, project, run.run_id)
        if run.run_id not in done and merged is not None:
            try:
                with reading(f"the merged file {merged.name}"):
                    blocks = _read_together(store, run_path, merged, merged_runs[merged.name], keys, stream, known)
            except (FileNotFoundError, StoreError):  # removed since the list was read, or damaged: the runs say more
                blocks = []
            for block in blocks:
                yield block
                done.update(block.run_ids)
        if run.run_id not in done:
            done.add(run.run_id)
            yield _read_alone(store, run_path, keys, stream)


def histories_in_order(blocks: Iterable[HistoryBlock], run_ids: Iterable[str]) -> Iterator[tuple[str, History]]:
    """The histories of `read_histories`, run by run, in the order in which they were asked for; others are left out."""
    waiting: dict[str, History] = {}
    coming = iter(blocks)
    for run_id in run_ids:
        while run_id not in waiting and (block := next(coming, None)) is not None:
            waiting.update(block.histories())
        if run_id in waiting:
            yield run_id, waiting.pop(run_id)


def join_histories(histories: Sequence[History]) -> History:
    """Histories one behind the other, all with the same series and a value of each in every row."""
    first = histories[0]
    if len(histories) == 1:
        return first

    def axis(name: str) -> Any:
        arrays = [getattr(history, name) for history in histories]
        return None if arrays[0] is None else np.concatenate(arrays)

    series = [
        Series(one.key, one.lane, None, pa.chunked_array([c for h in histories for c in h.series[i].values.chunks]))
        for i, one in enumerate(first.series)
    ]
    return History(first.stream, axis("step"), axis("timestamp"), axis("runtime"), series)


def _read_alone(store: Store, path: RunPath, keys: Sequence[str] | None, stream: Stream) -> HistoryBlock:
    check_wanted()
    problem = None
    try:
        history = read_history(store, path, stream=stream, keys=keys)
    except (NotFoundError, StoreError, OSError) as error:
        if not isinstance(error, NotFoundError):
            problem = f"{type(error).__name__}: {error}"
        nothing = np.zeros(0)
        timestamp, runtime = (nothing if keys is None or name in keys else None for name in (TIMESTAMP, RUNTIME))
        history = History(stream, nothing.astype(np.int64), timestamp, runtime)
    return HistoryBlock([path.run_id], np.array([history.row_count]), history, problem)


def _places(
    shared: Segments, known: MergedFiles, runs: Sequence[KnownRun], stream: Stream
) -> tuple[dict[str, PackList], dict[str, list[PackedRun]]]:
    """The merged file of each run that has all its rows in one, and the runs of each of these files."""
    place_of: dict[str, PackList] = {}
    merged_runs: dict[str, list[PackedRun]] = {}
    asked = {(run.run_id, run.incarnation, run.generation): run.row_count for run in runs}
    candidates = []
    for name in packed_file.list_names(shared):
        try:
            merged = known.lists.read(shared, name)
        except (FileNotFoundError, RunlakeError):
            continue  # its runs are read by themselves, as long as they are right; `check` names it
        found = []
        for run in merged.runs:
            row_count = asked.get((run.run_id, run.incarnation, run.generation))
            if row_count and row_count == sum(run.row_counts.get(stream, {}).values()):
                found.append(run)
        candidates.append((len(found), merged, found))
    # A run may be in two of them, until the older one is removed.
    for _, merged, found in sorted(candidates, key=lambda c: (-c[0], c[1].name)):
        mine = [run for run in found if run.run_id not in place_of]
        place_of.update((run.run_id, merged) for run in mine)
        merged_runs[merged.name] = mine
    return place_of, merged_runs


def _read_together(
    store: Store,
    place: RunPath,
    merged: PackList,
    runs: list[PackedRun],
    keys: Sequence[str] | None,
    stream: Stream,
    known: MergedFiles,
) -> list[HistoryBlock]:
    """The blocks of some runs of a merged file."""
    blocks = []
    # Rows of several writers must be put in order by their times.
    several = [run for run in runs if len(run.row_counts[stream]) > 1]
    alone = {run.generation: run.run_id for run in runs if len(run.row_counts[stream]) == 1}
    if alone:
        blocks += _read_merged(store.packed(place.entity, place.project), merged, alone, keys, stream, known)
    if several:
        found = writers.read_each(store, place, merged, several, keys=keys, stream=stream)
        blocks += [HistoryBlock([run_id], np.array([history.row_count]), history) for run_id, history in found]
    return blocks


# One merged file ------------------------------------------------------------------------------------------


class _Directory(NamedTuple):
    """Rows of a series file, those of `runs` only, as arrays. `base` is where the row `first_n` stands in its run."""

    run: Int64s
    stretch: Int64s
    series: Int64s
    position: Int64s
    first_n: Int64s
    row_count: Int64s
    group: Int64s
    offset: Int64s
    size: Int64s

    def take(self, chosen: npt.NDArray[Any] | slice) -> _Directory:
        return _Directory(*(array[chosen] for array in self))


def _read_merged(
    shared: Segments,
    merged: PackList,
    runs: Mapping[str, str],
    keys: Sequence[str] | None,
    stream: Stream,
    known: MergedFiles,
) -> list[HistoryBlock]:
    """The blocks of some runs of a merged file, each of which one process wrote."""
    file = SegmentFile(shared, merged.files[stream])
    wanted = None if keys is None else spellings(keys) | {STEP, *({*AXES} & {*keys})}
    table = known.series(file.series, wanted, merged.footers)
    run_ids, directory, series = _directory(table, runs)
    groups = _read_groups(file, directory, series, merged, known)
    step = directory.take(directory.series == series.index((STEP, "i64"))) if run_ids else directory
    return [
        _block(stream, keys, run_ids, chosen, directory, series, order, groups)
        for alike, order in _alike(directory, series, len(run_ids), groups)
        for chosen in _pieces(alike, step, groups)
    ]


def _directory(table: pa.Table, runs: Mapping[str, str]) -> tuple[list[str], _Directory, list[tuple[str, Lane]]]:
    """The ids of the runs in the order of the file, what is where, and (key, lane) of each series, axes included."""
    generations, owner_codes = _encoded(table, "generation")
    chosen = np.array([generation in runs for generation in generations], bool)[owner_codes]
    if not chosen.all():
        table, owner_codes = table.filter(pa.array(chosen)), owner_codes[chosen]
    changes = np.flatnonzero(np.diff(owner_codes)) + 1
    firsts = np.concatenate(([0], changes)) if len(owner_codes) else np.zeros(0, np.int64)
    run = np.zeros(len(owner_codes), np.int64)
    run[changes] = 1
    (keys, key_codes), (lanes, lane_codes) = _encoded(table, "key"), _encoded(table, "lane")
    distinct, series_codes = np.unique(key_codes * len(_LANES) + lane_codes, return_inverse=True)
    pairs = [divmod(code, len(_LANES)) for code in distinct.tolist()]
    series = [(keys[key], _LANES[lanes[lane]]) for key, lane in pairs]
    by_name = sorted(range(len(series)), key=series.__getitem__)
    rank = np.empty(len(series), np.int64)
    rank[by_name] = np.arange(len(series))
    numbers = {name: table[name].to_numpy().astype(np.int64) for name in _NUMBERS}
    run = np.cumsum(run)
    is_new = np.append(True, (np.diff(run) != 0) | (np.diff(numbers["first_n"]) != 0))[: len(run)]
    directory = _Directory(
        run=run,
        stretch=np.cumsum(is_new) - 1,
        series=rank[series_codes],
        size=table["count"].to_numpy(),
        **numbers,
    )
    run_ids = [runs[generations[owner_codes[first]]] for first in firsts.tolist()]
    return run_ids, directory, [series[i] for i in by_name]


def _encoded(table: pa.Table, name: str) -> tuple[list[str], Int64s]:
    """The distinct texts of a column, and which of them each row has."""
    encoded = table[name].combine_chunks().dictionary_encode()
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy().astype(np.int64)


Groups = Mapping[int, GroupValues]


def _read_groups(
    file: SegmentFile, directory: _Directory, series: list[tuple[str, Lane]], merged: PackList, known: MergedFiles
) -> Groups:
    """The row groups of the directory, `n` only where a series does not have a value in every row."""
    groups, firsts = np.unique(directory.group, return_index=True)
    sparse = set(directory.group[directory.size != directory.row_count].tolist())
    lanes = [series[code][1] for code in directory.series[firsts].tolist()]
    plan = {group: GroupRead(lane, group in sparse) for group, lane in zip(groups.tolist(), lanes, strict=True)}
    return read_groups(file, plan, merged.footers, known.metadata(file, merged.footers))


def _alike(
    directory: _Directory, series: list[tuple[str, Lane]], run_count: int, groups: Groups
) -> Iterator[tuple[npt.NDArray[np.bool_], list[int]]]:
    """The runs that have the same series in the same first-logged order: which they are, and that order."""
    codes = [code for code, (key, _) in enumerate(series) if key not in AXES]
    place = np.full((run_count, len(codes)), _ABSENT)
    for column, code in enumerate(codes):
        mine = directory.take(directory.series == code)
        _, firsts = np.unique(mine.run, return_index=True)
        mine = mine.take(firsts)
        first_row = mine.first_n.copy()
        for i in np.flatnonzero(mine.size != mine.row_count).tolist():
            found = groups[int(mine.group[i])]
            assert found.n is not None
            first_row[i] = found.n[found.start + mine.offset[i]]
        place[mine.run, column] = (first_row << 24) + mine.position
    order = np.argsort(place, axis=1, kind="stable")
    order[np.take_along_axis(place, order, axis=1) == _ABSENT] = -1
    distinct, of_run = np.unique(order, axis=0, return_inverse=True)
    for number, columns in enumerate(distinct.tolist()):
        yield of_run.ravel() == number, [codes[column] for column in columns if column >= 0]


def _pieces(alike: npt.NDArray[np.bool_], step: _Directory, groups: Groups) -> Iterator[Int64s]:
    """Runs that are alike, by number, in pieces of many rows each, cut where the steps go on in other memory."""
    runs = np.flatnonzero(alike)
    arrays = np.array([id(groups[group].values) for group in step.group[np.searchsorted(step.run, runs)].tolist()])
    row_counts = np.bincount(step.run, step.row_count)[runs]
    begin = 0
    for change in (np.flatnonzero(np.diff(arrays)) + 1).tolist():
        if row_counts[begin:change].sum() >= _LARGE_ROWS:
            yield runs[begin:change]
            begin = change
    yield runs[begin:]


def _block(
    stream: Stream,
    keys: Sequence[str] | None,
    run_ids: list[str],
    chosen: Int64s,
    directory: _Directory,
    series: list[tuple[str, Lane]],
    order: list[int],
    groups: Groups,
) -> HistoryBlock:
    """The rows of the chosen runs, with the series in this order."""
    is_chosen = np.zeros(len(run_ids), bool)
    is_chosen[chosen] = True
    near = directory.take(slice(*np.searchsorted(directory.run, (chosen[0], chosen[-1] + 1)).tolist()))
    mine = near.take(is_chosen[near.run])
    step = mine.take(mine.series == series.index((STEP, "i64")))
    row_counts = np.bincount(step.run, step.row_count, len(run_ids))[chosen].astype(np.int64)
    base = np.zeros(int(directory.stretch.max()) + 1, np.int64)
    base[step.stretch] = np.cumsum(step.row_count) - step.row_count
    row_count = int(row_counts.sum())

    def axis(name: str) -> Any:
        if keys is not None and name not in keys:
            return None
        return usable_times(_values(mine.take(mine.series == series.index((name, "f64"))), "f64", groups).to_numpy())

    found = []
    for code in order:
        key, lane = series[code]
        chunks = mine.take(mine.series == code)
        values = _values(chunks, lane, groups)
        rows = None if len(values) == row_count else _rows(chunks, base, groups)
        found.append(Series(key, lane, rows, values))
    history = History(stream, _values(step, "i64", groups).to_numpy(), axis(TIMESTAMP), axis(RUNTIME), found)
    return HistoryBlock([run_ids[i] for i in chosen.tolist()], row_counts, history)


def _values(chunks: _Directory, lane: Lane, groups: Groups) -> pa.ChunkedArray:
    """The values of the chunks, one behind the other; what lies together is not taken apart."""
    spans = (groups[group].span(start, stop - start) for group, start, stop in _ranges(chunks))
    return joined_values(spans, ARROW_TYPE_OF_LANE[lane])


def _ranges(chunks: _Directory) -> Iterator[tuple[int, int, int]]:
    """(row group, start, stop) of the stretches of values that lie together."""
    end = chunks.offset + chunks.size
    breaks = np.flatnonzero((chunks.group[1:] != chunks.group[:-1]) | (chunks.offset[1:] != end[:-1])) + 1
    firsts, lasts = np.append(0, breaks), np.append(breaks, len(end)) - 1
    yield from zip(chunks.group[firsts].tolist(), chunks.offset[firsts].tolist(), end[lasts].tolist(), strict=True)


def _rows(chunks: _Directory, base: Int64s, groups: Groups) -> Int64s:
    """Where in the block the values of the chunks stand."""
    pieces = []
    for i, start in enumerate(base[chunks.stretch].tolist()):
        if chunks.size[i] == chunks.row_count[i]:
            pieces.append(np.arange(start, start + chunks.size[i]))
            continue
        found = groups[int(chunks.group[i])]
        assert found.n is not None
        first = found.start + chunks.offset[i]
        pieces.append(found.n[first : first + chunks.size[i]] - chunks.first_n[i] + start)
    return np.concatenate(pieces)
