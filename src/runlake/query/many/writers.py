"""The rows of merged runs that several processes wrote, out of the file that these runs share.

Their rows are put in order by their times, as `rows.scan` does it, so each run becomes a history of its own; but the
file is opened, and each of its row groups read, once for all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from runlake.errors import RunlakeError
from runlake.model import AXES, STEP, TIMESTAMP, RunPath, Stream
from runlake.query.rows.history import History
from runlake.query.rows.scan import join_rows, rows_in_order, spellings
from runlake.store.compact.packed_file import PackedRun, PackList
from runlake.store.run.view import View, joined_by_writer, order_of
from runlake.store.segment.directory import COLUMNS, Directory
from runlake.store.segment.meta import read_meta
from runlake.store.segment.read import read_groups, read_series, stretch_of
from runlake.store.segment.segments import SegmentFile
from runlake.store.store import Store


def read_each(
    store: Store,
    place: RunPath,
    merged: PackList,
    runs: Sequence[PackedRun],
    *,
    keys: Sequence[str] | None,
    stream: Stream,
) -> Iterator[tuple[str, History]]:
    """(run id, history) of the `runs` of a merged file of the project at `place`, as `scan.read_history` has them.

    A run whose meta file is not there any more, or not sound, is left out.
    """
    views = dict(_views(store, place, runs))
    mine = {run.generation: run.run_id for run in runs if run.generation in views}
    file = SegmentFile(store.packed(place.entity, place.project), merged.files[stream])
    axes = [name for name in AXES if name in (STEP, TIMESTAMP) or keys is None or name in keys]
    wanted = None if keys is None else spellings(keys) | set(axes)
    table = read_series(file.series, wanted, ("generation", *COLUMNS), merged.footers)
    table = table.filter(pc.is_in(table["generation"], pa.array(mine, pa.string())))
    directory = Directory.of(table)
    groups = read_groups(file, directory.read_plan(), merged.footers)
    directory.prove(groups, file.name)
    for generation, start, stop in _spans(table["generation"]):
        entries = directory.slice(start, stop)
        found = {group: groups[group] for group in np.unique(entries.group).tolist()}
        stretches = [stretch_of(stream, each, found, axes) for each in entries.by_writer()]
        ordered = rows_in_order(joined_by_writer(stretches), views[generation])
        yield mine[generation], join_rows(stream, ordered, keys)


def _views(store: Store, place: RunPath, runs: Sequence[PackedRun]) -> Iterator[tuple[str, View]]:
    """By generation, what the meta file of each run says of the order of its writers."""
    for run in runs:
        path = RunPath(place.entity, place.project, run.run_id)
        try:
            headers = read_meta(store.segments(path), run.segment).headers
        except (FileNotFoundError, RunlakeError):
            continue
        yield run.generation, View(run.incarnation, run.generation, {}, *order_of(headers))


def _spans(column: pa.ChunkedArray) -> Iterator[tuple[str, int, int]]:
    """Each text of a column whose equal texts are neighbours, and from where to where it stands."""
    encoded = column.combine_chunks().dictionary_encode()
    codes = encoded.indices.to_numpy()
    starts = np.flatnonzero(np.append(True, codes[1:] != codes[:-1])[: len(codes)])
    names = encoded.dictionary.to_pylist()
    for start, stop in zip(starts.tolist(), np.append(starts, len(codes))[1:].tolist(), strict=True):
        yield names[codes[start]], start, stop
