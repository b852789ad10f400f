"""The verb of engines over a store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

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
        files: dict[str, _File] = {}
        unlisted_run_ids = []

        def known(file: SegmentFile, run_id: str) -> _File:
            """What is asked once of a file that runs share."""
            is_shared = file.reference != file.name
            name = file.reference if is_shared else f"{run_id}/{file.name}"
            if name not in files:
                place = file.segments.url_of(file.reference, signed_for_s), file.segments.size_bytes(file.reference)
                files[name] = _File(*place, file.name.partition("-")[0] if is_shared else None)
            return files[name]

        def look(snapshot: Snapshot) -> tuple[list[tuple[_File, str, int]], bool]:
            found, is_unlisted = _files_of(snapshot, stream)
            return [(known(f, snapshot.path.run_id), generation, n) for f, generation, n in found], is_unlisted

        for (run_id,) in index.fields(("run_id",), range(len(index))):
            try:
                found, is_unlisted = read_consistently(self._store, RunPath(entity, project, run_id), look)
            except NotFoundError:
                continue  # deleted since it was listed
            if is_unlisted:
                unlisted_run_ids.append(run_id)
            for file, generation, row_count in found:
                file.runs[run_id] = generation
                file.row_count += row_count
        packed = self._store.packed(entity, project)
        segments = (
            SegmentInfo(
                url=file.url,
                size_bytes=file.size_bytes,
                row_count=file.row_count,
                runs=file.runs,
                has_others=file.packed_in is not None
                and _has_others(packed, file.packed_in, stream, file.runs.values()),
            )
            for file in files.values()
            if file.runs  # the others were replaced while they were looked at
        )
        return SegmentList(version=index.version, segments=tuple(segments), unlisted_run_ids=tuple(unlisted_run_ids))


@dataclass(slots=True)
class _File:
    """A file, and which runs have rows in it: the generation of each by its id."""

    url: str
    size_bytes: int
    packed_in: str | None
    runs: dict[str, str] = field(default_factory=dict)
    row_count: int = 0


def _has_others(packed: Segments, name: str, stream: Stream, counting: Iterable[str]) -> bool:
    """Whether a packed file has rows of other generations than those that count, as far as can be told."""
    try:
        return not {run.generation for run in read_list(packed, name).runs if stream in run.row_counts} <= {*counting}
    except (FileNotFoundError, RunlakeError):
        return True


def _files_of(snapshot: Snapshot, stream: Stream) -> tuple[list[tuple[SegmentFile, str, int]], bool]:
    """The files of the newest generation with their rows, and whether the run has others."""
    counts: defaultdict[str, int] = defaultdict(int)
    view = view_of(snapshot)
    if view.taken or snapshot.has_repeats:
        return [], True
    files = {}
    for meta in sealed(snapshot, stream, view):
        file = snapshot.values_of(meta, stream)
        files[file.reference] = (file, meta.generation)
        counts[file.reference] += sum(each.row_count for each in meta.stretches if each.stream == stream)
    return [(file, generation, counts[name]) for name, (file, generation) in files.items()], bool(snapshot.parts)
