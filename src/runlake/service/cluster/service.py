"""The verbs over a store on PostgreSQL and a bucket: those of a folder, as far as they go through the seams."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from runlake.errors import NotFoundError, StoreError
from runlake.model import RunPath
from runlake.scheduler.limits import Clock, SweepLimits
from runlake.service.cluster.care import ClusterCare
from runlake.service.cluster.numbers import ClusterNumbers
from runlake.service.local.artifacts import LocalArtifacts
from runlake.service.local.files import LocalFiles
from runlake.service.local.limits import LocalLimits
from runlake.service.local.listings import Listings
from runlake.service.local.open_store import OpenStore
from runlake.service.local.projects import LocalProjects
from runlake.service.local.rows import LocalRows
from runlake.service.local.run_lines import TileLimits
from runlake.service.local.runs import LocalRuns
from runlake.service.local.segments import LocalSegments
from runlake.service.local.sweep_runs import runs_for_sweeps
from runlake.service.local.sweeps import LocalSweeps
from runlake.service.local.tiles import LocalTiles
from runlake.service.local.views import LocalViews
from runlake.service.local.writers import LocalWriters
from runlake.service.united import UnitedService
from runlake.store.cluster.catalog import ClusterCatalog
from runlake.store.cluster.store import ClusterStore
from runlake.store.run.state import read_run


class ClusterService(UnitedService):
    """One replica of a store that any number of processes serve. Threads may share it; `close` ends its connections."""

    def __init__(
        self,
        store: ClusterStore,
        *,
        default_entity: str,
        user: str | None = None,
        limits: LocalLimits | None = None,
        clock: Clock | None = None,
        close: Callable[[], None] | None = None,
        ducklake: str | None = None,
    ) -> None:
        limits = limits or LocalLimits()
        opened = OpenStore(store, user=user)
        catalog = ClusterCatalog(store.database, store.listing_states, fold=lambda path: read_run(store, path))
        listings = Listings(opened, catalog, limits)
        writers = LocalWriters(store, seals=True, limits=limits.writers)

        def delete(path: RunPath) -> None:
            try:
                name = read_run(store, path).name
            except (StoreError, NotFoundError):
                name = None  # nothing was written, or it cannot be read
            store.delete_run(path, name)

        runs = LocalRuns(
            opened,
            listings,
            delete=delete,
            has_writer=lambda path: writers.find_writer(path) is not None,
        )
        rows = LocalRows(opened, listings)
        source = runs_for_sweeps(store, listings, runs, rows)
        self._store, self._default_entity, self._close = store, default_entity, close or store.close
        self._catalog = catalog
        self._ducklake = ducklake
        super().__init__(
            projects=LocalProjects(opened),
            runs=runs,
            rows=rows,
            files=LocalFiles(opened, listings),
            writers=writers,
            sweeps=LocalSweeps(opened, source, limits=limits.sweeps or SweepLimits(), clock=clock or Clock()),
            artifacts=LocalArtifacts(opened, listings, store.contents),
            views=LocalViews(opened),
            tiles=LocalTiles(opened, listings, limits.tiles or TileLimits()),
            segments=LocalSegments(opened, listings),
            care=ClusterCare(opened, listings),
        )

    @property
    def url(self) -> str:
        return self._store.url

    def ping(self) -> None:
        """UnreachableError when the database does not answer.

        Tables of a newer version are no reason: a replica of the version before goes on until it is replaced.
        """
        self._store.database.ping()

    @cached_property
    def numbers(self) -> ClusterNumbers:
        """What this replica counts, and how the store stands."""
        return ClusterNumbers(self._store, ducklake=self._ducklake)

    @property
    def default_entity(self) -> str:
        return self._default_entity

    def close(self) -> None:
        """Let go of the connections, or do what was given for it."""
        self._catalog.close()
        self._close()
