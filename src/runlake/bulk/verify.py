"""Proves that an exported folder is what its manifest says, and that the manifest says what the source holds."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import msgspec
import pyarrow as pa

from runlake.bulk.export import Report
from runlake.bulk.manifest import Entry, FileEntry, Manifest, RunEntry, made_by
from runlake.bulk.options import ExportOptions
from runlake.bulk.places import Place, find_manifest, open_target
from runlake.bulk.plan import PlannedRun, make_plan
from runlake.bulk.rows import write_planned
from runlake.bulk.target import Target, copy_stream
from runlake.bulk.unreadable import UnreadableError
from runlake.bulk.windows import WHOLE_CELLS, NotInWindowsError
from runlake.errors import NotFoundError, StoreError
from runlake.model import RunPath, Stream
from runlake.query.rows.export import CountedFile
from runlake.service.contract import Service

Kind = Literal["unfinished", "missing", "altered", "unknown", "left out", "new", "changed", "deleted", "differs"]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is not as it should be: `place` is a file of the folder, or a run.

    ``unfinished``, ``missing``, ``altered``, ``unknown`` and ``left out`` are about the folder; ``new``, ``changed``
    and ``deleted`` say that the source went on; ``differs``: it holds other values than the file.
    """

    kind: Kind
    place: str
    text: str


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked at: files that lie here, runs, and how many runs lie in the export before this one.

    `is_against_source`, `is_deep`: what was compared besides the manifest.
    """

    digest: str
    file_count: int
    size_bytes: int
    run_count: int
    in_base_count: int
    is_against_source: bool
    is_deep: bool
    differences: tuple[Difference, ...]

    @property
    def is_whole(self) -> bool:
        """Whether everything is as it should be."""
        return not self.differences


def verify_folder(
    place: Place,
    service: Service | None = None,
    *,
    is_deep: bool = False,
    report: Report = lambda done, total: None,
) -> Proof:
    """Read every byte of an export; with a `service` compare it with the project that it was exported from.

    Against the source the state and the row counts of each run are compared, and with `is_deep` every value. `report`
    is told the bytes of files. `NotFoundError` without a manifest, `CorruptError` for one that was altered.
    """
    target = open_target(place)
    manifest = find_manifest(target)
    if manifest is None:
        raise NotFoundError(f"there is no manifest in {target.place}; what was exported to the end has one")
    found = list(_of_folder(target, manifest, report))
    if service is not None:
        found += _of_source(service, manifest)
        found += _of_values(service, target, manifest) if is_deep else []
    files = manifest.files_here().values()
    return Proof(
        digest=manifest.digest,
        file_count=len(files),
        size_bytes=sum(entry.size_bytes for entry in files),
        run_count=len(manifest.runs),
        in_base_count=sum(run.is_in_base for run in manifest.runs),
        is_against_source=service is not None,
        is_deep=is_deep,
        differences=tuple(found),
    )


def _of_folder(target: Target, manifest: Manifest, report: Report) -> Iterator[Difference]:
    if target.is_unfinished():
        text = "an export into this folder was not ended; start it again, and it goes on"
        yield Difference(kind="unfinished", place=target.place, text=text)
    entries = manifest.files_here()
    present = target.list_files()
    done_bytes, total_bytes = 0, sum(entry.size_bytes for entry in entries.values())
    report(0, total_bytes)
    there = set(present)
    for path, file in entries.items():
        if path not in there:
            yield Difference(kind="missing", place=path, text="the manifest names it, and it is not there")
        elif not target.has(file):
            yield Difference(kind="altered", place=path, text="its bytes are not those that were written")
        done_bytes += file.size_bytes
        report(done_bytes, total_bytes)
    in_base = {file.path: file for entry in manifest.entries() if entry.is_in_base for file in entry.files}
    for path in present:
        if path in entries:
            continue
        if path not in in_base:
            yield Difference(kind="unknown", place=path, text="the manifest does not know it")
        elif not target.has(in_base[path]):
            yield Difference(kind="altered", place=path, text="its bytes are not those of the export before")
    for entry in manifest.entries():
        for problem in entry.problems:
            yield Difference(kind="left out", place=_place_of(entry), text=problem)


def _of_source(service: Service, manifest: Manifest) -> Iterator[Difference]:
    """Which runs are new, gone, or another than they were."""
    plan = make_plan(service, manifest.entity, manifest.project, manifest.options, manifest, is_in_place=False)
    known = {run.run_id: run for run in manifest.runs}
    for run in plan.runs:
        entry = known.get(run.run_id)
        if entry is None:
            yield Difference(kind="new", place=run.run_id, text="the source has it, and the export does not")
        elif run.kept is None and not entry.problems:
            yield Difference(kind="changed", place=run.run_id, text=_change(entry, run))
    versions = {entry.title: entry for entry in manifest.artifacts}
    for one in plan.artifacts:
        if one.has_files and one.title not in versions:
            yield Difference(kind="new", place=one.title, text="the source has it, and the export does not")
        elif one.has_files and one.kept is None and not versions[one.title].problems:
            yield Difference(kind="changed", place=one.title, text="it is another version that has its number")
    for name in (*plan.deleted, *plan.deleted_artifacts):
        yield Difference(kind="deleted", place=name, text="the export has it, and the source does not any more")


def _place_of(entry: Entry) -> str:
    return entry.run_id if isinstance(entry, RunEntry) else entry.title


def _change(entry: RunEntry, run: PlannedRun) -> str:
    if entry.incarnation != run.info.incarnation:
        return "it is another run that has its id"
    if entry.generation != run.info.generation:
        return "it has begun anew, or was rewound"
    grown = [
        f"{count:,} rows of {stream} where there were {entry.row_counts.get(stream, 0):,}"
        for stream, count in run.row_counts.items()
        if count != entry.row_counts.get(stream, 0)
    ]
    return ", ".join(grown) or "its fields, config, summary or files are others"


def _of_values(service: Service, target: Target, manifest: Manifest) -> Iterator[Difference]:
    """Files whose values are not those of the source, each run read as it was at the snapshot."""
    for entry in manifest.runs:
        if entry.is_in_base or entry.problems:
            continue
        try:
            info = service.read_run(RunPath(manifest.entity, manifest.project, entry.run_id))
            if info.incarnation != entry.incarnation:
                continue
            then = msgspec.structs.replace(info, generation=entry.generation)
            run = PlannedRun(info=then, row_counts=entry.row_counts, next_n=entry.next_n)
            for text in _unlike(service, target, manifest, run, entry):
                yield Difference(kind="differs", place=entry.run_id, text=text)
        except NotFoundError:
            continue  # it was deleted, which was said already
        except (UnreadableError, StoreError) as error:
            yield Difference(kind="differs", place=entry.run_id, text=f"the source cannot be read: {error}")


def _unlike(service: Service, target: Target, manifest: Manifest, run: PlannedRun, entry: RunEntry) -> Iterator[str]:
    files = {file.kind: file for file in entry.files if file.kind != "file"}
    for stream in manifest.options.streams:
        file = files.get(stream)
        found = _found(service, run, stream, manifest.options, is_kept=entry.made_by != made_by())
        written_count = (file.row_count or 0) if file is not None else 0
        if found.row_count != written_count:
            yield f"{stream}: the source has {found.row_count:,} rows of it, and the file {written_count:,}"
        elif file is not None and not _is_like(target, file, manifest.options.format, found):
            yield f"{file.path}: the source has other values"
    for file in entry.files:
        if file.kind == "file" and file.name is not None:
            digest = hashlib.sha256()
            with service.open_file(run.info.path, file.name) as source:
                copy_stream(source, CountedFile(_Nowhere()), digest)  # type: ignore[arg-type]
            if digest.hexdigest() != file.sha256:
                yield f"{file.path}: the source has other bytes"


class _Found(NamedTuple):
    """What the source would be written as; the content where that may be other bytes for the same values."""

    row_count: int
    sha256: str
    content: bytes | None


def _found(service: Service, run: PlannedRun, stream: Stream, options: ExportOptions, *, is_kept: bool) -> _Found:
    if not run.row_counts.get(stream):
        return _Found(0, "", None)
    for whole_cells in (WHOLE_CELLS, None):
        content = io.BytesIO()
        sink = CountedFile(content if is_kept else _Nowhere(), hashlib.sha256())  # type: ignore[arg-type]
        try:
            rows = write_planned(sink, service, run, stream, options, whole_cells=whole_cells)
        except NotInWindowsError:
            continue
        return _Found(rows.row_count, sink.sha256(), content.getvalue() if is_kept else None)
    raise AssertionError


def _is_like(target: Target, file: FileEntry, format: str, found: _Found) -> bool:
    """Whether the source gives the same bytes, or, where other versions wrote them, the same values."""
    if found.sha256 == file.sha256:
        return True
    if found.content is None or format not in ("parquet", "arrow"):
        return False
    written = target.read(file.path)
    if hashlib.sha256(written).hexdigest() != file.sha256:
        return False  # which was said already
    return _table_bytes(written, format) == _table_bytes(found.content, format)


def _table_bytes(content: bytes, format: str) -> bytes:
    """The values of a file in a form that compares bit for bit, NaN included."""
    import pyarrow.parquet as pq

    source = pa.BufferReader(content)
    table = pq.read_table(source) if format == "parquet" else pa.ipc.open_file(source).read_all()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return bytes(sink.getvalue())


class _Nowhere:
    """Takes bytes and keeps none."""

    def write(self, data: Any) -> int:
        return len(data)

    def flush(self) -> None:
        """There is nothing to wait for."""
