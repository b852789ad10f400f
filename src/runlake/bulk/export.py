"""A project into a folder or a bucket: a file for each stream of each run, what is known of the runs, and a manifest.

A run has files of its own, however small it is: then what is new in a run changes its files and no others, and an
export that is brought up to date is byte for byte a new one.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing

import msgspec
from msgspec.structs import replace

from runlake.bulk.manifest import ArtifactEntry, Entry, FileEntry, Manifest, RunEntry, made_by
from runlake.bulk.options import ExportOptions, options_text
from runlake.bulk.places import Place, find_manifest, open_target, read_manifest
from runlake.bulk.plan import ExportPlan, PlannedArtifact, PlannedRun, decode_plan, make_plan
from runlake.bulk.tables import write_project_tables
from runlake.bulk.target import Target
from runlake.bulk.windows import WHOLE_CELLS
from runlake.bulk.work import Written, write_all
from runlake.errors import ConflictError, UnreadableRunWarning, warn
from runlake.service.contract import Service

Report = Callable[[int, int | None], None]
"""Told (rows done, rows in all)."""


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """What an export did: `written_count` runs were written, `kept_count` were there already, as they are.

    `continued_from` is when the export was begun that was gone on with, in seconds since 1970; None for a new one.
    `problems` say what is not in the folder and why.
    """

    manifest: Manifest
    written_count: int
    kept_count: int
    problems: tuple[str, ...]
    continued_from: float | None = None


def export_folder(
    service: Service,
    entity: str,
    project: str,
    place: Place,
    options: ExportOptions,
    *,
    since: Place | None = None,
    worker_count: int | None = None,
    whole_cells: int = WHOLE_CELLS,
    report: Report = lambda done, total: None,
) -> Exported:
    """Export a project, go on with an export that was killed, or bring one up to date.

    With `since`, the manifest of an export elsewhere, only runs that are new or changed since are written. Runs that
    cannot be read are left out, and the manifest says so. `worker_count` is by default that of the cores, at most 4;
    a stream of more than `whole_cells` values is read some rows at a time.
    `ConflictError` where the folder holds something else, an export of another project or with other options, or one
    that is being written; `BadValueError` for more keys than a wide table holds.
    """
    target = open_target(place)
    target.check_may_begin()
    with target.claimed():
        plan, is_begun = _plan(service, target, entity, project, options, since)
        done = _Done(target.noted())
        missing = [one for one in _with_files(plan) if one.kept is None and one not in done]
        coming = write_all(service, target, plan, missing, worker_count, whole_cells)
        _take(coming, target, plan, missing, done, report)
        manifest = _manifest(plan, done, write_project_tables(target, plan))
        for path in sorted(set(plan.leftover) - manifest.files_here().keys()):
            target.remove(path)
        target.finish(manifest.encoded())
    return Exported(
        manifest=manifest,
        written_count=sum(isinstance(one, PlannedRun) for one in missing),
        kept_count=sum(run.kept is not None for run in plan.runs),
        problems=tuple(f"{_name_of(entry)}: {problem}" for entry in manifest.entries() for problem in entry.problems),
        continued_from=plan.made.at if is_begun else None,
    )


class _Done:
    """What is there of a plan, by run and by version."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._runs: dict[str, RunEntry] = {}
        self._artifacts: dict[str, ArtifactEntry] = {}
        for entry in entries:
            self.add(entry)

    def add(self, entry: Entry) -> None:
        if isinstance(entry, RunEntry):
            self._runs[entry.run_id] = entry
        else:
            self._artifacts[entry.title] = entry

    def __contains__(self, planned: PlannedRun | PlannedArtifact) -> bool:
        if isinstance(planned, PlannedRun):
            return planned.run_id in self._runs
        return planned.title in self._artifacts

    def runs_of(self, plan: ExportPlan) -> tuple[RunEntry, ...]:
        return tuple(run.kept or self._runs[run.run_id] for run in plan.runs)

    def artifacts_of(self, plan: ExportPlan) -> tuple[ArtifactEntry, ...]:
        return tuple(one.kept or self._artifacts[one.title] for one in plan.artifacts if one.has_files)


def _with_files(plan: ExportPlan) -> list[PlannedRun | PlannedArtifact]:
    return [*plan.runs, *(one for one in plan.artifacts if one.has_files)]


def _name_of(entry: Entry, where: str = "") -> str:
    return f"run {where}{entry.run_id}" if isinstance(entry, RunEntry) else f"artifact {where}{entry.title}"


def _plan(
    service: Service, target: Target, entity: str, project: str, options: ExportOptions, since: Place | None
) -> tuple[ExportPlan, bool]:
    """What is to be done, and whether it was begun before."""
    content = target.read_plan()
    if content is not None:
        plan = decode_plan(content)
        if (plan.entity, plan.project, plan.options, plan.made_by) == (entity, project, options, made_by()):
            return plan, True
        raise ConflictError(
            f"{target.place} holds an export of {plan.entity}/{plan.project} that was not ended, by {plan.made_by} "
            f"({options_text(plan.options)}); go on with it, or remove the folder"
        )
    before = find_manifest(target)
    base = None if since is None else read_manifest(since)
    if base is not None and before is not None and base.digest != before.digest:
        raise ConflictError(f"{target.place} holds an export; name a new folder for what came after {since}")
    is_in_place = before is not None or base is None
    plan = make_plan(service, entity, project, options, before or base, is_in_place=is_in_place)
    if is_in_place:
        plan = _without_lost(target, plan)
    target.begin(plan.encoded())
    return plan, False


def _without_lost(target: Target, plan: ExportPlan) -> ExportPlan:
    """The plan, in which runs and versions are written anew when a file of theirs has gone."""
    lost: list[str] = []

    def is_lost(kept: Entry | None) -> bool:
        if kept is None or all(map(target.has_size, kept.files)):
            return False
        lost.extend(file.path for file in kept.files)
        return True

    runs = tuple(replace(run, kept=None) if is_lost(run.kept) else run for run in plan.runs)
    artifacts = tuple(replace(one, kept=None) if is_lost(one.kept) else one for one in plan.artifacts)
    leftover = tuple(sorted({*plan.leftover, *lost}))
    return replace(plan, runs=runs, artifacts=artifacts, leftover=leftover)


def _take(
    coming: Generator[Written, None, None],
    target: Target,
    plan: ExportPlan,
    missing: Sequence[PlannedRun | PlannedArtifact],
    done: _Done,
    report: Report,
) -> None:
    """Note what is written, as it comes."""
    total = sum(sum(run.row_counts.values()) for run in plan.runs)
    row_count = total - sum(sum(run.row_counts.values()) for run in missing if isinstance(run, PlannedRun))
    report(row_count, total)
    with closing(coming) as written:
        for entry, more_count in written:
            for problem in entry.problems:
                name = _name_of(entry, f"{plan.entity}/{plan.project}/")
                warn(f"{name} is not whole in the export: {problem}", UnreadableRunWarning)
            target.note(entry)
            done.add(entry)
            row_count += more_count
            report(row_count, total)


def _manifest(plan: ExportPlan, done: _Done, tables: tuple[FileEntry, ...]) -> Manifest:
    runs, artifacts = done.runs_of(plan), done.artifacts_of(plan)
    entries: list[Entry] = [*runs, *artifacts]
    files = [file for entry in entries for file in entry.files]
    totals = {"runs": len(runs)}
    totals |= {s: sum(file.row_count or 0 for file in files if file.kind == s) for s in plan.options.streams}
    totals |= {"files": sum(file.kind == "file" for file in files)}
    totals |= {"artifact_files": sum(file.kind == "artifact_file" for file in files)} if artifacts else {}
    manifest = Manifest(
        made_by=plan.made_by,
        entity=plan.entity,
        project=plan.project,
        options=plan.options,
        totals=totals,
        tables=tables,
        runs=runs,
        artifacts=artifacts,
        deleted=plan.deleted,
        deleted_artifacts=plan.deleted_artifacts,
        base=plan.base,
        made=plan.made,
    )
    return replace(manifest, digest=manifest.proper_digest())
