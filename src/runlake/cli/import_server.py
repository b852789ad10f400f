"""``runlake import wandb://ENTITY/PROJECT``: the runs of a project at a W&B server."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from runlake.cli import output
from runlake.errors import AuthenticationError, RunlakeError
from runlake.model import RunPath

if TYPE_CHECKING:
    from runlake.importers.bring import Imported
    from runlake.importers.side_by_side import Rows
    from runlake.importers.wandb_project import ProjectImported
    from runlake.importers.wandb_server import WandbServer
    from runlake.service.contract import Service

WORKER_COUNT = 4


@dataclass(frozen=True, slots=True)
class ServerAsked:
    """What is to be read: `host` and `python` are None where the usual ones are meant."""

    address: str
    host: str | None
    python: str | None
    has_files: bool
    worker_count: int


def open_server(asked: ServerAsked) -> WandbServer:
    """The server, whose key is in WANDB_API_KEY or netrc; AuthenticationError where it is not."""
    from runlake.credentials import find_key
    from runlake.importers.wandb_server import CLOUD, WandbServer, parse_address

    address = parse_address(asked.address)
    base_url = asked.host or os.environ.get("WANDB_BASE_URL") or CLOUD
    # A key of ours would be none of theirs.
    key = find_key(base_url, {name: value for name, value in os.environ.items() if name != "RUNLAKE_API_KEY"})
    if key is None:
        raise AuthenticationError(
            f"no key for {base_url}; set WANDB_API_KEY, or have wandb login write it into netrc, or name another "
            "server with --host"
        )
    return WandbServer(address, base_url=base_url, key=key, python=asked.python, has_files=asked.has_files)


def import_server(
    service: Service, target: tuple[str, str], asked: ServerAsked, report: output.Report
) -> tuple[list[Imported], list[RunlakeError], ProjectImported | None]:
    """Bring the project in: its sweeps, its runs, some at a time, and its artifacts."""
    from runlake.importers.side_by_side import Rows, side_by_side
    from runlake.importers.wandb_project import bring_sweeps, bring_versions

    server = open_server(asked)
    try:
        listed = server.list_runs()
        is_of_one = server.address.run_id is not None
        sweep_count, problems = (0, []) if is_of_one else bring_sweeps(service, *target, server)
        rows = Rows({each.run_id: each.row_count for each in listed}, report)
        jobs: list[Callable[[], Imported]] = [
            partial(_bring, service, RunPath(*target, each.run_id), server, rows) for each in listed
        ]
        done: list[Imported] = []
        failures: list[RunlakeError] = []
        for outcome in side_by_side(jobs, asked.worker_count):
            if isinstance(outcome, RunlakeError):
                failures.append(outcome)
            else:
                done.append(outcome)
        if is_of_one:
            return done, failures, None
        beside = bring_versions(service, *target, server)
    finally:
        server.close()
    return done, failures, _with_sweeps(beside, sweep_count, problems)


def _bring(service: Service, path: RunPath, server: WandbServer, rows: Rows) -> Imported:
    from runlake.importers.bring import bring

    foreign = server.read_run(path.run_id)
    imported = bring(service, path, foreign, report=partial(rows.read, path.run_id))
    rows.end(path.run_id)
    return imported


def _with_sweeps(beside: ProjectImported, sweep_count: int, problems: list[str]) -> ProjectImported:
    import msgspec

    return msgspec.structs.replace(beside, sweep_count=sweep_count, problems=(*problems, *beside.problems))
