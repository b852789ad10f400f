"""Sealing the runs of a project, each by itself."""

from __future__ import annotations

from collections.abc import Iterator

from runlake.errors import NotFoundError, RunlakeError
from runlake.model import RunPath
from runlake.service.local.listings import Listings
from runlake.service.local.open_store import OpenStore
from runlake.store.compact.seal import seal_run
from runlake.store.run.snapshot import reading
from runlake.store.store import Store


def seal_runs(
    opened: OpenStore[Store], listings: Listings, entity: str, project: str, run_id: str | None
) -> Iterator[tuple[RunPath, int]]:
    """Yields each run, or the one that is named, and how many rows were sealed. NotFoundError for what is not there.

    Runs that cannot be sealed do not stop the others; the first of their errors is raised at the end.
    """
    opened.check_project(entity, project)
    if run_id is not None:
        listings.check_exists(RunPath(entity, project, run_id))
    run_ids = sorted(opened.store.run_ids(entity, project)) if run_id is None else [run_id]
    return _seal_each(opened.store, [RunPath(entity, project, each) for each in run_ids])


def _seal_each(store: Store, paths: list[RunPath]) -> Iterator[tuple[RunPath, int]]:
    failures: list[RunlakeError] = []
    for path in paths:
        try:
            with reading(path):
                row_count = seal_run(store, path)
            yield path, row_count
        except NotFoundError:
            continue  # deleted since the runs were listed, or without a journal
        except RunlakeError as error:
            failures.append(error)
    if failures:
        raise failures[0]
