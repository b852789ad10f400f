"""A project into a folder: a file for each stream of each run, what is known of the runs, and a manifest.

A run has files of its own, however small it is: then what is new in a run changes its files and no others, and an
export that is brought up to date is byte for byte a new one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from runlake.bulk.folder import ExportFolder
from runlake.bulk.manifest import FileEntry, Manifest, RunEntry, find_manifest, made_by, read_manifest
from runlake.bulk.options import ExportOptions, options_text
from runlake.bulk.plan import ExportPlan, PlannedRun, decode_plan, make_plan
from runlake.bulk.tables import write_project_tables
from runlake.bulk.work import write_runs
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
    folder: Path,
    options: ExportOptions,
    *,
    since: Path | None = None,
    worker_count: int | None = None,
    report: Report = lambda done, total: None,
) -> Exported:
    """Export a project, go on with an export that was killed, or bring one up to date.

    With `since`, the manifest of an export elsewhere, only runs that are new or changed since are written. Runs that
    cannot be read are left out, and the manifest says so. `worker_count` is by default that of the cores, at most 4.
    `ConflictError` where the folder holds something else, an export of another project or with other options, or one
    that is being written; `BadValueError` for more keys than a wide table holds.
    """
    target = ExportFolder(folder)
    target.check_may_begin()
    with target.claimed():
        plan, is_begun = _plan(service, target, entity, project, options, since)
        noted = target.noted()
        missing = [run for run in plan.runs if run.kept is None and run.run_id not in noted]
        noted |= _write_missing(service, target, plan, missing, worker_count, report)
        entries = [run.kept or noted[run.run_id] for run in plan.runs]
        manifest = _manifest(plan, entries, write_project_tables(target, plan))
        for path in sorted(set(plan.leftover) - manifest.files_here().keys()):
            target.remove(path)
        target.finish(manifest.encoded())
    return Exported(
        manifest=manifest,
        written_count=len(missing),
        kept_count=sum(run.kept is not None for run in plan.runs),
        problems=tuple(f"run {run.run_id}: {problem}" for run in entries for problem in run.problems),
        continued_from=plan.made.at if is_begun else None,
    )


def _plan(
    service: Service, target: ExportFolder, entity: str, project: str, options: ExportOptions, since: Path | None
) -> tuple[ExportPlan, bool]:
    """What is to be done, and whether it was begun before."""
    content = target.read_plan()
    if content is not None:
        plan = decode_plan(content)
        if (plan.entity, plan.project, plan.options, plan.made_by) == (entity, project, options, made_by()):
            return plan, True
        raise ConflictError(
            f"{target.folder} holds an export of {plan.entity}/{plan.project} that was not ended, by {plan.made_by} "
            f"({options_text(plan.options)}); go on with it, or remove the folder"
        )
    before = find_manifest(target.folder)
    base = None if since is None else read_manifest(since)
    if base is not None and before is not None and base.digest != before.digest:
        raise ConflictError(f"{target.folder} holds an export; name a new folder for what came after {since}")
    is_in_place = before is not None or base is None
    plan = make_plan(service, entity, project, options, before or base, is_in_place=is_in_place)
    if is_in_place:
        plan = _without_lost(target, plan)
    target.begin(plan.encoded())
    return plan, False


def _without_lost(target: ExportFolder, plan: ExportPlan) -> ExportPlan:
    """The plan, in which runs are written anew when a file of theirs has gone from the folder."""
    lost = {
        run.run_id: [entry.path for entry in run.kept.files]
        for run in plan.runs
        if run.kept is not None and not all(map(target.has_size, run.kept.files))
    }
    runs = tuple(msgspec.structs.replace(run, kept=None) if run.run_id in lost else run for run in plan.runs)
    leftover = sorted({*plan.leftover, *(path for paths in lost.values() for path in paths)})
    return msgspec.structs.replace(plan, runs=runs, leftover=tuple(leftover))


def _write_missing(
    service: Service,
    target: ExportFolder,
    plan: ExportPlan,
    missing: Sequence[PlannedRun],
    worker_count: int | None,
    report: Report,
) -> dict[str, RunEntry]:
    """Write the runs that are not there yet; the entry of each, by id."""
    total, todo = (sum(sum(run.row_counts.values()) for run in runs) for runs in (plan.runs, missing))
    done = total - todo
    report(done, total)
    entries = {}
    with closing(write_runs(service, target, plan, missing, worker_count)) as written:
        for entry, row_count in written:
            for problem in entry.problems:
                path = f"{plan.entity}/{plan.project}/{entry.run_id}"
                warn(f"run {path} is not whole in the export: {problem}", UnreadableRunWarning)
            target.note(entry)
            entries[entry.run_id] = entry
            done += row_count
            report(done, total)
    return entries


def _manifest(plan: ExportPlan, runs: Sequence[RunEntry], tables: tuple[FileEntry, ...]) -> Manifest:
    files = [entry for run in runs for entry in run.files]
    totals = {"runs": len(runs)}
    totals |= {s: sum(entry.row_count or 0 for entry in files if entry.kind == s) for s in plan.options.streams}
    totals |= {"files": sum(entry.kind == "file" for entry in files)}
    manifest = Manifest(
        made_by=plan.made_by,
        entity=plan.entity,
        project=plan.project,
        options=plan.options,
        totals=totals,
        tables=tables,
        runs=tuple(runs),
        deleted=plan.deleted,
        base=plan.base,
        made=plan.made,
    )
    return msgspec.structs.replace(manifest, digest=manifest.proper_digest())
