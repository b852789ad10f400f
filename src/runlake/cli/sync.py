"""``runlake sync``: what is not on its server yet."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runlake.cli import output
from runlake.cli.failures import ExitCode
from runlake.cli.format import format_count, format_size
from runlake.cli.opening import GlobalOptions, find_target
from runlake.errors import NotFoundError, NotSupportedError, RunlakeError
from runlake.model import RunPath

if TYPE_CHECKING:
    from runlake.service.contract import Service
    from runlake.ship.store import Synced


def sync(
    context: typer.Context,
    targets: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PROJECT|RUN]...", help="Send these; without any, all that waits to be sent."),
    ] = None,
    to: Annotated[str | None, typer.Option("--to", metavar="URL", help="The server, for runs that know none.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Send runs of a folder to their server: what was written offline, or was not sent yet.

    Doing it twice is harmless: the server keeps everything once.
    """
    from runlake.service.open import open_service
    from runlake.settings import is_server, resolve
    from runlake.ship.process import open_server
    from runlake.ship.store import find_waiting, store_of, sync

    options = context.obj if isinstance(context.obj, GlobalOptions) else GlobalOptions()
    if options.store is not None and is_server(options.store):
        raise NotSupportedError(f"sync sends what is in a folder, and {options.store} is a server; name it with --to")
    root = store_of(options.store)
    base_url = to or resolve({}, os.environ, Path.cwd()).base_url
    done: list[Synced] = []
    failure: RunlakeError | None = None
    with output.warnings_as_notes():
        paths = _chosen(open_service(root), targets) if targets else find_waiting(root)
        with output.progress("sync", unit="bytes") as report:
            coming = sync(root, paths, base_url, open_server=open_server, report=lambda path: report)
            try:
                done.extend(coming)
            except RunlakeError as error:  # what was sent until then is told all the same
                failure = error
    if as_json:
        output.print_json({"runs": [synced_document(one) for one in done]})
    elif done:
        output.print_table(("RUN", "OUTCOME", "SIZE", "NOTE"), [_row(one) for one in done], right=("SIZE",))
    if failure is not None:
        raise failure
    sent_bytes = sum(one.sent_bytes for one in done)
    sent_count = sum(one.outcome == "sent" for one in done)
    artifact_count = sum(one.artifact_count for one in done)
    artifacts = f" and {format_count(artifact_count, 'artifact')}" if artifact_count else ""
    told = f"sent {format_count(sent_count, 'run')}{artifacts}, {format_size(sent_bytes)}"
    output.note(told if done else "nothing to send")
    if any(one.outcome == "not sent" or one.refused for one in done):
        raise typer.Exit(ExitCode.FAILED)


def synced_document(synced: Synced) -> dict[str, Any]:
    """A run of ``sync``: `remote` is its path at the server, null when it is not there."""
    return {
        "entity": synced.path.entity,
        "project": synced.path.project,
        "run_id": synced.path.run_id,
        "outcome": synced.outcome,
        "base_url": synced.base_url,
        "remote": None if synced.remote is None else str(synced.remote),
        "sent_bytes": synced.sent_bytes,
        "artifact_count": synced.artifact_count,
        "refused": list(synced.refused),
        "problem": synced.problem,
    }


def _chosen(service: Service, targets: list[str]) -> list[RunPath]:
    """The runs that are meant, each once."""
    found: dict[RunPath, None] = {}
    for text in targets:
        target = find_target(service, text)
        if target.entity is None or target.project is None:
            raise NotFoundError(f"{text!r} names no project and no run")
        if target.run_path is not None:
            found[target.run_path] = None
            continue
        page = service.list_runs(target.entity, target.project)
        found.update((run.path, None) for run in page.runs)
    return list(found)


def _row(synced: Synced) -> tuple[str, str, str, str]:
    notes = [f"is {synced.remote} there, where its id is that of another run"] if synced.is_renamed else []
    notes += [format_count(synced.artifact_count, "artifact")] if synced.artifact_count else []
    notes += [f"does not take {refused}" for refused in synced.refused]
    notes += [synced.problem] if synced.problem else []
    return str(synced.path), synced.outcome, format_size(synced.sent_bytes), "; ".join(notes)
