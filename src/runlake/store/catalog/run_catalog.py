"""What a listing asks of whoever knows the runs of a store: `store.catalog.catalog` knows those of a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from runlake.listing_model import ProjectNews
    from runlake.model import RunPath
    from runlake.store.catalog.project_records import ProjectState


class Pulse(Protocol):
    """The moves of one project. Threads may share it."""

    def news(self, since: str | None) -> ProjectNews:
        """What moved since a version that was given here; where that is not known any more, anything may have."""
        ...


class RunCatalog(Protocol):
    """The runs of every project of a store. Threads may share it."""

    def refresh(self, entity: str, project: str) -> ProjectState:
        """The project as of now; the same object as long as nothing moved."""
        ...

    def peek(self, entity: str, project: str) -> ProjectState | None:
        """The project as this process last saw it, without waiting; None when it has not looked yet."""
        ...

    def load_version(self, entity: str, project: str, version: str) -> ProjectState | None:
        """The project as it was in a version of another process; None if that is gone."""
        ...

    def path_of(self, entity: str, project: str, folder: str) -> RunPath:
        """The run that a state speaks of by the name of its folder. FileNotFoundError when it is gone."""
        ...

    def pulse(self, entity: str, project: str) -> Pulse:
        """Begin to watch a project."""
        ...
