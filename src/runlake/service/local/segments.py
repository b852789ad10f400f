"""The verb of engines over a store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import NamedTuple

from runlake.errors import BadValueError, NotFoundError, RunlakeError
from runlake.listing_model import SegmentInfo, SegmentList
from runlake.model import RunPath, Stream
from runlake.service.local.listings import Listings
from runlake.service.local.open_store import OpenStore
from runlake.store.compact.packed_file import read_list
from runlake.store.run.snapshot import Snapshot, read_consistently
from runlake.store.run.view import sealed, view_of
from runlake.store.segment.segments import SegmentFile, Segments
from runlake.store.store import Store


class LocalSegments:
    """`contract.segments` over a store."""

    def __init__(self, opened: OpenStore[Store], listings: Listings) -> None:
        self._store, self._listings = opened.store, listings

    def list_segments(
        self, entity: str, project: str, *, stream: Stream = "history", signed_for_s: float | None = None
    ) -> SegmentList:
        if stream not in ("history", "events", "console"):
            raise BadValueError(f"there is no stream {stream!r}; there are history, events and console")
        index = self._listings.newest(entity, project)
        packed = self._store.packed(entity, project)
        files: dict[str, _File] = {}
        unlisted_run_ids = []

        def known(file: SegmentFile, run_id: str) -> _File:
            """What is asked once of a file that runs share."""
            is_shared = file.reference != file.name
            name = file.reference if is_shared else f"{run_id}/{file.name}"
            if name not in files:
                place = file.segments.url_of(file.reference, signed_for_s), file.segments.size_bytes(file.reference)
                held = _held_in(packed, file.name.partition("-")[0], stream) if is_shared else {}
                files[name] = _File(*place, is_shared, held)
            return files[name]

        def look(snapshot: Snapshot) -> tuple[list[tuple[_File, _Counted]], bool]:
            found, is_unlisted = _files_of(snapshot, stream)
            return [(known(file, snapshot.path.run_id), counted) for file, counted in found], is_unlisted

        for (run_id,) in index.fields(("run_id",), range(len(index))):
            try:
                found, is_unlisted = read_consistently(self._store, RunPath(entity, project, run_id), look)
            except NotFoundError:
                continue  # deleted since it was listed
            if is_unlisted:
                unlisted_run_ids.append(run_id)
            for file, counted in found:
                file.runs[run_id] = counted
        unlisted_run_ids += sorted(_count_once(files.values()) - {*unlisted_run_ids})
        segments = tuple(file.info() for file in files.values() if file.runs)
        return SegmentList(version=index.version, segments=segments, unlisted_run_ids=tuple(unlisted_run_ids))


class _Counted(NamedTuple):
    """What counts of a run in a file."""

    generation: str
    row_count: int


@dataclass(slots=True)
class _File:
    """A file, and what counts in it by the id of the run; `held` are the rows of each generation, of a shared file, as
    far as can be told."""

    url: str
    size_bytes: int
    is_shared: bool
    held: dict[str, int] | None
    runs: dict[str, _Counted] = field(default_factory=dict)

    def info(self) -> SegmentInfo:
        runs = {run_id: counted.generation for run_id, counted in self.runs.items()}
        return SegmentInfo(
            url=self.url,
            size_bytes=self.size_bytes,
            row_count=sum(counted.row_count for counted in self.runs.values()),
            runs=runs,
            has_others=self.held is None or not self.held.keys() <= {*runs.values()},
        )


def _held_in(packed: Segments, name: str, stream: Stream) -> dict[str, int] | None:
    """The rows of each generation in a shared file, as its list says; None where that cannot be read."""
    try:
        runs = read_list(packed, name).runs
    except (FileNotFoundError, RunlakeError):
        return None
    return {run.generation: sum(run.row_counts[stream].values()) for run in runs if stream in run.row_counts}


def _count_once(files: Collection[_File]) -> set[str]:
    """Have no generation lie in a file where it does not count, and count in another: engines have one condition for
    all files. Answers the runs of which that is not possible, which count nowhere then.

    A packer that is at work, was killed, or was overtaken leaves a shared file with rows of runs that do not point to
    it. Where all rows of such a run are in one, they count there, and not in the files of the run.
    """
    counting: defaultdict[str, dict[str, _File]] = defaultdict(dict)
    run_ids = {}
    for file in files:
        for run_id, counted in file.runs.items():
            counting[counted.generation][file.url] = file
            run_ids[counted.generation] = run_id
    holding: defaultdict[str, dict[str, _File]] = defaultdict(dict)
    for file in files:
        for generation in (file.held or ()) if file.runs else ():
            holding[generation][file.url] = file
    left_out = set()
    for generation, own in counting.items():
        spare = [file for url, file in holding[generation].items() if url not in own]
        if not spare:
            continue
        run_id = run_ids[generation]
        row_count = sum(file.runs.pop(run_id).row_count for file in own.values())
        is_whole = spare[0].held is not None and spare[0].held[generation] == row_count
        if is_whole and len(spare) == 1 and not any(file.is_shared for file in own.values()):
            spare[0].runs[run_id] = _Counted(generation, row_count)
        else:
            left_out.add(run_id)
    return left_out


def _files_of(snapshot: Snapshot, stream: Stream) -> tuple[list[tuple[SegmentFile, _Counted]], bool]:
    """The files of the newest generation and what counts in each, and whether the run has other rows."""
    counts: defaultdict[str, int] = defaultdict(int)
    view = view_of(snapshot)
    if view.taken or snapshot.has_repeats:
        return [], True
    files = {}
    for meta in sealed(snapshot, stream, view):
        file = snapshot.values_of(meta, stream)
        files[file.reference] = (file, meta.generation)
        counts[file.reference] += sum(each.row_count for each in meta.stretches if each.stream == stream)
    found = [(file, _Counted(generation, counts[name])) for name, (file, generation) in files.items()]
    return found, bool(snapshot.parts)
