"""The verbs over a folder: see `service.contract` for what they promise."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from runlake.model import RunPath
from runlake.service.local.files import LocalFiles
from runlake.service.local.limits import LocalLimits
from runlake.service.local.listings import Listings
from runlake.service.local.open_store import OpenStore
from runlake.service.local.projects import LocalProjects
from runlake.service.local.runs import LocalRuns
from runlake.service.on_first_use import on_first_use
from runlake.service.united import UnitedService
from runlake.store.folder_store import FolderStore
from runlake.store.run.part_states import PartStates

if TYPE_CHECKING:
    from runlake.scheduler.limits import Clock
    from runlake.service.local.artifacts import LocalArtifacts
    from runlake.service.local.care import LocalCare
    from runlake.service.local.rows import LocalRows
    from runlake.service.local.segments import LocalSegments
    from runlake.service.local.sweeps import LocalSweeps
    from runlake.service.local.tiles import LocalTiles
    from runlake.service.local.views import LocalViews
    from runlake.service.local.writers import LocalWriters
    from runlake.store.catalog.catalog import Catalog, Progress


class LocalService(UnitedService):
    """A store in a folder. Threads may share it; nothing is opened before it is needed.

    A listing of a project that no catalog knows waits until every run of it was read, and `progress` is told how far
    that is (`catalog.catalog.Progress`). What names a run does not wait for it. With `seals_what_is_sent`, as a server
    has it, runs whose journals are sent here are sealed when they have ended; with `shares_versions`, other processes
    can cut pages from the versions that were given here, for ten minutes at least.
    """

    def __init__(
        self,
        root: Path,
        *,
        default_entity: str,
        user: str | None = None,
        cache_dir: Path | None = None,
        progress: Progress | None = None,
        seals_what_is_sent: bool = False,
        shares_versions: bool = False,
        limits: LocalLimits | None = None,
        clock: Clock | None = None,
    ) -> None:
        limits = limits or LocalLimits()
        folder = OpenStore(FolderStore(root.absolute()), user=user)
        layout = folder.store

        def open_catalog() -> Catalog:
            from runlake.store.catalog.catalog import Catalog
            from runlake.store.catalog.fold_many import fold_many
            from runlake.store.journal.fingerprint import read_fingerprint
            from runlake.store.run.state import read_run

            return Catalog(
                layout,
                fold=lambda path: read_run(layout, path, states=states),
                fingerprint=lambda path: read_fingerprint(layout.journal(path)),
                fold_many=lambda *project: fold_many(layout, *project),
                cache_dir=cache_dir,
                limits=limits.catalog,
                progress=progress,
                logs_versions=shares_versions,
            )

        def make_rows() -> LocalRows:
            from runlake.service.local.rows import LocalRows

            return LocalRows(folder, listings, states)

        def make_writers() -> LocalWriters:
            from runlake.service.local.writers import LocalWriters

            return LocalWriters(layout, seals=seals_what_is_sent, limits=limits.writers)

        def make_sweeps() -> LocalSweeps:
            from runlake.scheduler.limits import Clock, SweepLimits
            from runlake.service.local.sweep_runs import runs_for_sweeps
            from runlake.service.local.sweeps import LocalSweeps

            source = runs_for_sweeps(layout, listings, runs, rows)
            return LocalSweeps(folder, source, limits=limits.sweeps or SweepLimits(), clock=clock or Clock())

        def make_artifacts() -> LocalArtifacts:
            from runlake.service.local.artifacts import LocalArtifacts
            from runlake.store.artifacts.content import ContentStore

            return LocalArtifacts(folder, listings, ContentStore(layout))

        def make_views() -> LocalViews:
            from runlake.service.local.views import LocalViews

            return LocalViews(folder)

        def make_tiles() -> LocalTiles:
            from runlake.service.local.run_lines import TileLimits
            from runlake.service.local.tiles import LocalTiles

            return LocalTiles(folder, listings, limits.tiles or TileLimits())

        def delete(path: RunPath) -> None:
            from runlake.store.opening.trash import move_run_to_trash

            move_run_to_trash(layout, path, folder.writer_id)

        def make_segments() -> LocalSegments:
            from runlake.service.local.segments import LocalSegments

            return LocalSegments(folder, listings)

        def make_care() -> LocalCare:
            from runlake.service.local.care import LocalCare

            return LocalCare(folder, listings)

        states = PartStates()
        listings = Listings(folder, on_first_use(open_catalog), limits)
        writers = on_first_use(make_writers)
        runs = LocalRuns(
            folder,
            listings,
            delete=delete,
            has_writer=lambda path: writers.find_writer(path) is not None,
            states=states,
        )
        rows = on_first_use(make_rows)
        self._folder = folder
        self._default_entity = default_entity
        super().__init__(
            projects=LocalProjects(folder),
            runs=runs,
            rows=rows,
            files=LocalFiles(folder, listings),
            writers=writers,
            sweeps=on_first_use(make_sweeps),
            artifacts=on_first_use(make_artifacts),
            views=on_first_use(make_views),
            tiles=on_first_use(make_tiles),
            segments=on_first_use(make_segments),
            care=on_first_use(make_care),
        )

    @property
    def url(self) -> str:
        return self._folder.url

    @property
    def default_entity(self) -> str:
        return self._default_entity

    @property
    def exports_dir(self) -> Path:
        """Where a server keeps what it makes of runs to hand out; `empty_trash` clears it."""
        return self._folder.store.exports_dir

    def close(self) -> None:
        """Nothing stays open between calls."""
