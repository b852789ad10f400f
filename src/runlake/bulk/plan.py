"""The plan of an export: one state of a project, and which of its runs are to be written.

It is kept before the first file is written, so that an export that was killed goes on with the same state, whatever
the project did since. Of a run that is being written the plan fixes how many rows of each writer belong to it: only
complete ones, to which nothing comes any more.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

import msgspec

from runlake.artifact_model import ArtifactInfo
from runlake.bulk.manifest import ArtifactEntry, Made, Manifest, RunEntry, fingerprint_of, made_by
from runlake.bulk.options import ExportOptions, options_text
from runlake.bulk.side_by_side import SideBySide
from runlake.errors import BadValueError, ConflictError, NotFoundError, StoreError
from runlake.model import ENDED_STATES, FileInfo, RunInfo, RunPath, Stream
from runlake.query.rows.table import MAX_COLUMNS
from runlake.service.contract import Service
from runlake.service.wire.documents import pack, read_json, unpack
from runlake.values import flatten

_RUNS_A_PAGE = 500
_COUNTS: dict[Stream, str] = {"history": "row_count", "events": "event_count", "console": "console_line_count"}


class PlannedRun(msgspec.Struct, frozen=True, kw_only=True):
    """One run as it is to be exported. With `kept`, from an export before, it is there already."""

    info: RunInfo
    row_counts: dict[str, int]
    next_n: dict[str, dict[str, int]] = {}
    files: tuple[FileInfo, ...] = ()
    kept: RunEntry | None = None

    @property
    def run_id(self) -> str:
        return self.info.run_id


class PlannedArtifact(msgspec.Struct, frozen=True, kw_only=True):
    """One version of an artifact. With `has_files` its files are exported; with `kept` they are there already."""

    info: ArtifactInfo
    has_files: bool = False
    kept: ArtifactEntry | None = None

    @property
    def title(self) -> str:
        """As people write it: ``name:v3``."""
        return f"{self.info.name}:{self.info.version}"


class ExportPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What one export writes. `leftover` are files of an export before that are not of this one."""

    entity: str
    project: str
    options: ExportOptions
    made_by: str
    made: Made
    runs: tuple[PlannedRun, ...]
    artifacts: tuple[PlannedArtifact, ...] = ()
    deleted: tuple[str, ...] = ()
    deleted_artifacts: tuple[str, ...] = ()
    leftover: tuple[str, ...] = ()
    base: str | None = None

    def encoded(self) -> bytes:
        """The plan as `decode_plan` reads it."""
        return pack(self)


def decode_plan(content: bytes) -> ExportPlan:
    """The inverse of `ExportPlan.encoded`."""
    return unpack(content, ExportPlan)


def make_plan(
    service: Service, entity: str, project: str, options: ExportOptions, before: Manifest | None, *, is_in_place: bool
) -> ExportPlan:
    """The state of a project as it is at this moment, against an export before if there was one.

    In place the files of that export lie where those of this one will; otherwise it is the base of this one.
    """
    _check_before(entity, project, options, before)
    at = time.time()
    infos, version = _all_runs(service, entity, project, options)
    _check_keys(service, infos, options)
    known = {} if before is None else {run.run_id: run for run in before.runs}
    with SideBySide() as asking:

        def plan(info: RunInfo) -> PlannedRun | None:
            return _planned(service, info, options, known, is_in_place=is_in_place)

        # Without files nothing is asked about a run that has ended, and threads would cost more than they bring.
        found = asking.each(plan, infos) if options.has_files else map(plan, infos)
        runs = tuple(planned for planned in found if planned is not None)
    artifacts = _all_artifacts(service, entity, project, options, before, is_in_place=is_in_place)
    ids = {run.run_id for run in runs}
    titles = {one.title for one in artifacts if one.has_files}
    kept = [*(run.kept for run in runs), *(one.kept for one in artifacts)]
    used = {file.path for entry in kept if entry is not None for file in entry.files}
    return ExportPlan(
        entity=entity,
        project=project,
        options=options,
        made_by=made_by(),
        made=Made(at=at, url=service.url, listing_version=version),
        runs=runs,
        artifacts=artifacts,
        deleted=tuple(run_id for run_id in known if run_id not in ids),
        deleted_artifacts=tuple(one.title for one in (before.artifacts if before else ()) if one.title not in titles),
        leftover=tuple(sorted(before.files_here().keys() - used)) if before is not None and is_in_place else (),
        base=before.digest if before is not None and not is_in_place else None,
    )


def _check_before(entity: str, project: str, options: ExportOptions, before: Manifest | None) -> None:
    if before is None:
        return
    if (before.entity, before.project) != (entity, project):
        raise ConflictError(
            f"that is an export of {before.entity}/{before.project}, and not of {entity}/{project}; name another folder"
        )
    if before.options != options:
        raise ConflictError(
            f"the export before was made with other options ({options_text(before.options)}); "
            "use the same ones, or another folder"
        )


def _all_runs(service: Service, entity: str, project: str, options: ExportOptions) -> tuple[list[RunInfo], str]:
    infos: list[RunInfo] = []
    filters = None if options.filters is None else read_json(options.filters.encode())
    page = service.list_runs(entity, project, filters=filters, limit=_RUNS_A_PAGE)
    version = page.version
    while page.runs:
        infos += page.runs
        page = service.list_runs(
            entity, project, filters=filters, offset=len(infos), limit=_RUNS_A_PAGE, version=version
        )
    return infos, version


def _check_keys(service: Service, infos: list[RunInfo], options: ExportOptions) -> None:
    """Refuse, before anything is written, runs that have more keys than a wide table holds."""
    if options.shape == "long" or options.format == "jsonl" or options.keys is not None:
        return
    for info in infos:
        if "history" in options.streams and len(flatten(info.summary, stringify_keys=True)) > MAX_COLUMNS:
            try:
                outline = service.outline_history(info.path)
            except (NotFoundError, StoreError):
                continue  # whoever reads the rows says so
            check_key_count(info.path, len({series.key for series in outline.series}))


def check_key_count(path: RunPath, key_count: int) -> None:
    """Refuse more keys than a wide table holds, and say what to do instead."""
    if key_count > MAX_COLUMNS:
        raise BadValueError(
            f"run {path} has {key_count:,} keys, and a wide table at most {MAX_COLUMNS:,}; export the long form, a row "
            "a value (shape='long', --shape long), or name the keys that you need (keys=[...], --keys), or use the "
            "format jsonl, which has no columns"
        )


def _planned(
    service: Service, info: RunInfo, options: ExportOptions, known: Mapping[str, RunEntry], *, is_in_place: bool
) -> PlannedRun | None:
    row_counts: dict[str, int] = {stream: getattr(info, _COUNTS[stream]) for stream in options.streams}
    next_n: dict[str, dict[str, int]] = {}
    files: tuple[FileInfo, ...] = ()
    try:
        if info.state not in ENDED_STATES:
            for stream in options.streams:
                cursor = service.read_tail(info.path, None, stream=stream, keys=(), last=0).cursor
                if cursor.generation == info.generation:
                    next_n[stream] = cursor.next_n
                    row_counts[stream] = sum(cursor.next_n.values())
        if options.has_files:
            files = tuple(msgspec.structs.replace(file, url="") for file in service.list_files(info.path))
    except NotFoundError:
        return None  # deleted since the listing
    except StoreError:
        pass  # whoever reads the rows says so
    entry = known.get(info.run_id)
    planned = PlannedRun(info=info, row_counts=row_counts, next_n=next_n, files=files)
    if entry is None or entry.problems or (entry.is_in_base and is_in_place) or not _is_same(entry, planned):
        return planned
    return msgspec.structs.replace(
        planned, kept=msgspec.structs.replace(entry, is_in_base=not is_in_place, next_n=next_n)
    )


def _is_same(entry: RunEntry, planned: PlannedRun) -> bool:
    """Whether nothing of a run is another than it was in an export before."""
    info = planned.info
    md5s = {file.name: file.md5 for file in entry.files if file.kind == "file"}
    return (entry.incarnation, entry.generation, entry.fingerprint, entry.row_counts) == (
        info.incarnation,
        info.generation,
        fingerprint_of(info),
        planned.row_counts,
    ) and md5s == {file.name: file.md5 for file in planned.files}


def _all_artifacts(
    service: Service, entity: str, project: str, options: ExportOptions, before: Manifest | None, *, is_in_place: bool
) -> tuple[PlannedArtifact, ...]:
    """The versions that are there. What is linked from this project has its files where it is at home."""
    found = [
        info
        for collection in service.list_collections(entity, project)
        for info in service.list_artifacts(collection.path)
    ]
    known = {} if before is None else {entry.title: entry for entry in before.artifacts}
    planned = []
    for info in sorted(found, key=lambda info: (info.name, info.version_number or 0)):
        is_at_home = info.source is None or info.source[:2] != (entity, project)
        one = PlannedArtifact(info=info, has_files=options.artifacts == "files" and is_at_home)
        entry = known.get(one.title) if one.has_files else None
        is_same = entry is not None and (entry.artifact_id, entry.digest) == (info.artifact_id, info.digest)
        if entry is not None and is_same and not entry.problems and not (entry.is_in_base and is_in_place):
            one = msgspec.structs.replace(one, kept=msgspec.structs.replace(entry, is_in_base=not is_in_place))
        planned.append(one)
    return tuple(planned)
