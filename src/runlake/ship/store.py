"""``runlake sync``: what of a store is not on a server yet, and sending it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from runlake.errors import BadValueError, NotFoundError, RunlakeError, UnreachableError
from runlake.model import RunPath
from runlake.service.contract import Service
from runlake.settings import current_folder
from runlake.ship.shipper import Report, Shipper
from runlake.store.artifacts.sent import forget_refused, refusals, refused_artifacts, unsent_records
from runlake.store.folder_store import FolderStore
from runlake.store.journal.shipped import Shipped, only_shipper, read_shipped, write_shipped

Outcome = Literal["sent", "already there", "still running", "being sent", "not sent"]

_ATTEMPTS = 4
_PAUSE_S = 1.0


class Synced(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one run: `path` here, `remote` at the server, `problem` why it was not sent.

    `refused` says of artifacts that the server did not take which they are, and why.
    """

    path: RunPath
    outcome: Outcome
    base_url: str
    remote: RunPath | None = None
    sent_bytes: int = 0
    artifact_count: int = 0
    refused: tuple[str, ...] = ()
    problem: str | None = None

    @property
    def is_renamed(self) -> bool:
        """Whether it has another id there, because its own is that of another run."""
        return self.remote is not None and self.remote.run_id != self.path.run_id


def find_waiting(root: Path) -> list[RunPath]:
    """The runs of a store that are meant for a server, and not all there yet."""
    layout = FolderStore(root)
    found = []
    for entity in layout.entities():
        for project in layout.projects(entity):
            for run_id in sorted(layout.run_ids(entity, project)):
                path = RunPath(entity, project, run_id)
                shipped = read_shipped(layout.run_dir(path))
                if shipped is not None and not (shipped.is_complete and not unsent_records(layout, path)):
                    found.append(path)
    return found


def sync(
    root: Path,
    paths: Sequence[RunPath],
    base_url: str | None,
    *,
    open_server: Callable[[str], Service],
    report: Callable[[RunPath], Report] | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Synced]:
    """Send runs, one after the other; answers what became of each. Doing it again sends only what is missing.

    `base_url` is for runs that know no server; one that was sent to another before is refused. A run that cannot be
    sent does not keep the others; a server that does not answer ends it, with UnreachableError.
    """
    layout = FolderStore(root)
    services: dict[str, Service] = {}
    try:
        for path in paths:
            run_dir = layout.run_dir(path)
            shipped = _meant(run_dir, path, base_url)
            assert shipped.base_url is not None
            if shipped.is_complete and not unsent_records(layout, path) and not any(refused_artifacts(layout, path)):
                yield Synced(path=path, outcome="already there", base_url=shipped.base_url, remote=shipped.path)
                continue
            if shipped.base_url not in services:
                services[shipped.base_url] = open_server(shipped.base_url)
            told = report(path) if report is not None else None
            try:
                yield _send(services[shipped.base_url], layout, path, shipped.base_url, told, sleep)
            except UnreachableError:
                raise
            except (RunlakeError, OSError) as error:
                yield Synced(path=path, outcome="not sent", base_url=shipped.base_url, problem=str(error))
    finally:
        for service in services.values():
            service.close()


def _meant(run_dir: Path, path: RunPath, base_url: str | None) -> Shipped:
    """What is known of a run that is to be sent; one that was not meant for a server is now."""
    if not run_dir.is_dir():
        raise NotFoundError(f"there is no run {path} in {FolderStore.around(run_dir).root}; see: runlake ls")
    shipped = read_shipped(run_dir)
    if shipped is not None and shipped.base_url is not None:
        if base_url is not None and base_url.rstrip("/") != shipped.base_url.rstrip("/"):
            raise BadValueError(
                f"run {path} goes to {shipped.base_url}, and not to {base_url}; a run lives on one server: "
                "`runlake merge` brings stores together"
            )
        return shipped
    if base_url is None:
        raise BadValueError(f"run {path} knows no server; name it with --to, or RUNLAKE_BASE_URL")
    shipped = shipped or Shipped(base_url=base_url, entity=None, project=path.project, run_id=path.run_id)
    shipped.base_url = base_url
    write_shipped(run_dir, shipped)
    return shipped


def _send(
    service: Service,
    layout: FolderStore,
    path: RunPath,
    base_url: str,
    report: Report | None,
    sleep: Callable[[float], None],
) -> Synced:
    with only_shipper(layout.run_dir(path)) as is_only:
        if not is_only:
            return Synced(path=path, outcome="being sent", base_url=base_url)
        forget_refused(layout, path)
        shipper = Shipper(service, layout, path, report=report)
        sent_bytes = 0
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                sent = shipper.send()
            except (UnreachableError, OSError):
                if attempt == _ATTEMPTS:
                    raise
                sleep(_PAUSE_S * attempt)
                continue
            sent_bytes += sent.sent_bytes
            if sent.is_over:
                break
        outcome: Outcome = "sent" if shipper.shipped.is_complete else "still running"
        return Synced(
            path=path,
            outcome=outcome,
            base_url=base_url,
            remote=shipper.shipped.path,
            sent_bytes=sent_bytes,
            artifact_count=shipper.artifact_count,
            refused=tuple(refusals(layout, path)),
        )


def store_of(place: str | os.PathLike[str] | None) -> Path:
    """The folder whose runs are to be sent, found as for writing."""
    from runlake.store.location import find_store

    return find_store(place, os.environ, current_folder())
