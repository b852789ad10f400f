"""The verb of engines over a store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

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
        shared: dict[str, tuple[str, int]] = {}
        sizes: dict[str, int] = {}
        runs: defaultdict[str, dict[str, str]] = defaultdict(dict)
        row_counts: defaultdict[str, int] = defaultdict(int)
        unlisted_run_ids = []

        def place_of(file: SegmentFile) -> tuple[str, int]:
            """Its address and its size, asked for once where runs share the file."""
            if file.reference not in shared:
                found = file.segments.url_of(file.reference, signed_for_s), file.segments.size_bytes(file.reference)
                if file.reference == file.name:
                    return found
                shared[file.reference] = found
            return shared[file.reference]

        def look(snapshot: Snapshot) -> tuple[list[tuple[tuple[str, int], str, int]], bool]:
            found, is_unlisted = _files_of(snapshot, stream)
            return [(place_of(file), generation, row_count) for file, generation, row_count in found], is_unlisted

        for (run_id,) in index.fields(("run_id",), range(len(index))):
            try:
                found, is_unlisted = read_consistently(self._store, RunPath(entity, project, run_id), look)
            except NotFoundError:
                continue  # deleted since it was listed
            if is_unlisted:
                unlisted_run_ids.append(run_id)
            for (url, size_bytes), generation, row_count in found:
                sizes[url] = size_bytes
                runs[url][run_id] = generation
                row_counts[url] += row_count
        packed = self._store.packed(entity, project)
        packed_in = {url: reference.rpartition("/")[2].partition("-")[0] for reference, (url, _) in shared.items()}
        segments = (
            SegmentInfo(
                url=url,
                size_bytes=size_bytes,
                row_count=row_counts[url],
                runs=runs[url],
                has_others=url in packed_in and _has_others(packed, packed_in[url], stream, runs[url].values()),
            )
            for url, size_bytes in sizes.items()
        )
        return SegmentList(version=index.version, segments=tuple(segments), unlisted_run_ids=tuple(unlisted_run_ids))


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
