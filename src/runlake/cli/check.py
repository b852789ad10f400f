"""``runlake check``: every byte is read, and what is damaged is named; or a bucket is proved."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from typing import TYPE_CHECKING, Annotated

import typer

from runlake.cli import output
from runlake.cli.documents import finding_document
from runlake.cli.failures import ExitCode
from runlake.cli.format import format_count
from runlake.cli.opening import Target, find_target, open_store
from runlake.cli.output import Report
from runlake.errors import BadValueError
from runlake.model import Finding, RunPath

if TYPE_CHECKING:
    from runlake.service.contract import Service


def check(
    context: typer.Context,
    target: Annotated[
        str | None, typer.Argument(help="A project or a run; everything without it.", metavar="PROJECT|RUN")
    ] = None,
    bucket: Annotated[
        str | None,
        typer.Option("--bucket", metavar="s3://BUCKET/FOLDER", help="Prove that a bucket may hold a store, instead."),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option("--database", metavar="URL", help="With --bucket: check the store in both, and that they agree."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Read every byte of the store and name what is damaged. Ends with 1 when something is."""
    if database is not None and bucket is None:
        raise BadValueError("--database goes with --bucket: a store in a database has its sealed rows in a bucket")
    if bucket is not None and database is None:
        if target is not None:
            raise BadValueError("--bucket asks a bucket, and no project or run of a store; leave one of them out")
        _check_bucket(bucket, as_json)
        return
    with _open(context, database, bucket) as service:
        chosen = find_target(service, target)
        findings: list[tuple[RunPath, Finding]] = []
        checked_count = 0
        with output.progress(f"check {chosen}") as report:
            for path, found in _check(service, chosen, report):
                checked_count += bool(path.run_id)
                report(checked_count, None)
                findings.extend((path, finding) for finding in found)
    if as_json:
        output.print_json({"run_count": checked_count, "findings": [finding_document(path, f) for path, f in findings]})
    elif findings:
        rows = [(str(path) if path.run_id else "-", f.kind, f.place, f.lost, f.advice) for path, f in findings]
        output.print_table(("RUN", "KIND", "PLACE", "LOST", "ADVICE"), rows)
    word = format_count(len(findings), "finding") if findings else "all is well"
    output.note(f"read {format_count(checked_count, 'run')}: {word}")
    if findings:
        raise typer.Exit(ExitCode.NO)


def _open(context: typer.Context, database: str | None, bucket: str | None) -> AbstractContextManager[Service]:
    if database is None or bucket is None:
        return open_store(context)
    from runlake.service.open import open_cluster_to_check

    return closing(open_cluster_to_check(database, bucket, os.environ))


def _check_bucket(url: str, as_json: bool) -> None:
    from runlake.service.bucket import bucket_checks

    with output.progress(f"check {url}") as report:
        found = []
        for check in bucket_checks(url):
            found.append(check)
            report(len(found), None)
    fault_count = sum(bool(fault) for _, fault, is_needed in found if is_needed)
    if as_json:
        documents = [
            {"promise": promise, "fault": fault or None, "is_needed": needed} for promise, fault, needed in found
        ]
        output.print_json({"bucket": url, "checks": documents})
    else:
        output.print_table(("PROMISE", "KEPT"), [(promise, fault or "yes") for promise, fault, _ in found])
    if lesser := [promise for promise, fault, is_needed in found if fault and not is_needed]:
        output.note(f"uploads go through the server as far as they need that {', and that '.join(lesser)}")
    broken = format_count(fault_count, "promise")
    output.note(f"{url} cannot hold a store: {broken} not kept" if fault_count else f"{url} may hold a store")
    if fault_count:
        raise typer.Exit(ExitCode.NO)


def _check(service: Service, target: Target, report: Report) -> Iterator[tuple[RunPath, list[Finding]]]:
    for path, found in service.check(target.entity, target.project, report=report):
        if target.run_id is None or path == target.run_path:
            yield path, found
