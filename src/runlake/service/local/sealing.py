"""Sealing several runs, each by itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from runlake.errors import NotFoundError, RunlakeError
from runlake.model import RunPath
from runlake.store.compact.seal import seal_run
from runlake.store.run.snapshot import reading
from runlake.store.store import Store


def seal_each(store: Store, paths: Iterable[RunPath]) -> Iterator[tuple[RunPath, int]]:
    """Yields each run and how many rows were sealed.

    Runs that cannot be sealed do not stop the others; the first of their errors is raised at the end.
    """
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
